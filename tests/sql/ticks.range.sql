-- ticks.range: oldest first

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3
ORDER BY tick_time ASC, sequence ASC
LIMIT (SELECT $4);
--|Limit
--|  InitPlan 1: Result
--|  Index Scan using N_ticks_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))

-- ticks.range: newest first, after a tick

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3 AND (tick_time, sequence) < ($4, $5)
ORDER BY tick_time DESC, sequence DESC
LIMIT (SELECT $6);
--|Limit
--|  InitPlan 1: Result
--|  ChunkAppend on ticks
--|    Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk (2 times)
--|        index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone) AND (ROW(tick_time, sequence) < ROW(?::timestamp with time zone, ?::bigint)))

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3 AND (tick_time, sequence) < ($4, $5)
ORDER BY tick_time DESC, sequence DESC
LIMIT (SELECT $6);
--|Limit
--|  InitPlan 1: Result
--|  Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone) AND (ROW(tick_time, sequence) < ROW(?::timestamp with time zone, ?::bigint)))
