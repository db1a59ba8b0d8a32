//! Tests of the constraints of the tables of strategies and backtests, which apply to every writer.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use diesel::connection::SimpleConnection as _;
use tickbook::db::ScratchSchemas;

use crate::schema_constraints::metadata;
use crate::support::constrained::{NULL, Row, Table};

const HASH: &str = "\\x0000000000000000000000000000000000000000000000000000000000000000";

const STRATEGY: &Row = &[
    ("tenant_id", "1"),
    ("name", "other"),
    ("description", ""),
    ("created_at", "2026-01-01 00:00Z"),
];

const VERSION: &Row = &[
    ("strategy_id", "1"),
    ("version", "2"),
    ("parameters", "{}"),
    ("risk_limits", "{}"),
    ("symbols", "{1,2}"),
    ("code_ref", "git:2"),
    (
        "content_hash",
        "\\x0000000000000000000000000000000000000000000000000000000000000001",
    ),
    ("created_at", "2026-01-01 00:00Z"),
];

const DEPLOYMENT: &Row = &[
    ("account_id", "1"),
    ("strategy_id", "1"),
    ("version", "1"),
    ("deployed_at", "2026-01-01 00:00Z"),
];

const RUN: &Row = &[
    ("account_id", "3"),
    ("strategy_id", "1"),
    ("version", "1"),
    ("data_hash", HASH),
    ("parameters_hash", HASH),
    ("seed", "2"),
    ("engine_version", "e"),
    ("parameters", "{}"),
    ("data_from", "2026-01-01 00:00Z"),
    ("data_to", "2026-01-02 00:00Z"),
    ("journal_level", "all"),
    ("state", "running"),
    ("started_at", "2026-01-03 00:00Z"),
];

const METRIC: &Row = &[
    ("run_id", "1"),
    ("metric", "net"),
    ("definition", "d"),
    ("value", "1"),
];

/// A database with the accounts 1 (live), 2 and 3 (backtests), the strategy 1 with its version 1, and the run 1.
async fn table(schemas: &ScratchSchemas, name: &'static str, good: &'static Row) -> Table {
    let mut table = metadata(schemas, name, good).await;
    let account = |id: u8, environment: &str| {
        format!(
            "INSERT INTO accounts VALUES ({id}, 1, 'a{id}', 'V', '{environment}', 'USD', 'UTC', 'average', \
             'netting', '2026-01-01 00:00Z');"
        )
    };
    let rows = [
        account(1, "live"),
        account(2, "backtest"),
        account(3, "backtest"),
        "INSERT INTO strategies (tenant_id, name, description, created_at) \
         VALUES (1, 'ema', '', '2026-01-01 00:00Z');"
            .to_owned(),
        format!(
            "INSERT INTO strategy_versions VALUES \
             (1, 1, '{{}}', '{{}}', '{{}}', 'git:1', '{HASH}', NULL, '2026-01-01 00:00Z');"
        ),
        format!(
            "INSERT INTO backtest_runs (account_id, strategy_id, version, data_hash, parameters_hash, seed, \
             engine_version, parameters, data_from, data_to, journal_level, state, started_at) \
             VALUES (2, 1, 1, '{HASH}', '{HASH}', 1, 'e', '{{}}', '2026-01-01 00:00Z', '2026-01-02 00:00Z', \
             'all', 'running', '2026-01-03 00:00Z');"
        ),
    ];
    let rows = rows.concat();
    table.connection.batch_execute(&rows).expect("good rows");
    table
}

#[tokio::test]
async fn strategies_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut strategies = table(&schemas, "strategies", STRATEGY).await;
    strategies.accepts(&[]);
    let name = |end: &str| format!("strategies_{end}");
    strategies.refuses(&[("tenant_id", "0")], &name("tenant_id_positive"));
    strategies.refuses(&[("name", "")], &name("name_length"));
    strategies.refuses(&[("name", "ema")], &name("name_unique"));
    strategies.refuses(&[("class_name", "")], &name("class_name_length"));
    strategies.refuses(&[("strategy_type", "")], &name("strategy_type_length"));
    strategies.refuses(&[("created_at", "infinity")], &name("created_at_finite"));
    let long = "x".repeat(1_001);
    strategies.refuses(&[("description", &long)], &name("description_length"));
}

