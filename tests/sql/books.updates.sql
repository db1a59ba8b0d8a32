-- books.updates: oldest first

-- timeseries
SELECT symbol_id, update_time, sequence, bid_prices, bid_quantities, ask_prices, ask_quantities
FROM order_book_updates
WHERE symbol_id = $1 AND update_time >= $2 AND update_time < $3
ORDER BY update_time ASC, sequence ASC
LIMIT (SELECT $4);
--|Limit
--|  InitPlan 1: Result
--|  Index Scan using N_order_book_updates_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (update_time >= ?::timestamp with time zone) AND (update_time < ?::timestamp with time zone))
