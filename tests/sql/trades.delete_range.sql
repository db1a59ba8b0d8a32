-- trades.delete_range: a day

-- timeseries
BEGIN;

-- timeseries
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET LOCAL lock_timeout = '5s';
SET LOCAL plan_cache_mode = force_custom_plan;
SELECT set_config(name, '0', true)
FROM pg_settings
WHERE name = 'timescaledb.max_tuples_decompressed_per_dml_transaction';
SELECT set_config(name, 'off', true)
FROM pg_settings
WHERE name = 'timescaledb.enable_compressed_direct_batch_delete';
--|Function Scan of pg_show_all_settings
--|Function Scan of pg_show_all_settings

-- timeseries
SELECT pg_advisory_xact_lock(hashtextextended('tickbook maintenance ' || current_schema(), 0));
--|Result

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
SELECT view_name::text AS view, format('%I.%I', materialization_hypertable_schema,
    materialization_hypertable_name) AS name
FROM timescaledb_information.continuous_aggregates
WHERE view_schema = current_schema();
--|of a catalog, which other schemas change

-- timeseries
DELETE FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3
RETURNING trade_time;
--|HypertableModify
--|  ModifyTable Delete on trades
--|    Seq Scan on _hyper_N_N_chunk

-- timeseries
INSERT INTO late_days (day)
SELECT $1
FROM applied_policies
WHERE $2 < clock_timestamp() - make_interval(secs => late_after_seconds);
--|ModifyTable Insert on late_days
--|  Seq Scan on applied_policies

-- timeseries
COMMIT;
