-- Sorts the ticks of one candle by (tick_time, sequence), for first(price, key) and last(price, key).
--
-- The row (tick_time, sequence) itself cannot be that key: plans that aggregate in parts fail with
-- "input of anonymous composite types is not implemented".
--
-- Bytes are compared without a sign. The sequence is never negative. timestamptz_send gives a signed
-- count of microseconds since 2000-01-01 00:00 UTC, so that keys of times before that instant sort
-- behind keys of times after it; but that instant is the start of a bucket of every timeframe, hence
-- all ticks of one candle lie on one side of it, where bytes sort like times.
CREATE FUNCTION tick_order_key(tick_time timestamptz, sequence integer) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN timestamptz_send(tick_time) || int4send(sequence);

COMMENT ON FUNCTION tick_order_key(timestamptz, integer) IS
    'Sort key of a tick within its candle: orders like (tick_time, sequence) where all times are before 2000-01-01 UTC or none is, and no sequence is negative.';
