-- trades.correct: a correction and a cancellation

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
--|  Nested Loop Semi
--|    Seq Scan on trade_corrections
--|    Function Scan

-- timeseries
INSERT INTO trade_corrections (symbol_id, trade_time, sequence, trade_id, is_cancelled, price,
    quantity, aggressor_side, is_block, corrected_at, source, recorded_at)
SELECT *
FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT DO NOTHING;
--|ModifyTable Insert on trade_corrections
--|  Function Scan

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
UPDATE trade_corrections
SET before_sequence = $2, before_price = $3, before_quantity = $4, before_aggressor_side = $5,
  before_is_block = $6, before_trade_id = $7, before_received_at = $8
WHERE correction_id = $1;
--|ModifyTable Update on trade_corrections
--|  Seq Scan on trade_corrections

-- timeseries
UPDATE trade_corrections
SET before_sequence = $2, before_price = $3, before_quantity = $4, before_aggressor_side = $5,
  before_is_block = $6, before_trade_id = $7, before_received_at = $8
WHERE correction_id = $1;
--|ModifyTable Update on trade_corrections
--|  Seq Scan on trade_corrections

-- timeseries
UPDATE trades
SET price = $4, quantity = $5, aggressor_side = $6, is_block = $7
WHERE symbol_id = $1 AND trade_time = $2 AND sequence = $3;
--|HypertableModify
--|  ModifyTable Update on trades
--|    Result
--|      Index Scan using N_trades_pkey on _hyper_N_N_chunk
--|          index condition: ((symbol_id = ?::bigint) AND (trade_time = ?::timestamp with time zone) AND (sequence = ?::bigint))

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
