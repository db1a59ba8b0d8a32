-- Creates the sums of 15 minutes of equity points and fills as continuous aggregates, for the Community edition of
-- TimescaleDB.
--
--   psql -v ON_ERROR_STOP=1 -f manual_sql/performance_aggregates.sql "$TIMESCALEDB_URL"
--
-- The file may be run again at any time: it leaves existing aggregates unchanged and replaces plain views of the same
-- names, which performance_views.sql creates and describes. Do not run it as one transaction.

DO $$
DECLARE
    relation text;
BEGIN
    IF current_setting('timescaledb.license', true) IS DISTINCT FROM 'timescale' THEN
        RAISE EXCEPTION 'continuous aggregates need the Community edition of TimescaleDB'
            USING HINT = 'Apply performance_views.sql instead.';
    END IF;
    FOREACH relation IN ARRAY ARRAY['account_equity_15m', 'strategy_performance_15m'] LOOP
        -- the visible part of a continuous aggregate is a view as well and must not be dropped
        IF EXISTS (
            SELECT FROM pg_views
            WHERE schemaname = current_schema() AND viewname = relation
        ) AND NOT EXISTS (
            SELECT FROM timescaledb_information.continuous_aggregates
            WHERE view_schema = current_schema() AND view_name = relation
        ) THEN
            EXECUTE format('DROP VIEW %I.%I', current_schema(), relation);
        END IF;
    END LOOP;
END
$$;

-- materialized_only = false adds the rows that no refresh has materialized
CREATE MATERIALIZED VIEW IF NOT EXISTS account_equity_15m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    account_id,
    time_bucket(INTERVAL '15 minutes', as_of) AS open_time,
    count(*) AS points,
    max(as_of) AS last_as_of,
    last(equity, as_of) AS last_equity,
    min(equity) AS low,
    sum(flows) AS flows
FROM equity_points
GROUP BY account_id, time_bucket(INTERVAL '15 minutes', as_of)
WITH NO DATA;

CREATE MATERIALIZED VIEW IF NOT EXISTS strategy_performance_15m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    account_id,
    time_bucket(INTERVAL '15 minutes', trade_time) AS open_time,
    strategy_id,
    symbol_id,
    fee_currency,
    count(*) FILTER (WHERE kind = 'filled') AS fills,
    count(*) FILTER (WHERE kind = 'fill_busted') AS busts,
    count(*) FILTER (WHERE kind = 'fill_corrected') AS corrections,
    coalesce(sum(price * quantity) FILTER (WHERE kind = 'filled' AND side = 'buy'), 0) AS bought,
    coalesce(sum(price * quantity) FILTER (WHERE kind = 'filled' AND side = 'sell'), 0) AS sold,
    coalesce(sum(fee_amount) FILTER (WHERE kind = 'filled'), 0) AS fees
FROM fill_history
GROUP BY account_id, time_bucket(INTERVAL '15 minutes', trade_time), strategy_id, symbol_id, fee_currency
WITH NO DATA;

COMMENT ON VIEW account_equity_15m IS 'Equity points of accounts by 15 minutes: their number, the last point, the lowest equity and the sum of the flows.';
COMMENT ON VIEW strategy_performance_15m IS 'Counts and sums of reports about fills by 15 minutes, account, strategy, symbol and currency of the fee.';

-- beyond every time that rows may have, so that TimescaleDB logs every insert for the next refresh (README.md)
CALL refresh_continuous_aggregate('account_equity_15m', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
CALL refresh_continuous_aggregate('strategy_performance_15m', timestamptz '2100-01-01 00:00:00+00', timestamptz '2100-01-03 00:00:00+00');
