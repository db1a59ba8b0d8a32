-- feeds.put_messages: 20 new messages

-- timeseries
INSERT INTO feed_messages (source, received_at, sequence, kind, payload)
SELECT *
FROM UNNEST($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING;
--|HypertableModify
--|  ModifyTable Insert on feed_messages
--|    ChunkDispatch
--|      Function Scan
