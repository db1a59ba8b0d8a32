-- books.insert_updates: 20 new updates

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
INSERT INTO order_book_updates (symbol_id, update_time, sequence, bid_prices, bid_quantities,
    ask_prices, ask_quantities)
SELECT symbol_id, update_time, sequence, bid_prices::numeric[], bid_quantities::numeric[],
  ask_prices::numeric[], ask_quantities::numeric[]
FROM UNNEST($1, $2, $3, $4, $5, $6, $7) AS rows (symbol_id, update_time, sequence, bid_prices,
    bid_quantities, ask_prices, ask_quantities)
ON CONFLICT DO NOTHING;
--|HypertableModify
--|  ModifyTable Insert on order_book_updates
--|    ChunkDispatch
--|      Function Scan

-- timeseries
COMMIT;
