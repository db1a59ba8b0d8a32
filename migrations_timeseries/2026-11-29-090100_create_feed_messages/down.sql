DROP TABLE feed_messages;
