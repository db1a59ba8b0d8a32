-- Creates strategies, backtests, users, credentials, risk events, the audit log and system metrics as views under the
-- names of other systems' schemas, so that existing queries need no change. Read-only; apply it to both databases:
--
--   psql -v ON_ERROR_STOP=1 -f manual_sql/compatibility_oversight.sql "$DATABASE_URL"
--   psql -v ON_ERROR_STOP=1 -f manual_sql/compatibility_oversight.sql "$TIMESCALEDB_URL"
--
-- compatibility_views.sql has the views of orders, fills and positions.
--
-- The file may be run again at any time. Each part creates its views if the database has the tables, which it finds by
-- the search_path. A view has the rights of its reader (security_invoker), not of its owner. A view of one table would
-- accept writes; the join of (SELECT), which has one row without columns, prevents this.

-- Part 1: strategies, their newest versions and deployments.
DO $part$
BEGIN
    IF to_regclass('deployments') IS NULL THEN
        RAISE NOTICE 'views of strategies are left out: this is not the metadata database';
        RETURN;
    END IF;

    CREATE SCHEMA IF NOT EXISTS s1_databaseschema;
    CREATE OR REPLACE VIEW s1_databaseschema.strategies WITH (security_invoker = true) AS
    SELECT strategy_id, strategies.name, version.version, version.parameters, version.created_at
    FROM strategies JOIN strategy_versions AS version USING (strategy_id);

    CREATE SCHEMA IF NOT EXISTS s3_okx;
    CREATE OR REPLACE VIEW s3_okx.strategies WITH (security_invoker = true) AS
    SELECT strategies.strategy_id AS id, strategies.name, strategies.strategy_type, version.version::text AS version,
        version.parameters, version.risk_limits,
        (SELECT array_agg(symbols.name ORDER BY symbols.symbol_id) FROM symbols
            WHERE symbols.symbol_id = ANY (version.symbols)) AS symbols,
        CASE WHEN deployment.deployed_at IS NULL THEN 'inactive' WHEN deployment.stopped_at IS NULL THEN 'active'
            ELSE 'stopped' END AS status,
        deployment.allocated_capital, deployment.max_position_size, deployment.max_leverage, version.created_by,
        strategies.created_at, version.created_at AS updated_at, deployment.deployed_at, deployment.stopped_at
    FROM strategies
    LEFT JOIN LATERAL (
        SELECT * FROM strategy_versions AS listed WHERE listed.strategy_id = strategies.strategy_id
        ORDER BY listed.version DESC LIMIT 1
    ) AS version ON true
    LEFT JOIN LATERAL (
        SELECT * FROM deployments AS listed WHERE listed.strategy_id = strategies.strategy_id
        ORDER BY listed.stopped_at IS NOT NULL, listed.deployment_id DESC LIMIT 1
    ) AS deployment ON true;

    -- a strategy is enabled while an account runs it, and LIVE if one of these accounts is
    CREATE SCHEMA IF NOT EXISTS s4_trading;
    CREATE OR REPLACE VIEW s4_trading.strategies WITH (security_invoker = true) AS
    SELECT strategies.strategy_id::text AS id, strategies.name, strategies.description, strategies.class_name,
        version.parameters AS config, running.is_enabled, running.execution_mode, strategies.created_at,
        version.created_at AS updated_at
    FROM strategies
    LEFT JOIN LATERAL (
        SELECT * FROM strategy_versions AS listed WHERE listed.strategy_id = strategies.strategy_id
        ORDER BY listed.version DESC LIMIT 1
    ) AS version ON true
    CROSS JOIN LATERAL (
        SELECT count(*) > 0 AS is_enabled,
            CASE WHEN bool_or(accounts.environment = 'live') THEN 'LIVE' ELSE 'PAPER' END AS execution_mode
        FROM deployments JOIN accounts USING (account_id)
        WHERE deployments.strategy_id = strategies.strategy_id AND deployments.stopped_at IS NULL
    ) AS running;
END
$part$;

-- Part 2: backtests. A metric that several definitions compute has no single value.
DO $part$
BEGIN
    IF to_regclass('run_artifacts') IS NULL THEN
        RAISE NOTICE 'views of backtests are left out: this is not the metadata database';
        RETURN;
    END IF;

    CREATE SCHEMA IF NOT EXISTS s1_databaseschema;
    CREATE OR REPLACE VIEW s1_databaseschema.backtest_results WITH (security_invoker = true) AS
    SELECT runs.run_id AS backtest_id, runs.strategy_id, runs.version, runs.data_from AS start_date,
        runs.data_to AS end_date, runs.state, results.pnl, results.sharpe_ratio, results.max_drawdown,
        results.statistics, runs.account_id
    FROM backtest_runs AS runs
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN count(*) FILTER (WHERE metric = 'net_profit') = 1
                THEN max(value) FILTER (WHERE metric = 'net_profit') END AS pnl,
            CASE WHEN count(*) FILTER (WHERE metric = 'sharpe_ratio') = 1
                THEN max(value) FILTER (WHERE metric = 'sharpe_ratio') END AS sharpe_ratio,
            CASE WHEN count(*) FILTER (WHERE metric = 'max_drawdown') = 1
                THEN max(value) FILTER (WHERE metric = 'max_drawdown') END AS max_drawdown,
            coalesce(jsonb_object_agg(metric || ' ' || definition, value::text)
                FILTER (WHERE metric IS NOT NULL), '{}') AS statistics
        FROM backtest_metrics AS found WHERE found.run_id = runs.run_id
    ) AS results;

    CREATE OR REPLACE VIEW s1_databaseschema.backtest_reports WITH (security_invoker = true) AS
    SELECT listed.run_id AS backtest_id, listed.name, listed.media_type, artifacts.size, artifacts.content,
        artifacts.created_at
    FROM run_artifacts AS listed JOIN artifacts USING (sha256);
