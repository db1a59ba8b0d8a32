-- trades.latest: of a symbol with trades

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3
ORDER BY trade_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  Sort
--|    Result

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3
ORDER BY trade_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  Index Scan Backward using N_trades_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (trade_time >= ?::timestamp with time zone) AND (trade_time < ?::timestamp with time zone))

-- timeseries
SELECT day
FROM (SELECT day
  FROM trade_days
  WHERE symbol_id = $1 AND day >= $2 AND day < $3
  ORDER BY day DESC
  LIMIT $4) AS recorded
UNION ALL
SELECT NULL
FROM (SELECT
  FROM unrecorded_trades
  LIMIT 1) AS unrecorded;
--|Append
--|  Limit
--|    Index Only Scan Backward using trade_days_pkey on trade_days
--|        index condition: ((symbol_id = ?::bigint) AND (day >= ?::timestamp with time zone) AND (day < ?::timestamp with time zone))
--|  Subquery Scan
--|    Limit
--|      Seq Scan on unrecorded_trades

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3
ORDER BY trade_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  Index Scan Backward using N_trades_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (trade_time >= ?::timestamp with time zone) AND (trade_time < ?::timestamp with time zone))
