ALTER TABLE feed_gaps
    ADD COLUMN last_time timestamptz,
    ADD COLUMN last_sequence bigint,
    ADD COLUMN next_time timestamptz,
    ADD COLUMN next_sequence bigint,
    ADD COLUMN filled_at timestamptz,
    ADD COLUMN failure text,
    DROP COLUMN filled,
    ADD CONSTRAINT feed_gaps_last_time_range CHECK (
        last_time >= timestamptz '1970-01-01 00:00:00+00' AND last_time < timestamptz '2100-01-01 00:00:00+00'
    ),
    ADD CONSTRAINT feed_gaps_next_time_range CHECK (
        next_time >= timestamptz '1970-01-01 00:00:00+00' AND next_time < timestamptz '2100-01-01 00:00:00+00'
    ),
    ADD CONSTRAINT feed_gaps_sequences_have_times CHECK (
        (last_sequence IS NULL OR (last_time IS NOT NULL AND last_sequence >= 0))
        AND (next_sequence IS NULL OR (next_time IS NOT NULL AND next_sequence >= 0))
    ),
    ADD CONSTRAINT feed_gaps_ended CHECK (gap_to IS NOT NULL OR (next_time IS NULL AND filled_at IS NULL)),
    ADD CONSTRAINT feed_gaps_filled_at_range CHECK (
        filled_at >= timestamptz '1970-01-01 00:00:00+00' AND filled_at < timestamptz '2100-01-01 00:00:00+00'
    ),
    ADD CONSTRAINT feed_gaps_failure_length CHECK (char_length(failure) <= 500),
    ADD CONSTRAINT feed_gaps_filled_without_failure CHECK (filled_at IS NULL OR failure IS NULL);

COMMENT ON COLUMN feed_gaps.last_time IS 'Time at the venue of the last record before the loss. NULL: not known.';
COMMENT ON COLUMN feed_gaps.last_sequence IS 'Number at the venue of the last record before the loss. NULL: the venue gives none, or it is not known.';
COMMENT ON COLUMN feed_gaps.next_time IS 'Time at the venue of the first record after the loss. NULL: not known, or it has not arrived.';
COMMENT ON COLUMN feed_gaps.next_sequence IS 'Number at the venue of the first record after the loss. NULL: the venue gives none, or it is not known.';
COMMENT ON COLUMN feed_gaps.filled_at IS 'When the lost records were stored. NULL: they were not.';
COMMENT ON COLUMN feed_gaps.failure IS 'Why the lost records could not be stored, at the last attempt; at most 500 characters.';
