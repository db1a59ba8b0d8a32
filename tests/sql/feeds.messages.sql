-- feeds.messages: a day

-- timeseries
SELECT source, received_at, sequence, kind, payload
FROM feed_messages
WHERE source = $1 AND received_at >= $2 AND received_at < $3 AND (received_at, sequence) > ($2, $4)
ORDER BY received_at, sequence
LIMIT $5;
--|Limit
--|  ChunkAppend on feed_messages
--|    Index Scan using N_feed_messages_pkey on _hyper_N_N_chunk (3 times)
--|        index condition: ((source = ?::text) AND (received_at >= ?::timestamp with time zone) AND (received_at < ?::timestamp with time zone) AND (ROW(received_at, sequence) > ROW(?::timestamp with time zone, ?::bigint)))

-- feeds.messages: a day, after a message

-- timeseries
SELECT source, received_at, sequence, kind, payload
FROM feed_messages
WHERE source = $1 AND received_at >= $2 AND received_at < $3 AND (received_at, sequence) > ($2, $4)
ORDER BY received_at, sequence
LIMIT $5;
--|Limit
--|  ChunkAppend on feed_messages
--|    Index Scan using N_feed_messages_pkey on _hyper_N_N_chunk (2 times)
--|        index condition: ((source = ?::text) AND (received_at >= ?::timestamp with time zone) AND (received_at < ?::timestamp with time zone) AND (ROW(received_at, sequence) > ROW(?::timestamp with time zone, ?::bigint)))
