-- Creates symbols, ticks, trades, order books and candles as views under the names of other systems' schemas, so that
-- existing queries need no change. Read-only; apply it to both databases, after `tickbook aggregates apply`:
--
--   psql -v ON_ERROR_STOP=1 -f manual_sql/compatibility_market_data.sql "$DATABASE_URL"
--   psql -v ON_ERROR_STOP=1 -f manual_sql/compatibility_market_data.sql "$TIMESCALEDB_URL"
--
-- compatibility_views.sql has the views of orders, fills and positions.
--
-- The file may be run again at any time. Each part creates its views if the database has the tables, which it finds by
-- the search_path. A view has the rights of its reader (security_invoker), not of its owner. A view of one table would
-- accept writes; the join of (SELECT), which has one row without columns, prevents this.
--
-- The time-series database has the ids of symbols and not their names: a column symbol of another system is symbol_id
-- in its views, and a column exchange is NULL.
--
-- Candles are those of trades. The views of candles depend on trade_ohlc_1m to trade_ohlc_1d: drop their schemas before
-- a change of edition, which replaces these relations.

-- Part 1: both databases. Each has the migrations that were applied to it.
DO $part$
BEGIN
    IF to_regclass('__diesel_schema_migrations') IS NULL THEN
        RAISE NOTICE 'the view of migrations is left out: none were applied';
        RETURN;
    END IF;

    CREATE SCHEMA IF NOT EXISTS s4_trading;
    CREATE OR REPLACE VIEW s4_trading.schema_migrations WITH (security_invoker = true) AS
    SELECT version::text AS version, NULL::text AS description, run_on AT TIME ZONE 'UTC' AS executed_at
    FROM __diesel_schema_migrations CROSS JOIN (SELECT) AS read_only;
END
$part$;

-- Part 2: the metadata database.
DO $part$
BEGIN
    IF to_regclass('symbols') IS NULL THEN
        RAISE NOTICE 'views of symbols are left out: this is not the metadata database';
        RETURN;
    END IF;

    CREATE SCHEMA IF NOT EXISTS s1_databaseschema;

    CREATE OR REPLACE VIEW s1_databaseschema.securities WITH (security_invoker = true) AS
    SELECT symbols.symbol_id AS id, symbols.symbol_id AS security_id, symbols.name AS symbol, symbols.exchange,
        instruments.instrument_type AS security_type, instruments.instrument_type AS asset_type,
        instruments.tick_size, instruments.lot_size, symbols.created_at
    FROM symbols LEFT JOIN instruments USING (symbol_id);

    -- the trading hours in force today, in the time zone of the exchange
    CREATE OR REPLACE VIEW s1_databaseschema.exchanges WITH (security_invoker = true) AS
    SELECT exchanges.name AS exchange_id, exchanges.name AS exchange_name, exchanges.code AS exchange_code,
        exchanges.time_zone AS timezone, week.trading_hours
    FROM exchanges
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(
            jsonb_build_object('weekday', weekday, 'open', to_char(open, 'HH24:MI'), 'close', to_char(close, 'HH24:MI'))
            ORDER BY weekday, open
        ) AS trading_hours
        FROM exchange_sessions AS session
        WHERE session.exchange = exchanges.name AND session.valid_from = (
            SELECT max(valid_from) FROM exchange_sessions AS earlier
            WHERE earlier.exchange = exchanges.name AND earlier.valid_from <= current_date
        )
    ) AS week ON true;

    CREATE SCHEMA IF NOT EXISTS s2_dual;
    CREATE OR REPLACE VIEW s2_dual.symbols WITH (security_invoker = true) AS
    SELECT symbol_id, name AS symbol_name, exchange, description, digits, active, created_at, updated_at
    FROM symbols CROSS JOIN (SELECT) AS read_only;

    CREATE SCHEMA IF NOT EXISTS s4_trading;
    CREATE OR REPLACE VIEW s4_trading.instruments WITH (security_invoker = true) AS
    SELECT symbols.symbol_id AS id, symbols.name AS symbol, symbols.exchange, instruments.instrument_type,
        instruments.tick_size, instruments.lot_size, instruments.expiry AS expiry_date,
        instruments.strike AS strike_price, symbols.active AS is_active, symbols.created_at, symbols.updated_at
    FROM symbols LEFT JOIN instruments USING (symbol_id);
END
$part$;

