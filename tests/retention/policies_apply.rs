//! Tests of planning, applying, changing and removing policies, and of their effect on writers.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::collections::BTreeSet;

use crate::support::ten_day_history::{SYMBOLS, TenDayHistory, short_policies, tick};
use chrono::TimeDelta;
use diesel::connection::SimpleConnection as _;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::Timeframe;
use tickbook::postgres::{
    Edition, MaintenanceState, apply_policies, maintain, migrate_timeseries, plan_policies,
    policy_status, refresh_days, remove_policies,
};
use tickbook::retention::{PolicyDuration, RetentionPolicies};

const LATE_DAYS: &str = "SELECT count(*) AS number FROM late_days";

#[tokio::test]
async fn second_apply_changes_nothing() {
    let mut history = TenDayHistory::empty().await;
    let policies = RetentionPolicies::default();
    let plan = plan_policies(&history.db(), &policies)
        .await
        .expect("planned");
    assert!(plan.is_applicable() && !plan.is_empty());
    let drops = plan.changes.iter().map(ToString::to_string);
    assert!(
        drops
            .into_iter()
            .any(|text| text == "ticks drop_after: none -> 90d")
    );
    assert_eq!(
        history.number("SELECT count(*) AS number FROM applied_policies"),
        0
    );

    let first = apply_policies(&history.db(), &policies)
        .await
        .expect("applied");
    assert_eq!(first, plan, "what was planned was done");
    let second = apply_policies(&history.db(), &policies)
        .await
        .expect("applied");
    assert!(second.is_empty(), "{second:?}");

    let status = policy_status(&history.db()).await.expect("answers");
    let applied = status.applied.expect("applied");
    assert_eq!(applied.settings, policies.to_string());
    assert_eq!(applied.floor.drop_after, policies.ticks.drop_after);
    // jobs compress 19 relations and refresh 14; no job drops rows
    let (jobs, late_after) = match history.edition {
        Edition::Community => (33, Some(tickbook::retention::late_after(&policies))),
        Edition::Apache => (0, None),
    };
    assert_eq!((status.jobs.len(), applied.late_after), (jobs, late_after));
}

#[tokio::test]
async fn changed_policies_replace_only_differences() {
    let mut history = TenDayHistory::empty().await;
    apply_policies(&history.db(), &RetentionPolicies::default())
        .await
        .expect("applied");
    let mut policies = RetentionPolicies::default();
    policies.ticks.drop_after = Some(PolicyDuration::days(120));
    policies.ticks.chunk = PolicyDuration::hours(12);
    let changed = apply_policies(&history.db(), &policies)
        .await
        .expect("applied");
    let texts: Vec<_> = changed.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        ["ticks chunk: 1d -> 12h", "ticks drop_after: 90d -> 120d"]
    );
    // ticks that earlier policies refused stay refused
    let floor = policy_status(&history.db()).await.expect("answers");
    let floor = floor.applied.expect("applied").floor;
    assert_eq!(floor.dropped_before, None, "nothing was dropped");
    let refused_before = floor.refused_before.expect("ticks of 90 days ago");
    let expected = history.now - TimeDelta::days(90);
    assert!((refused_before - expected).abs() < TimeDelta::minutes(5));
    let between = tick(SYMBOLS[0], history.now - TimeDelta::days(100), 0, 1);
    let receipt = history.repositories.ticks.insert_batch(&[between]).await;
    assert_eq!(receipt.expect("a receipt").rejected.len(), 1);
    if history.edition == Edition::Community {
        // a job of another program is found and replaced
        history.execute(
            "SELECT add_retention_policy('ticks', INTERVAL '2 months', \
             initial_start => now() + INTERVAL '1 day'); \
             SELECT add_retention_policy('ohlc_1d', INTERVAL '1095 days')",
        );
        let plan = apply_policies(&history.db(), &policies)
            .await
            .expect("applied");
        let texts: Vec<_> = plan.changes.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "ohlc_1d drop_after: 1095d -> none",
                "ticks drop_after: 120d; 60d -> 120d"
            ]
        );
        let jobs = policy_status(&history.db()).await.expect("answers").jobs;
        assert!(jobs.iter().all(|job| job.procedure != "policy_retention"));
    }
}

