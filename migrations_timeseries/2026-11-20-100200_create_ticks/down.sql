-- Fails while candle relations of manual_sql/ depend on the table: drop them first, the largest timeframe
-- first.
DROP TABLE ticks;