-- Part 3: ticks, trades, books and messages of the time-series database.
DO $part$
BEGIN
    IF to_regclass('ticks') IS NULL THEN
        RAISE NOTICE 'views of market data are left out: this is not the time-series database';
        RETURN;
    END IF;

    CREATE SCHEMA IF NOT EXISTS s1_databaseschema;

    -- the best prices, which are quotes with both sides
    CREATE OR REPLACE VIEW s1_databaseschema.order_books WITH (security_invoker = true) AS
    SELECT symbol_id || '-' || (extract(epoch FROM tick_time) * 1000000)::bigint || '-' || sequence AS order_book_id,
        tick_time AS "timestamp", symbol_id AS security_id, bid_price, ask_price, bid_volume AS bid_size,
        ask_volume AS ask_size
    FROM ticks CROSS JOIN (SELECT) AS read_only
    WHERE bid_price IS NOT NULL AND ask_price IS NOT NULL;

    -- one row for each changed level; the quantity 0 removes the level
    CREATE OR REPLACE VIEW s1_databaseschema.historical_orders WITH (security_invoker = true) AS
    SELECT changed.symbol_id AS security_id, changed.update_time AS "timestamp", changed.sequence, level.side,
        level.price, level.quantity
    FROM order_book_updates AS changed
    CROSS JOIN LATERAL (
        SELECT 'BUY' AS side, bid.price, bid.quantity
        FROM unnest(changed.bid_prices, changed.bid_quantities) AS bid (price, quantity)
        UNION ALL
        SELECT 'SELL', ask.price, ask.quantity
        FROM unnest(changed.ask_prices, changed.ask_quantities) AS ask (price, quantity)
    ) AS level;

    -- imported candles, and candles that outlived their ticks or trades
    CREATE OR REPLACE VIEW s1_databaseschema.historical_snapshot WITH (security_invoker = true) AS
    SELECT symbol_id AS security_id, open_time AS "timestamp", timeframe, basis, open_price AS open,
        high_price AS high, low_price AS low, close_price AS close, volume
    FROM ohlc_candles CROSS JOIN (SELECT) AS read_only;

    CREATE SCHEMA IF NOT EXISTS s2_dual;
    COMMENT ON SCHEMA s2_dual IS 'Names of the schema of a market-data server. It has no orders.';

    CREATE OR REPLACE VIEW s2_dual.ticks WITH (security_invoker = true) AS
    SELECT symbol_id, tick_time, sequence AS id, bid_price, ask_price, bid_volume, ask_volume,
        received_at AS created_at
    FROM ticks CROSS JOIN (SELECT) AS read_only;

    CREATE OR REPLACE VIEW s2_dual.ohlc_candles WITH (security_invoker = true) AS
    SELECT revision AS id, symbol_id, timeframe, basis, open_time, close_time, open_price, high_price, low_price,
        close_price, volume, tick_count
    FROM ohlc_candles CROSS JOIN (SELECT) AS read_only;

    CREATE SCHEMA IF NOT EXISTS s3_okx;

    CREATE OR REPLACE VIEW s3_okx.market_ticks WITH (security_invoker = true) AS
    SELECT symbol_id, trade_time AS "timestamp", sequence AS id, coalesce(trade_id, sequence::text) AS trade_id,
        price, quantity, aggressor_side AS side, is_block AS is_block_trade
    FROM trades CROSS JOIN (SELECT) AS read_only;

    -- arrays of [price, quantity], the best level first, with the decimals as texts
    CREATE OR REPLACE VIEW s3_okx.order_book_snapshots WITH (security_invoker = true) AS
    SELECT book.symbol_id, book.snapshot_time AS "timestamp", book.sequence AS id, bids.levels AS bids,
        asks.levels AS asks, book.checksum, book.depth::text AS depth_level
    FROM order_book_snapshots AS book
    CROSS JOIN LATERAL (
        SELECT coalesce(jsonb_agg(jsonb_build_array(trim_scale(price)::text, trim_scale(quantity)::text)
            ORDER BY place), '[]') AS levels
        FROM unnest(book.bid_prices, book.bid_quantities) WITH ORDINALITY AS level (price, quantity, place)
    ) AS bids
    CROSS JOIN LATERAL (
        SELECT coalesce(jsonb_agg(jsonb_build_array(trim_scale(price)::text, trim_scale(quantity)::text)
            ORDER BY place), '[]') AS levels
        FROM unnest(book.ask_prices, book.ask_quantities) WITH ORDINALITY AS level (price, quantity, place)
    ) AS asks;

    CREATE SCHEMA IF NOT EXISTS s4_trading;

    CREATE OR REPLACE VIEW s4_trading.tick_data WITH (security_invoker = true) AS
    SELECT trade_time AS "time", symbol_id AS instrument_id, price, quantity,
        coalesce(trade_id, sequence::text) AS trade_id, NULL::text AS exchange, sequence
    FROM trades CROSS JOIN (SELECT) AS read_only;

    CREATE OR REPLACE VIEW s4_trading.order_book_snapshots WITH (security_invoker = true) AS
    SELECT book.snapshot_time AS "time", book.symbol_id AS instrument_id, book.bid_prices, book.bid_quantities,
        book.ask_prices, book.ask_quantities, bids.total AS total_bid_quantity, asks.total AS total_ask_quantity,
        book.sequence
    FROM order_book_snapshots AS book
    CROSS JOIN LATERAL (SELECT coalesce(sum(quantity), 0) AS total FROM unnest(book.bid_quantities) AS quantity) AS bids
    CROSS JOIN LATERAL (SELECT coalesce(sum(quantity), 0) AS total FROM unnest(book.ask_quantities) AS quantity) AS asks;

    CREATE SCHEMA IF NOT EXISTS data_capture;
    COMMENT ON SCHEMA data_capture IS 'Names of the schema of a capture of market data.';

    CREATE OR REPLACE VIEW data_capture.market_ticks WITH (security_invoker = true) AS
    SELECT symbol_id, trade_time AS captured_at, sequence, price, quantity, upper(aggressor_side) AS side, trade_id
    FROM trades CROSS JOIN (SELECT) AS read_only;
    CREATE OR REPLACE VIEW data_capture.order_book_snapshots WITH (security_invoker = true) AS
    SELECT symbol_id, snapshot_time AS captured_at, sequence, bid_prices, bid_quantities, ask_prices, ask_quantities,
        depth
    FROM order_book_snapshots CROSS JOIN (SELECT) AS read_only;
    CREATE OR REPLACE VIEW data_capture.profitdll_callbacks WITH (security_invoker = true) AS
    SELECT source, received_at, sequence, payload AS callback
    FROM feed_messages CROSS JOIN (SELECT) AS read_only WHERE kind = 'received';
