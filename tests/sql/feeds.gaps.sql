-- feeds.gaps: all

-- timeseries
SELECT feed, symbol_id, channel, gap_from, gap_to, reason, last_time, last_sequence, next_time,
  next_sequence, filled_at, failure
FROM feed_gaps
WHERE gap_from >= $1 AND gap_from < $2 AND ($3 IS NULL OR feed = $3) AND ($4 IS NULL OR symbol_id =
    $4) AND ($5 IS NULL OR channel = $5) AND ($6 IS NULL OR (gap_to IS NULL) = $6) AND ($7 IS NULL OR
    (filled_at IS NOT NULL) = $7) AND ($8 IS NULL OR (gap_from, feed, symbol_id, channel) > ($8, $9,
      $10, $11))
ORDER BY gap_from, feed, symbol_id, channel
LIMIT $12;
--|Limit
--|  Index Scan using feed_gaps_pkey on feed_gaps
--|      index condition: ((gap_from >= ?::timestamp with time zone) AND (gap_from < ?::timestamp with time zone))

-- feeds.gaps: of a feed, symbol, channel and state, after a gap

-- timeseries
SELECT feed, symbol_id, channel, gap_from, gap_to, reason, last_time, last_sequence, next_time,
  next_sequence, filled_at, failure
FROM feed_gaps
WHERE gap_from >= $1 AND gap_from < $2 AND ($3 IS NULL OR feed = $3) AND ($4 IS NULL OR symbol_id =
    $4) AND ($5 IS NULL OR channel = $5) AND ($6 IS NULL OR (gap_to IS NULL) = $6) AND ($7 IS NULL OR
    (filled_at IS NOT NULL) = $7) AND ($8 IS NULL OR (gap_from, feed, symbol_id, channel) > ($8, $9,
      $10, $11))
ORDER BY gap_from, feed, symbol_id, channel
LIMIT $12;
--|Limit
--|  Index Scan using feed_gaps_pkey on feed_gaps
--|      index condition: ((gap_from >= ?::timestamp with time zone) AND (gap_from < ?::timestamp with time zone) AND (ROW(gap_from, feed, symbol_id, channel) > ROW(?::timestamp with time zone, ?::text, ?::bigint, ?::text)) AND (feed = ?::text) AND (symbol_id = ?::bigint) AND (channel = ?::text))
