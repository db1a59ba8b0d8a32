-- ticks.latest: of a symbol with ticks

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3
ORDER BY tick_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  Sort
--|    Result

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3
ORDER BY tick_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))

-- timeseries
SELECT day
FROM (SELECT day
  FROM symbol_days
  WHERE symbol_id = $1 AND day >= $2 AND day < $3
  ORDER BY day DESC
  LIMIT $4) AS recorded
UNION ALL
SELECT NULL
FROM (SELECT
  FROM unrecorded_ticks
  LIMIT 1) AS unrecorded;
--|Append
--|  Limit
--|    Index Only Scan Backward using symbol_days_pkey on symbol_days
--|        index condition: ((symbol_id = ?::bigint) AND (day >= ?::timestamp with time zone) AND (day < ?::timestamp with time zone))
--|  Subquery Scan
--|    Limit
--|      Seq Scan on unrecorded_ticks

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3
ORDER BY tick_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))
