-- ohlc.restore_candles: two new candles and three stored ones

-- timeseries
SELECT nextval('ohlc_candles_revision') AS revision;
--|Result

-- timeseries
BEGIN;

-- timeseries
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET LOCAL plan_cache_mode = force_custom_plan;
SELECT pg_advisory_xact_lock(hashtextextended('tickbook retention floor ' || current_schema(), 0));
--|Result

-- timeseries
SELECT view_name::text AS view, format('%I.%I', materialization_hypertable_schema,
    materialization_hypertable_name) AS name
FROM timescaledb_information.continuous_aggregates
WHERE view_schema = current_schema();
--|of a catalog, which other schemas change

-- timeseries
SELECT coalesce(bit_xor(hashtextextended(format('%s.%s %s', chunk_schema, chunk_name,
          is_compressed), 0)), 0) AS state
FROM timescaledb_information.chunks
WHERE range_start < $2 AND range_end > $1 AND ((hypertable_schema = current_schema() AND
      hypertable_name IN ('ticks', 'trades', 'ohlc_candles')) OR (hypertable_schema, hypertable_name) IN
        (SELECT materialization_hypertable_schema, materialization_hypertable_name
        FROM timescaledb_information.continuous_aggregates
        WHERE view_schema = current_schema()));
--|of a catalog, which other schemas change

-- timeseries
SELECT bucket
FROM unnest($1) AS given (bucket) INTERSECT (SELECT time_bucket(INTERVAL '1 minutes', tick_time)
  FROM ticks
  WHERE symbol_id = $2 AND tick_time >= $3 AND tick_time < $4);
--|SetOp Hashed Intersect
--|  Append
--|    Subquery Scan
--|      Result
--|    Subquery Scan
--|      Function Scan of unnest

-- timeseries
SELECT DISTINCT time_bucket(INTERVAL '1 minutes', open_time) AS bucket, basis
FROM ohlc_candles
WHERE symbol_id = $1 AND open_time >= $2 AND open_time < $3 AND (timeframe = ANY($4) OR timeframe =
    $5 AND source <> 'downsampled');
--|Unique
--|  Sort
--|    Result
--|      Index Scan using N_ohlc_candles_pkey on _hyper_N_N_chunk
--|          index condition: ((symbol_id = ?::bigint) AND (open_time >= ?::timestamp with time zone) AND (open_time < ?::timestamp with time zone))

-- timeseries
SELECT coalesce(bit_xor(hashtextextended(format('%s.%s %s', chunk_schema, chunk_name,
          is_compressed), 0)), 0) AS state
FROM timescaledb_information.chunks
WHERE range_start < $2 AND range_end > $1 AND ((hypertable_schema = current_schema() AND
      hypertable_name IN ('ticks', 'trades', 'ohlc_candles')) OR (hypertable_schema, hypertable_name) IN
        (SELECT materialization_hypertable_schema, materialization_hypertable_name
        FROM timescaledb_information.continuous_aggregates
        WHERE view_schema = current_schema()));
--|of a catalog, which other schemas change

-- timeseries
INSERT INTO ohlc_candles (symbol_id, timeframe, basis, open_time, close_time, open_price,
    high_price, low_price, close_price, volume, tick_count, buy_volume, notional, source, revision)
SELECT *, $15
FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (symbol_id, timeframe, basis, open_time) DO UPDATE
SET close_time = EXCLUDED.close_time, open_price = EXCLUDED.open_price, high_price =
  EXCLUDED.high_price, low_price = EXCLUDED.low_price, close_price = EXCLUDED.close_price, volume =
  EXCLUDED.volume, tick_count = EXCLUDED.tick_count, buy_volume = EXCLUDED.buy_volume, notional =
  EXCLUDED.notional, source = EXCLUDED.source, revision = EXCLUDED.revision
WHERE ohlc_candles.revision <= EXCLUDED.revision AND ohlc_candles.source = 'downsampled' AND
  ohlc_candles.tick_count <= EXCLUDED.tick_count;
--|HypertableModify
--|  ModifyTable Insert on ohlc_candles
--|    ChunkDispatch
--|      Function Scan

-- timeseries
COMMIT;
