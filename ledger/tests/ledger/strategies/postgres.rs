//! Strategies and backtests in PostgreSQL.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::BigInt;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::{Clock, Database, RepositoryError};
use tickbook_ledger::chrono::{DateTime, TimeDelta, Utc};
use tickbook_ledger::conformance::StrategySubject;
use tickbook_ledger::domain::{
    AccountId, AccountScope, BacktestInput, BacktestMetric, BacktestRunId, ContentHash, Currency,
    Environment, NewAccount, NewArtifact, NewDeployment, NewStrategy, NewStrategyVersion, Side,
    TenantId, Venue,
};
use tickbook_ledger::{LedgerRepositories, StrategyRepositories};

use crate::samples::{created, dec, seconds};

async fn schemas() -> (ScratchSchemas, DatabasePools) {
    let schemas = ScratchSchemas::create();
    let pools = DatabasePools::new(&schemas.config());
    let migrated = tickbook::postgres::migrate_metadata(&pools.metadata()).await;
    migrated.expect("migrations of the metadata database");
    (schemas, pools)
}

async fn empty_store() -> StrategySubject {
    let (schemas, pools) = schemas().await;
    let ledger = LedgerRepositories::postgres(pools.metadata());
    let strategies = StrategyRepositories::postgres(pools.metadata());
    StrategySubject::guarded(ledger, strategies, schemas)
}

tickbook_ledger::strategy_conformance_tests!(empty_store);

const SCOPE: TenantId = TenantId::new(1);

fn scope() -> AccountScope {
    AccountScope::tenant(SCOPE)
}

fn account(name: &str, environment: Environment) -> NewAccount {
    let (venue, usd) = (Venue::new("V"), Currency::new("USD"));
    let venue = venue.expect("an id");
    NewAccount::new(SCOPE, name, venue, environment, usd.expect("an id"))
}

/// A schema with a strategy of one version, a stopped deployment, and a finished run with an order and a file.
struct Filled {
    connection: PgConnection,
    run_id: BacktestRunId,
    account_id: AccountId,
    strategies: StrategyRepositories,
    _schemas: ScratchSchemas,
}

async fn filled() -> Filled {
    let (schemas, pools) = schemas().await;
    let ledger = LedgerRepositories::postgres(pools.metadata());
    let repositories = StrategyRepositories::postgres(pools.metadata());
    let strategies = &repositories.strategies;
    let strategy = strategies
        .create(&scope(), NewStrategy::new(SCOPE, "ema"))
        .await;
    let id = strategy.expect("a strategy").strategy_id;
    let version = strategies
        .add_version(&scope(), id, NewStrategyVersion::new("c"))
        .await;
    version.expect("a version");
    let live = ledger
        .accounts
        .create(&scope(), account("live", Environment::Live))
        .await;
    let live = live.expect("an account").account_id;
    let deployment = strategies
        .deploy(&scope(), NewDeployment::new(live, id, 1))
        .await;
    let deployment = deployment.expect("a deployment").deployment_id;
    strategies
        .stop(&scope(), deployment)
        .await
        .expect("stopped");
    let range = tickbook::domain::TimeRange::new(seconds(0), seconds(60)).expect("ordered");
    let input = BacktestInput::new(id, 1, ContentHash::of(b"ticks"), range, "e");
    let own = account("backtest", Environment::Backtest);
    let backtests = &repositories.backtests;
    let run = backtests
        .start(&scope(), own, input)
        .await
        .expect("a run")
        .run;
    let events = [created("o", Side::Buy, "1")];
    let appended = ledger
        .ledger
        .append(&scope(), run.account_id, &events, None)
        .await;
    assert_eq!(appended.expect("appended").appended.len(), 1);
    let metrics = [BacktestMetric::new("net", "d", dec("1"))];
    let finished = backtests.finish(&scope(), run.run_id, &metrics).await;
    finished.expect("finished");
    let file = NewArtifact::new("r", "text/plain", "x");
    let stored = backtests.put_artifact(&scope(), run.run_id, file).await;
    stored.expect("stored");
    Filled {
        connection: schemas.connection(Database::Metadata),
        run_id: run.run_id,
        account_id: run.account_id,
        strategies: repositories,
        _schemas: schemas,
    }
}

#[track_caller]
fn refuses(connection: &mut PgConnection, statement: &str, words: &str) {
    let error = connection.batch_execute(statement).expect_err(statement);
    assert!(error.to_string().contains(words), "{statement}: {error}");
}

#[tokio::test]
async fn stored_history_is_not_changed() {
    let mut filled = filled().await;
    for (statement, words) in [
        (
            "UPDATE strategy_versions SET code_ref = 'd'",
            "neither changed nor deleted",
        ),
        (
            "DELETE FROM strategy_versions",
            "neither changed nor deleted",
        ),
        (
            "TRUNCATE strategy_versions CASCADE",
            "neither changed nor deleted",
        ),
        (
            "UPDATE deployments SET stopped_at = NULL",
            "may only be stopped, once",
        ),
        (
            "UPDATE deployments SET version = 2",
            "may only be stopped, once",
        ),
        (
            "UPDATE backtest_runs SET state = 'failed', error = 'x'",
            "a finished run is final",
        ),
        ("UPDATE backtest_runs SET seed = 7", "the input"),
        ("UPDATE backtest_metrics SET value = 2", "do not change"),
        ("DELETE FROM backtest_metrics", "do not change"),
        (
            "UPDATE artifacts SET content = 'y'",
            "artifacts_sha256_of_content",
        ),
    ] {
        refuses(&mut filled.connection, statement, words);
    }
}

