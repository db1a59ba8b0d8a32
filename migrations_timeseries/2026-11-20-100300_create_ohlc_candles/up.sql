CREATE SEQUENCE ohlc_candles_revision;

CREATE TABLE ohlc_candles (
    symbol_id bigint NOT NULL,
    timeframe text NOT NULL,
    basis text NOT NULL,
    open_time timestamptz NOT NULL,
    close_time timestamptz NOT NULL,
    open_price numeric(28, 13) NOT NULL,
    high_price numeric(28, 13) NOT NULL,
    low_price numeric(28, 13) NOT NULL,
    close_price numeric(28, 13) NOT NULL,
    -- a sum may have any number of digits
    volume numeric NOT NULL,
    tick_count bigint NOT NULL,
    source text NOT NULL,
    revision bigint NOT NULL DEFAULT nextval('ohlc_candles_revision'),
    buy_volume numeric,
    notional numeric,
    PRIMARY KEY (symbol_id, timeframe, basis, open_time),
    CONSTRAINT ohlc_candles_symbol_id_positive CHECK (symbol_id > 0),
    CONSTRAINT ohlc_candles_timeframe_known CHECK (timeframe IN ('1m', '5m', '15m', '30m', '1h', '4h', '1d')),
    CONSTRAINT ohlc_candles_basis_known CHECK (basis IN ('bid', 'ask', 'mid', 'trade')),
    CONSTRAINT ohlc_candles_open_time_range CHECK (
        open_time >= timestamptz '1970-01-01 00:00:00+00' AND open_time < timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT ohlc_candles_close_time_range CHECK (
        close_time > open_time AND close_time <= timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT ohlc_candles_prices_numbers CHECK (
        open_price <> 'NaN' AND high_price <> 'NaN' AND low_price <> 'NaN' AND close_price <> 'NaN'
    ),
    CONSTRAINT ohlc_candles_high_highest CHECK (high_price >= greatest(open_price, close_price)),
    CONSTRAINT ohlc_candles_low_lowest CHECK (low_price <= least(open_price, close_price)),
    CONSTRAINT ohlc_candles_volume_not_negative CHECK (volume >= 0),
    -- infinity and NaN are greater than every number. Below this limit a reader can hold the sum of
    -- 1,440 stored minutes, and ticks have twelve decimals
    CONSTRAINT ohlc_candles_volume_range CHECK (volume < 1e25 AND min_scale(volume) <= 28),
    CONSTRAINT ohlc_candles_tick_count_not_negative CHECK (tick_count >= 0),
    CONSTRAINT ohlc_candles_trade_sums_of_trades CHECK (
        (buy_volume IS NULL) = (notional IS NULL) AND (notional IS NULL OR basis = 'trade')
    ),
    -- NaN is greater than every number
    CONSTRAINT ohlc_candles_buy_volume_range CHECK (
        buy_volume >= 0 AND buy_volume <= volume AND min_scale(buy_volume) <= 28
    ),
    -- a sum of products of twelve decimals each; a reader can hold the sum of 1,440 stored minutes
    CONSTRAINT ohlc_candles_notional_range CHECK (abs(notional) < 1e34 AND min_scale(notional) <= 24),
    CONSTRAINT ohlc_candles_source_length CHECK (char_length(source) BETWEEN 1 AND 50)
);

ALTER SEQUENCE ohlc_candles_revision OWNED BY ohlc_candles.revision;

SELECT create_hypertable('ohlc_candles', by_range('open_time', INTERVAL '7 days'), create_default_indexes => false);

COMMENT ON TABLE ohlc_candles IS 'Candles that were imported, or retained when their ticks or trades were dropped.';
COMMENT ON COLUMN ohlc_candles.symbol_id IS 'symbols.symbol_id of the metadata database.';
COMMENT ON COLUMN ohlc_candles.timeframe IS 'Width: 1m, 5m, 15m, 30m, 1h, 4h or 1d.';
COMMENT ON COLUMN ohlc_candles.basis IS 'Price that the candle is computed from: bid, ask, mid, which is half of bid plus ask, or trade.';
COMMENT ON COLUMN ohlc_candles.open_time IS 'Start of the bucket, inclusive, aligned to UTC.';
COMMENT ON COLUMN ohlc_candles.close_time IS 'End of the bucket, exclusive.';
COMMENT ON COLUMN ohlc_candles.open_price IS 'First price, in the quote currency.';
COMMENT ON COLUMN ohlc_candles.high_price IS 'Highest price, in the quote currency.';
COMMENT ON COLUMN ohlc_candles.low_price IS 'Lowest price, in the quote currency.';
COMMENT ON COLUMN ohlc_candles.close_price IS 'Last price, in the quote currency.';
COMMENT ON COLUMN ohlc_candles.volume IS 'Sum of the quoted bid and ask volumes, or of the traded quantities, in units of the instrument; 0 when unknown.';
COMMENT ON COLUMN ohlc_candles.tick_count IS 'Number of ticks or trades in the candle; 0 when unknown.';
COMMENT ON COLUMN ohlc_candles.buy_volume IS 'Sum of the quantities that a buyer took, in units of the instrument. NULL: unknown, or a candle of ticks.';
COMMENT ON COLUMN ohlc_candles.notional IS 'Sum of price times quantity, in the quote currency. NULL: unknown, or a candle of ticks.';
COMMENT ON COLUMN ohlc_candles.source IS 'Origin of the candle, 1 to 50 characters, such as import.';
COMMENT ON COLUMN ohlc_candles.revision IS 'Number of the write; a delayed write with a lower number does not overwrite the row.';
