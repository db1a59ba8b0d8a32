-- books.book_at: a time after an update

-- timeseries
SELECT valid_from, valid_to, (SELECT max(books_dropped_before)
  FROM applied_policies) AS dropped_before, $2 - INTERVAL '1 microsecond' AS at
FROM book_intervals
WHERE symbol_id = $1 AND valid_from < $2
ORDER BY valid_from DESC
LIMIT 1;
--|Limit
--|  InitPlan 1: Aggregate
--|    Seq Scan on applied_policies
--|  Sort
--|    Seq Scan on book_intervals

-- timeseries
SELECT symbol_id, snapshot_time, sequence, bid_prices, bid_quantities, ask_prices, ask_quantities,
  depth, checksum, source, valid_since
FROM order_book_snapshots
WHERE symbol_id = $1 AND snapshot_time >= $2 AND snapshot_time < $3
ORDER BY snapshot_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  Index Scan Backward using N_order_book_snapshots_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (snapshot_time >= ?::timestamp with time zone) AND (snapshot_time < ?::timestamp with time zone))

-- timeseries
SELECT symbol_id, update_time, sequence, bid_prices, bid_quantities, ask_prices, ask_quantities
FROM order_book_updates
WHERE symbol_id = $1 AND update_time >= $2 AND update_time < $3 AND (update_time, sequence) > ($4,
    $5)
ORDER BY update_time ASC, sequence ASC
LIMIT (SELECT $6);
--|Limit
--|  InitPlan 1: Result
--|  Index Scan using N_order_book_updates_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (update_time >= ?::timestamp with time zone) AND (update_time < ?::timestamp with time zone) AND (ROW(update_time, sequence) > ROW(?::timestamp with time zone, ?::bigint)))

-- timeseries
SELECT valid_from, valid_to, (SELECT max(books_dropped_before)
  FROM applied_policies) AS dropped_before, $2 - INTERVAL '1 microsecond' AS at
FROM book_intervals
WHERE symbol_id = $1 AND valid_from < $2
ORDER BY valid_from DESC
LIMIT 1;
--|Limit
--|  InitPlan 1: Aggregate
--|    Seq Scan on applied_policies
--|  Sort
--|    Seq Scan on book_intervals
