-- Creates the candles of every timeframe as continuous aggregates, for the Community edition of TimescaleDB.
--
--   psql -v ON_ERROR_STOP=1 -f manual_sql/continuous_aggregates.sql "$TIMESCALEDB_URL"
--
-- The file may be run again at any time: it leaves existing aggregates unchanged and replaces plain views of
-- the same names, which candle_views.sql creates. It creates everything in the first schema of the
-- search_path.
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

DO $$
DECLARE
    candles text;
BEGIN
    IF current_setting('timescaledb.license', true) IS DISTINCT FROM 'timescale' THEN
        RAISE EXCEPTION 'continuous aggregates need the Community edition of TimescaleDB'
            USING HINT = 'Apply candle_views.sql instead.';
    END IF;
    FOREACH candles IN ARRAY ARRAY[
        'trade_ohlc_1d', 'trade_ohlc_4h', 'trade_ohlc_1h', 'trade_ohlc_30m', 'trade_ohlc_15m', 'trade_ohlc_5m', 'trade_ohlc_1m',
        'ohlc_1d', 'ohlc_4h', 'ohlc_1h', 'ohlc_30m', 'ohlc_15m', 'ohlc_5m', 'ohlc_1m'
    ] LOOP
        -- the visible part of a continuous aggregate is a view as well and must not be dropped
        IF EXISTS (
            SELECT FROM pg_views
            WHERE schemaname = current_schema() AND viewname = candles
        ) AND NOT EXISTS (
            SELECT FROM timescaledb_information.continuous_aggregates
            WHERE view_schema = current_schema() AND view_name = candles
        ) THEN
            EXECUTE format('DROP VIEW %I.%I', current_schema(), candles);
        END IF;
    END LOOP;
END
$$;

