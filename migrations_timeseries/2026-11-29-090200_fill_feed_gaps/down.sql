ALTER TABLE feed_gaps ADD COLUMN filled boolean;

UPDATE feed_gaps SET filled = filled_at IS NOT NULL;

ALTER TABLE feed_gaps
    ALTER COLUMN filled SET NOT NULL,
    DROP COLUMN last_time,
    DROP COLUMN last_sequence,
    DROP COLUMN next_time,
    DROP COLUMN next_sequence,
    DROP COLUMN filled_at,
    DROP COLUMN failure;

COMMENT ON COLUMN feed_gaps.filled IS 'Whether the lost records were stored later.';
