-- ticks.insert_batch: 60 new ticks

-- timeseries
INSERT INTO symbol_days (symbol_id, day)
SELECT *
FROM UNNEST($1, $2)
ON CONFLICT DO NOTHING;
--|ModifyTable Insert on symbol_days
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
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = ANY($1) AND tick_time >= $2 AND tick_time <= $3 AND tick_time = ANY($4);
--|Index Scan using N_ticks_pkey on _hyper_N_N_chunk
--|    index condition: ((symbol_id = ANY (?::bigint[])) AND (tick_time >= ?::timestamp with time zone) AND (tick_time <= ?::timestamp with time zone) AND (tick_time = ANY (?::timestamp with time zone[])))

-- timeseries
COPY "ticks"("symbol_id", "tick_time", "sequence", "bid_price", "ask_price", "bid_volume",
    "ask_volume", "received_at") /* symbol_days recorded */
FROM STDIN
WITH (FORMAT binary);

-- timeseries
COMMIT;

-- ticks.insert_batch: 10 new ticks

-- timeseries
INSERT INTO symbol_days (symbol_id, day)
SELECT *
FROM UNNEST($1, $2)
ON CONFLICT DO NOTHING;
--|ModifyTable Insert on symbol_days
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
INSERT INTO /* symbol_days recorded */ ticks (symbol_id, tick_time, sequence, bid_price, ask_price,
    bid_volume, ask_volume, received_at)
SELECT *
FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING;
--|HypertableModify
--|  ModifyTable Insert on ticks
--|    ChunkDispatch
--|      Function Scan

-- timeseries
COMMIT;

-- ticks.insert_batch: 10 stored ticks

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
INSERT INTO /* symbol_days recorded */ ticks (symbol_id, tick_time, sequence, bid_price, ask_price,
    bid_volume, ask_volume, received_at)
SELECT *
FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING;
--|HypertableModify
--|  ModifyTable Insert on ticks
--|    ChunkDispatch
--|      Function Scan

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = ANY($1) AND tick_time >= $2 AND tick_time <= $3 AND tick_time = ANY($4);
--|Index Scan using N_ticks_pkey on _hyper_N_N_chunk
--|    index condition: ((symbol_id = ANY (?::bigint[])) AND (tick_time >= ?::timestamp with time zone) AND (tick_time <= ?::timestamp with time zone) AND (tick_time = ANY (?::timestamp with time zone[])))

-- timeseries
COMMIT;

-- ticks.insert_batch: an unsequenced tick

-- timeseries
INSERT INTO symbol_days (symbol_id, day)
SELECT *
FROM UNNEST($1, $2)
ON CONFLICT DO NOTHING;
--|ModifyTable Insert on symbol_days
--|  Function Scan

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
SELECT pg_advisory_xact_lock(hashtextextended('tickbook keys of ticks ' || number || ' ' ||
      current_schema(), 0))
FROM unnest($1) AS number;
--|Function Scan of unnest

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = ANY($1) AND tick_time >= $2 AND tick_time <= $3 AND tick_time = ANY($4);
--|Index Scan using N_ticks_pkey on _hyper_N_N_chunk
--|    index condition: ((symbol_id = ANY (?::bigint[])) AND (tick_time >= ?::timestamp with time zone) AND (tick_time <= ?::timestamp with time zone) AND (tick_time = ANY (?::timestamp with time zone[])))

-- timeseries
INSERT INTO /* symbol_days recorded */ ticks (symbol_id, tick_time, sequence, bid_price, ask_price,
    bid_volume, ask_volume, received_at)
SELECT *
FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING;
--|HypertableModify
--|  ModifyTable Insert on ticks
--|    ChunkDispatch
--|      Function Scan

-- timeseries
COMMIT;
