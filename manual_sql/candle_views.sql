-- Creates the candles of every timeframe as plain views, for the Apache edition of TimescaleDB, which has no
-- continuous aggregates. It works on the Community edition as well.
--
--   psql -v ON_ERROR_STOP=1 -f manual_sql/candle_views.sql "$TIMESCALEDB_URL"
--
-- The file may be run again at any time. It leaves a continuous aggregate of the same name in place, with a
-- notice, since the aggregate may hold candles whose ticks were dropped. It creates everything in the first
-- schema of the search_path.
--
-- Each relation has one row per symbol and bucket [open_time, open_time + width), aligned to UTC, with
-- candles of three bases: bid, ask, and the exact mid = (bid + ask) / 2 of each tick. The sum is
-- multiplied by 0.5, since a NUMERIC quotient is cut off after a number of digits and a product is not.
-- The aggregates are halved and not each tick, since halves have the same order as their sums.
--
-- A candle is computed from the ticks that have its basis; mid needs both sides. Its volume is the sum of
-- the known volumes of both sides of these ticks: an unknown volume counts as zero. The query subtracts
-- the volumes of ticks without the basis, which most buckets do not have, from the sum of all. If no tick
-- of the bucket has a basis, its prices are NULL, and its volume and number of ticks are 0. first and last
-- need their FILTER, since they return the value of the first and the last row even if it is NULL.
--
-- The relations trade_ohlc_1m to trade_ohlc_1d have the candles of trades: the prices, the sum of all quantities
-- (volume), the number of trades, the sum of the quantities that a buyer took (buy_volume), and the exact sum
-- of price times quantity (notional). The volume-weighted average price is notional / volume.
--
-- Each view reads the ticks or trades and not the view of the smaller timeframe, so that a condition on
-- open_time still limits the chunks that are read.

DO $$
DECLARE
    candles text;
    width interval;
    source text;
    definition text;
BEGIN
    FOR candles, width, source IN VALUES
        ('ohlc_1m', INTERVAL '1 minute', 'ticks'),
        ('ohlc_5m', INTERVAL '5 minutes', 'ticks'),
        ('ohlc_15m', INTERVAL '15 minutes', 'ticks'),
        ('ohlc_30m', INTERVAL '30 minutes', 'ticks'),
        ('ohlc_1h', INTERVAL '1 hour', 'ticks'),
        ('ohlc_4h', INTERVAL '4 hours', 'ticks'),
        ('ohlc_1d', INTERVAL '1 day', 'ticks'),
        ('trade_ohlc_1m', INTERVAL '1 minute', 'trades'),
        ('trade_ohlc_5m', INTERVAL '5 minutes', 'trades'),
        ('trade_ohlc_15m', INTERVAL '15 minutes', 'trades'),
        ('trade_ohlc_30m', INTERVAL '30 minutes', 'trades'),
        ('trade_ohlc_1h', INTERVAL '1 hour', 'trades'),
        ('trade_ohlc_4h', INTERVAL '4 hours', 'trades'),
        ('trade_ohlc_1d', INTERVAL '1 day', 'trades')
    LOOP
        IF EXISTS (
            SELECT FROM timescaledb_information.continuous_aggregates
            WHERE view_schema = current_schema() AND view_name = candles
        ) THEN
            RAISE NOTICE '% is a continuous aggregate and stays one', candles;
            CONTINUE;
        END IF;
        -- ticks and trades of one instant are ordered by their sequence
        definition := CASE source
            WHEN 'ticks' THEN $view$
            CREATE OR REPLACE VIEW %I AS
            SELECT
                symbol_id,
                time_bucket(INTERVAL %L, tick_time) AS open_time,
                first(bid_price, tick_order_key(tick_time, sequence)) FILTER (WHERE bid_price IS NOT NULL) AS bid_open,
                max(bid_price) AS bid_high,
                min(bid_price) AS bid_low,
                last(bid_price, tick_order_key(tick_time, sequence)) FILTER (WHERE bid_price IS NOT NULL) AS bid_close,
                coalesce(sum(bid_volume), 0) + coalesce(sum(ask_volume), 0) - coalesce(sum(ask_volume) FILTER (WHERE bid_price IS NULL), 0) AS bid_volume,
                count(*) FILTER (WHERE bid_price IS NOT NULL) AS bid_tick_count,
                first(ask_price, tick_order_key(tick_time, sequence)) FILTER (WHERE ask_price IS NOT NULL) AS ask_open,
                max(ask_price) AS ask_high,
                min(ask_price) AS ask_low,
                last(ask_price, tick_order_key(tick_time, sequence)) FILTER (WHERE ask_price IS NOT NULL) AS ask_close,
                coalesce(sum(bid_volume), 0) + coalesce(sum(ask_volume), 0) - coalesce(sum(bid_volume) FILTER (WHERE ask_price IS NULL), 0) AS ask_volume,
                count(*) FILTER (WHERE ask_price IS NOT NULL) AS ask_tick_count,
                first(bid_price + ask_price, tick_order_key(tick_time, sequence)) FILTER (WHERE bid_price IS NOT NULL AND ask_price IS NOT NULL) * 0.5 AS mid_open,
                max(bid_price + ask_price) * 0.5 AS mid_high,
                min(bid_price + ask_price) * 0.5 AS mid_low,
                last(bid_price + ask_price, tick_order_key(tick_time, sequence)) FILTER (WHERE bid_price IS NOT NULL AND ask_price IS NOT NULL) * 0.5 AS mid_close,
                coalesce(sum(bid_volume), 0) + coalesce(sum(ask_volume), 0) - coalesce(sum(ask_volume) FILTER (WHERE bid_price IS NULL), 0) - coalesce(sum(bid_volume) FILTER (WHERE ask_price IS NULL), 0) AS mid_volume,
                count(*) FILTER (WHERE bid_price IS NOT NULL AND ask_price IS NOT NULL) AS mid_tick_count
            FROM ticks
            GROUP BY symbol_id, time_bucket(INTERVAL %L, tick_time)
            $view$
            ELSE $view$
            CREATE OR REPLACE VIEW %I AS
            SELECT
                symbol_id,
                time_bucket(INTERVAL %L, trade_time) AS open_time,
                first(price, tick_order_key(trade_time, sequence)) AS open,
                max(price) AS high,
                min(price) AS low,
                last(price, tick_order_key(trade_time, sequence)) AS close,
                sum(quantity) AS volume,
                count(*) AS trade_count,
                coalesce(sum(quantity) FILTER (WHERE aggressor_side = 'buy'), 0) AS buy_volume,
                sum(price * quantity) AS notional
            FROM trades
            GROUP BY symbol_id, time_bucket(INTERVAL %L, trade_time)
            $view$
        END;
        EXECUTE format(definition, candles, width, width);
        EXECUTE format(
            'COMMENT ON VIEW %I IS %L',
            candles,
            format(
                CASE source
                    WHEN 'ticks' THEN 'Candles of %s computed from ticks, one row per symbol and bucket, prices by bid, ask and mid.'
                    ELSE 'Candles of %s computed from trades, one row per symbol and bucket.'
                END,
                width
            )
        );
    END LOOP;
END
$$;
