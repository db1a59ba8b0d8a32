-- refused while candles of manual_sql/ stand on it: drop those first, the largest timeframe first
DROP TABLE ticks;