-- Ticks and trades of one instant are ordered by their sequence. materialized_only = false adds the trades that no
-- refresh has materialized.
CREATE MATERIALIZED VIEW IF NOT EXISTS ohlc_1m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    symbol_id,
    time_bucket(INTERVAL '1 minute', tick_time) AS open_time,
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
GROUP BY symbol_id, time_bucket(INTERVAL '1 minute', tick_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW IF NOT EXISTS ohlc_5m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    symbol_id,
    time_bucket(INTERVAL '5 minutes', open_time) AS open_time,
    first(bid_open, open_time) FILTER (WHERE bid_open IS NOT NULL) AS bid_open,
    max(bid_high) AS bid_high,
    min(bid_low) AS bid_low,
    last(bid_close, open_time) FILTER (WHERE bid_close IS NOT NULL) AS bid_close,
    sum(bid_volume) AS bid_volume,
    sum(bid_tick_count)::bigint AS bid_tick_count,
    first(ask_open, open_time) FILTER (WHERE ask_open IS NOT NULL) AS ask_open,
    max(ask_high) AS ask_high,
    min(ask_low) AS ask_low,
    last(ask_close, open_time) FILTER (WHERE ask_close IS NOT NULL) AS ask_close,
    sum(ask_volume) AS ask_volume,
    sum(ask_tick_count)::bigint AS ask_tick_count,
    first(mid_open, open_time) FILTER (WHERE mid_open IS NOT NULL) AS mid_open,
    max(mid_high) AS mid_high,
    min(mid_low) AS mid_low,
    last(mid_close, open_time) FILTER (WHERE mid_close IS NOT NULL) AS mid_close,
    sum(mid_volume) AS mid_volume,
    sum(mid_tick_count)::bigint AS mid_tick_count
FROM ohlc_1m
GROUP BY symbol_id, time_bucket(INTERVAL '5 minutes', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW IF NOT EXISTS ohlc_15m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    symbol_id,
    time_bucket(INTERVAL '15 minutes', open_time) AS open_time,
    first(bid_open, open_time) FILTER (WHERE bid_open IS NOT NULL) AS bid_open,
    max(bid_high) AS bid_high,
    min(bid_low) AS bid_low,
    last(bid_close, open_time) FILTER (WHERE bid_close IS NOT NULL) AS bid_close,
    sum(bid_volume) AS bid_volume,
    sum(bid_tick_count)::bigint AS bid_tick_count,
    first(ask_open, open_time) FILTER (WHERE ask_open IS NOT NULL) AS ask_open,
    max(ask_high) AS ask_high,
    min(ask_low) AS ask_low,
    last(ask_close, open_time) FILTER (WHERE ask_close IS NOT NULL) AS ask_close,
    sum(ask_volume) AS ask_volume,
    sum(ask_tick_count)::bigint AS ask_tick_count,
    first(mid_open, open_time) FILTER (WHERE mid_open IS NOT NULL) AS mid_open,
    max(mid_high) AS mid_high,
    min(mid_low) AS mid_low,
    last(mid_close, open_time) FILTER (WHERE mid_close IS NOT NULL) AS mid_close,
    sum(mid_volume) AS mid_volume,
    sum(mid_tick_count)::bigint AS mid_tick_count
FROM ohlc_5m
GROUP BY symbol_id, time_bucket(INTERVAL '15 minutes', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW IF NOT EXISTS ohlc_30m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    symbol_id,
    time_bucket(INTERVAL '30 minutes', open_time) AS open_time,
    first(bid_open, open_time) FILTER (WHERE bid_open IS NOT NULL) AS bid_open,
    max(bid_high) AS bid_high,
    min(bid_low) AS bid_low,
    last(bid_close, open_time) FILTER (WHERE bid_close IS NOT NULL) AS bid_close,
    sum(bid_volume) AS bid_volume,
    sum(bid_tick_count)::bigint AS bid_tick_count,
    first(ask_open, open_time) FILTER (WHERE ask_open IS NOT NULL) AS ask_open,
    max(ask_high) AS ask_high,
    min(ask_low) AS ask_low,
    last(ask_close, open_time) FILTER (WHERE ask_close IS NOT NULL) AS ask_close,
    sum(ask_volume) AS ask_volume,
    sum(ask_tick_count)::bigint AS ask_tick_count,
    first(mid_open, open_time) FILTER (WHERE mid_open IS NOT NULL) AS mid_open,
    max(mid_high) AS mid_high,
    min(mid_low) AS mid_low,
    last(mid_close, open_time) FILTER (WHERE mid_close IS NOT NULL) AS mid_close,
    sum(mid_volume) AS mid_volume,
    sum(mid_tick_count)::bigint AS mid_tick_count
FROM ohlc_15m
GROUP BY symbol_id, time_bucket(INTERVAL '30 minutes', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW IF NOT EXISTS ohlc_1h
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    symbol_id,
    time_bucket(INTERVAL '1 hour', open_time) AS open_time,
    first(bid_open, open_time) FILTER (WHERE bid_open IS NOT NULL) AS bid_open,
    max(bid_high) AS bid_high,
    min(bid_low) AS bid_low,
    last(bid_close, open_time) FILTER (WHERE bid_close IS NOT NULL) AS bid_close,
    sum(bid_volume) AS bid_volume,
    sum(bid_tick_count)::bigint AS bid_tick_count,
    first(ask_open, open_time) FILTER (WHERE ask_open IS NOT NULL) AS ask_open,
    max(ask_high) AS ask_high,
    min(ask_low) AS ask_low,
    last(ask_close, open_time) FILTER (WHERE ask_close IS NOT NULL) AS ask_close,
    sum(ask_volume) AS ask_volume,
    sum(ask_tick_count)::bigint AS ask_tick_count,
    first(mid_open, open_time) FILTER (WHERE mid_open IS NOT NULL) AS mid_open,
    max(mid_high) AS mid_high,
    min(mid_low) AS mid_low,
    last(mid_close, open_time) FILTER (WHERE mid_close IS NOT NULL) AS mid_close,
    sum(mid_volume) AS mid_volume,
    sum(mid_tick_count)::bigint AS mid_tick_count
FROM ohlc_30m
GROUP BY symbol_id, time_bucket(INTERVAL '1 hour', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW IF NOT EXISTS ohlc_4h
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    symbol_id,
    time_bucket(INTERVAL '4 hours', open_time) AS open_time,
    first(bid_open, open_time) FILTER (WHERE bid_open IS NOT NULL) AS bid_open,
    max(bid_high) AS bid_high,
    min(bid_low) AS bid_low,
    last(bid_close, open_time) FILTER (WHERE bid_close IS NOT NULL) AS bid_close,
    sum(bid_volume) AS bid_volume,
    sum(bid_tick_count)::bigint AS bid_tick_count,
    first(ask_open, open_time) FILTER (WHERE ask_open IS NOT NULL) AS ask_open,
    max(ask_high) AS ask_high,
    min(ask_low) AS ask_low,
    last(ask_close, open_time) FILTER (WHERE ask_close IS NOT NULL) AS ask_close,
    sum(ask_volume) AS ask_volume,
    sum(ask_tick_count)::bigint AS ask_tick_count,
    first(mid_open, open_time) FILTER (WHERE mid_open IS NOT NULL) AS mid_open,
    max(mid_high) AS mid_high,
    min(mid_low) AS mid_low,
    last(mid_close, open_time) FILTER (WHERE mid_close IS NOT NULL) AS mid_close,
    sum(mid_volume) AS mid_volume,
    sum(mid_tick_count)::bigint AS mid_tick_count
FROM ohlc_1h
GROUP BY symbol_id, time_bucket(INTERVAL '4 hours', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW IF NOT EXISTS ohlc_1d
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    symbol_id,
    time_bucket(INTERVAL '1 day', open_time) AS open_time,
    first(bid_open, open_time) FILTER (WHERE bid_open IS NOT NULL) AS bid_open,
    max(bid_high) AS bid_high,
    min(bid_low) AS bid_low,
    last(bid_close, open_time) FILTER (WHERE bid_close IS NOT NULL) AS bid_close,
    sum(bid_volume) AS bid_volume,
    sum(bid_tick_count)::bigint AS bid_tick_count,
    first(ask_open, open_time) FILTER (WHERE ask_open IS NOT NULL) AS ask_open,
    max(ask_high) AS ask_high,
    min(ask_low) AS ask_low,
    last(ask_close, open_time) FILTER (WHERE ask_close IS NOT NULL) AS ask_close,
    sum(ask_volume) AS ask_volume,
    sum(ask_tick_count)::bigint AS ask_tick_count,
    first(mid_open, open_time) FILTER (WHERE mid_open IS NOT NULL) AS mid_open,
    max(mid_high) AS mid_high,
    min(mid_low) AS mid_low,
    last(mid_close, open_time) FILTER (WHERE mid_close IS NOT NULL) AS mid_close,
    sum(mid_volume) AS mid_volume,
    sum(mid_tick_count)::bigint AS mid_tick_count
FROM ohlc_4h
GROUP BY symbol_id, time_bucket(INTERVAL '1 day', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW IF NOT EXISTS trade_ohlc_1m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    symbol_id,
    time_bucket(INTERVAL '1 minute', trade_time) AS open_time,
    first(price, tick_order_key(trade_time, sequence)) AS open,
    max(price) AS high,
    min(price) AS low,
    last(price, tick_order_key(trade_time, sequence)) AS close,
    sum(quantity) AS volume,
    count(*) AS trade_count,
    coalesce(sum(quantity) FILTER (WHERE aggressor_side = 'buy'), 0) AS buy_volume,
    sum(price * quantity) AS notional
FROM trades
GROUP BY symbol_id, time_bucket(INTERVAL '1 minute', trade_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW IF NOT EXISTS trade_ohlc_5m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    symbol_id,
    time_bucket(INTERVAL '5 minutes', open_time) AS open_time,
    first(open, open_time) AS open,
    max(high) AS high,
    min(low) AS low,
    last(close, open_time) AS close,
    sum(volume) AS volume,
    sum(trade_count)::bigint AS trade_count,
    sum(buy_volume) AS buy_volume,
    sum(notional) AS notional
FROM trade_ohlc_1m
GROUP BY symbol_id, time_bucket(INTERVAL '5 minutes', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW IF NOT EXISTS trade_ohlc_15m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    symbol_id,
    time_bucket(INTERVAL '15 minutes', open_time) AS open_time,
    first(open, open_time) AS open,
    max(high) AS high,
    min(low) AS low,
    last(close, open_time) AS close,
    sum(volume) AS volume,
    sum(trade_count)::bigint AS trade_count,
    sum(buy_volume) AS buy_volume,
    sum(notional) AS notional
FROM trade_ohlc_5m
GROUP BY symbol_id, time_bucket(INTERVAL '15 minutes', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW IF NOT EXISTS trade_ohlc_30m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    symbol_id,
    time_bucket(INTERVAL '30 minutes', open_time) AS open_time,
    first(open, open_time) AS open,
    max(high) AS high,
    min(low) AS low,
    last(close, open_time) AS close,
    sum(volume) AS volume,
    sum(trade_count)::bigint AS trade_count,
    sum(buy_volume) AS buy_volume,
    sum(notional) AS notional
FROM trade_ohlc_15m
GROUP BY symbol_id, time_bucket(INTERVAL '30 minutes', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW IF NOT EXISTS trade_ohlc_1h
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    symbol_id,
    time_bucket(INTERVAL '1 hour', open_time) AS open_time,
    first(open, open_time) AS open,
    max(high) AS high,
    min(low) AS low,
    last(close, open_time) AS close,
    sum(volume) AS volume,
    sum(trade_count)::bigint AS trade_count,
    sum(buy_volume) AS buy_volume,
    sum(notional) AS notional
FROM trade_ohlc_30m
GROUP BY symbol_id, time_bucket(INTERVAL '1 hour', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW IF NOT EXISTS trade_ohlc_4h
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    symbol_id,
    time_bucket(INTERVAL '4 hours', open_time) AS open_time,
    first(open, open_time) AS open,
    max(high) AS high,
    min(low) AS low,
    last(close, open_time) AS close,
    sum(volume) AS volume,
    sum(trade_count)::bigint AS trade_count,
    sum(buy_volume) AS buy_volume,
    sum(notional) AS notional
FROM trade_ohlc_1h
GROUP BY symbol_id, time_bucket(INTERVAL '4 hours', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW IF NOT EXISTS trade_ohlc_1d
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    symbol_id,
    time_bucket(INTERVAL '1 day', open_time) AS open_time,
    first(open, open_time) AS open,
    max(high) AS high,
    min(low) AS low,
    last(close, open_time) AS close,
    sum(volume) AS volume,
    sum(trade_count)::bigint AS trade_count,
    sum(buy_volume) AS buy_volume,
    sum(notional) AS notional
FROM trade_ohlc_4h
GROUP BY symbol_id, time_bucket(INTERVAL '1 day', open_time)
WITH NO DATA;

-- TimescaleDB creates two indexes on each aggregate: one on the bucket alone, which misleads the planner into
-- reading the candles of all symbols for one of them, and one on symbol and bucket that is not unique. A
-- unique index replaces both, so that a refresh that would duplicate a candle fails.
DO $$
DECLARE
    candles record;
    index_name text;
BEGIN
    FOR candles IN
        SELECT materialization_hypertable_schema AS schema_name, materialization_hypertable_name AS table_name
        FROM timescaledb_information.continuous_aggregates
        WHERE view_schema = current_schema()
            AND view_name IN (
                'ohlc_1m', 'ohlc_5m', 'ohlc_15m', 'ohlc_30m', 'ohlc_1h', 'ohlc_4h', 'ohlc_1d',
                'trade_ohlc_1m', 'trade_ohlc_5m', 'trade_ohlc_15m', 'trade_ohlc_30m', 'trade_ohlc_1h', 'trade_ohlc_4h', 'trade_ohlc_1d'
            )
    LOOP
        EXECUTE format('CREATE UNIQUE INDEX IF NOT EXISTS %I ON %I.%I (symbol_id, open_time)',
            candles.table_name || '_key', candles.schema_name, candles.table_name);
        FOR index_name IN
            SELECT indexrelid::regclass::text
            FROM pg_index
            WHERE NOT indisunique
                AND indrelid = format('%I.%I', candles.schema_name, candles.table_name)::regclass
                AND (SELECT array_agg(attname::text ORDER BY attnum)
                     FROM pg_attribute WHERE attrelid = indexrelid)
                    IN (ARRAY['open_time'], ARRAY['symbol_id', 'open_time'])
        LOOP
            EXECUTE 'DROP INDEX ' || index_name;
        END LOOP;
    END LOOP;
END
$$;

-- A refresh deletes candles without ticks or trades, even if these were dropped after their candles had been
-- materialized. A trigger retains such one-minute candles, and larger ones are made from them. A session that
-- sets tickbook.deletes_candles can delete them. A refresh runs with its own search_path, so the functions
-- contain the schema.
DO $$
DECLARE
    source text;
    minutes text;
    keeps text;
    candles regclass;
BEGIN
    FOR source, minutes IN VALUES ('ticks', 'ohlc_1m'), ('trades', 'trade_ohlc_1m') LOOP
        keeps := 'keep_candles_of_dropped_' || source;
        EXECUTE format($function$
            CREATE OR REPLACE FUNCTION %1$I.%2$I() RETURNS trigger
            LANGUAGE plpgsql AS $body$
            BEGIN
                IF current_setting('tickbook.deletes_candles', true) IS DISTINCT FROM 'on'
                    AND EXISTS (SELECT FROM %1$I.applied_policies WHERE %3$I > OLD.open_time) THEN
                    RETURN NULL;
                END IF;
                RETURN OLD;
            END
            $body$
        $function$, current_schema(), keeps, source || '_dropped_before');
        SELECT format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name)
            INTO candles
            FROM timescaledb_information.continuous_aggregates
            WHERE view_schema = current_schema() AND view_name = minutes;
        IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = candles AND tgname = keeps) THEN
            EXECUTE format('CREATE TRIGGER %2$I BEFORE DELETE ON %3$s '
                'FOR EACH ROW EXECUTE FUNCTION %1$I.%2$I()',
                current_schema(), keeps, candles);
        END IF;
    END LOOP;
END
$$;

COMMENT ON VIEW ohlc_1m IS 'Candles of one minute computed from ticks, one row per symbol and bucket, prices by bid, ask and mid.';
COMMENT ON VIEW ohlc_5m IS 'Candles of 5 minutes computed from ticks, one row per symbol and bucket, prices by bid, ask and mid.';
COMMENT ON VIEW ohlc_15m IS 'Candles of 15 minutes computed from ticks, one row per symbol and bucket, prices by bid, ask and mid.';
COMMENT ON VIEW ohlc_30m IS 'Candles of 30 minutes computed from ticks, one row per symbol and bucket, prices by bid, ask and mid.';
COMMENT ON VIEW ohlc_1h IS 'Candles of one hour computed from ticks, one row per symbol and bucket, prices by bid, ask and mid.';
COMMENT ON VIEW ohlc_4h IS 'Candles of 4 hours computed from ticks, one row per symbol and bucket, prices by bid, ask and mid.';
COMMENT ON VIEW ohlc_1d IS 'Candles of one day computed from ticks, one row per symbol and bucket, prices by bid, ask and mid.';
COMMENT ON VIEW trade_ohlc_1m IS 'Candles of one minute computed from trades, one row per symbol and bucket.';
COMMENT ON VIEW trade_ohlc_5m IS 'Candles of 5 minutes computed from trades, one row per symbol and bucket.';
COMMENT ON VIEW trade_ohlc_15m IS 'Candles of 15 minutes computed from trades, one row per symbol and bucket.';
COMMENT ON VIEW trade_ohlc_30m IS 'Candles of 30 minutes computed from trades, one row per symbol and bucket.';
COMMENT ON VIEW trade_ohlc_1h IS 'Candles of one hour computed from trades, one row per symbol and bucket.';
COMMENT ON VIEW trade_ohlc_4h IS 'Candles of 4 hours computed from trades, one row per symbol and bucket.';
COMMENT ON VIEW trade_ohlc_1d IS 'Candles of one day computed from trades, one row per symbol and bucket.';

-- TimescaleDB logs the changes of an insert only below the invalidation threshold, which the first refresh of
-- a time raises. If an insert commits while a refresh raises the threshold above its times, no refresh
-- processes the insert. So each threshold is raised once beyond every time that ticks and trades may have. These calls
-- create no candle and cannot run in a transaction.
CALL refresh_continuous_aggregate('ohlc_1m', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
CALL refresh_continuous_aggregate('ohlc_5m', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
CALL refresh_continuous_aggregate('ohlc_15m', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
CALL refresh_continuous_aggregate('ohlc_30m', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
CALL refresh_continuous_aggregate('ohlc_1h', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
CALL refresh_continuous_aggregate('ohlc_4h', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
CALL refresh_continuous_aggregate('ohlc_1d', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
CALL refresh_continuous_aggregate('trade_ohlc_1m', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
CALL refresh_continuous_aggregate('trade_ohlc_5m', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
CALL refresh_continuous_aggregate('trade_ohlc_15m', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
CALL refresh_continuous_aggregate('trade_ohlc_30m', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
CALL refresh_continuous_aggregate('trade_ohlc_1h', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
CALL refresh_continuous_aggregate('trade_ohlc_4h', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
CALL refresh_continuous_aggregate('trade_ohlc_1d', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