#[tokio::test]
async fn jobs_refresh_many_buckets_at_once() {
    let mut history = TenDayHistory::empty().await;
    if history.edition == Edition::Apache {
        suite::skip("the Apache edition has no jobs that refresh");
        return;
    }
    apply_policies(&history.db(), &RetentionPolicies::default())
        .await
        .expect("applied");
    let jobs = history.number(
        "SELECT count(*) AS number FROM timescaledb_information.jobs AS j \
         JOIN _timescaledb_catalog.continuous_agg AS a \
         ON (j.config ->> 'mat_hypertable_id')::int = a.mat_hypertable_id \
         WHERE a.user_view_schema = current_schema() \
         AND j.config ->> 'buckets_per_batch' = '1440'",
    );
    let able = history.number(
        "SELECT count(*) AS number FROM pg_proc \
         WHERE proname = 'add_continuous_aggregate_policy' \
         AND 'buckets_per_batch' = ANY(proargnames)",
    );
    assert_eq!(jobs, 14 * able);
}

#[tokio::test]
async fn removed_policies_drop_nothing_and_keep_the_floor() {
    let mut history = TenDayHistory::ten_days().await;
    apply_policies(&history.db(), &short_policies(PolicyDuration::days(7)))
        .await
        .expect("applied");
    maintain(&history.db()).await.expect("maintained");
    let removed = remove_policies(&history.db()).await.expect("removed");
    assert!(!removed.is_empty());
    let status = policy_status(&history.db()).await.expect("answers");
    assert_eq!(status.jobs, []);
    history.restart();
    let late_days = history.number(LATE_DAYS);
    let late = tick(SYMBOLS[0], history.now - TimeDelta::days(6), 7, 1);
    history.insert(&[late]).await;
    assert_eq!(
        history.number(LATE_DAYS),
        late_days,
        "nothing waits for a refresh"
    );
    let old = tick(SYMBOLS[0], history.now - TimeDelta::days(8), 7, 1);
    let receipt = history.repositories.ticks.insert_batch(&[old]).await;
    let receipt = receipt.expect("a receipt");
    let reason = &receipt.rejected[0].reason;
    assert!(reason.contains("older than 20"), "{reason}");

    let mut fresh = TenDayHistory::empty().await;
    apply_policies(&fresh.db(), &RetentionPolicies::default())
        .await
        .expect("applied");
    fresh.execute("UPDATE applied_policies SET ticks_dropped_before = NULL");
    let plan = plan_policies(&fresh.db(), &RetentionPolicies::default()).await;
    assert!(plan.expect("planned").is_empty());
}

#[tokio::test]
async fn inconsistent_policies_change_nothing() {
    let history = TenDayHistory::empty().await;
    let policies = short_policies(PolicyDuration::days(5));
    let plan = plan_policies(&history.db(), &policies)
        .await
        .expect("planned");
    assert!(!plan.is_applicable() && !plan.changes.is_empty());
    let error = apply_policies(&history.db(), &policies).await;
    let error = error.expect_err("refused").to_string();
    for text in [
        "policies.ticks.drop_after (5d) is less than",
        "(6d1h)",
        "or more",
    ] {
        assert!(error.contains(text), "{error}");
    }
    let after = plan_policies(&history.db(), &policies)
        .await
        .expect("planned");
    assert_eq!(after, plan);
}

#[tokio::test]
async fn community_ticks_stay_without_candle_relations() {
    let schemas = ScratchSchemas::create();
    let db = DatabasePools::new(&schemas.config()).timeseries();
    migrate_timeseries(&db).await.expect("up");
    let plan = plan_policies(&db, &RetentionPolicies::default()).await;
    let plan = plan.expect("planned");
    if plan.edition == Edition::Apache {
        assert!(plan.is_applicable(), "they are downsampled");
        return;
    }
    assert!(plan.obstacles[0].contains("tickbook aggregates apply"));
    assert!(
        apply_policies(&db, &RetentionPolicies::default())
            .await
            .is_err()
    );
    let mut kept = RetentionPolicies::default();
    kept.ticks.drop_after = None;
    kept.trades.drop_after = None;
    kept.candles.drop_after = None;
    apply_policies(&db, &kept).await.expect("drops no tick");
}

#[tokio::test]
async fn maintenance_runs_in_one_process_at_a_time() {
    let mut history = TenDayHistory::empty().await;
    apply_policies(&history.db(), &RetentionPolicies::default())
        .await
        .expect("applied");
    history.execute(
        "SELECT pg_advisory_lock(hashtextextended('tickbook maintenance ' || current_schema(), 0))",
    );
    let report = maintain(&history.db()).await.expect("answers");
    assert_eq!(report.state, MaintenanceState::Busy);
    history.execute("SELECT pg_advisory_unlock_all()");
    let report = maintain(&history.db()).await.expect("answers");
    assert_eq!(report.state, MaintenanceState::Done);
}

