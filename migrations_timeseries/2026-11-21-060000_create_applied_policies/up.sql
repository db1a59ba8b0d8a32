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
    PRIMARY KEY (only_row),
    CONSTRAINT applied_policies_only_row_true CHECK (only_row),
    CONSTRAINT applied_policies_ticks_drop_after_positive CHECK (ticks_drop_after_seconds > 0),
    CONSTRAINT applied_policies_candles_drop_after_positive CHECK (candles_drop_after_seconds > 0),
    CONSTRAINT applied_policies_late_after_positive CHECK (late_after_seconds > 0)
);

COMMENT ON TABLE applied_policies IS 'What was applied last, for those who write; no row: nothing was.';
COMMENT ON COLUMN applied_policies.only_row IS 'Always true: there is one row at most.';
COMMENT ON COLUMN applied_policies.settings IS 'The section policies of the settings, one line for each.';
COMMENT ON COLUMN applied_policies.applied_at IS 'When it was applied.';
COMMENT ON COLUMN applied_policies.ticks_drop_after_seconds IS 'Ticks are dropped, and refused, when they are older; null: never.';
COMMENT ON COLUMN applied_policies.candles_drop_after_seconds IS 'Candles are dropped when they are older; null: never.';
COMMENT ON COLUMN applied_policies.late_after_seconds IS 'Ticks that are older when they come mark their day in dirty_windows; null: none does.';
COMMENT ON COLUMN applied_policies.ticks_refused_before IS 'Ticks before it are refused, whatever the policies say now; null: none for this reason. Raised, under the lock of the retention floor, before anything is dropped.';
COMMENT ON COLUMN applied_policies.ticks_dropped_before IS 'Ticks before it were dropped, each in a candle by then; null: none. Raised by the transaction that drops.';
COMMENT ON COLUMN applied_policies.candles_dropped_before IS 'Candles before it were dropped, of every timeframe; null: none. Raised by the transaction that drops.';
