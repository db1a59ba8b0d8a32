-- rows are only added and removed, never changed: writers of one day do not wait for each other, and
-- whoever has refreshed removes exactly the marks he saw
CREATE TABLE dirty_windows (
    day timestamptz NOT NULL,
    mark bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    marked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (day, mark),
    CONSTRAINT dirty_windows_day_aligned CHECK (date_trunc('day', day, 'UTC') = day)
);

COMMENT ON TABLE dirty_windows IS 'Days whose candles wait for a refresh, since ticks came late; one row for each late batch.';
COMMENT ON COLUMN dirty_windows.day IS 'Start of the day, UTC.';
COMMENT ON COLUMN dirty_windows.mark IS 'Counts the marks.';
COMMENT ON COLUMN dirty_windows.marked_at IS 'When the ticks came.';
