//! Ten days of ticks of which old ones are dropped, and refreshes of every kind, on the Community
//! edition: which erase candles, that such policies are refused, and that applied ones lose nothing.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use crate::support::aged::{Aged, SYMBOLS, short_policies, tick};
use chrono::TimeDelta;
use tickbook::RepositoryError;
use tickbook::domain::Timeframe;
use tickbook::postgres::{apply_policies, maintain, policy_status, refresh_days};
use tickbook::retention::{Policies, Span, prove};

const DROP: &str = "SELECT drop_chunks('ticks', older_than => INTERVAL '5 days')";

/// Refreshed candles of ten days, and how many of one minute.
async fn refreshed() -> Option<(Aged, i64)> {
    let mut aged = Aged::ten_days().await;
    if !aged.is_community() {
        return None;
    }
    let days = aged.ticks.iter().map(|tick| tick.tick_time).collect();
    refresh_days(&aged.db(), days).await.expect("refreshed");
    let candles = aged.minute_candles();
    assert_eq!(candles, 2 * 715);
    Some((aged, candles))
}

fn refresh_minutes(aged: &mut Aged, from: &str) -> i64 {
    aged.execute(&format!(
        "CALL refresh_continuous_aggregate('ohlc_1m', {from}, now() - INTERVAL '1 minute')"
    ));
    aged.minute_candles()
}

fn with_start(start_offset: Option<Span>) -> Policies {
    let mut policies = short_policies(Span::days(5));
    policies.ticks.compress_after = None;
    for refresh in policies.refresh.values_mut() {
        refresh.start_offset = start_offset;
    }
    policies
}

async fn assert_refused(aged: &Aged, policies: &Policies, texts: &[&str]) {
    assert!(prove(policies).is_err());
    let refused = apply_policies(&aged.db(), policies).await;
    let Err(RepositoryError::InvalidInput { reason }) = refused else {
        panic!("not refused: {refused:?}");
    };
    for text in texts {
        assert!(reason.contains(text), "{reason} says {text}");
    }
    let status = policy_status(&aged.db()).await.expect("answers");
    assert_eq!(status.applied, None);
}

#[tokio::test]
async fn dropping_alone_erases_no_candle() {
    let Some((mut aged, candles)) = refreshed().await else {
        return;
    };
    aged.execute(DROP);
    assert_eq!(aged.minute_candles(), candles);
}

#[tokio::test]
async fn a_refresh_of_what_is_kept_erases_no_candle() {
    let Some((mut aged, candles)) = refreshed().await else {
        return;
    };
    aged.execute(DROP);
    for _ in 0..2 {
        assert_eq!(
            refresh_minutes(&mut aged, "now() - INTERVAL '4 days'"),
            candles
        );
    }
}

#[tokio::test]
async fn a_refresh_of_everything_erases_candles_and_is_refused() {
    let Some((mut aged, candles)) = refreshed().await else {
        return;
    };
    let policies = with_start(None);
    let texts = ["policies.refresh.1m.start_offset (none)", "such as 3d"];
    assert_refused(&aged, &policies, &texts).await;
    aged.execute(DROP);
    refresh_minutes(&mut aged, "NULL");
    assert!(refresh_minutes(&mut aged, "NULL") < candles);
}

#[tokio::test]
async fn a_refresh_wider_than_retention_erases_candles_at_its_second_run_at_the_latest() {
    let Some((mut aged, candles)) = refreshed().await else {
        return;
    };
    let policies = with_start(Some(Span::days(20)));
    let texts = ["policies.ticks.drop_after (5d)", "set drop_after to 23d1h"];
    assert_refused(&aged, &policies, &texts).await;
    aged.execute(DROP);
    let wide = "now() - INTERVAL '20 days'";
    refresh_minutes(&mut aged, wide);
    assert!(refresh_minutes(&mut aged, wide) < candles);
}

