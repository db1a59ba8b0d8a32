-- feeds.drop_messages: a time before all messages

-- timeseries
SELECT drop_chunks('feed_messages', older_than => $1);
--|ProjectSet
--|  Result
