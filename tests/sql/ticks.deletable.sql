-- ticks.deletable: a day

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
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3
ORDER BY tick_time ASC, sequence ASC
LIMIT 1;
--|Limit
--|  Index Scan using N_ticks_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))

-- timeseries
SELECT tick_time AS time
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3
ORDER BY tick_time
OFFSET $4
LIMIT 1;
--|Limit
--|  Index Only Scan using N_ticks_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))

-- timeseries
SELECT coalesce(sum(ticks), 0)::bigint AS ticks, min(first) AS first, max(last) AS last,
  count(DISTINCT time_bucket(INTERVAL '1 minutes', minute)) AS c1, count(DISTINCT time_bucket(INTERVAL
      '5 minutes', minute)) AS c5, count(DISTINCT time_bucket(INTERVAL '15 minutes', minute)) AS c15,
  count(DISTINCT time_bucket(INTERVAL '30 minutes', minute)) AS c30, count(DISTINCT
    time_bucket(INTERVAL '60 minutes', minute)) AS c60, count(DISTINCT time_bucket(INTERVAL
      '240 minutes', minute)) AS c240, count(DISTINCT time_bucket(INTERVAL '1440 minutes', minute)) AS
  c1440
FROM (SELECT time_bucket(INTERVAL '1 minute', tick_time) AS minute, count(*) AS ticks,
    min(tick_time) AS first, max(tick_time) AS last
  FROM ticks
  WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3
  GROUP BY 1) AS minutes;
--|Aggregate
--|  Sort
--|    Subquery Scan
--|      Aggregate Sorted
--|        Result
--|          Index Only Scan using N_ticks_pkey on _hyper_N_N_chunk
--|              index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))
