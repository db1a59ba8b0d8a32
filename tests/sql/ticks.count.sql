-- ticks.count: of a day

-- timeseries
SELECT COUNT(*)
FROM "ticks"
WHERE ((("ticks"."symbol_id" = $1) AND ("ticks"."tick_time" >= $2)) AND ("ticks"."tick_time" < $3));
--|Aggregate
--|  Index Only Scan using N_ticks_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (tick_time >= ?::timestamp with time zone) AND (tick_time < ?::timestamp with time zone))
