-- ticks.latest_of: three symbols, one without ticks

-- timeseries
SELECT newest.*
FROM UNNEST($1) AS wanted (id)
CROSS JOIN LATERAL (SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume,
    ask_volume, received_at
  FROM ticks
  WHERE symbol_id = wanted.id AND tick_time >= $2 AND tick_time < $3
  ORDER BY tick_time DESC, sequence DESC
  LIMIT $4) AS newest;
--|Nested Loop
--|  Function Scan of unnest
--|  Limit
--|    Sort
--|      Result

-- timeseries
SELECT newest.*
FROM UNNEST($1) AS wanted (id)
CROSS JOIN LATERAL (SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume,
    ask_volume, received_at
  FROM ticks
  WHERE symbol_id = wanted.id AND tick_time >= $2 AND tick_time < $3
  ORDER BY tick_time DESC, sequence DESC
  LIMIT $4) AS newest;
--|Nested Loop
--|  Function Scan of unnest
--|  Limit
--|    ChunkAppend on ticks
--|      Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk
--|          index condition: ((symbol_id = wanted.id) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))

-- timeseries
SELECT newest.*
FROM UNNEST($1) AS wanted (id)
CROSS JOIN LATERAL (SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume,
    ask_volume, received_at
  FROM ticks
  WHERE symbol_id = wanted.id AND tick_time >= $2 AND tick_time < $3
  ORDER BY tick_time DESC, sequence DESC
  LIMIT $4) AS newest;
--|Nested Loop
--|  Function Scan of unnest
--|  Limit
--|    ChunkAppend on ticks
--|      Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk (3 times)
--|          index condition: ((symbol_id = wanted.id) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))

-- timeseries
SELECT newest.*
FROM UNNEST($1) AS wanted (id)
CROSS JOIN LATERAL (SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume,
    ask_volume, received_at
  FROM ticks
  WHERE symbol_id = wanted.id AND tick_time >= $2 AND tick_time < $3
  ORDER BY tick_time DESC, sequence DESC
  LIMIT $4) AS newest;
--|Nested Loop
--|  Function Scan of unnest
--|  Limit
--|    Sort
--|      Result

-- timeseries
SELECT newest.*
FROM UNNEST($1) AS wanted (id)
CROSS JOIN LATERAL (SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume,
    ask_volume, received_at
  FROM ticks
  WHERE symbol_id = wanted.id AND tick_time >= $2 AND tick_time < $3
  ORDER BY tick_time DESC, sequence DESC
  LIMIT $4) AS newest;
--|Nested Loop
--|  Function Scan of unnest
--|  Limit
--|    Sort
--|      Result
