-- ticks.count: of a day

-- timeseries
SELECT count(*) AS count
FROM ticks
WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3;
--|Aggregate
--|  Index Only Scan using N_ticks_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))
