DROP FUNCTION tick_order_key(timestamptz, bigint);
