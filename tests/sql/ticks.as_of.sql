-- ticks.as_of: a time between ticks

-- timeseries
SELECT symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume, received_at
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3
ORDER BY tick_time DESC, sequence DESC
LIMIT 1;
--|Limit
--|  ChunkAppend on ticks
--|    Index Scan Backward using N_ticks_pkey on _hyper_N_N_chunk (2 times)
--|        index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))
