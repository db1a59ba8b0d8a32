-- Rows are inserted and deleted, never updated. So writers of one day do not wait for each other, and a
-- refresh deletes exactly the entries that it has read.
CREATE TABLE late_days (
    day timestamptz NOT NULL,
    entry_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    arrived_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (day, entry_id),
    CONSTRAINT late_days_day_aligned CHECK (date_trunc('day', day, 'UTC') = day)
);

COMMENT ON TABLE late_days IS 'Days whose candles wait for a refresh because of late ticks or trades; one row per late batch.';
COMMENT ON COLUMN late_days.day IS 'Start of the day, UTC.';
COMMENT ON COLUMN late_days.entry_id IS 'Number of the entry, ascending.';
COMMENT ON COLUMN late_days.arrived_at IS 'Time at which the late ticks or trades arrived.';
