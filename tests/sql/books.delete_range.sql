-- books.delete_range: a day

-- timeseries
BEGIN;

-- timeseries
SELECT symbol_id, snapshot_time, sequence, bid_prices, bid_quantities, ask_prices, ask_quantities,
  depth, checksum, source, valid_since
FROM order_book_snapshots
WHERE symbol_id = $1 AND snapshot_time >= $2 AND snapshot_time < $3
ORDER BY snapshot_time ASC, sequence ASC
LIMIT 1;
--|Limit
--|  Index Scan using N_order_book_snapshots_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (snapshot_time >= ?::timestamp with time zone) AND (snapshot_time < ?::timestamp with time zone))

-- timeseries
SELECT snapshot_time AS time
FROM order_book_snapshots
WHERE symbol_id = $1 AND snapshot_time >= $2 AND snapshot_time < $3
ORDER BY snapshot_time
OFFSET $4
LIMIT 1;
--|Limit
--|  Index Only Scan using N_order_book_snapshots_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (snapshot_time >= ?::timestamp with time zone) AND (snapshot_time < ?::timestamp with time zone))

-- timeseries
SELECT symbol_id, update_time, sequence, bid_prices, bid_quantities, ask_prices, ask_quantities
FROM order_book_updates
WHERE symbol_id = $1 AND update_time >= $2 AND update_time < $3
ORDER BY update_time ASC, sequence ASC
LIMIT 1;
--|Limit
--|  Index Scan using N_order_book_updates_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (update_time >= ?::timestamp with time zone) AND (update_time < ?::timestamp with time zone))

-- timeseries
SELECT update_time AS time
FROM order_book_updates
WHERE symbol_id = $1 AND update_time >= $2 AND update_time < $3
ORDER BY update_time
OFFSET $4
LIMIT 1;
--|Limit
--|  Index Only Scan using N_order_book_updates_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (update_time >= ?::timestamp with time zone) AND (update_time < ?::timestamp with time zone))

-- timeseries
WITH found AS (DELETE
  FROM order_book_snapshots
  WHERE symbol_id = $1 AND snapshot_time >= $2 AND snapshot_time < $3
  RETURNING snapshot_time)
SELECT count(*) AS rows, min(snapshot_time) AS first, max(snapshot_time) AS last
FROM found;
--|Aggregate
--|  CTE found: HypertableModify
--|    ModifyTable Delete on order_book_snapshots
--|      Seq Scan on _hyper_N_N_chunk
--|  CTE Scan of found

-- timeseries
WITH found AS (DELETE
  FROM order_book_updates
  WHERE symbol_id = $1 AND update_time >= $2 AND update_time < $3
  RETURNING update_time)
SELECT count(*) AS rows, min(update_time) AS first, max(update_time) AS last
FROM found;
--|Aggregate
--|  CTE found: HypertableModify
--|    ModifyTable Delete on order_book_updates
--|      Seq Scan on _hyper_N_N_chunk
--|  CTE Scan of found

-- timeseries
SELECT pg_advisory_xact_lock(hashtextextended('tickbook book intervals ' || current_schema(), 0));
--|Result

-- timeseries
SELECT symbol_id, valid_from, valid_to, reason
FROM book_intervals
WHERE symbol_id = $1 AND valid_from <= $3 AND (valid_to IS NULL OR valid_to > $2);
--|Seq Scan on book_intervals

-- timeseries
INSERT INTO book_intervals (symbol_id, valid_from, valid_to, reason)
VALUES ($1, $2, $3, $4)
ON CONFLICT (symbol_id, valid_from) DO UPDATE
SET valid_to = EXCLUDED.valid_to, reason = EXCLUDED.reason;
--|ModifyTable Insert on book_intervals
--|  Result

-- timeseries
INSERT INTO book_intervals (symbol_id, valid_from, valid_to, reason)
VALUES ($1, $2, $3, $4)
ON CONFLICT (symbol_id, valid_from) DO UPDATE
SET valid_to = EXCLUDED.valid_to, reason = EXCLUDED.reason;
--|ModifyTable Insert on book_intervals
--|  Result

-- timeseries
COMMIT;
