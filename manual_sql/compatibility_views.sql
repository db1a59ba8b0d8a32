-- Creates the orders, fills and positions of the ledger as views under the names of other systems' schemas, so that
-- existing queries need no change. Read-only; apply it to both databases:
--
--   psql -v ON_ERROR_STOP=1 -f manual_sql/compatibility_views.sql "$DATABASE_URL"
--   psql -v ON_ERROR_STOP=1 -f manual_sql/compatibility_views.sql "$TIMESCALEDB_URL"
--
-- compatibility_market_data.sql has the views of symbols and market data.
--
-- The file may be run again at any time. Each part creates its views if the database has the tables, which it finds by
-- the search_path. A view has the rights of its reader (security_invoker), not of its owner. A view of one table would
-- accept writes; the join of (SELECT), which has one row without columns, prevents this.
--
-- Common to all views: ids of orders are texts; sides and states are in the words of the schema; a price is in the quote
-- currency. A price for which nothing is known is NULL: marks and unrealized profits are computed by readers.

-- Part 1: the metadata database.
DO $part$
BEGIN
    IF to_regclass('order_events') IS NULL THEN
        RAISE NOTICE 'views of orders, fills and positions are left out: this is not the metadata database';
        RETURN;
    END IF;

    -- orders of all schemas, with what several of them need
    CREATE OR REPLACE VIEW ledger_orders WITH (security_invoker = true) AS
    SELECT orders.account_id, accounts.name AS account_name, accounts.environment, orders.order_id, orders.symbol_id,
        symbols.name AS symbol, symbols.exchange, upper(orders.side) AS side, orders.order_type, orders.time_in_force,
        orders.quantity, orders.limit_price, orders.stop_price, orders.arrival_price, orders.strategy_id,
        orders.client_order_id, orders.venue_order_id, orders.status, orders.is_open, orders.facts,
        orders.filled + orders.adjustment AS executed,
        round((orders.filled_notional + orders.notional_adjustment) / nullif(orders.filled + orders.adjustment, 0), 12)
            AS average_price,
        orders.created_at, orders.updated_at
    FROM orders
    JOIN accounts USING (account_id)
    LEFT JOIN symbols USING (symbol_id);
    COMMENT ON VIEW ledger_orders IS 'Orders with the names of their accounts and symbols.';

    CREATE SCHEMA IF NOT EXISTS s1_databaseschema;
    COMMENT ON SCHEMA s1_databaseschema IS 'Names of the schema of an order book server: live and simulated orders apart.';

    CREATE OR REPLACE VIEW s1_databaseschema.all_orders WITH (security_invoker = true) AS
    SELECT order_id, symbol_id AS security_id, coalesce(limit_price, stop_price) AS price, quantity,
        CASE order_type WHEN 'market' THEN 'MARKET' WHEN 'limit' THEN 'LIMIT' ELSE 'STOP' END AS order_type,
        CASE
            WHEN status = 'filled' THEN 'FILLED'
            WHEN status IN ('canceled', 'expired', 'rejected', 'denied', 'done_for_day') THEN 'CANCELLED'
            ELSE 'PENDING'
        END AS status,
        side, environment IN ('sim', 'backtest') AS is_simulated, account_id, created_at
    FROM ledger_orders;
    CREATE OR REPLACE VIEW s1_databaseschema.buy_orders WITH (security_invoker = true) AS
    SELECT order_id, security_id, price, quantity, order_type, status, account_id, created_at
    FROM s1_databaseschema.all_orders WHERE side = 'BUY' AND NOT is_simulated;
    CREATE OR REPLACE VIEW s1_databaseschema.sell_orders WITH (security_invoker = true) AS
    SELECT order_id, security_id, price, quantity, order_type, status, account_id, created_at
    FROM s1_databaseschema.all_orders WHERE side = 'SELL' AND NOT is_simulated;
    CREATE OR REPLACE VIEW s1_databaseschema.sim_buy_orders WITH (security_invoker = true) AS
    SELECT order_id, security_id, price, quantity, order_type, status, account_id, created_at
    FROM s1_databaseschema.all_orders WHERE side = 'BUY' AND is_simulated;
    CREATE OR REPLACE VIEW s1_databaseschema.sim_sell_orders WITH (security_invoker = true) AS
    SELECT order_id, security_id, price, quantity, order_type, status, account_id, created_at
    FROM s1_databaseschema.all_orders WHERE side = 'SELL' AND is_simulated;

    -- own executions; the trades of the market are in the table trades of the time-series database
    CREATE OR REPLACE VIEW s1_databaseschema.all_trades WITH (security_invoker = true) AS
    SELECT fills.account_id, fills.sequence AS id, fills.trade_time AS "timestamp", fills.symbol_id AS security_id,
        fills.price, fills.quantity, upper(fills.side) AS side,
        coalesce(fills.exec_id, encode(fills.content_hash, 'hex')) AS execution_id,
        CASE WHEN fills.side = 'buy' THEN fills.order_id END AS buyer_order_id,
        CASE WHEN fills.side = 'sell' THEN fills.order_id END AS seller_order_id,
        accounts.environment IN ('sim', 'backtest') AS is_simulated
    FROM fills JOIN accounts USING (account_id)
    WHERE NOT fills.is_busted;
    CREATE OR REPLACE VIEW s1_databaseschema.trades WITH (security_invoker = true) AS
    SELECT id, "timestamp", security_id, price, quantity, side, execution_id, buyer_order_id, seller_order_id, account_id
    FROM s1_databaseschema.all_trades WHERE NOT is_simulated;
    CREATE OR REPLACE VIEW s1_databaseschema.sim_trades WITH (security_invoker = true) AS
    SELECT id, "timestamp", security_id, price, quantity, side, execution_id, buyer_order_id, seller_order_id, account_id
    FROM s1_databaseschema.all_trades WHERE is_simulated;

    CREATE OR REPLACE VIEW s1_databaseschema.positions WITH (security_invoker = true) AS
    SELECT positions.account_id::text AS account_id, positions.symbol_id AS security_id,
        sum(positions.quantity) AS quantity,
        round(sum(positions.open_cost) / nullif(sum(positions.quantity), 0), 12) AS average_price,
        max(order_events.recorded_at) AS updated_at
    FROM positions
    LEFT JOIN order_events ON order_events.account_id = positions.account_id
        AND order_events.sequence = positions.last_sequence
    GROUP BY positions.account_id, positions.symbol_id;

    CREATE OR REPLACE VIEW s1_databaseschema.strategy_orders WITH (security_invoker = true) AS
    SELECT strategy_id, account_id, order_id, symbol_id AS security_id, side, executed AS quantity, average_price,
        arrival_price,
        CASE side WHEN 'BUY' THEN 1 ELSE -1 END * (average_price - arrival_price) AS slippage
    FROM ledger_orders
    WHERE strategy_id IS NOT NULL AND executed > 0;

    CREATE SCHEMA IF NOT EXISTS s3_okx;
    COMMENT ON SCHEMA s3_okx IS 'Names of the schema of a quantitative trading system: its trades are orders.';

    CREATE OR REPLACE VIEW s3_okx.trades WITH (security_invoker = true) AS
    SELECT listed.order_id AS id, listed.venue_order_id AS okx_order_id, listed.client_order_id, listed.strategy_id,
        listed.symbol, lower(listed.side) AS side, listed.order_type, NULL::text AS position_side, listed.quantity,
        coalesce(listed.limit_price, listed.stop_price) AS price, listed.average_price AS avg_fill_price,
        listed.executed AS filled_quantity, fees.commission, fees.commission_asset,
        10000 * CASE listed.side WHEN 'BUY' THEN 1 ELSE -1 END
            * (listed.average_price - listed.arrival_price) / nullif(listed.arrival_price, 0) AS slippage_bps,
        CASE
            WHEN listed.status IN ('rejected', 'denied') THEN 'rejected'
            WHEN listed.status IN ('canceled', 'expired', 'done_for_day') THEN 'cancelled'
            WHEN listed.status = 'filled' THEN 'filled'
            WHEN listed.executed > 0 THEN 'partial'
            WHEN listed.status = 'pending_new' AND events.submitted_at IS NULL THEN 'pending'
            ELSE 'submitted'
        END AS status,
        events.reject_reason, listed.created_at, events.submitted_at, events.first_fill_at,
        CASE WHEN NOT listed.is_open THEN listed.updated_at END AS completed_at,
        1000 * extract(epoch FROM events.acknowledged_at - events.submitted_at) AS latency_ms,
        1000 * extract(epoch FROM events.first_fill_at - listed.created_at) AS total_latency_ms, listed.account_id
    FROM ledger_orders AS listed
    CROSS JOIN LATERAL (
        SELECT min(recorded_at) FILTER (WHERE kind = 'submitted') AS submitted_at,
            min(recorded_at) FILTER (WHERE kind = 'acknowledged') AS acknowledged_at,
            min(venue_time) FILTER (WHERE kind = 'filled') AS first_fill_at,
            min(payload ->> 'reason') FILTER (WHERE kind IN ('rejected', 'denied')) AS reject_reason
        FROM order_events AS event
        WHERE event.account_id = listed.account_id AND event.order_id = listed.order_id
    ) AS events
    -- fees in several currencies have no sum
    CROSS JOIN LATERAL (
        SELECT CASE WHEN count(DISTINCT fee_currency) = 1 THEN sum(fee_amount) END AS commission,
            CASE WHEN count(DISTINCT fee_currency) = 1 THEN min(fee_currency) END AS commission_asset
        FROM fills AS fill
        WHERE fill.account_id = listed.account_id AND fill.order_id = listed.order_id AND NOT fill.is_busted
    ) AS fees;

    CREATE OR REPLACE VIEW s3_okx.positions WITH (security_invoker = true) AS
    SELECT positions.account_id, nullif(positions.strategy_id, 0) AS strategy_id, symbols.name AS symbol,
        CASE WHEN positions.quantity < 0 THEN 'short' WHEN positions.quantity > 0 THEN 'long' END AS side,
        abs(positions.quantity) AS quantity,
        round(positions.open_cost / nullif(positions.quantity, 0), 12) AS avg_entry_price,
        NULL::numeric AS current_price, NULL::numeric AS unrealized_pnl, positions.realized AS realized_pnl,
        reported.margin, reported.leverage, reported.liquidation_price, positions.opened_at,
        order_events.recorded_at AS last_updated
    FROM positions
    LEFT JOIN symbols USING (symbol_id)
    LEFT JOIN order_events ON order_events.account_id = positions.account_id
        AND order_events.sequence = positions.last_sequence
    LEFT JOIN LATERAL (
        SELECT margin, leverage, liquidation_price FROM position_reports AS report
        WHERE report.account_id = positions.account_id AND report.symbol_id = positions.symbol_id
            AND report.position_name = positions.position_name
        ORDER BY report.reported_at DESC LIMIT 1
    ) AS reported ON true;

    CREATE SCHEMA IF NOT EXISTS s4_trading;
    COMMENT ON SCHEMA s4_trading IS 'Names of the schema of a trading application: SL and SL-M are stop orders.';

    CREATE OR REPLACE VIEW s4_trading.orders WITH (security_invoker = true) AS
    SELECT listed.order_id AS id, listed.strategy_id::text AS strategy_id, listed.symbol_id AS instrument_id,
        listed.side AS order_type, listed.quantity, coalesce(listed.limit_price, listed.stop_price) AS price,
        CASE listed.order_type
            WHEN 'market' THEN 'MARKET' WHEN 'limit' THEN 'LIMIT' WHEN 'stop' THEN 'SL-M' ELSE 'SL'
        END AS order_kind,
        CASE
            WHEN listed.status = 'pending_new' THEN 'PENDING'
            WHEN listed.status = 'filled' THEN 'FILLED'
            WHEN listed.status IN ('rejected', 'denied') THEN 'REJECTED'
            WHEN listed.status IN ('canceled', 'expired', 'done_for_day') THEN 'CANCELLED'
            ELSE 'OPEN'
        END AS current_status,
        listed.venue_order_id AS broker_order_id, listed.executed AS filled_quantity, listed.average_price,
        listed.created_at, listed.updated_at,
        (SELECT max(fill.trade_time) FROM fills AS fill WHERE fill.account_id = listed.account_id
            AND fill.order_id = listed.order_id AND NOT fill.is_busted) AS executed_at,
        CASE WHEN listed.status IN ('canceled', 'expired') THEN listed.updated_at END AS cancelled_at,
        listed.account_id
    FROM ledger_orders AS listed;

    -- a state for each event; a fill of a part of the order is FILLED as well
    CREATE OR REPLACE VIEW s4_trading.order_history WITH (security_invoker = true) AS
    SELECT account_id || '-' || sequence AS id, order_id,
        CASE
            WHEN kind IN ('created', 'submitted') THEN 'PENDING'
            WHEN kind = 'filled' THEN 'FILLED'
            WHEN kind IN ('canceled', 'expired', 'done_for_day') THEN 'CANCELLED'
            WHEN kind IN ('rejected', 'denied') THEN 'REJECTED'
            ELSE 'OPEN'
        END AS status,
        recorded_at AS "timestamp", payload AS details, account_id
    FROM order_events CROSS JOIN (SELECT) AS read_only;

    CREATE OR REPLACE VIEW s4_trading.positions WITH (security_invoker = true) AS
    SELECT positions.account_id || '-' || positions.strategy_id || '-' || positions.symbol_id || '-'
            || positions.position_name AS id,
        nullif(positions.strategy_id, 0)::text AS strategy_id, positions.symbol_id AS instrument_id,
        positions.quantity, round(positions.open_cost / nullif(positions.quantity, 0), 12) AS average_entry_price,
        NULL::numeric AS current_price, NULL::numeric AS unrealized_pnl, positions.realized AS realized_pnl,
        NULL::numeric AS stop_loss_price, NULL::numeric AS target_price,
        CASE WHEN positions.quantity = 0 THEN 'CLOSED' ELSE 'OPEN' END AS status, positions.opened_at,
        CASE WHEN positions.quantity = 0 THEN order_events.recorded_at END AS closed_at, positions.account_id
    FROM positions
    LEFT JOIN order_events ON order_events.account_id = positions.account_id
        AND order_events.sequence = positions.last_sequence;

    CREATE SCHEMA IF NOT EXISTS order_manager;
    COMMENT ON SCHEMA order_manager IS 'Names of the schema of an order manager.';

    CREATE OR REPLACE VIEW order_manager.orders WITH (security_invoker = true) AS
    SELECT orders.order_id AS order_ref, symbols.name AS symbol, symbols.exchange,
        instruments.instrument_type AS asset_class, upper(orders.side) AS side, upper(orders.order_type) AS order_type,
        orders.quantity, coalesce(orders.limit_price, orders.stop_price) AS price, orders.strategy_id,
        orders.account_id, orders.position_id AS position_type, upper(orders.status) AS status,
        accounts.name AS created_by, orders.created_at
    FROM orders
    JOIN accounts USING (account_id)
    LEFT JOIN symbols USING (symbol_id)
    LEFT JOIN instruments USING (symbol_id);

    CREATE OR REPLACE VIEW order_manager.trades WITH (security_invoker = true) AS
    SELECT coalesce(fills.exec_id, encode(fills.content_hash, 'hex')) AS trade_ref, fills.order_id AS order_ref,
        symbols.name AS symbol, symbols.exchange, upper(fills.side) AS side, fills.quantity, fills.price,
        fills.fee_amount AS fee, fills.fee_currency, fills.strategy_id, fills.account_id,
        fills.trade_time AS executed_at
    FROM fills
    LEFT JOIN symbols USING (symbol_id)
    WHERE NOT fills.is_busted;
