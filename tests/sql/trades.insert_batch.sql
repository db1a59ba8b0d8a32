-- trades.insert_batch: a new trade

-- timeseries
INSERT INTO trade_days (symbol_id, day)
SELECT *
FROM UNNEST($1, $2)
ON CONFLICT DO NOTHING;
--|ModifyTable Insert on trade_days
--|  Function Scan

-- timeseries
BEGIN;

-- timeseries
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock_shared(hashtextextended('tickbook retention floor ' ||
      current_schema(), 0));
--|Result

-- timeseries
SELECT settings, applied_at, ticks_drop_after_seconds, candles_drop_after_seconds,
  late_after_seconds, ticks_refused_before, ticks_dropped_before, candles_dropped_before,
  clock_timestamp() AS now
FROM applied_policies;
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

-- trades.insert_batch: 20 new trades

-- timeseries
BEGIN;

-- timeseries
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock_shared(hashtextextended('tickbook retention floor ' ||
      current_schema(), 0));
--|Result

-- timeseries
SELECT settings, applied_at, ticks_drop_after_seconds, candles_drop_after_seconds,
  late_after_seconds, ticks_refused_before, ticks_dropped_before, candles_dropped_before,
  clock_timestamp() AS now
FROM applied_policies;
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

-- trades.insert_batch: 179 new trades

-- timeseries
BEGIN;

-- timeseries
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock_shared(hashtextextended('tickbook retention floor ' ||
      current_schema(), 0));
--|Result

-- timeseries
SELECT settings, applied_at, ticks_drop_after_seconds, candles_drop_after_seconds,
  late_after_seconds, ticks_refused_before, ticks_dropped_before, candles_dropped_before,
  clock_timestamp() AS now
FROM applied_policies;
--|Seq Scan on applied_policies

-- timeseries
COPY "trades"("symbol_id", "trade_time", "sequence", "price", "quantity", "aggressor_side",
    "is_block", "trade_id", "received_at") /* symbol_days recorded */
FROM STDIN
WITH (FORMAT binary);

-- timeseries
COMMIT;

-- trades.insert_batch: 60 stored trades

-- timeseries
BEGIN;

-- timeseries
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock_shared(hashtextextended('tickbook retention floor ' ||
      current_schema(), 0));
--|Result

-- timeseries
SELECT settings, applied_at, ticks_drop_after_seconds, candles_drop_after_seconds,
  late_after_seconds, ticks_refused_before, ticks_dropped_before, candles_dropped_before,
  clock_timestamp() AS now
FROM applied_policies;
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

-- trades.insert_batch: an unsequenced trade

-- timeseries
BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED;

-- timeseries
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock_shared(hashtextextended('tickbook retention floor ' ||
      current_schema(), 0));
--|Result

-- timeseries
SELECT settings, applied_at, ticks_drop_after_seconds, candles_drop_after_seconds,
  late_after_seconds, ticks_refused_before, ticks_dropped_before, candles_dropped_before,
  clock_timestamp() AS now
FROM applied_policies;
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
