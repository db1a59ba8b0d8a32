CREATE TABLE feed_symbols (
    feed text NOT NULL,
    feed_key text NOT NULL,
    symbol_id bigint NOT NULL REFERENCES symbols (symbol_id),
    PRIMARY KEY (feed, feed_key),
    CONSTRAINT feed_symbols_feed_length CHECK (char_length(feed) BETWEEN 1 AND 50),
    CONSTRAINT feed_symbols_feed_key_length CHECK (char_length(feed_key) BETWEEN 1 AND 100)
);

CREATE INDEX feed_symbols_symbol_id_idx ON feed_symbols (symbol_id);

COMMENT ON TABLE feed_symbols IS 'Names of symbols in each feed, since two brokers may use one number for different symbols.';
COMMENT ON COLUMN feed_symbols.feed IS 'Name of the feed, 1 to 50 characters.';
COMMENT ON COLUMN feed_symbols.feed_key IS 'Number or name of the symbol in that feed, 1 to 100 characters, such as tag 55 of FIX.';
COMMENT ON COLUMN feed_symbols.symbol_id IS 'Symbol that the name refers to.';