END
$part$;

-- Part 4: candles of trades.
DO $part$
DECLARE
    candles text;
BEGIN
    IF to_regclass('trade_ohlc_1m') IS NULL THEN
        RAISE NOTICE 'views of candles are left out: run `tickbook aggregates apply` in the time-series database first';
        RETURN;
    END IF;

    -- all timeframes; a condition on the timeframe limits the relations that are read
    CREATE OR REPLACE VIEW s3_okx.market_ohlcv WITH (security_invoker = true) AS
    SELECT symbol_id, timeframe AS "interval", open_time AS "timestamp", open, high, low, close, volume,
        notional AS quote_volume, trade_count, round(notional / volume, 12) AS vwap
    FROM (
        SELECT '1m' AS timeframe, * FROM trade_ohlc_1m
        UNION ALL SELECT '5m', * FROM trade_ohlc_5m
        UNION ALL SELECT '15m', * FROM trade_ohlc_15m
        UNION ALL SELECT '30m', * FROM trade_ohlc_30m
        UNION ALL SELECT '1h', * FROM trade_ohlc_1h
        UNION ALL SELECT '4h', * FROM trade_ohlc_4h
        UNION ALL SELECT '1d', * FROM trade_ohlc_1d
    ) AS candle;
    FOREACH candles IN ARRAY ARRAY['5m', '1h', '1d'] LOOP
        EXECUTE format(
            'CREATE OR REPLACE VIEW s3_okx.%I WITH (security_invoker = true) AS
            SELECT symbol_id, open_time AS bucket, open, high, low, close, volume, notional AS quote_volume,
                trade_count, round(notional / volume, 12) AS vwap
            FROM %I CROSS JOIN (SELECT) AS read_only',
            'market_ohlcv_' || candles, 'trade_ohlc_' || candles
        );
    END LOOP;

    CREATE OR REPLACE VIEW s1_databaseschema.candles WITH (security_invoker = true) AS
    SELECT "timestamp" AS bucket, symbol_id AS security_id, "interval" AS timeframe, open, high, low, close, volume
    FROM s3_okx.market_ohlcv CROSS JOIN (SELECT) AS read_only
    WHERE "interval" IN ('1m', '5m', '1h', '1d');
    CREATE OR REPLACE VIEW s1_databaseschema.candles_1h WITH (security_invoker = true) AS
    SELECT open_time AS bucket, symbol_id AS security_id, open, high, low, close, volume
    FROM trade_ohlc_1h CROSS JOIN (SELECT) AS read_only;

    CREATE OR REPLACE VIEW s4_trading.ohlc_candles WITH (security_invoker = true) AS
    SELECT "timestamp" AS "time", symbol_id AS instrument_id, "interval" AS timeframe, open AS open_price,
        high AS high_price, low AS low_price, close AS close_price, volume, trade_count, vwap
    FROM s3_okx.market_ohlcv CROSS JOIN (SELECT) AS read_only;

    CREATE OR REPLACE VIEW data_capture.ohlcv_bars WITH (security_invoker = true) AS
    SELECT symbol_id, "interval" AS timeframe, "timestamp" AS bar_time, open, high, low, close, volume, trade_count
    FROM s3_okx.market_ohlcv CROSS JOIN (SELECT) AS read_only;
END
$part$;
