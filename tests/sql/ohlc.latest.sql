-- ohlc.latest: of a symbol with ticks

-- timeseries
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL plan_cache_mode = auto;

-- timeseries
WITH times AS (SELECT $1::bigint AS start, $2::bigint AS until), planned AS MATERIALIZED (SELECT
    set_config('plan_cache_mode', 'force_custom_plan', true) AS mode), changes AS (SELECT 1 AS place,
    start AS first, until AS last
  FROM times
  WHERE false)
SELECT 0, ((SELECT coalesce(bit_xor(hashtidextended(ctid, mat_hypertable_id) #
          hash_array_extended(ARRAY[xmin], mat_hypertable_id)), 0)
    FROM _timescaledb_catalog.continuous_agg) # (SELECT coalesce(bit_xor(hashtidextended(ctid, id) #
          hash_array_extended(ARRAY[xmin], id)), 0)
    FROM _timescaledb_catalog.hypertable
    WHERE id IN (0, N))), (extract(epoch
    FROM pg_postmaster_start_time()) * 1000000)::bigint, NULL::bigint, (SELECT extversion
  FROM pg_extension, planned
  WHERE extname = 'timescaledb')
  UNION ALL
  SELECT 1, N, hash, count, NULL
  FROM (SELECT coalesce(bit_xor(hashtidextended(ctid, id) # hash_array_extended(ARRAY[xmin], id)), 0)
      AS hash, count(*) AS count
    FROM _timescaledb_catalog.chunk
    WHERE hypertable_id IN (N)) AS chunks
  UNION ALL
  SELECT 1, N, hash, count, NULL
  FROM (SELECT coalesce(bit_xor(hashtidextended(ctid, id) # hash_array_extended(ARRAY[xmin], id)), 0)
      AS hash, count(*) AS count
    FROM _timescaledb_catalog.chunk
    WHERE hypertable_id IN (N)) AS chunks
  UNION ALL
  SELECT 2, (extract(epoch
      FROM ticks_dropped_before) * 1000000)::bigint, 0, NULL, NULL
  FROM applied_policies
  WHERE ticks_dropped_before IS NOT NULL
  UNION ALL
  SELECT kind, lower(part), upper(part) - 1, NULL, NULL
  FROM (SELECT least(place, 2) + 3 - 1 AS kind, unnest(range_agg(int8range(first, last, '[]'))) AS
            part
          FROM changes
          WHERE first <= last
          GROUP BY 1) AS merged;
--|of a catalog, which other schemas change

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3 AND bid_price IS NOT NULL
ORDER BY tick_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  Sort
--|    Result

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3 AND bid_price IS NOT NULL
ORDER BY tick_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))

-- timeseries
SELECT day
FROM (SELECT day
  FROM symbol_days
  WHERE symbol_id = $1 AND day >= $2 AND day < $3
  ORDER BY day DESC
  LIMIT $4) AS recorded
UNION ALL
SELECT NULL
FROM (SELECT
  FROM unrecorded_ticks
  LIMIT 1) AS unrecorded;
--|Append
--|  Limit
--|    Index Only Scan Backward using symbol_days_pkey on symbol_days
--|        index condition: ((symbol_id = ?::bigint) AND (day >= ?::timestamp with time zone) AND (day < ?::timestamp with time zone))
--|  Subquery Scan
--|    Limit
--|      Seq Scan on unrecorded_ticks

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3 AND bid_price IS NOT NULL
ORDER BY tick_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))

-- timeseries
SELECT edge.open_time
FROM UNNEST($1) AS wanted (name)
CROSS JOIN LATERAL (SELECT open_time
  FROM ohlc_candles
  WHERE timeframe = wanted.name AND symbol_id = $2 AND basis = $3 AND open_time >= $4 AND open_time <
    $5
  ORDER BY open_time DESC
  LIMIT $6) AS edge
ORDER BY 1 DESC;
--|Sort
--|  Nested Loop
--|    Function Scan of unnest
--|    Limit
--|      ChunkAppend on ohlc_candles
--|        Index Only Scan Backward using N_ohlc_candles_pkey on _hyper_N_N_chunk
--|            index condition: ((symbol_id = ?::bigint) AND (timeframe = wanted.name) AND (basis = ?::text) AND (open_time >= ?::timestamp with time zone) AND (open_time < ?::timestamp with time zone))