END
$part$;

-- Part 3: users.
DO $part$
BEGIN
    IF to_regclass('user_grants') IS NULL THEN
        RAISE NOTICE 'the view of users is left out: this is not the metadata database';
        RETURN;
    END IF;

    -- the role with the most rights; users log in elsewhere, so that the last time is not known
    CREATE SCHEMA IF NOT EXISTS s3_okx;
    CREATE OR REPLACE VIEW s3_okx.users WITH (security_invoker = true) AS
    SELECT users.user_id AS id, users.username, users.email,
        (SELECT role FROM user_grants AS listed WHERE listed.user_id = users.user_id
            ORDER BY array_position(ARRAY['admin', 'trader', 'risk', 'auditor', 'viewer'], role) LIMIT 1) AS role,
        users.two_factor_enabled, users.preferences AS risk_preferences, users.is_active,
        NULL::timestamptz AS last_login, users.created_at, users.updated_at
    FROM users CROSS JOIN (SELECT) AS read_only;
END
$part$;

-- Part 4: risk events with their acknowledgements.
DO $part$
BEGIN
    IF to_regclass('risk_acknowledgements') IS NULL THEN
        RAISE NOTICE 'the view of risk events is left out: this is not the metadata database';
        RETURN;
    END IF;

    CREATE SCHEMA IF NOT EXISTS s3_okx;
    CREATE OR REPLACE VIEW s3_okx.risk_events WITH (security_invoker = true) AS
    SELECT raised.risk_event_id AS id, raised.kind AS event_type, raised.severity, raised.strategy_id,
        symbols.name AS symbol, raised.details::text AS description, raised.metric AS metric_name,
        raised.observed AS metric_value, raised.threshold AS threshold_value, raised.action AS action_taken,
        seen.risk_event_id IS NOT NULL AS acknowledged, seen.acknowledged_by, seen.acknowledged_at,
        raised.occurred_at AS created_at, raised.account_id
    FROM risk_events AS raised
    LEFT JOIN risk_acknowledgements AS seen USING (risk_event_id)
    LEFT JOIN symbols ON symbols.symbol_id = raised.symbol_id;
END
$part$;

-- Part 5: the audit log. An entry has the arguments of a change, not the values before and after it.
DO $part$
BEGIN
    IF to_regclass('audit_log') IS NULL THEN
        RAISE NOTICE 'the view of the audit log is left out: this is not the metadata database';
        RETURN;
    END IF;

    CREATE SCHEMA IF NOT EXISTS s3_okx;
    CREATE OR REPLACE VIEW s3_okx.audit_logs WITH (security_invoker = true) AS
    SELECT chain_id || '-' || sequence AS id, actor AS user_id, action, resource_type, resource_id,
        NULL::jsonb AS old_value, details AS new_value, ip AS ip_address, user_agent, success,
        error AS error_message, occurred_at AS created_at
    FROM audit_log CROSS JOIN (SELECT) AS read_only;
END
$part$;

-- Part 6: credentials that are in use, without their secrets.
DO $part$
BEGIN
    IF to_regclass('credentials') IS NULL THEN
        RAISE NOTICE 'the view of credentials is left out: this is not the metadata database';
        RETURN;
    END IF;

    CREATE SCHEMA IF NOT EXISTS s4_trading;
    CREATE OR REPLACE VIEW s4_trading.broker_credentials WITH (security_invoker = true) AS
    SELECT credential_id AS id, broker AS broker_name, label, key_id AS encryption_key_id, created_at, account_id
    FROM credentials CROSS JOIN (SELECT) AS read_only
    WHERE revoked_at IS NULL;
END
$part$;

-- Part 7: system metrics of the time-series database.
DO $part$
BEGIN
    IF to_regclass('system_metrics') IS NULL THEN
        RAISE NOTICE 'the view of system metrics is left out: this is not the time-series database';
        RETURN;
    END IF;

    -- the category is the first word of the name
    CREATE SCHEMA IF NOT EXISTS s3_okx;
    CREATE OR REPLACE VIEW s3_okx.system_metrics WITH (security_invoker = true) AS
    SELECT sample.at AS "timestamp", split_part(series.name, '_', 1) AS metric_category, series.name AS metric_name,
        sample.value AS metric_value, NULL::text AS unit, series.tags
    FROM system_metrics AS sample JOIN metric_series AS series USING (series_id);
END
$part$;
