//! Tests of dropped ticks and refreshes over ten days of ticks, on the Community edition: refreshes that
//! erase candles, the refusal of such policies, and applied policies that lose nothing.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use crate::support::ten_day_history::{SYMBOLS, TenDayHistory, short_policies, tick};
use chrono::TimeDelta;
use tickbook::RepositoryError;
use tickbook::domain::Timeframe;
use tickbook::postgres::{apply_policies, maintain, policy_status, refresh_days};
use tickbook::retention::{PolicyDuration, RetentionPolicies, validate};

const DROP: &str = "SELECT drop_chunks('ticks', older_than => INTERVAL '5 days')";

/// Ten days with refreshed candles, and the number of one-minute candles.
async fn refreshed() -> Option<(TenDayHistory, i64)> {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return None;
    }
    let days = history.ticks.iter().map(|tick| tick.tick_time).collect();
    refresh_days(&history.db(), days).await.expect("refreshed");
    let candles = history.minute_candles();
    assert_eq!(candles, 2 * 715);
    Some((history, candles))
}

fn refresh_minutes(history: &mut TenDayHistory, from: &str) -> i64 {
    history.execute(&format!(
        "CALL refresh_continuous_aggregate('ohlc_1m', {from}, now() - INTERVAL '1 minute')"
    ));
    history.minute_candles()
}

fn with_start(start_offset: Option<PolicyDuration>) -> RetentionPolicies {
    let mut policies = short_policies(PolicyDuration::days(5));
    policies.ticks.compress_after = None;
    for refresh in policies.refresh.values_mut() {
        refresh.start_offset = start_offset;
    }
    policies
}

async fn assert_refused(history: &TenDayHistory, policies: &RetentionPolicies, texts: &[&str]) {
    assert!(validate(policies).is_err());
    let refused = apply_policies(&history.db(), policies).await;
    let Err(RepositoryError::InvalidInput { reason }) = refused else {
        panic!("not refused: {refused:?}");
    };
    for text in texts {
        assert!(reason.contains(text), "{reason} says {text}");
    }
    let status = policy_status(&history.db()).await.expect("answers");
    assert_eq!(status.applied, None);
}

#[tokio::test]
async fn drop_without_a_refresh_erases_no_candle() {
    let Some((mut history, candles)) = refreshed().await else {
        return;
    };
    history.execute(DROP);
    assert_eq!(history.minute_candles(), candles);
}

#[tokio::test]
async fn refresh_of_retained_ticks_erases_no_candle() {
    let Some((mut history, candles)) = refreshed().await else {
        return;
    };
    history.execute(DROP);
    for _ in 0..2 {
        assert_eq!(
            refresh_minutes(&mut history, "now() - INTERVAL '4 days'"),
            candles
        );
    }
}

#[tokio::test]
async fn unlimited_refresh_erases_candles_and_is_refused() {
    let Some((mut history, candles)) = refreshed().await else {
        return;
    };
    let policies = with_start(None);
    let texts = ["policies.refresh.1m.start_offset (none)", "such as 3d"];
    assert_refused(&history, &policies, &texts).await;
    history.execute(DROP);
    refresh_minutes(&mut history, "NULL");
    assert!(refresh_minutes(&mut history, "NULL") < candles);
}

#[tokio::test]
async fn refresh_wider_than_retention_erases_candles() {
    let Some((mut history, candles)) = refreshed().await else {
        return;
    };
    let policies = with_start(Some(PolicyDuration::days(20)));
    let texts = ["policies.ticks.drop_after (5d)", "set drop_after to 23d1h"];
    assert_refused(&history, &policies, &texts).await;
    history.execute(DROP);
    let wide = "now() - INTERVAL '20 days'";
    refresh_minutes(&mut history, wide);
    assert!(refresh_minutes(&mut history, wide) < candles);
}