#[tokio::test]
async fn a_policy_wider_than_retention_erases_candles_at_its_second_run_and_is_refused() {
    let Some((mut aged, candles)) = refreshed().await else {
        return;
    };
    let policies = with_start(Some(Span::days(7)));
    let texts = ["policies.ticks.drop_after (5d)", "set drop_after to 10d1h"];
    assert_refused(&aged, &policies, &texts).await;
    aged.execute(DROP);
    let wide = "now() - INTERVAL '7 days'";
    refresh_minutes(&mut aged, wide);
    assert!(refresh_minutes(&mut aged, wide) < candles);
}

#[tokio::test]
async fn a_late_tick_into_a_dropped_day_erases_it_at_a_wide_refresh_and_is_rejected() {
    let Some((mut aged, candles)) = refreshed().await else {
        return;
    };
    let late = tick(SYMBOLS[0], aged.now - TimeDelta::days(8), 9, 1);
    aged.execute(DROP);
    aged.insert(std::slice::from_ref(&late)).await;
    assert!(refresh_minutes(&mut aged, "NULL") < candles);

    let applied = Aged::ten_days().await;
    apply_policies(&applied.db(), &short_policies(Span::days(7)))
        .await
        .expect("consistent");
    let receipt = applied.repositories.ticks.insert_batch(&[late]).await;
    let receipt = receipt.expect("a receipt");
    assert_eq!((receipt.inserted, receipt.rejected.len()), (0, 1));
    let reason = &receipt.rejected[0].reason;
    assert!(reason.contains("older than 7d"), "{reason}");
}

#[tokio::test]
async fn deleted_ticks_take_their_candles_along_at_a_wide_refresh() {
    let Some((mut aged, candles)) = refreshed().await else {
        return;
    };
    aged.execute("DELETE FROM ticks WHERE tick_time < now() - INTERVAL '5 days'");
    let wide = "now() - INTERVAL '20 days'";
    refresh_minutes(&mut aged, wide);
    assert!(refresh_minutes(&mut aged, wide) < candles);
}

#[tokio::test]
async fn applied_policies_and_late_ticks_lose_and_change_no_candle() {
    let mut aged = Aged::ten_days().await;
    if !aged.is_community() {
        return;
    }
    // nothing was ever refreshed: applying does, before anything is dropped
    let policies = short_policies(Span::hours(6 * 24 + 2));
    apply_policies(&aged.db(), &policies)
        .await
        .expect("consistent");
    let stored = aged.number("SELECT count(*) AS number FROM ticks");
    assert_eq!(stored, aged.ticks.len() as i64, "applying drops nothing");
    let report = maintain(&aged.db()).await.expect("maintained");
    assert!(
        report.dropped_ticks > 0 && report.left.is_empty(),
        "{report:?}"
    );
    assert_eq!(report.dirty.days, 0);
    aged.run_jobs("policy_refresh_continuous_aggregate");
    let dropped =
        "SELECT count(*) AS number FROM ticks WHERE tick_time < now() - INTERVAL '8 days'";
    assert_eq!(aged.number(dropped), 0);
    aged.assert_whole(Timeframe::ALL).await;
    aged.assert_materialized();

    for days in [2, 4, 8] {
        let late = [9, 10].map(|sequence| {
            let time = aged.now - TimeDelta::days(days);
            tick(SYMBOLS[0], time, sequence, 500)
        });
        if days < 6 {
            aged.insert(&late).await;
        } else {
            let receipt = aged.repositories.ticks.insert_batch(&late).await;
            let receipt = receipt.expect("a receipt");
            assert_eq!((receipt.inserted, receipt.rejected.len()), (0, 2));
        }
    }
    // the day of the first begins before the window of three days as well
    let status = policy_status(&aged.db()).await.expect("answers");
    assert_eq!(status.dirty.days, 2, "-2 and -4 days");
    assert!(status.dirty.oldest.is_some());
    aged.assert_whole(Timeframe::ALL).await;
    for _ in 0..2 {
        aged.run_jobs("policy_refresh_continuous_aggregate");
        let report = maintain(&aged.db()).await.expect("maintained");
        assert_eq!(report.dirty.days, 0);
        aged.assert_whole(Timeframe::ALL).await;
        aged.assert_materialized();
    }
}
