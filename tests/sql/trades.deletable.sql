-- trades.deletable: a day

-- timeseries
SELECT "applied_policies"."settings", "applied_policies"."applied_at",
  "applied_policies"."ticks_drop_after_seconds", "applied_policies"."candles_drop_after_seconds",
  "applied_policies"."late_after_seconds", "applied_policies"."ticks_refused_before",
  "applied_policies"."ticks_dropped_before", "applied_policies"."candles_dropped_before",
  "applied_policies"."books_drop_after_seconds", "applied_policies"."books_dropped_before",
  "applied_policies"."trades_drop_after_seconds", "applied_policies"."trades_refused_before",
  "applied_policies"."trades_dropped_before", clock_timestamp()
FROM "applied_policies";
--|Seq Scan on applied_policies

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3
ORDER BY trade_time ASC, sequence ASC
LIMIT 1;
--|Limit
--|  Index Scan using N_trades_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (trade_time >= ?::timestamp with time zone) AND (trade_time < ?::timestamp with time zone))

-- timeseries
SELECT trade_time AS time
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3
ORDER BY trade_time
OFFSET $4
LIMIT 1;
--|Limit
--|  Index Only Scan using N_trades_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (trade_time >= ?::timestamp with time zone) AND (trade_time < ?::timestamp with time zone))

-- timeseries
SELECT count(*) AS trades, min(trade_time) AS first, max(trade_time) AS last
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3;
--|Aggregate
--|  Index Only Scan using N_trades_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (trade_time >= ?::timestamp with time zone) AND (trade_time < ?::timestamp with time zone))
