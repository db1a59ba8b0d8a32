DROP TABLE feed_gaps;
