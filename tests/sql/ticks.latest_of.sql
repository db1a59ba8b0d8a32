-- ticks.latest_of: three symbols, one without ticks

-- timeseries
SELECT newest.*
FROM UNNEST($1) AS wanted (id)
CROSS JOIN LATERAL (SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume,
    ask_volume, received_at
  FROM ticks
  WHERE symbol_id = wanted.id AND tick_time >= $2 AND tick_time < $3
  ORDER BY tick_time DESC, sequence DESC
  LIMIT 1) AS newest;
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
  LIMIT 1) AS newest;
--|Nested Loop
--|  Function Scan of unnest
--|  Limit
--|    ChunkAppend on ticks
--|      Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk
--|          index condition: ((symbol_id = wanted.id) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))

-- timeseries
SELECT id, newest.day
FROM UNNEST($1) AS wanted (id)
CROSS JOIN LATERAL (SELECT day
  FROM symbol_days
  WHERE symbol_id = wanted.id AND day < $2
  ORDER BY day DESC
  LIMIT 1) AS newest
UNION ALL
SELECT NULL, NULL
FROM (SELECT
  FROM unrecorded_ticks
  LIMIT 1) AS unrecorded;
--|Append
--|  Nested Loop
--|    Function Scan of unnest
--|    Limit
--|      Index Only Scan Backward using symbol_days_pkey on symbol_days
--|          index condition: ((symbol_id = wanted.id) AND (day < ?::timestamp with time zone))
--|  Subquery Scan
--|    Limit
--|      Seq Scan on unrecorded_ticks

-- timeseries
SELECT newest.*
FROM UNNEST($1) AS wanted (id)
CROSS JOIN LATERAL (SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume,
    ask_volume, received_at
  FROM ticks
  WHERE symbol_id = wanted.id AND tick_time >= $2 AND tick_time < $3
  ORDER BY tick_time DESC, sequence DESC
  LIMIT 1) AS newest;
--|Nested Loop
--|  Function Scan of unnest
--|  Limit
--|    ChunkAppend on ticks
--|      Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk
--|          index condition: ((symbol_id = wanted.id) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))
