-- trades.range: oldest first

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3
ORDER BY trade_time ASC, sequence ASC
LIMIT (SELECT $4);
--|Limit
--|  InitPlan 1: Result
--|  Index Scan using N_trades_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (trade_time >= ?::timestamp with time zone) AND (trade_time < ?::timestamp with time zone))

-- trades.range: newest first, after a trade

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3 AND (trade_time, sequence) < ($4, $5)
ORDER BY trade_time DESC, sequence DESC
LIMIT (SELECT $6);
--|Limit
--|  InitPlan 1: Result
--|  ChunkAppend on trades
--|    Index Scan Backward using N_trades_pkey on _hyper_N_N_chunk (2 times)
--|        index condition: ((symbol_id = ?::bigint) AND (trade_time >= ?::timestamp with time zone) AND (trade_time < ?::timestamp with time zone) AND (ROW(trade_time, sequence) < ROW(?::timestamp with time zone, ?::bigint)))

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3 AND (trade_time, sequence) < ($4, $5)
ORDER BY trade_time DESC, sequence DESC
LIMIT (SELECT $6);
--|Limit
--|  InitPlan 1: Result
--|  Index Scan Backward using N_trades_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (trade_time >= ?::timestamp with time zone) AND (trade_time < ?::timestamp with time zone) AND (ROW(trade_time, sequence) < ROW(?::timestamp with time zone, ?::bigint)))