#[tokio::test]
async fn overlapping_deployments_are_refused() {
    let mut filled = filled().await;
    let insert = |from: &str, to: &str| {
        format!(
            "INSERT INTO deployments (account_id, strategy_id, version, deployed_at, stopped_at) \
             VALUES (1, 1, 1, {from}, {to})"
        )
    };
    let connection = &mut filled.connection;
    for (from, to) in [
        ("'2030-01-01Z'", "'2030-01-03Z'"),
        ("'2030-01-03Z'", "NULL"),
    ] {
        connection.batch_execute(&insert(from, to)).expect("apart");
    }
    for (from, to) in [
        ("'2030-01-02Z'", "'2030-01-02 01:00Z'"),
        ("'2029-01-01Z'", "'2040-01-01Z'"),
    ] {
        refuses(connection, &insert(from, to), "deployments_do_not_overlap");
    }
    // an empty time overlaps nothing, and a second one that runs is refused
    connection
        .batch_execute(&insert("'2030-01-02Z'", "'2030-01-02Z'"))
        .expect("empty");
    let running = insert("'2050-01-01Z'", "NULL");
    let error = connection.batch_execute(&running).expect_err("two run");
    assert!(error.to_string().contains("deployments_"), "{error}");
}

#[tokio::test]
async fn run_needs_a_backtest_account() {
    let mut filled = filled().await;
    let insert = "INSERT INTO backtest_runs (account_id, strategy_id, version, data_hash, parameters_hash, seed, \
         engine_version, parameters, data_from, data_to, journal_level, state, started_at) \
         SELECT 1, strategy_id, version, data_hash, parameters_hash, 99, engine_version, parameters, data_from, \
         data_to, journal_level, 'running', started_at FROM backtest_runs";
    refuses(
        &mut filled.connection,
        insert,
        "not in the environment backtest",
    );
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[tokio::test]
async fn deleted_run_leaves_rows_of_no_table() {
    let mut filled = filled().await;
    let backtests = &filled.strategies.backtests;
    backtests
        .delete(&scope(), filled.run_id)
        .await
        .expect("deleted");
    for table in [
        "accounts",
        "account_heads",
        "order_events",
        "orders",
        "ledger_outbox",
        "backtest_runs",
        "backtest_metrics",
        "run_artifacts",
        "artifacts",
    ] {
        let condition = match table {
            "artifacts" => "true".to_owned(),
            "backtest_metrics" | "run_artifacts" => format!("run_id = {}", filled.run_id),
            // its events wait to be copied, and the relay skips them
            "ledger_outbox" => "false".to_owned(),
            _ => format!("account_id = {}", filled.account_id),
        };
        let query = format!("SELECT count(*) AS count FROM {table} WHERE {condition}");
        let found: Count = sql_query(&query)
            .get_result(&mut filled.connection)
            .expect(&query);
        assert_eq!(found.count, 0, "{query}");
    }
}

#[tokio::test]
async fn tampered_version_is_reported() {
    let mut filled = filled().await;
    filled
        .connection
        .batch_execute(
            "ALTER TABLE strategy_versions DISABLE TRIGGER USER; \
             UPDATE strategy_versions SET parameters = '{\"a\": 1}'",
        )
        .expect("changed");
    let id = tickbook_ledger::domain::StrategyId::new(1);
    let read = filled.strategies.strategies.version(&scope(), id, 1).await;
    let error = read.expect_err("another content");
    assert!(matches!(error, RepositoryError::Data { .. }), "{error}");
    assert!(error.to_string().contains("content_hash"), "{error}");
}

#[tokio::test]
async fn clock_that_is_set_back_orders_deployments() {
    let (_schemas, pools) = schemas().await;
    let at = |time: DateTime<Utc>| {
        let clock = Clock::standing_at(time);
        StrategyRepositories::postgres_with_clock(pools.metadata(), clock).strategies
    };
    let (now, before) = (seconds(0), seconds(0) - TimeDelta::hours(1));
    let ledger = LedgerRepositories::postgres(pools.metadata());
    let live = ledger
        .accounts
        .create(&scope(), account("live", Environment::Live))
        .await;
    let live = live.expect("an account").account_id;
    let strategy = at(now)
        .create(&scope(), NewStrategy::new(SCOPE, "ema"))
        .await;
    let id = strategy.expect("a strategy").strategy_id;
    let version = at(now)
        .add_version(&scope(), id, NewStrategyVersion::new("c"))
        .await;
    version.expect("a version");
    let terms = NewDeployment::new(live, id, 1);
    let first = at(now)
        .deploy(&scope(), terms.clone())
        .await
        .expect("begun");
    let stopped = at(before).stop(&scope(), first.deployment_id).await;
    assert_eq!(stopped.expect("stopped").stopped_at, Some(now));
    let second = at(before).deploy(&scope(), terms).await.expect("begun");
    assert_eq!(second.deployed_at, now);
}
