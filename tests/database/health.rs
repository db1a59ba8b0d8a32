//! Tests of the health check of databases that are up, not ready or unreachable.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::time::{Duration, Instant};

use crate::support::probed::health;
use crate::support::scratch_database::ScratchDatabase;
use diesel::connection::SimpleConnection as _;
use fault_proxy::FaultProxy;
use tickbook::db::DatabaseConfig;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::postgres::{
    CandleRelationKind, DatabaseHealth, Edition, HealthReport, HealthState, apply_aggregates,
    check_health, migrate_metadata, migrate_timeseries,
};
use tickbook::{Database, DatabaseUrl};

/// The deadline of a probe, and some time for a busy machine.
const LATEST: Duration = Duration::from_millis(1_300);

fn pools(metadata_url: &str, timeseries_url: &str) -> DatabasePools {
    let url = |text| DatabaseUrl::parse(text).expect("a valid URL");
    DatabasePools::new(&DatabaseConfig::new(url(metadata_url), url(timeseries_url)))
}

async fn migrated(schemas: &ScratchSchemas) -> DatabasePools {
    let pools = DatabasePools::new(&schemas.config());
    migrate_metadata(&pools.metadata()).await.expect("up");
    migrate_timeseries(&pools.timeseries()).await.expect("up");
    pools
}

/// `url` with another host and port.
fn moved_to(url: &str, port: u16) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (credentials, rest) = rest.split_once('@').expect("credentials");
    let (_, database) = rest.split_once('/').expect("a database");
    format!("{scheme}://{credentials}@127.0.0.1:{port}/{database}")
}