#[tokio::test]
async fn policy_wider_than_retention_is_refused() {
    let Some((mut history, candles)) = refreshed().await else {
        return;
    };
    let policies = with_start(Some(PolicyDuration::days(7)));
    let texts = ["policies.ticks.drop_after (5d)", "set drop_after to 10d1h"];
    assert_refused(&history, &policies, &texts).await;
    history.execute(DROP);
    let wide = "now() - INTERVAL '7 days'";
    refresh_minutes(&mut history, wide);
    assert!(refresh_minutes(&mut history, wide) < candles);
}

#[tokio::test]
async fn late_tick_of_a_dropped_day_is_rejected() {
    let Some((mut history, candles)) = refreshed().await else {
        return;
    };
    let late = tick(SYMBOLS[0], history.now - TimeDelta::days(8), 9, 1);
    history.execute(DROP);
    history.insert(std::slice::from_ref(&late)).await;
    assert!(refresh_minutes(&mut history, "NULL") < candles);

    let applied = TenDayHistory::ten_days().await;
    apply_policies(&applied.db(), &short_policies(PolicyDuration::days(7)))
        .await
        .expect("consistent");
    let receipt = applied.repositories.ticks.insert_batch(&[late]).await;
    let receipt = receipt.expect("a receipt");
    assert_eq!((receipt.inserted, receipt.rejected.len()), (0, 1));
    let reason = &receipt.rejected[0].reason;
    assert!(reason.contains("older than 7d"), "{reason}");
}

#[tokio::test]
async fn wide_refresh_erases_candles_of_deleted_ticks() {
    let Some((mut history, candles)) = refreshed().await else {
        return;
    };
    history.execute("DELETE FROM ticks WHERE tick_time < now() - INTERVAL '5 days'");
    let wide = "now() - INTERVAL '20 days'";
    refresh_minutes(&mut history, wide);
    assert!(refresh_minutes(&mut history, wide) < candles);
}

#[tokio::test]
async fn applied_policies_and_late_ticks_harm_no_candle() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    // nothing was refreshed yet: `apply` refreshes before anything is dropped
    let policies = short_policies(PolicyDuration::hours(6 * 24 + 2));
    apply_policies(&history.db(), &policies)
        .await
        .expect("consistent");
    let stored = history.number("SELECT count(*) AS number FROM ticks");
    assert_eq!(stored, history.ticks.len() as i64, "applying drops nothing");
    let report = maintain(&history.db()).await.expect("maintained");
    assert!(
        report.dropped_ticks > 0 && report.left.is_empty(),
        "{report:?}"
    );
    assert_eq!(report.backlog.days, 0);
    history.run_jobs("policy_refresh_continuous_aggregate");
    let dropped =
        "SELECT count(*) AS number FROM ticks WHERE tick_time < now() - INTERVAL '8 days'";
    assert_eq!(history.number(dropped), 0);
    history.assert_whole(Timeframe::ALL).await;
    history.assert_materialized();

    for days in [2, 4, 8] {
        let late = [9, 10].map(|sequence| {
            let time = history.now - TimeDelta::days(days);
            tick(SYMBOLS[0], time, sequence, 500)
        });
        if days < 6 {
            history.insert(&late).await;
        } else {
            let receipt = history.repositories.ticks.insert_batch(&late).await;
            let receipt = receipt.expect("a receipt");
            assert_eq!((receipt.inserted, receipt.rejected.len()), (0, 2));
        }
    }
    // the day of the first tick also begins before the window of three days
    let status = policy_status(&history.db()).await.expect("answers");
    assert_eq!(status.backlog.days, 2, "-2 and -4 days");
    assert!(status.backlog.oldest.is_some());
    history.assert_whole(Timeframe::ALL).await;
    for _ in 0..2 {
        history.run_jobs("policy_refresh_continuous_aggregate");
        let report = maintain(&history.db()).await.expect("maintained");
        assert_eq!(report.backlog.days, 0);
        history.assert_whole(Timeframe::ALL).await;
        history.assert_materialized();
    }
}
