-- feeds.put_gaps: an open gap

-- timeseries
INSERT INTO feed_gaps (feed, symbol_id, channel, gap_from, gap_to, reason, last_time, last_sequence,
    next_time, next_sequence, filled_at, failure)
SELECT *
FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (gap_from, feed, symbol_id, channel) DO UPDATE
SET gap_to = coalesce(feed_gaps.gap_to, EXCLUDED.gap_to), next_time = coalesce(feed_gaps.next_time,
    EXCLUDED.next_time), next_sequence = CASE WHEN feed_gaps.next_time IS NULL THEN
  EXCLUDED.next_sequence ELSE feed_gaps.next_sequence END, filled_at = coalesce(feed_gaps.filled_at,
    EXCLUDED.filled_at), failure = CASE WHEN feed_gaps.filled_at IS NULL AND EXCLUDED.filled_at IS NULL
  THEN coalesce(EXCLUDED.failure, feed_gaps.failure) END
WHERE (feed_gaps.gap_to IS NULL AND EXCLUDED.gap_to IS NOT NULL) OR (feed_gaps.next_time IS NULL AND
    EXCLUDED.next_time IS NOT NULL) OR (feed_gaps.filled_at IS NULL AND (EXCLUDED.filled_at IS NOT NULL
      OR EXCLUDED.failure <> coalesce(feed_gaps.failure, '')));
--|ModifyTable Insert on feed_gaps
--|  Function Scan

-- feeds.put_gaps: the end of a gap

-- timeseries
INSERT INTO feed_gaps (feed, symbol_id, channel, gap_from, gap_to, reason, last_time, last_sequence,
    next_time, next_sequence, filled_at, failure)
SELECT *
FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (gap_from, feed, symbol_id, channel) DO UPDATE
SET gap_to = coalesce(feed_gaps.gap_to, EXCLUDED.gap_to), next_time = coalesce(feed_gaps.next_time,
    EXCLUDED.next_time), next_sequence = CASE WHEN feed_gaps.next_time IS NULL THEN
  EXCLUDED.next_sequence ELSE feed_gaps.next_sequence END, filled_at = coalesce(feed_gaps.filled_at,
    EXCLUDED.filled_at), failure = CASE WHEN feed_gaps.filled_at IS NULL AND EXCLUDED.filled_at IS NULL
  THEN coalesce(EXCLUDED.failure, feed_gaps.failure) END
WHERE (feed_gaps.gap_to IS NULL AND EXCLUDED.gap_to IS NOT NULL) OR (feed_gaps.next_time IS NULL AND
    EXCLUDED.next_time IS NOT NULL) OR (feed_gaps.filled_at IS NULL AND (EXCLUDED.filled_at IS NOT NULL
      OR EXCLUDED.failure <> coalesce(feed_gaps.failure, '')));
--|ModifyTable Insert on feed_gaps
--|  Function Scan
