-- ohlc.deletable: one-minute candles of a day

-- timeseries
SELECT view_name::text AS view, format('%I.%I', materialization_hypertable_schema,
    materialization_hypertable_name) AS name
FROM timescaledb_information.continuous_aggregates
WHERE view_schema = current_schema();
--|of a catalog, which other schemas change

-- timeseries
SELECT view_name::text AS view, format('%I.%I', materialization_hypertable_schema,
    materialization_hypertable_name) AS name
FROM timescaledb_information.continuous_aggregates
WHERE view_schema = current_schema();
--|of a catalog, which other schemas change

-- timeseries
SELECT min(edge.open_time) AS first
FROM unnest($2) AS wanted (name)
CROSS JOIN unnest($3) AS of (basis)
CROSS JOIN LATERAL (SELECT open_time
  FROM ohlc_candles
  WHERE symbol_id = $1 AND timeframe = wanted.name AND ohlc_candles.basis = of.basis AND open_time >=
    $4 AND open_time < $5
  ORDER BY open_time
  LIMIT 1) AS edge;
--|Aggregate
--|  Nested Loop
--|    Function Scan of unnest
--|    Nested Loop
--|      Function Scan of unnest
--|      Limit
--|        ChunkAppend on ohlc_candles
--|          Index Only Scan using N_ohlc_candles_pkey on _hyper_N_N_chunk
--|              index condition: ((symbol_id = ?::bigint) AND (timeframe = wanted.name) AND (basis = of.basis) AND (open_time >= ?::timestamp with time zone) AND (open_time < ?::timestamp with time zone))

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3
ORDER BY tick_time ASC, sequence ASC
LIMIT 1;
--|Limit
--|  Sort
--|    Result

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3
ORDER BY tick_time ASC, sequence ASC
LIMIT 1;
--|Limit
--|  Sort
--|    Result

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3
ORDER BY trade_time ASC, sequence ASC
LIMIT 1;
--|Limit
--|  Sort
--|    Result

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3
ORDER BY trade_time ASC, sequence ASC
LIMIT 1;
--|Limit
--|  Sort
--|    Result

-- timeseries
SELECT timeframe
FROM ohlc_candles
WHERE symbol_id = $1 AND timeframe = ANY($2) AND open_time >= $3 AND open_time < $4;
--|Index Only Scan using N_ohlc_candles_pkey on _hyper_N_N_chunk
--|    index condition: ((symbol_id = ?::bigint) AND (timeframe = ANY (?::text[])) AND (open_time >= ?::timestamp with time zone) AND (open_time < ?::timestamp with time zone))

-- timeseries
SELECT count(*) AS count
FROM (SELECT time_bucket(INTERVAL '1 minutes', tick_time)
  FROM ticks
  WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3
  UNION
  SELECT time_bucket(INTERVAL '1 minutes', trade_time)
  FROM trades
  WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3) AS buckets;
--|Aggregate
--|  Unique
--|    Sort
--|      Append
--|        Result (2 times)
