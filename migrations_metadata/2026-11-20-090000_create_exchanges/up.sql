CREATE TABLE exchanges (
    exchange text PRIMARY KEY,
    description text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT exchanges_exchange_length CHECK (char_length(exchange) BETWEEN 1 AND 50),
    -- one spelling each; "C" makes it the same on every server
    CONSTRAINT exchanges_exchange_lower_case CHECK (exchange = lower(exchange COLLATE "C"))
);

COMMENT ON TABLE exchanges IS 'Where symbols are quoted: exchanges, brokers, feeds.';
COMMENT ON COLUMN exchanges.exchange IS 'Name in lower case, 1 to 50 characters, such as oanda.';
COMMENT ON COLUMN exchanges.description IS 'Text for people; may be empty.';
COMMENT ON COLUMN exchanges.created_at IS 'When the row was made.';
