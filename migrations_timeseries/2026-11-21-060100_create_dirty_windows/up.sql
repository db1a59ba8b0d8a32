-- Rows are inserted and deleted, never updated. So writers of one day do not wait for each other, and a
-- refresh deletes exactly the marks that it has read.
CREATE TABLE dirty_windows (
    day timestamptz NOT NULL,
    mark bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    marked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (day, mark),
    CONSTRAINT dirty_windows_day_aligned CHECK (date_trunc('day', day, 'UTC') = day)
);

COMMENT ON TABLE dirty_windows IS 'Days whose candles wait for a refresh because of late ticks; one row per late batch.';
COMMENT ON COLUMN dirty_windows.day IS 'Start of the day, UTC.';
COMMENT ON COLUMN dirty_windows.mark IS 'Number of the mark, ascending.';
COMMENT ON COLUMN dirty_windows.marked_at IS 'Time at which the late ticks arrived.';
