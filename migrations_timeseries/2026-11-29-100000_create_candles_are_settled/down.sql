DROP FUNCTION candles_are_settled(bigint, bigint, integer[], integer[], boolean, integer[], bigint, integer[], bigint, bigint, text);
