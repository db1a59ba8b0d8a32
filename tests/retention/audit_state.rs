//! Tests of the audit of keys, chunks, aggregates and jobs of the time-series database.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use tickbook::audit::{FindingKind, Measurement};
use tickbook::domain::Timeframe;
use tickbook::postgres::{Edition, apply_aggregates, policy_status, refresh_days};
use tickbook::retention::{PolicyDuration, RetentionPolicies};

use crate::support::audit_fixture::Site;
use crate::support::audit_run::at;

#[tokio::test]
async fn chunks_are_compared_with_the_declared_policies() {
    let site = Site::new().await;
    let mut declared = RetentionPolicies::default();
    assert_eq!(site.state_beside(&declared).await.problems, []);
    declared.ticks.chunk = PolicyDuration::hours(12);
    declared.candles.chunk = PolicyDuration::days(14);
    let problems = site.state_beside(&declared).await.problems;
    let reported: Vec<_> = problems
        .iter()
        .map(|problem| (problem.kind, problem.object.as_str()))
        .collect();
    let kind = FindingKind::ChunkInterval;
    assert_eq!(reported, [(kind, "ohlc_candles"), (kind, "ticks")]);
    assert!(problems[1].detail.contains("43200 s"), "{problems:?}");
}

#[tokio::test]
async fn overdue_late_days_are_found() {
    let Some(site) = Site::community().await else {
        return;
    };
    let late_day = |day, age| {
        site.execute(&format!(
            "INSERT INTO late_days (day, arrived_at) \
             VALUES ('2014-05-{day}T00:00:00Z', now() - INTERVAL '{age}')"
        ));
    };
    // the limit is twice five minutes plus one hour
    late_day("01", "69 minutes");
    assert_eq!(site.state_kinds().await, []);
    late_day("02", "71 minutes");
    let problems = site.state().await.problems;
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].kind, FindingKind::RefreshBacklogOverdue);
    let numbers = problems[0].numbers.iter();
    let numbers: Vec<_> = numbers.map(|it| (it.name, it.value)).collect();
    let [("days", 2), ("oldest_age_seconds", age)] = numbers[..] else {
        panic!("{problems:?}");
    };
    assert!((4_260..4_320).contains(&age), "{age}");
    let patient = RetentionPolicies::default().maintain_every(PolicyDuration::hours(1));
    assert_eq!(site.state_beside(&patient).await.problems, []);
}

#[tokio::test]
async fn backlog_of_late_ticks_ends_with_a_refresh() {
    let Some(site) = Site::community().await else {
        return;
    };
    let db = site.pools.timeseries();
    let before = policy_status(&db).await.expect("answers").waiting_changes;
    // each transaction adds one change
    site.execute(&format!(
        "DO $$ BEGIN FOR number IN 1..1001 LOOP \
         INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, \
         ask_volume) VALUES (7, timestamptz '{}' + number * INTERVAL '1 minute', 9, 1, 2, 0, 0); \
         COMMIT; END LOOP; END $$",
        at(0).to_rfc3339()
    ));
    let problems = site.state().await.problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].kind, FindingKind::InvalidationBacklog);
    let status = policy_status(&db).await.expect("answers");
    assert!(status.waiting_changes >= before + 1_001, "{status:?}");
    let changes = i64::try_from(status.waiting_changes).expect("few");
    assert_eq!(problems[0].numbers, [Measurement::new("changes", changes)]);
    refresh_days(&db, [at(0)].into()).await.expect("refreshed");
    assert_eq!(site.state_kinds().await, []);
    let status = policy_status(&db).await.expect("answers");
    assert!(status.waiting_changes < 1_000, "{status:?}");
}

#[tokio::test]
async fn missing_primary_key_is_found() {
    let site = Site::new().await;
    site.execute("ALTER TABLE ohlc_candles DROP CONSTRAINT ohlc_candles_pkey");
    let problems = site.state().await.problems;
    assert_eq!(problems[0].kind, FindingKind::PrimaryKey);
    assert_eq!(problems[0].object, "ohlc_candles");
}

#[tokio::test]
async fn missing_constraint_is_found() {
    let site = Site::new().await;
    site.execute("ALTER TABLE ticks DROP CONSTRAINT ticks_sequence_not_negative");
    assert_eq!(site.state_kinds().await, [FindingKind::Constraint]);
}

