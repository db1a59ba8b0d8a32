-- books.snapshots: oldest first, five levels

-- timeseries
SELECT symbol_id, snapshot_time, sequence, bid_prices, bid_quantities, ask_prices, ask_quantities,
  depth, checksum, source, valid_since
FROM order_book_snapshots
WHERE symbol_id = $1 AND snapshot_time >= $2 AND snapshot_time < $3
ORDER BY snapshot_time ASC, sequence ASC
LIMIT (SELECT $4);
--|Limit
--|  InitPlan 1: Result
--|  Index Scan using N_order_book_snapshots_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (snapshot_time >= ?::timestamp with time zone) AND (snapshot_time < ?::timestamp with time zone))

-- books.snapshots: newest first, after a snapshot

-- timeseries
SELECT symbol_id, snapshot_time, sequence, bid_prices, bid_quantities, ask_prices, ask_quantities,
  depth, checksum, source, valid_since
FROM order_book_snapshots
WHERE symbol_id = $1 AND snapshot_time >= $2 AND snapshot_time < $3 AND (snapshot_time, sequence) <
  ($4, $5)
ORDER BY snapshot_time DESC, sequence DESC
LIMIT (SELECT $6);
--|Limit
--|  InitPlan 1: Result
--|  Index Scan Backward using N_order_book_snapshots_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (snapshot_time >= ?::timestamp with time zone) AND (snapshot_time < ?::timestamp with time zone) AND (ROW(snapshot_time, sequence) < ROW(?::timestamp with time zone, ?::bigint)))