#[track_caller]
fn down(health: &DatabaseHealth) -> &str {
    match &health.state {
        HealthState::Down { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn not_ready(health: &DatabaseHealth) -> &str {
    match &health.state {
        HealthState::NotReady { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn holds_no_secret(report: &HealthReport, url: &str) {
    let (_, rest) = url.split_once("://").expect("a URL");
    let (credentials, _) = rest.split_once('@').expect("credentials");
    let (_, password) = credentials.split_once(':').expect("a password");
    assert!(!format!("{report:?}").contains(password), "{report:?}");
}

#[tokio::test]
async fn migrated_databases_are_up() {
    let schemas = ScratchSchemas::create();
    let pools = migrated(&schemas).await;
    let report = health(&pools).await;
    assert!(report.is_ready(), "{report:?}");
    let HealthReport {
        metadata,
        timeseries,
        replica,
        ..
    } = report;
    assert_eq!(replica, None);
    assert!(metadata.server_version.is_some() && timeseries.server_version.is_some());
    assert!(metadata.pending_migrations.is_empty() && timeseries.pending_migrations.is_empty());
    assert_eq!(
        (metadata.timescaledb, metadata.candle_relations),
        (None, Vec::new())
    );
    let kinds = |health: &DatabaseHealth| -> Vec<_> {
        health
            .candle_relations
            .iter()
            .map(|relation| relation.kind)
            .collect()
    };
    assert_eq!(kinds(&timeseries), [CandleRelationKind::Missing; 14]);
    let edition = timeseries.timescaledb.expect("has it").edition;
    apply_aggregates(&pools.timeseries())
        .await
        .expect("applies");
    let expected = match edition {
        Edition::Apache => CandleRelationKind::View,
        Edition::Community => CandleRelationKind::Aggregate,
    };
    let report = health(&pools).await;
    assert!(report.is_ready(), "{report:?}");
    assert_eq!(kinds(&report.timeseries), [expected; 14]);
}

#[tokio::test]
async fn pending_migrations_make_a_database_unready() {
    let schemas = ScratchSchemas::create();
    let pools = DatabasePools::new(&schemas.config());
    let report = health(&pools).await;
    assert!(!report.is_ready());
    for (health, count) in [(&report.metadata, 34), (&report.timeseries, 26)] {
        let reason = not_ready(health);
        assert!(
            reason.contains(&format!("{count} migrations")) && reason.contains("tickbook migrate"),
            "{reason}"
        );
        assert_eq!(health.pending_migrations.len(), count);
    }
    migrate_metadata(&pools.metadata()).await.expect("up");
    let report = health(&pools).await;
    assert_eq!(report.metadata.state, HealthState::Up);
    assert!(!report.is_ready());
}

#[tokio::test]
async fn database_without_the_extension_is_unready() {
    let schemas = ScratchSchemas::create();
    let database = ScratchDatabase::create();
    let report = health(&pools(schemas.url(Database::Metadata), &database.url())).await;
    let reason = not_ready(&report.timeseries);
    assert!(
        reason.contains("does not have the TimescaleDB extension"),
        "{reason}"
    );
    assert!(report.timeseries.server_version.is_some());
    assert_eq!(report.timeseries.timescaledb, None);
    assert!(!report.is_ready());
}

#[tokio::test]
async fn wrong_port_is_down_within_the_deadline() {
    let schemas = ScratchSchemas::create();
    migrated(&schemas).await;
    let nobody = FaultProxy::refusing();
    let url = moved_to(schemas.url(Database::Timeseries), nobody.port());
    let pools = pools(schemas.url(Database::Metadata), &url);
    let start = suite::Watch::start();
    check_health(&pools).await;
    start.assert_within(LATEST);
    let report = health(&pools).await;
    assert_eq!(report.metadata.state, HealthState::Up);
    let reason = down(&report.timeseries);
    assert!(reason.contains("Connection refused"), "{reason}");
    assert!(!report.is_ready());
    holds_no_secret(&report, &url);
}

#[tokio::test]
async fn silent_servers_are_down_within_one_deadline() {
    let schemas = ScratchSchemas::create();
    let silent = FaultProxy::silent();
    let [metadata, timeseries] = [Database::Metadata, Database::Timeseries]
        .map(|database| moved_to(schemas.url(database), silent.port()));
    let start = suite::Watch::start();
    let report = check_health(&pools(&metadata, &timeseries)).await;
    start.assert_within(LATEST);
    down(&report.metadata);
    down(&report.timeseries);
}

#[tokio::test]
async fn wrong_password_is_down_with_a_remedy() {
    let schemas = ScratchSchemas::create();
    let url = schemas.url(Database::Metadata);
    let (_, rest) = url.split_once("://").expect("a URL");
    let (credentials, rest) = rest.split_once('@').expect("credentials");
    let (user, _) = credentials.split_once(':').expect("a password");
    let wrong = format!("postgresql://{user}:not-the-password@{rest}");
    DatabaseUrl::parse(&wrong).expect("valid");
    let report = health(&pools(&wrong, schemas.url(Database::Timeseries))).await;
    let reason = down(&report.metadata);
    assert!(
        reason.contains("check user and password in DATABASE_URL"),
        "{reason}"
    );
    holds_no_secret(&report, &wrong);
}

#[tokio::test]
async fn failed_job_shows_with_its_error() {
    let schemas = ScratchSchemas::create();
    let pools = migrated(&schemas).await;
    let report = health(&pools).await;
    let timescaledb = report.timeseries.timescaledb.expect("it is there");
    assert_eq!(report.timeseries.failed_jobs, []);
    if timescaledb.edition == Edition::Apache {
        eprintln!("only the Community edition runs jobs of a user");
        return;
    }
    let mut connection = schemas.connection(Database::Timeseries);
    connection
        .batch_execute(
            "CREATE PROCEDURE always_fails(job_id int, config jsonb) LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'the cellar is flooded'; END $$; \
             SELECT add_job('always_fails', '1h', initial_start => now())",
        )
        .expect("a job");
    let deadline = Instant::now() + Duration::from_secs(60);
    let failed = loop {
        let failed = health(&pools).await.timeseries.failed_jobs;
        if !failed.is_empty() || Instant::now() > deadline {
            break failed;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    connection
        .batch_execute(
            "SELECT delete_job(job_id) FROM timescaledb_information.jobs \
             WHERE proc_schema = current_schema()",
        )
        .expect("it goes");
    let [job] = &failed[..] else {
        panic!("{failed:?}");
    };
    assert!(job.name.ends_with("always_fails"), "{job:?}");
    assert!(job.failures > 0 && job.last_run.is_some(), "{job:?}");
    let error = job.error.as_deref().expect("an error");
    assert!(
        error.contains("flooded") && error.contains("SQLSTATE"),
        "{error}"
    );
    // a failed job does not make the database unready
    assert_eq!(report.timeseries.state, HealthState::Up);
}
