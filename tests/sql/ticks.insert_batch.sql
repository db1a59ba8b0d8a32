-- ticks.insert_batch: 60 new ticks

-- timeseries
INSERT INTO symbol_days (symbol_id, day)
SELECT *
FROM UNNEST($1, $2)
ON CONFLICT DO NOTHING;
--|ModifyTable Insert on symbol_days
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
