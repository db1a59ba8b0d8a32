-- books.snapshot_as_of: a time with a snapshot

-- timeseries
SELECT symbol_id, snapshot_time, sequence, bid_prices, bid_quantities, ask_prices, ask_quantities,
  depth, checksum, source, valid_since
FROM order_book_snapshots
WHERE symbol_id = $1 AND snapshot_time >= $2 AND snapshot_time < $3
ORDER BY snapshot_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  ChunkAppend on order_book_snapshots
--|    Index Scan Backward using N_order_book_snapshots_pkey on _hyper_N_N_chunk (2 times)
--|        index condition: ((symbol_id = ?::bigint) AND (snapshot_time >= ?::timestamp with time zone) AND (snapshot_time < ?::timestamp with time zone))
