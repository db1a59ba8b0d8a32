-- Rows are inserted and deleted, never updated: the maintenance deletes exactly the entries that it has read.
CREATE TABLE unrecorded_trades (
    entry_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (entry_id)
);

COMMENT ON TABLE unrecorded_trades IS 'Statements that wrote trades whose days may be missing in trade_days; one row each. Until the maintenance records the days, reads search all days.';
COMMENT ON COLUMN unrecorded_trades.entry_id IS 'Number of the entry, ascending.';
COMMENT ON COLUMN unrecorded_trades.written_at IS 'Time of the transaction that wrote the trades.';

-- A statement with this comment promises that the days of its trades were recorded before.
CREATE TRIGGER trades_unrecorded BEFORE INSERT OR UPDATE OF symbol_id, trade_time ON trades
FOR EACH STATEMENT WHEN (current_query() NOT LIKE '%/* symbol_days recorded */%')
EXECUTE FUNCTION note_unrecorded_rows('unrecorded_trades');
