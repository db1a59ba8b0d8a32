DROP TABLE ohlc_candles;
