//! Tests of the views of strategies, backtests, users, risk, credentials and the audit log for other systems.

use crate::views_setup::Setup;

/// Rows of every table that the views read.
const ROWS: &str = "
    SET TimeZone = 'UTC';
    INSERT INTO exchanges (name) VALUES ('b3');
    INSERT INTO symbols (symbol_id, exchange, name, digits) VALUES (1, 'b3', 'PETR4', 2), (2, 'b3', 'VALE3', 2);
    INSERT INTO accounts VALUES
        (1, 1, 'main', 'V', 'live', 'USD', 'UTC', 'average', 'netting', '2026-01-01', NULL),
        (2, 1, 'run', 'V', 'backtest', 'USD', 'UTC', 'average', 'netting', '2026-01-01', NULL);
    INSERT INTO strategies (tenant_id, name, description, class_name, strategy_type, created_at) VALUES
        (1, 'ema', 'crossover', 'Ema', 'trend', '2026-01-01'), (1, 'idle', '', NULL, NULL, '2026-01-01');
    INSERT INTO strategy_versions VALUES
        (1, 1, '{\"fast\": 9}', '{}', '{1}', 'c0', sha256('a'), 'ann', '2026-01-01'),
        (1, 2, '{\"fast\": 8}', '{\"max\": 1}', '{1,2}', 'c1', sha256('b'), 'ann', '2026-01-02');
    INSERT INTO deployments (account_id, strategy_id, version, allocated_capital, deployed_at)
        VALUES (1, 1, 2, 1000, '2026-01-03');
    INSERT INTO backtest_runs (account_id, strategy_id, version, data_hash, parameters_hash, seed, engine_version,
        parameters, data_from, data_to, journal_level, state, started_at, finished_at) VALUES (2, 1, 2, sha256('a'),
        sha256('b'), 1, 'e', '{}', '2025-01-01', '2025-02-01', 'all', 'finished', '2026-01-01', '2026-01-02');
    INSERT INTO backtest_metrics VALUES (1, 'net_profit', 'a', 5, NULL), (1, 'sharpe_ratio', 'a', 1, NULL),
        (1, 'sharpe_ratio', 'b', 2, NULL), (1, 'max_drawdown', 'm', NULL, 'no equity');
    INSERT INTO artifacts VALUES (sha256('x'), 1, 'x', '2026-01-01');
    INSERT INTO run_artifacts VALUES (1, 'report.html', sha256('x'), 'text/html');
    INSERT INTO users VALUES (1, 1, 'ann', 'a@b.c', 'Ann', true, false, '{}', '2026-01-01', '2026-01-02');
    INSERT INTO user_grants VALUES (1, NULL, 'viewer', '2026-01-01'), (1, 1, 'trader', '2026-01-01');
    INSERT INTO risk_events (account_id, symbol_id, kind, severity, metric, observed, threshold, details, occurred_at,
        recorded_at) VALUES (1, 1, 'overfill', 'warning', 'overfill', 1, 0, '{\"order\": \"o1\"}', '2026-01-01',
        '2026-01-01'), (NULL, NULL, 'stale_feed', 'info', 'age', 2, 1, '{}', '2026-01-01', '2026-01-01');
    INSERT INTO risk_acknowledgements VALUES (1, 'ann', 'seen', '2026-01-02');
    INSERT INTO audit_log (chain_id, sequence, occurred_at, actor, action, resource_type, resource_id, details, success,
        key_id, previous_mac, mac) VALUES (0, 1, '2026-01-01', 'token:ann', 'symbols.rename', 'symbol', '1',
        '{\"name\": \"PETR3\"}', true, 'k1', sha256('a'), sha256('b'));
    INSERT INTO credentials (account_id, broker, label, version, key_id, wrapped_key, payload, created_at, revoked_at)
        VALUES (1, 'V', 'api', 1, 'k1', decode(repeat('00', 72), 'hex'), decode(repeat('00', 60), 'hex'), '2026-01-01',
        '2026-01-02'), (1, 'V', 'api', 2, 'k2', decode(repeat('00', 72), 'hex'), decode(repeat('00', 60), 'hex'),
        '2026-01-02', NULL);";

async fn filled_database() -> Setup {
    let mut setup = Setup::new().await;
    setup.execute(ROWS);
    setup
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_of_strategies_have_the_newest_version() {
    let mut setup = filled_database().await;
    setup.expect(
        "SELECT strategy_id, name, version, parameters -> 'fast' AS fast FROM s1_databaseschema.strategies \
         ORDER BY version",
        &["(1,ema,1,9)", "(1,ema,2,8)"],
    );
    setup.expect(
        "SELECT id, name, strategy_type, version, symbols, status, allocated_capital, created_by, deployed_at, \
         stopped_at FROM s3_okx.strategies ORDER BY id",
        &[
            "(1,ema,trend,2,\"{PETR4,VALE3}\",active,1000.000000000000,ann,\"2026-01-03 00:00:00+00\",)",
            "(2,idle,,,,inactive,,,,)",
        ],
    );
    let listed = "SELECT id, name, class_name, config -> 'fast' AS fast, is_enabled, execution_mode \
                  FROM s4_trading.strategies ORDER BY id";
    setup.expect(listed, &["(1,ema,Ema,8,t,LIVE)", "(2,idle,,,f,PAPER)"]);
    setup.execute("UPDATE deployments SET stopped_at = '2026-01-04'");
    setup.expect(listed, &["(1,ema,Ema,8,f,PAPER)", "(2,idle,,,f,PAPER)"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_of_backtests_have_their_metrics() {
    let mut setup = filled_database().await;
    // two definitions of a ratio have no single value, and an undefined one has none
    setup.expect(
        "SELECT backtest_id, strategy_id, version, start_date, state, pnl, sharpe_ratio, max_drawdown, \
         statistics ->> 'sharpe_ratio b' AS other, account_id FROM s1_databaseschema.backtest_results",
        &["(1,1,2,\"2025-01-01 00:00:00+00\",finished,5,,,2,2)"],
    );
    setup.expect(
        "SELECT backtest_id, name, media_type, size, content FROM s1_databaseschema.backtest_reports",
        &[r#"(1,report.html,text/html,1,"\\x78")"#],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_of_users_and_risk_have_the_rows() {
    let mut setup = filled_database().await;
    setup.expect(
        "SELECT id, username, email, role, two_factor_enabled, is_active, last_login FROM s3_okx.users",
        &["(1,ann,a@b.c,trader,f,t,)"],
    );
    setup.expect(
        "SELECT id, event_type, severity, symbol, metric_value, threshold_value, acknowledged, acknowledged_by, \
         account_id FROM s3_okx.risk_events ORDER BY id",
        &[
            "(1,overfill,warning,PETR4,1.000000000000,0.000000000000,t,ann,1)",
            "(2,stale_feed,info,,2.000000000000,1.000000000000,f,,)",
        ],
    );
    setup.expect(
        "SELECT id, user_id, action, resource_type, resource_id, old_value, new_value ->> 'name' AS name, success \
         FROM s3_okx.audit_logs",
        &["(0-1,token:ann,symbols.rename,symbol,1,,PETR3,t)"],
    );
    setup.expect(
        "SELECT id, broker_name, label, encryption_key_id, account_id FROM s4_trading.broker_credentials",
        &["(2,V,api,k2,1)"],
    );
}
