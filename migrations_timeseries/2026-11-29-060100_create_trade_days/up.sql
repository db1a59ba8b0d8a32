-- Rows are inserted and neither updated nor deleted, so writers of one day do not wait for each other.
CREATE TABLE trade_days (
    symbol_id bigint NOT NULL,
    day timestamptz NOT NULL,
    PRIMARY KEY (symbol_id, day),
    CONSTRAINT trade_days_symbol_id_positive CHECK (symbol_id > 0),
    CONSTRAINT trade_days_day_aligned CHECK (date_trunc('day', day, 'UTC') = day)
);

COMMENT ON TABLE trade_days IS 'Days in which a symbol has, or had, trades. Reads search trades older than a day only in these days.';
COMMENT ON COLUMN trade_days.symbol_id IS 'symbols.symbol_id of the metadata database.';
COMMENT ON COLUMN trade_days.day IS 'Start of the day, UTC.';
