CREATE TABLE applied_policies (
    only_row boolean NOT NULL DEFAULT true,
    settings text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    ticks_drop_after_seconds bigint,
    candles_drop_after_seconds bigint,
    late_after_seconds bigint,
    ticks_refused_before timestamptz,
    ticks_dropped_before timestamptz,
    candles_dropped_before timestamptz,
    books_drop_after_seconds bigint,
    books_dropped_before timestamptz,
    trades_drop_after_seconds bigint,
    trades_refused_before timestamptz,
    trades_dropped_before timestamptz,
    PRIMARY KEY (only_row),
    CONSTRAINT applied_policies_only_row_true CHECK (only_row),
    CONSTRAINT applied_policies_ticks_drop_after_positive CHECK (ticks_drop_after_seconds > 0),
    CONSTRAINT applied_policies_candles_drop_after_positive CHECK (candles_drop_after_seconds > 0),
    CONSTRAINT applied_policies_trades_drop_after_positive CHECK (trades_drop_after_seconds > 0),
    CONSTRAINT applied_policies_late_after_positive CHECK (late_after_seconds > 0),
    CONSTRAINT applied_policies_books_drop_after_positive CHECK (books_drop_after_seconds > 0)
);

COMMENT ON TABLE applied_policies IS 'Policies that were applied last, read by writers. Without a row none were applied.';
COMMENT ON COLUMN applied_policies.only_row IS 'Always true: the table has at most one row.';
COMMENT ON COLUMN applied_policies.settings IS 'Section policies of the settings, one line per setting.';
COMMENT ON COLUMN applied_policies.applied_at IS 'Time at which the policies were applied.';
COMMENT ON COLUMN applied_policies.ticks_drop_after_seconds IS 'Age beyond which ticks are dropped and refused. NULL: never.';
COMMENT ON COLUMN applied_policies.candles_drop_after_seconds IS 'Age beyond which candles are dropped. NULL: never.';
COMMENT ON COLUMN applied_policies.late_after_seconds IS 'Age beyond which an arriving tick or trade records its day in late_days. NULL: never.';
COMMENT ON COLUMN applied_policies.ticks_refused_before IS 'Ticks before this time are refused, regardless of the current policies. NULL: none are refused for this reason. Raised before anything is dropped, under the lock of the retention floor.';
COMMENT ON COLUMN applied_policies.ticks_dropped_before IS 'Ticks before this time were dropped, after a candle included each of them. NULL: none. Raised by the transaction that drops them.';
COMMENT ON COLUMN applied_policies.candles_dropped_before IS 'Candles of every timeframe before this time were dropped. NULL: none. Raised by the transaction that drops them.';
COMMENT ON COLUMN applied_policies.books_drop_after_seconds IS 'Age beyond which snapshots and updates of order books are dropped and refused. NULL: never.';
COMMENT ON COLUMN applied_policies.books_dropped_before IS 'Snapshots and updates of order books before this time were dropped. NULL: none. Raised by the transaction that drops them.';
COMMENT ON COLUMN applied_policies.trades_drop_after_seconds IS 'Age beyond which trades are dropped and refused. NULL: never.';
COMMENT ON COLUMN applied_policies.trades_refused_before IS 'Trades before this time are refused, regardless of the current policies. NULL: none are refused for this reason. Raised before anything is dropped, under the lock of the retention floor.';
COMMENT ON COLUMN applied_policies.trades_dropped_before IS 'Trades before this time were dropped, after a candle included each of them. NULL: none. Raised by the transaction that drops them.';
