-- Creates the sums of 15 minutes of equity points and fills as plain views, on either edition of TimescaleDB.
--
--   psql -v ON_ERROR_STOP=1 -f manual_sql/performance_views.sql "$TIMESCALEDB_URL"
--
-- The file may be run again at any time. It creates both views in the first schema of the search_path. On the Community
-- edition performance_aggregates.sql creates continuous aggregates of the same names and columns instead; this file then
-- leaves them in place, with a notice.
--
-- Both have buckets of 15 minutes [open_time, open_time + 15 minutes), aligned to UTC, since time zones have offsets of
-- half hours and quarters. Sum them to the days of a time zone; ratios of days cannot be averaged.
--
-- account_equity_15m has the number of points of an account, the last point (last_as_of, last_equity), the lowest
-- equity, and the sum of the flows.
--
-- strategy_performance_15m has counts and sums of reports about fills, as venues sent them, by strategy, symbol and
-- currency of the fee: a bust or a correction is counted when it was reported and changes no sum.

DO $$
DECLARE
    relation text;
    definition text;
BEGIN
    FOR relation, definition IN VALUES
        ('account_equity_15m', $view$
            CREATE OR REPLACE VIEW account_equity_15m AS
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
        $view$),
        ('strategy_performance_15m', $view$
            CREATE OR REPLACE VIEW strategy_performance_15m AS
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
        $view$)
    LOOP
        IF EXISTS (
            SELECT FROM timescaledb_information.continuous_aggregates
            WHERE view_schema = current_schema() AND view_name = relation
        ) THEN
            RAISE NOTICE '% is a continuous aggregate and stays one', relation;
            CONTINUE;
        END IF;
        EXECUTE definition;
    END LOOP;
END
$$;

COMMENT ON VIEW account_equity_15m IS 'Equity points of accounts by 15 minutes: their number, the last point, the lowest equity and the sum of the flows.';
COMMENT ON VIEW strategy_performance_15m IS 'Counts and sums of reports about fills by 15 minutes, account, strategy, symbol and currency of the fee.';