END
$part$;

-- Part 2: the time-series database. It knows the ids of symbols, not their names.
DO $part$
BEGIN
    IF to_regclass('order_event_history') IS NULL THEN
        RAISE NOTICE 'views of the order history are left out: this is not the time-series database';
        RETURN;
    END IF;

    CREATE SCHEMA IF NOT EXISTS s1_databaseschema;
    CREATE OR REPLACE VIEW s1_databaseschema.position_history WITH (security_invoker = true) AS
    SELECT account_id::text AS account_id, symbol_id AS security_id, as_of AS "timestamp", sequence, quantity,
        round(open_cost / nullif(quantity, 0), 12) AS average_price, realized AS realized_pnl
    FROM position_history CROSS JOIN (SELECT) AS read_only;

    CREATE SCHEMA IF NOT EXISTS s3_okx;
    -- a trade is an event that closed a part of a position with a profit or a loss, without fees; days are those of UTC
    CREATE OR REPLACE VIEW s3_okx.strategy_performance_daily WITH (security_invoker = true) AS
    SELECT account_id, strategy_id, date, count(*) AS total_trades, count(*) FILTER (WHERE pnl > 0) AS winning_trades,
        count(*) FILTER (WHERE pnl < 0) AS losing_trades, sum(pnl) AS total_pnl,
        sum(pnl) FILTER (WHERE pnl > 0) AS total_win, sum(pnl) FILTER (WHERE pnl < 0) AS total_loss
    FROM (
        SELECT account_id, strategy_id, (as_of AT TIME ZONE 'UTC')::date AS date,
            realized - lag(realized, 1, 0) OVER (
                PARTITION BY account_id, strategy_id, symbol_id, position_name ORDER BY sequence, recorded_at
            ) AS pnl
        FROM position_history
        WHERE strategy_id IS NOT NULL
    ) AS closed
    WHERE pnl <> 0
    GROUP BY account_id, strategy_id, date;
    -- ratios of returns need the equity of the account, which fills alone do not give
    CREATE OR REPLACE VIEW s3_okx.strategy_performance WITH (security_invoker = true) AS
    SELECT account_id, strategy_id, date, total_trades, winning_trades, losing_trades, total_pnl,
        NULL::numeric AS return_pct, NULL::numeric AS sharpe_ratio, NULL::numeric AS max_drawdown,
        winning_trades::numeric / total_trades AS win_rate, total_win / nullif(winning_trades, 0) AS avg_win,
        total_loss / nullif(losing_trades, 0) AS avg_loss, total_win / nullif(-total_loss, 0) AS profit_factor
    FROM s3_okx.strategy_performance_daily CROSS JOIN (SELECT) AS read_only;

    CREATE SCHEMA IF NOT EXISTS order_manager;
    CREATE OR REPLACE VIEW order_manager.position_history WITH (security_invoker = true) AS
    SELECT account_id, strategy_id, symbol_id, position_name, as_of AS recorded_at, sequence, quantity,
        round(open_cost / nullif(quantity, 0), 12) AS average_price, realized AS realized_pnl
    FROM position_history CROSS JOIN (SELECT) AS read_only;
    CREATE OR REPLACE VIEW order_manager.order_audit_log WITH (security_invoker = true) AS
    SELECT account_id, sequence, order_id AS order_ref, upper(kind) AS action, recorded_at AS created_at, venue,
        payload AS details
    FROM order_event_history CROSS JOIN (SELECT) AS read_only;
END
$part$;
