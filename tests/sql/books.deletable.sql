-- books.deletable: a day

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
WITH found AS (SELECT snapshot_time
  FROM order_book_snapshots
  WHERE symbol_id = $1 AND snapshot_time >= $2 AND snapshot_time < $3)
SELECT count(*) AS rows, min(snapshot_time) AS first, max(snapshot_time) AS last
FROM found;
--|Aggregate
--|  Index Only Scan using N_order_book_snapshots_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (snapshot_time >= ?::timestamp with time zone) AND (snapshot_time < ?::timestamp with time zone))

-- timeseries
WITH found AS (SELECT update_time
  FROM order_book_updates
  WHERE symbol_id = $1 AND update_time >= $2 AND update_time < $3)
SELECT count(*) AS rows, min(update_time) AS first, max(update_time) AS last
FROM found;
--|Aggregate
--|  Index Only Scan using N_order_book_updates_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (update_time >= ?::timestamp with time zone) AND (update_time < ?::timestamp with time zone))