#[tokio::test]
async fn strategy_versions_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut versions = table(&schemas, "strategy_versions", VERSION).await;
    versions.accepts(&[]);
    let name = |end: &str| format!("strategy_versions_{end}");
    versions.refuses(&[("version", "0")], &name("version_positive"));
    versions.refuses(&[("version", "1")], &name("pkey"));
    versions.refuses(&[("strategy_id", "9")], &name("strategy_id_fkey"));
    versions.refuses(&[("parameters", "[]")], &name("parameters_object"));
    versions.refuses(&[("risk_limits", "1")], &name("risk_limits_object"));
    versions.refuses(&[("symbols", "{1,0}")], &name("symbols_positive"));
    versions.refuses(&[("code_ref", "")], &name("code_ref_length"));
    versions.refuses(&[("content_hash", "\\x00")], &name("content_hash_length"));
    versions.refuses(&[("content_hash", HASH)], &name("content_unique"));
    versions.refuses(&[("created_by", "")], &name("created_by_length"));
}

#[tokio::test]
async fn deployments_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut deployments = table(&schemas, "deployments", DEPLOYMENT).await;
    deployments.accepts(&[]);
    let name = |end: &str| format!("deployments_{end}");
    for limit in ["allocated_capital", "max_position_size", "max_leverage"] {
        deployments.refuses(&[(limit, "0")], &name(&format!("{limit}_positive")));
    }
    deployments.refuses(&[("version", "2")], &name("version_fkey"));
    deployments.refuses(&[("account_id", "9")], &name("account_id_fkey"));
    let early = [("stopped_at", "2025-01-01 00:00Z")];
    deployments.refuses(&early, &name("stopped_at_ordered"));
    deployments.refuses(&[("deployed_at", "-infinity")], &name("deployed_at_finite"));
}

#[tokio::test]
async fn backtest_runs_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut runs = table(&schemas, "backtest_runs", RUN).await;
    runs.accepts(&[]);
    let name = |end: &str| format!("backtest_runs_{end}");
    runs.refuses(&[("account_id", "1")], &name("account_environment"));
    runs.refuses(&[("account_id", "2")], &name("account_unique"));
    runs.refuses(&[("seed", "1")], &name("input_unique"));
    runs.refuses(&[("version", "2")], &name("version_fkey"));
    runs.refuses(&[("data_hash", "\\x00")], &name("data_hash_length"));
    runs.refuses(
        &[("parameters_hash", "\\x00")],
        &name("parameters_hash_length"),
    );
    runs.refuses(&[("engine_version", "")], &name("engine_version_length"));
    runs.refuses(&[("parameters", "[]")], &name("parameters_object"));
    runs.refuses(&[("data_to", "2026-01-01 00:00Z")], &name("data_ordered"));
    runs.refuses(
        &[("starting_capital", "0")],
        &name("starting_capital_positive"),
    );
    runs.refuses(&[("journal_level", "some")], &name("journal_level_known"));
    let end = ("finished_at", "2026-01-04 00:00Z");
    runs.accepts(&[("state", "finished"), end]);
    runs.accepts(&[("state", "failed"), end, ("error", "no data")]);
    runs.refuses(&[("state", "done"), end], &name("state_known"));
    runs.refuses(&[("state", "finished")], &name("finished_at_whole"));
    runs.refuses(&[end], &name("finished_at_whole"));
    runs.refuses(&[("state", "failed"), end], &name("error_whole"));
    runs.refuses(&[("error", "x")], &name("error_whole"));
    let early = ("finished_at", "2026-01-02 00:00Z");
    runs.refuses(
        &[("state", "finished"), early],
        &name("finished_at_ordered"),
    );
}

#[tokio::test]
async fn backtest_metrics_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut metrics = table(&schemas, "backtest_metrics", METRIC).await;
    metrics.accepts(&[]);
    metrics.accepts(&[("value", NULL), ("reason", "no losing trade")]);
    let name = |end: &str| format!("backtest_metrics_{end}");
    metrics.refuses(&[("value", NULL)], &name("value_or_reason"));
    metrics.refuses(&[("reason", "x")], &name("value_or_reason"));
    metrics.refuses(&[("value", "NaN")], &name("value_finite"));
    metrics.refuses(&[("value", "Infinity")], &name("value_finite"));
    metrics.refuses(&[("metric", "")], &name("metric_length"));
    metrics.refuses(&[("definition", "")], &name("definition_length"));
    metrics.refuses(&[("run_id", "9")], &name("run_id_fkey"));
}