-- timeseries
WITH times AS (SELECT $1::bigint AS start, $2::bigint AS until), planned AS MATERIALIZED (SELECT
    set_config('plan_cache_mode', 'force_custom_plan', true) AS mode), changes AS (SELECT 1 AS place,
    start AS first, until AS last
  FROM times
  WHERE false)
SELECT 0, ((SELECT coalesce(bit_xor(hashtidextended(ctid, mat_hypertable_id) #
          hash_array_extended(ARRAY[xmin], mat_hypertable_id)), 0)
    FROM _timescaledb_catalog.continuous_agg) # (SELECT coalesce(bit_xor(hashtidextended(ctid, id) #
          hash_array_extended(ARRAY[xmin], id)), 0)
    FROM _timescaledb_catalog.hypertable
    WHERE id IN (0, N))), (extract(epoch
    FROM pg_postmaster_start_time()) * 1000000)::bigint, NULL::bigint, (SELECT extversion
  FROM pg_extension, planned
  WHERE extname = 'timescaledb')
  UNION ALL
  SELECT 1, N, hash, count, NULL
  FROM (SELECT coalesce(bit_xor(hashtidextended(ctid, id) # hash_array_extended(ARRAY[xmin], id)), 0)
      AS hash, count(*) AS count
    FROM _timescaledb_catalog.chunk
    WHERE hypertable_id IN (N)) AS chunks
  UNION ALL
  SELECT 1, N, hash, count, NULL
  FROM (SELECT coalesce(bit_xor(hashtidextended(ctid, id) # hash_array_extended(ARRAY[xmin], id)), 0)
      AS hash, count(*) AS count
    FROM _timescaledb_catalog.chunk
    WHERE hypertable_id IN (N)) AS chunks
  UNION ALL
  SELECT 2, (extract(epoch
      FROM ticks_dropped_before) * 1000000)::bigint, 0, NULL, NULL
  FROM applied_policies
  WHERE ticks_dropped_before IS NOT NULL
  UNION ALL
  SELECT kind, lower(part), upper(part) - 1, NULL, NULL
  FROM (SELECT least(place, 2) + 3 - 1 AS kind, unnest(range_agg(int8range(first, last, '[]'))) AS
            part
          FROM changes
          WHERE first <= last
          GROUP BY 1) AS merged;
--|of a catalog, which other schemas change

-- timeseries
(SELECT 0, open_time, open_price, high_price, low_price, close_price, volume, tick_count,
    buy_volume, notional, source
  FROM ohlc_candles
  WHERE timeframe = $1 AND basis = $2 AND symbol_id = $3 AND open_time >= $4 AND open_time < $5
  ORDER BY 2 DESC
  LIMIT $6)
UNION ALL (SELECT 1, time_bucket(INTERVAL '60 minutes', open_time), first(open_price, open_time),
    max(high_price), min(low_price), last(close_price, open_time), sum(volume), sum(tick_count)::bigint,
    CASE WHEN count(buy_volume) = count(*) THEN sum(buy_volume) END, CASE WHEN count(notional) =
    count(*) THEN sum(notional) END, timeframe
  FROM ohlc_candles
  WHERE timeframe = ANY($7) AND basis = $8 AND symbol_id = $9 AND open_time >= $10 AND open_time < $11
  GROUP BY 2, timeframe
  ORDER BY 2 DESC
  LIMIT $12);
--|Append
--|  Limit
--|    Sort
--|      Result
--|  Limit
--|    Aggregate Sorted
--|      Sort
--|        Result

-- timeseries
(SELECT time_bucket(INTERVAL '60 minutes', tick_time) AS bucket, first(bid_price,
      tick_order_key(tick_time, sequence)), max(bid_price), min(bid_price), last(bid_price,
      tick_order_key(tick_time, sequence)), coalesce(sum(bid_volume), 0) + coalesce(sum(ask_volume), 0),
    count(*), NULL::numeric, NULL::numeric
  FROM ticks
  WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3 AND bid_price IS NOT NULL
  GROUP BY 1
  ORDER BY 1 DESC
  LIMIT $4);
--|Limit
--|  Aggregate Sorted
--|    Result
--|      ChunkAppend on ticks
--|        Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk (2 times)
--|            index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))

-- timeseries
WITH times AS (SELECT $1::bigint AS start, $2::bigint AS until), planned AS MATERIALIZED (SELECT
    set_config('plan_cache_mode', 'force_custom_plan', true) AS mode), changes AS (SELECT 1 AS place,
    start AS first, until AS last
  FROM times
  WHERE false)
SELECT 0, ((SELECT coalesce(bit_xor(hashtidextended(ctid, mat_hypertable_id) #
          hash_array_extended(ARRAY[xmin], mat_hypertable_id)), 0)
    FROM _timescaledb_catalog.continuous_agg) # (SELECT coalesce(bit_xor(hashtidextended(ctid, id) #
          hash_array_extended(ARRAY[xmin], id)), 0)
    FROM _timescaledb_catalog.hypertable
    WHERE id IN (0, N))), (extract(epoch
    FROM pg_postmaster_start_time()) * 1000000)::bigint, NULL::bigint, (SELECT extversion
  FROM pg_extension, planned
  WHERE extname = 'timescaledb')
  UNION ALL
  SELECT 1, N, hash, count, NULL
  FROM (SELECT coalesce(bit_xor(hashtidextended(ctid, id) # hash_array_extended(ARRAY[xmin], id)), 0)
      AS hash, count(*) AS count
    FROM _timescaledb_catalog.chunk
    WHERE hypertable_id IN (N)) AS chunks
  UNION ALL
  SELECT 1, N, hash, count, NULL
  FROM (SELECT coalesce(bit_xor(hashtidextended(ctid, id) # hash_array_extended(ARRAY[xmin], id)), 0)
      AS hash, count(*) AS count
    FROM _timescaledb_catalog.chunk
    WHERE hypertable_id IN (N)) AS chunks
  UNION ALL
  SELECT 2, (extract(epoch
      FROM ticks_dropped_before) * 1000000)::bigint, 0, NULL, NULL
  FROM applied_policies
  WHERE ticks_dropped_before IS NOT NULL
  UNION ALL
  SELECT kind, lower(part), upper(part) - 1, NULL, NULL
  FROM (SELECT least(place, 2) + 3 - 1 AS kind, unnest(range_agg(int8range(first, last, '[]'))) AS
            part
          FROM changes
          WHERE first <= last
          GROUP BY 1) AS merged;
--|of a catalog, which other schemas change

-- timeseries
(SELECT 0, open_time, open_price, high_price, low_price, close_price, volume, tick_count,
    buy_volume, notional, source
  FROM ohlc_candles
  WHERE timeframe = $1 AND basis = $2 AND symbol_id = $3 AND open_time >= $4 AND open_time < $5
  ORDER BY 2 DESC
  LIMIT $6)
UNION ALL (SELECT 1, time_bucket(INTERVAL '60 minutes', open_time), first(open_price, open_time),
    max(high_price), min(low_price), last(close_price, open_time), sum(volume), sum(tick_count)::bigint,
    CASE WHEN count(buy_volume) = count(*) THEN sum(buy_volume) END, CASE WHEN count(notional) =
    count(*) THEN sum(notional) END, timeframe
  FROM ohlc_candles
  WHERE timeframe = ANY($7) AND basis = $8 AND symbol_id = $9 AND open_time >= $10 AND open_time < $11
  GROUP BY 2, timeframe
  ORDER BY 2 DESC
  LIMIT $12);
--|Append
--|  Limit
--|    Sort
--|      Result
--|  Limit
--|    Aggregate Sorted
--|      Sort
--|        Result

-- timeseries
(SELECT time_bucket(INTERVAL '60 minutes', tick_time) AS bucket, first(bid_price,
      tick_order_key(tick_time, sequence)), max(bid_price), min(bid_price), last(bid_price,
      tick_order_key(tick_time, sequence)), coalesce(sum(bid_volume), 0) + coalesce(sum(ask_volume), 0),
    count(*), NULL::numeric, NULL::numeric
  FROM ticks
  WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3 AND bid_price IS NOT NULL
  GROUP BY 1
  ORDER BY 1 DESC
  LIMIT $4);
--|Limit
--|  Aggregate Sorted
--|    Result
--|      Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk
--|          index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))

-- timeseries
WITH times AS (SELECT $1::bigint AS start, $2::bigint AS until), planned AS MATERIALIZED (SELECT
    set_config('plan_cache_mode', 'force_custom_plan', true) AS mode), changes AS (SELECT 1 AS place,
    start AS first, until AS last
  FROM times
  WHERE false)
SELECT 0, ((SELECT coalesce(bit_xor(hashtidextended(ctid, mat_hypertable_id) #
          hash_array_extended(ARRAY[xmin], mat_hypertable_id)), 0)
    FROM _timescaledb_catalog.continuous_agg) # (SELECT coalesce(bit_xor(hashtidextended(ctid, id) #
          hash_array_extended(ARRAY[xmin], id)), 0)
    FROM _timescaledb_catalog.hypertable
    WHERE id IN (0, N))), (extract(epoch
    FROM pg_postmaster_start_time()) * 1000000)::bigint, NULL::bigint, (SELECT extversion
  FROM pg_extension, planned
  WHERE extname = 'timescaledb')
  UNION ALL
  SELECT 1, N, hash, count, NULL
  FROM (SELECT coalesce(bit_xor(hashtidextended(ctid, id) # hash_array_extended(ARRAY[xmin], id)), 0)
      AS hash, count(*) AS count
    FROM _timescaledb_catalog.chunk
    WHERE hypertable_id IN (N)) AS chunks
  UNION ALL
  SELECT 1, N, hash, count, NULL
  FROM (SELECT coalesce(bit_xor(hashtidextended(ctid, id) # hash_array_extended(ARRAY[xmin], id)), 0)
      AS hash, count(*) AS count
    FROM _timescaledb_catalog.chunk
    WHERE hypertable_id IN (N)) AS chunks
  UNION ALL
  SELECT 2, (extract(epoch
      FROM ticks_dropped_before) * 1000000)::bigint, 0, NULL, NULL
  FROM applied_policies
  WHERE ticks_dropped_before IS NOT NULL
  UNION ALL
  SELECT kind, lower(part), upper(part) - 1, NULL, NULL
  FROM (SELECT least(place, 2) + 3 - 1 AS kind, unnest(range_agg(int8range(first, last, '[]'))) AS
            part
          FROM changes
          WHERE first <= last
          GROUP BY 1) AS merged;
--|of a catalog, which other schemas change

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3 AND bid_price IS NOT NULL
ORDER BY tick_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3 AND bid_price IS NOT NULL
ORDER BY tick_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  ChunkAppend on ticks
--|    Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk (2 times)
--|        index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))

-- timeseries
SELECT edge.open_time
FROM UNNEST($1) AS wanted (name)
CROSS JOIN LATERAL (SELECT open_time
  FROM ohlc_candles
  WHERE timeframe = wanted.name AND symbol_id = $2 AND basis = $3 AND open_time >= $4 AND open_time <
    $5
  ORDER BY open_time DESC
  LIMIT $6) AS edge
ORDER BY 1 DESC;
--|Sort
--|  Nested Loop
--|    Function Scan of unnest
--|    Limit
--|      ChunkAppend on ohlc_candles
--|        Index Only Scan Backward using N_ohlc_candles_pkey on _hyper_N_N_chunk
--|            index condition: ((symbol_id = ?::bigint) AND (timeframe = wanted.name) AND (basis = ?::text) AND (open_time >= ?::timestamp with time zone) AND (open_time < ?::timestamp with time zone))

-- timeseries
WITH times AS (SELECT $1::bigint AS start, $2::bigint AS until), planned AS MATERIALIZED (SELECT
    set_config('plan_cache_mode', 'force_custom_plan', true) AS mode), changes AS (SELECT 1 AS place,
    start AS first, until AS last
  FROM times
  WHERE false)
SELECT 0, ((SELECT coalesce(bit_xor(hashtidextended(ctid, mat_hypertable_id) #
          hash_array_extended(ARRAY[xmin], mat_hypertable_id)), 0)
    FROM _timescaledb_catalog.continuous_agg) # (SELECT coalesce(bit_xor(hashtidextended(ctid, id) #
          hash_array_extended(ARRAY[xmin], id)), 0)
    FROM _timescaledb_catalog.hypertable
    WHERE id IN (0, N))), (extract(epoch
    FROM pg_postmaster_start_time()) * 1000000)::bigint, NULL::bigint, (SELECT extversion
  FROM pg_extension, planned
  WHERE extname = 'timescaledb')
  UNION ALL
  SELECT 1, N, hash, count, NULL
  FROM (SELECT coalesce(bit_xor(hashtidextended(ctid, id) # hash_array_extended(ARRAY[xmin], id)), 0)
      AS hash, count(*) AS count
    FROM _timescaledb_catalog.chunk
    WHERE hypertable_id IN (N)) AS chunks
  UNION ALL
  SELECT 1, N, hash, count, NULL
  FROM (SELECT coalesce(bit_xor(hashtidextended(ctid, id) # hash_array_extended(ARRAY[xmin], id)), 0)
      AS hash, count(*) AS count
    FROM _timescaledb_catalog.chunk
    WHERE hypertable_id IN (N)) AS chunks
  UNION ALL
  SELECT 2, (extract(epoch
      FROM ticks_dropped_before) * 1000000)::bigint, 0, NULL, NULL
  FROM applied_policies
  WHERE ticks_dropped_before IS NOT NULL
  UNION ALL
  SELECT kind, lower(part), upper(part) - 1, NULL, NULL
  FROM (SELECT least(place, 2) + 3 - 1 AS kind, unnest(range_agg(int8range(first, last, '[]'))) AS
            part
          FROM changes
          WHERE first <= last
          GROUP BY 1) AS merged;
--|of a catalog, which other schemas change

-- timeseries
(SELECT 0, open_time, open_price, high_price, low_price, close_price, volume, tick_count,
    buy_volume, notional, source
  FROM ohlc_candles
  WHERE timeframe = $1 AND basis = $2 AND symbol_id = $3 AND open_time >= $4 AND open_time < $5
  ORDER BY 2 DESC
  LIMIT $6)
UNION ALL (SELECT 1, time_bucket(INTERVAL '60 minutes', open_time), first(open_price, open_time),
    max(high_price), min(low_price), last(close_price, open_time), sum(volume), sum(tick_count)::bigint,
    CASE WHEN count(buy_volume) = count(*) THEN sum(buy_volume) END, CASE WHEN count(notional) =
    count(*) THEN sum(notional) END, timeframe
  FROM ohlc_candles
  WHERE timeframe = ANY($7) AND basis = $8 AND symbol_id = $9 AND open_time >= $10 AND open_time < $11
  GROUP BY 2, timeframe
  ORDER BY 2 DESC
  LIMIT $12);
--|Append
--|  Limit
--|    Sort
--|      Result
--|  Limit
--|    Aggregate Sorted
--|      Sort
--|        Result

-- timeseries
(SELECT time_bucket(INTERVAL '60 minutes', tick_time) AS bucket, first(bid_price,
      tick_order_key(tick_time, sequence)), max(bid_price), min(bid_price), last(bid_price,
      tick_order_key(tick_time, sequence)), coalesce(sum(bid_volume), 0) + coalesce(sum(ask_volume), 0),
    count(*), NULL::numeric, NULL::numeric
  FROM ticks
  WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3 AND bid_price IS NOT NULL
  GROUP BY 1
  ORDER BY 1 DESC
  LIMIT $4);
--|Limit
--|  Aggregate Sorted
--|    Result
--|      ChunkAppend on ticks
--|        Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk (2 times)
--|            index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))

-- timeseries
COMMIT;

-- timeseries
SELECT coalesce(bit_xor(hashtidextended(ctid, id) # hash_array_extended(ARRAY[xmin], id)), 0) AS
  hash, count(*) AS count
FROM _timescaledb_catalog.chunk
WHERE hypertable_id IN (N);
--|of a catalog, which other schemas change
