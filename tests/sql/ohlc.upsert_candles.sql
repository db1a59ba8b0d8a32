-- ohlc.upsert_candles: three candles

-- timeseries
SELECT nextval('ohlc_candles_revision') AS revision;
--|Result

-- timeseries
INSERT INTO ohlc_candles (symbol_id, timeframe, basis, open_time, close_time, open_price,
    high_price, low_price, close_price, volume, tick_count, buy_volume, notional, source, revision)
SELECT *, $15
FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (symbol_id, timeframe, basis, open_time) DO UPDATE
SET close_time = EXCLUDED.close_time, open_price = EXCLUDED.open_price, high_price =
  EXCLUDED.high_price, low_price = EXCLUDED.low_price, close_price = EXCLUDED.close_price, volume =
  EXCLUDED.volume, tick_count = EXCLUDED.tick_count, buy_volume = EXCLUDED.buy_volume, notional =
  EXCLUDED.notional, source = EXCLUDED.source, revision = EXCLUDED.revision
WHERE ohlc_candles.revision <= EXCLUDED.revision;
--|HypertableModify
--|  ModifyTable Insert on ohlc_candles
--|    ChunkDispatch
--|      Function Scan
