DROP TABLE feed_symbols;