#[tokio::test]
async fn late_day_recorded_during_a_refresh_stays() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    let day = history.now - TimeDelta::days(3);
    let late_day = "INSERT INTO late_days (day) \
                VALUES (date_trunc('day', now() - INTERVAL '3 days', 'UTC'))";
    history.execute(late_day);
    // the refresh waits for this lock, after it has read the marks
    let mut other = history.schemas.connection(tickbook::Database::Timeseries);
    other
        .batch_execute("BEGIN; LOCK TABLE ticks IN ACCESS EXCLUSIVE MODE")
        .expect("locked");
    let db = history.db();
    let refreshing = tokio::spawn(async move { refresh_days(&db, BTreeSet::from([day])).await });
    let waiting = "SELECT count(*) AS number FROM pg_locks JOIN pg_class ON oid = relation \
                   WHERE NOT granted AND relname = 'ticks'";
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while history.number(waiting) == 0 {
        assert!(std::time::Instant::now() < deadline, "it never waited");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    history.execute(late_day);
    other.batch_execute("COMMIT").expect("released");
    let windows = refreshing.await.expect("no panic").expect("refreshed");
    assert_eq!(windows.len(), 7);
    assert_eq!(history.number(LATE_DAYS), 1, "the one that came meanwhile");
}

#[tokio::test]
async fn late_days_are_removed_by_their_refresh() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    history.execute(
        "INSERT INTO late_days (day) \
         SELECT date_trunc('day', now() - INTERVAL '1 day' * ago, 'UTC') \
         FROM unnest(ARRAY[3, 4, 5, 3]) AS ago",
    );
    let days = [3, 4].map(|ago| history.now - TimeDelta::days(ago));
    let windows = refresh_days(&history.db(), BTreeSet::from(days)).await;
    assert!(!windows.expect("refreshed").is_empty());
    assert_eq!(history.number(LATE_DAYS), 1, "that of the third day");
}

#[tokio::test]
async fn refreshed_days_are_materialized_without_any_policy() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        let days = BTreeSet::from([history.now]);
        let windows = refresh_days(&history.db(), days)
            .await
            .expect("nothing to do");
        assert_eq!(windows, []);
        return;
    }
    let days = history.ticks.iter().map(|tick| tick.tick_time).collect();
    let windows = refresh_days(&history.db(), days).await.expect("refreshed");
    let timeframes: Vec<_> = windows.iter().map(|window| window.timeframe).collect();
    assert_eq!(timeframes, Timeframe::ALL);
    history.assert_materialized();
    history.assert_whole(Timeframe::ALL).await;
}

#[tokio::test]
async fn ticks_of_the_last_hour_read_no_policies() {
    let mut history = TenDayHistory::empty().await;
    // a read of the policies fails
    history.execute("DROP TABLE applied_policies");
    for minute in 0..50 {
        let fresh = tick(
            SYMBOLS[0],
            history.now - TimeDelta::minutes(minute),
            0,
            minute,
        );
        history.insert(&[fresh]).await;
    }
    let old = tick(SYMBOLS[0], history.now - TimeDelta::hours(2), 0, 1);
    let asked = history.repositories.ticks.insert_batch(&[old]).await;
    assert!(asked.is_err(), "an old tick asks for the policies");
}

#[tokio::test]
async fn record_of_dropped_candles_outlives_the_policies() {
    let mut history = TenDayHistory::empty().await;
    let mut policies = short_policies(PolicyDuration::days(7));
    policies.ticks.drop_after = None;
    policies.ticks.compress_after = None;
    policies.trades = policies.ticks;
    policies.candles.drop_after = None;
    let rows = "SELECT count(*) AS number FROM applied_policies";
    for has_dropped in [false, true] {
        let applied = apply_policies(&history.db(), &policies).await;
        applied.expect("consistent");
        if has_dropped {
            history.execute(
                "UPDATE applied_policies SET candles_dropped_before = now() - INTERVAL '40 days'",
            );
        }
        remove_policies(&history.db()).await.expect("removed");
        assert_eq!(history.number(rows), i64::from(has_dropped));
    }
    let status = policy_status(&history.db()).await.expect("answers");
    let floor = status.applied.expect("a record").candles;
    assert!(floor.dropped_before.is_some(), "{floor:?}");
}
