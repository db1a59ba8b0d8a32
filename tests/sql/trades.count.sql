-- trades.count: a day

-- timeseries
SELECT count(*) AS count
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3;
--|Aggregate
--|  Index Only Scan using N_trades_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (trade_time >= ?::timestamp with time zone) AND (trade_time < ?::timestamp with time zone))
