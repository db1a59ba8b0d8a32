-- books.insert_snapshots: a new snapshot

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
INSERT INTO order_book_snapshots (symbol_id, snapshot_time, sequence, bid_prices, bid_quantities,
    ask_prices, ask_quantities, depth, checksum, source, valid_since)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT DO NOTHING;
--|HypertableModify
--|  ModifyTable Insert on order_book_snapshots
--|    ChunkDispatch
--|      Result

-- timeseries
COMMIT;

-- books.insert_snapshots: 20 new snapshots

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
INSERT INTO order_book_snapshots (symbol_id, snapshot_time, sequence, bid_prices, bid_quantities,
    ask_prices, ask_quantities, depth, checksum, source, valid_since)
SELECT symbol_id, snapshot_time, sequence, bid_prices::numeric[], bid_quantities::numeric[],
  ask_prices::numeric[], ask_quantities::numeric[], depth, checksum, source, valid_since
FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS rows (symbol_id, snapshot_time,
    sequence, bid_prices, bid_quantities, ask_prices, ask_quantities, depth, checksum, source,
    valid_since)
ON CONFLICT DO NOTHING;
--|HypertableModify
--|  ModifyTable Insert on order_book_snapshots
--|    ChunkDispatch
--|      Function Scan

-- timeseries
COMMIT;

-- books.insert_snapshots: 179 new snapshots

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
COPY "order_book_snapshots"("symbol_id", "snapshot_time", "sequence", "bid_prices",
    "bid_quantities", "ask_prices", "ask_quantities", "depth", "checksum", "source", "valid_since")
FROM STDIN
WITH (FORMAT binary);

-- timeseries
COMMIT;

-- books.insert_snapshots: 60 stored snapshots

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
SELECT symbol_id, snapshot_time, sequence, bid_prices, bid_quantities, ask_prices, ask_quantities,
  depth, checksum, source, valid_since
FROM order_book_snapshots
WHERE symbol_id = ANY($1) AND snapshot_time >= $2 AND snapshot_time <= $3 AND snapshot_time =
  ANY($4);
--|Index Scan using N_order_book_snapshots_pkey on _hyper_N_N_chunk
--|    index condition: ((symbol_id = ANY (?::bigint[])) AND (snapshot_time >= ?::timestamp with time zone) AND (snapshot_time <= ?::timestamp with time zone) AND (snapshot_time = ANY (?::timestamp with time zone[])))

-- timeseries
SELECT symbol_id, snapshot_time, sequence, bid_prices, bid_quantities, ask_prices, ask_quantities,
  depth, checksum, source, valid_since
FROM order_book_snapshots
WHERE symbol_id = ANY($1) AND snapshot_time >= $2 AND snapshot_time <= $3 AND snapshot_time =
  ANY($4);
--|Index Scan using N_order_book_snapshots_pkey on _hyper_N_N_chunk
--|    index condition: ((symbol_id = ANY (?::bigint[])) AND (snapshot_time >= ?::timestamp with time zone) AND (snapshot_time <= ?::timestamp with time zone) AND (snapshot_time = ANY (?::timestamp with time zone[])))

-- timeseries
COMMIT;
