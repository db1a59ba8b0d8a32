-- Sorts the ticks of one candle by (tick_time, sequence), for first(price, key) and last(price, key).
--
-- The row (tick_time, sequence) itself cannot be the key: plans with partial aggregation fail with
-- "input of anonymous composite types is not implemented".
--
-- Bit strings compare without a sign, and neither number is negative: ticks begin in 1970 and a sequence
-- is at least 0. Both have 64 bits, so the order is exact for all times and all sequences.
CREATE FUNCTION tick_order_key(tick_time timestamptz, sequence bigint) RETURNS bit varying
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN _timescaledb_functions.to_unix_microseconds(tick_time)::bit(64) || sequence::bit(64);

COMMENT ON FUNCTION tick_order_key(timestamptz, bigint) IS
    'Sort key of a tick: orders like (tick_time, sequence) for times from 1970 on and sequences from 0 on.';
