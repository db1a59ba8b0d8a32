-- trades.insert_batch: a new trade

-- timeseries
INSERT INTO trade_days (symbol_id, day)
SELECT *
FROM UNNEST($1, $2)
ON CONFLICT DO NOTHING;
--|ModifyTable Insert on trade_days
--|  Function Scan

-- timeseries
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock_shared(hashtextextended('tickbook retention floor ' ||
      current_schema(), 0));
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
INSERT INTO /* symbol_days recorded */ trades (symbol_id, trade_time, sequence, price, quantity,
    aggressor_side, is_block, trade_id, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING;
--|HypertableModify
--|  ModifyTable Insert on trades
--|    ChunkDispatch
--|      Result

-- timeseries
COMMIT;

-- timeseries
SELECT EXISTS (SELECT
  FROM trade_corrections
  WHERE symbol_id = ANY($1) AND trade_time >= $2 AND trade_time <= $3);
--|Result
--|  InitPlan 1: Seq Scan on trade_corrections

-- trades.insert_batch: 20 new trades

-- timeseries
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock_shared(hashtextextended('tickbook retention floor ' ||
      current_schema(), 0));
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
INSERT INTO /* symbol_days recorded */ trades (symbol_id, trade_time, sequence, price, quantity,
    aggressor_side, is_block, trade_id, received_at)
SELECT *
FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING;
--|HypertableModify
--|  ModifyTable Insert on trades
--|    ChunkDispatch
--|      Function Scan

-- timeseries
COMMIT;

-- timeseries
SELECT EXISTS (SELECT
  FROM trade_corrections
  WHERE symbol_id = ANY($1) AND trade_time >= $2 AND trade_time <= $3);
--|Result
--|  InitPlan 1: Seq Scan on trade_corrections

-- trades.insert_batch: 179 new trades

-- timeseries
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock_shared(hashtextextended('tickbook retention floor ' ||
      current_schema(), 0));
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
COPY "trades"("symbol_id", "trade_time", "sequence", "price", "quantity", "aggressor_side",
    "is_block", "trade_id", "received_at") /* symbol_days recorded */
FROM STDIN
WITH (FORMAT binary);

-- timeseries
COMMIT;

-- timeseries
SELECT EXISTS (SELECT
  FROM trade_corrections
  WHERE symbol_id = ANY($1) AND trade_time >= $2 AND trade_time <= $3);
--|Result
--|  InitPlan 1: Seq Scan on trade_corrections

-- trades.insert_batch: 60 stored trades

-- timeseries
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock_shared(hashtextextended('tickbook retention floor ' ||
      current_schema(), 0));
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
WHERE symbol_id = ANY($1) AND trade_time >= $2 AND trade_time <= $3 AND trade_time = ANY($4);
--|Index Scan using N_trades_pkey on _hyper_N_N_chunk
--|    index condition: ((symbol_id = ANY (?::bigint[])) AND (trade_time >= ?::timestamp with time zone) AND (trade_time <= ?::timestamp with time zone) AND (trade_time = ANY (?::timestamp with time zone[])))

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = ANY($1) AND trade_time >= $2 AND trade_time <= $3 AND trade_time = ANY($4);
--|Index Scan using N_trades_pkey on _hyper_N_N_chunk
--|    index condition: ((symbol_id = ANY (?::bigint[])) AND (trade_time >= ?::timestamp with time zone) AND (trade_time <= ?::timestamp with time zone) AND (trade_time = ANY (?::timestamp with time zone[])))

-- timeseries
COMMIT;

-- timeseries
SELECT EXISTS (SELECT
  FROM trade_corrections
  WHERE symbol_id = ANY($1) AND trade_time >= $2 AND trade_time <= $3);
--|Result
--|  InitPlan 1: Seq Scan on trade_corrections

-- trades.insert_batch: an unsequenced trade

-- timeseries
BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED;

-- timeseries
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock_shared(hashtextextended('tickbook retention floor ' ||
      current_schema(), 0));
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
SELECT pg_advisory_xact_lock(hashtextextended('tickbook keys of trades ' || number || ' ' ||
      current_schema(), 0))
FROM unnest($1) AS number;
--|Function Scan of unnest

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = ANY($1) AND trade_time >= $2 AND trade_time <= $3 AND trade_time = ANY($4);
--|Index Scan using N_trades_pkey on _hyper_N_N_chunk
--|    index condition: ((symbol_id = ANY (?::bigint[])) AND (trade_time >= ?::timestamp with time zone) AND (trade_time <= ?::timestamp with time zone) AND (trade_time = ANY (?::timestamp with time zone[])))

-- timeseries
INSERT INTO /* symbol_days recorded */ trades (symbol_id, trade_time, sequence, price, quantity,
    aggressor_side, is_block, trade_id, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);
--|HypertableModify
--|  ModifyTable Insert on trades
--|    ChunkDispatch
--|      Result

-- timeseries
COMMIT;

-- timeseries
SELECT EXISTS (SELECT
  FROM trade_corrections
  WHERE symbol_id = ANY($1) AND trade_time >= $2 AND trade_time <= $3);
--|Result
--|  InitPlan 1: Seq Scan on trade_corrections

-- trades.insert_batch: a corrected and a cancelled trade

-- timeseries
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock_shared(hashtextextended('tickbook retention floor ' ||
      current_schema(), 0));
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
WHERE symbol_id = ANY($1) AND trade_time >= $2 AND trade_time <= $3 AND trade_time = ANY($4);
--|Index Scan using N_trades_pkey on _hyper_N_N_chunk
--|    index condition: ((symbol_id = ANY (?::bigint[])) AND (trade_time >= ?::timestamp with time zone) AND (trade_time <= ?::timestamp with time zone) AND (trade_time = ANY (?::timestamp with time zone[])))

-- timeseries
INSERT INTO /* symbol_days recorded */ trades (symbol_id, trade_time, sequence, price, quantity,
    aggressor_side, is_block, trade_id, received_at)
SELECT *
FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING;
--|HypertableModify
--|  ModifyTable Insert on trades
--|    ChunkDispatch
--|      Function Scan

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = ANY($1) AND trade_time >= $2 AND trade_time <= $3 AND trade_time = ANY($4);
--|Index Scan using N_trades_pkey on _hyper_N_N_chunk
--|    index condition: ((symbol_id = ANY (?::bigint[])) AND (trade_time >= ?::timestamp with time zone) AND (trade_time <= ?::timestamp with time zone) AND (trade_time = ANY (?::timestamp with time zone[])))

-- timeseries
COMMIT;

-- timeseries
SELECT EXISTS (SELECT
  FROM trade_corrections
  WHERE symbol_id = ANY($1) AND trade_time >= $2 AND trade_time <= $3);
--|Result
--|  InitPlan 1: Seq Scan on trade_corrections

-- timeseries
BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED;

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
SELECT pg_advisory_xact_lock(hashtextextended('tickbook trade corrections ' || current_schema(), 0));
--|Result

-- timeseries
SELECT correction_id, symbol_id, trade_time, sequence, trade_id, is_cancelled, price, quantity,
  aggressor_side, is_block, corrected_at, source, recorded_at, before_sequence, before_price,
  before_quantity, before_aggressor_side, before_is_block, before_trade_id, before_received_at
FROM trade_corrections
WHERE (symbol_id, trade_time) IN (SELECT *
  FROM UNNEST($1, $2))
ORDER BY correction_id;
--|Sort
--|  Hash Join Semi
--|      join: ((trade_corrections.symbol_id = unnest.unnest) AND (trade_corrections.trade_time = unnest.unnest_1))
--|    Seq Scan on trade_corrections
--|    Hash
--|      Function Scan

-- timeseries
SELECT view_name::text AS view, format('%I.%I', materialization_hypertable_schema,
    materialization_hypertable_name) AS name
FROM timescaledb_information.continuous_aggregates
WHERE view_schema = current_schema();
--|of a catalog, which other schemas change

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = ANY($1) AND trade_time >= $2 AND trade_time <= $3 AND trade_time = ANY($4);
--|Index Scan using N_trades_pkey on _hyper_N_N_chunk
--|    index condition: ((symbol_id = ANY (?::bigint[])) AND (trade_time >= ?::timestamp with time zone) AND (trade_time <= ?::timestamp with time zone) AND (trade_time = ANY (?::timestamp with time zone[])))

-- timeseries
DELETE FROM trades
WHERE symbol_id = $1 AND trade_time = $2 AND sequence = $3;
--|HypertableModify
--|  ModifyTable Delete on trades
--|    Index Scan using N_trades_pkey on _hyper_N_N_chunk
--|        index condition: ((symbol_id = ?::bigint) AND (trade_time = ?::timestamp with time zone) AND (sequence = ?::bigint))

-- timeseries
INSERT INTO late_days (day)
SELECT $1
FROM applied_policies
WHERE $2 < clock_timestamp() - make_interval(secs => late_after_seconds);
--|ModifyTable Insert on late_days
--|  Seq Scan on applied_policies

-- timeseries
COMMIT;
