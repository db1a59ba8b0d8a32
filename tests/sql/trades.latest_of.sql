-- trades.latest_of: three symbols, one without trades

-- timeseries
SELECT newest.*
FROM UNNEST($1) AS wanted (id)
CROSS JOIN LATERAL (SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side,
    is_block, trade_id, received_at
  FROM trades
  WHERE symbol_id = wanted.id AND trade_time >= $2 AND trade_time < $3
  ORDER BY trade_time DESC, sequence DESC
  LIMIT 1) AS newest;
--|Nested Loop
--|  Function Scan of unnest
--|  Limit
--|    Sort
--|      Result

-- timeseries
SELECT newest.*
FROM UNNEST($1) AS wanted (id)
CROSS JOIN LATERAL (SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side,
    is_block, trade_id, received_at
  FROM trades
  WHERE symbol_id = wanted.id AND trade_time >= $2 AND trade_time < $3
  ORDER BY trade_time DESC, sequence DESC
  LIMIT 1) AS newest;
--|Nested Loop
--|  Function Scan of unnest
--|  Limit
--|    ChunkAppend on trades
--|      Index Scan Backward using N_trades_pkey on _hyper_N_N_chunk
--|          index condition: ((symbol_id = wanted.id) AND (trade_time >= ?::timestamp with time zone) AND (trade_time < ?::timestamp with time zone))

-- timeseries
SELECT id, newest.day
FROM UNNEST($1) AS wanted (id)
CROSS JOIN LATERAL (SELECT day
  FROM trade_days
  WHERE symbol_id = wanted.id AND day < $2
  ORDER BY day DESC
  LIMIT 1) AS newest
UNION ALL
SELECT NULL, NULL
FROM (SELECT
  FROM unrecorded_trades
  LIMIT 1) AS unrecorded;
--|Append
--|  Nested Loop
--|    Function Scan of unnest
--|    Limit
--|      Index Only Scan Backward using trade_days_pkey on trade_days
--|          index condition: ((symbol_id = wanted.id) AND (day < ?::timestamp with time zone))
--|  Subquery Scan
--|    Limit
--|      Seq Scan on unrecorded_trades

-- timeseries
SELECT newest.*
FROM UNNEST($1) AS wanted (id)
CROSS JOIN LATERAL (SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side,
    is_block, trade_id, received_at
  FROM trades
  WHERE symbol_id = wanted.id AND trade_time >= $2 AND trade_time < $3
  ORDER BY trade_time DESC, sequence DESC
  LIMIT 1) AS newest;
--|Nested Loop
--|  Function Scan of unnest
--|  Limit
--|    ChunkAppend on trades
--|      Index Scan Backward using N_trades_pkey on _hyper_N_N_chunk
--|          index condition: ((symbol_id = wanted.id) AND (trade_time >= ?::timestamp with time zone) AND (trade_time < ?::timestamp with time zone))
