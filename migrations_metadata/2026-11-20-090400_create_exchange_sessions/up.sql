CREATE TABLE exchange_sessions (
    exchange text NOT NULL REFERENCES exchanges (name) ON DELETE CASCADE,
    valid_from date NOT NULL,
    weekday smallint NOT NULL,
    open time NOT NULL,
    close time NOT NULL,
    PRIMARY KEY (exchange, valid_from, weekday, open),
    CONSTRAINT exchange_sessions_valid_from_range CHECK (valid_from BETWEEN '1970-01-01' AND '2099-12-31'),
    CONSTRAINT exchange_sessions_weekday_range CHECK (weekday BETWEEN 1 AND 7),
    -- midnight is 00:00, also as the end of a day
    CONSTRAINT exchange_sessions_open_minute CHECK (open < '24:00' AND extract(second FROM open) = 0),
    CONSTRAINT exchange_sessions_close_minute CHECK (close < '24:00' AND extract(second FROM close) = 0)
);

COMMENT ON TABLE exchange_sessions IS 'Weekly trading sessions of exchanges. The sessions of an exchange with one valid_from are a week, which is in force until the next valid_from.';
COMMENT ON COLUMN exchange_sessions.exchange IS 'Exchange that is open in the session.';
COMMENT ON COLUMN exchange_sessions.valid_from IS 'First day on which the session may open, in the time zone of the exchange, 1970-01-01 to 2099-12-31.';
COMMENT ON COLUMN exchange_sessions.weekday IS 'Day on which the session opens, 1 (Monday) to 7 (Sunday).';
COMMENT ON COLUMN exchange_sessions.open IS 'Time of the opening in the time zone of the exchange, whole minutes, inclusive.';
COMMENT ON COLUMN exchange_sessions.close IS 'Time of the closing in the time zone of the exchange, whole minutes, exclusive. On the next day if it is not after the opening.';
