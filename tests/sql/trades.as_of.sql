-- trades.as_of: midnight

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3
ORDER BY trade_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  ChunkAppend on trades
--|    Index Scan Backward using N_trades_pkey on _hyper_N_N_chunk (2 times)
--|        index condition: ((symbol_id = ?::bigint) AND (trade_time >= ?::timestamp with time zone) AND (trade_time < ?::timestamp with time zone))