#[tokio::test]
async fn another_chunk_interval_than_declared_is_found() {
    let site = Site::new().await;
    site.execute("SELECT set_chunk_time_interval('ticks', INTERVAL '1 hour')");
    let problems = site.state().await.problems;
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].kind, FindingKind::ChunkInterval);
    assert!(problems[0].detail.contains("3600 s"), "{:?}", problems[0]);
}

#[tokio::test]
async fn missing_candle_relation_is_found() {
    let site = Site::new().await;
    let kind = match site.state().await.edition {
        Edition::Community => "MATERIALIZED VIEW",
        Edition::Apache => "VIEW",
    };
    site.execute(&format!("DROP {kind} ohlc_1d"));
    assert_eq!(site.state_kinds().await, [FindingKind::AggregateMissing]);
}

#[tokio::test]
async fn aggregates_with_wrong_options_are_found() {
    let Some(site) = Site::community().await else {
        return;
    };
    let table = site.materialization(Timeframe::M5);
    site.execute(&format!(
        "ALTER MATERIALIZED VIEW ohlc_1h SET (timescaledb.materialized_only = true); \
         CREATE INDEX ON {table} (open_time DESC)"
    ));
    let mut kinds = site.state_kinds().await;
    kinds.sort_unstable();
    let expected = [
        FindingKind::AggregateNotRealTime,
        FindingKind::AggregateBucketIndex,
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn thresholds_that_a_tick_may_reach_are_found() {
    let Some(site) = Site::community().await else {
        return;
    };
    assert_eq!(site.state_kinds().await, []);
    site.execute(
        "UPDATE _timescaledb_catalog.continuous_aggs_invalidation_threshold \
         SET watermark = 0 WHERE hypertable_id = (SELECT raw_hypertable_id \
         FROM _timescaledb_catalog.continuous_agg \
         WHERE user_view_schema = current_schema() AND user_view_name = 'ohlc_5m')",
    );
    let problems = site.state().await.problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].kind, FindingKind::AggregateThresholdNear);
    assert_eq!(problems[0].object, "ohlc_5m");
    apply_aggregates(&site.pools.timeseries())
        .await
        .expect("applied");
    assert_eq!(site.state_kinds().await, []);
}

#[tokio::test]
async fn chunks_that_outlived_their_policies_are_found() {
    let Some(site) = Site::community().await else {
        return;
    };
    site.execute(
        "ALTER TABLE ticks SET (timescaledb.compress, timescaledb.compress_segmentby = 'symbol_id', \
         timescaledb.compress_orderby = 'tick_time, sequence'); \
         SELECT add_compression_policy('ticks', INTERVAL '7 days', \
           initial_start => now() + INTERVAL '1 day')",
    );
    assert_eq!(
        site.state_kinds().await,
        [FindingKind::ChunkNotCompressed; 2]
    );
    site.execute("SELECT compress_chunk(show_chunks('ticks'))");
    assert_eq!(site.state_kinds().await, []);
    assert_eq!(site.audit(false).await.findings, []);
    site.execute(
        "SELECT add_retention_policy('ticks', INTERVAL '90 days', \
         initial_start => now() + INTERVAL '1 day')",
    );
    assert_eq!(site.state_kinds().await, [FindingKind::ChunkNotDropped; 2]);
}

#[tokio::test]
async fn failed_job_is_found() {
    let Some(site) = Site::community().await else {
        return;
    };
    site.execute("SELECT add_retention_policy('ticks', INTERVAL '100 years')");
    // change the scheduler's record of the last run, since a real failure of a job takes long
    site.execute(
        "SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs \
         WHERE hypertable_schema = current_schema()",
    );
    let job = "(SELECT job_id FROM timescaledb_information.jobs \
               WHERE hypertable_schema = current_schema())";
    site.execute(&format!(
        "DELETE FROM _timescaledb_internal.bgw_job_stat WHERE job_id = {job}; \
         INSERT INTO _timescaledb_internal.bgw_job_stat SELECT {job}, now(), now(), now(), \
         '-infinity', false, 1, interval '1 second', interval '1 second', 0, 1, 0, 1, 0, 0"
    ));
    assert_eq!(site.state_kinds().await, [FindingKind::JobFailed]);
}
