//! Tests of deleting candles whose ticks were dropped.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use crate::support::ten_day_history::{SYMBOLS, TenDayHistory, short_policies};
use chrono::{DateTime, TimeDelta, Utc};
use tickbook::domain::{TimeRange, Timeframe};
use tickbook::postgres::{Edition, apply_policies, maintain};
use tickbook::repository::{DeletedCandles, deletable_candles, delete_candles};
use tickbook::retention::PolicyDuration;

/// Ten days of ticks, of which the first three were dropped, and the time before which they were dropped.
async fn dropped() -> (TenDayHistory, DateTime<Utc>) {
    let mut history = TenDayHistory::ten_days().await;
    let policies = short_policies(PolicyDuration::days(7));
    apply_policies(&history.db(), &policies)
        .await
        .expect("consistent");
    let report = maintain(&history.db()).await.expect("maintained");
    assert!(report.dropped_ticks >= 2, "{report:?}");
    let floor = "SELECT extract(epoch FROM ticks_dropped_before)::bigint AS number \
                 FROM applied_policies";
    let floor = DateTime::from_timestamp(history.number(floor), 0).expect("in range");
    (history, floor)
}

/// Deletes candles of the first symbol that have no ticks, and removes their ticks from the history.
async fn delete(
    history: &mut TenDayHistory,
    timeframe: Option<Timeframe>,
    range: TimeRange,
) -> DeletedCandles {
    let ohlc = &*history.repositories.ohlc;
    let counted = deletable_candles(ohlc, SYMBOLS[0], timeframe, range).await;
    let deleted = delete_candles(ohlc, SYMBOLS[0], timeframe, range, |_| ()).await;
    let deleted = deleted.expect("deleted");
    assert_eq!(deleted, counted.expect("counted"));
    deleted
}

/// Removes the ticks of the first symbol in `range` from the history. Returns the number of their
/// minutes.
fn forget(history: &mut TenDayHistory, range: TimeRange) -> u64 {
    let is_gone = |symbol, time| symbol == SYMBOLS[0] && range.contains(time);
    let gone = history
        .ticks
        .iter()
        .filter(|tick| is_gone(tick.symbol_id, tick.tick_time));
    let minutes = gone.map(|tick| Timeframe::M1.bucket_start(tick.tick_time));
    let count = minutes.collect::<std::collections::BTreeSet<_>>().len();
    history
        .ticks
        .retain(|tick| !is_gone(tick.symbol_id, tick.tick_time));
    count as u64
}

#[tokio::test]
async fn candles_of_dropped_ticks_are_deleted_by_day() {
    let (mut history, floor) = dropped().await;
    let day = floor - TimeDelta::days(1);
    let range = TimeRange::new(day, floor + TimeDelta::days(1)).expect("ordered");
    let deleted = delete(&mut history, None, range).await;
    let of_ticks = history.number(&format!(
        "SELECT count(DISTINCT time_bucket('1 minute', tick_time)) AS number FROM ticks \
         WHERE symbol_id = {} AND tick_time < timestamptz '{}'",
        SYMBOLS[0],
        range.end().to_rfc3339()
    ));
    let of_day = TimeRange::new(day, floor).expect("ordered");
    let minutes = forget(&mut history, of_day);
    assert_eq!(deleted.candles.get(Timeframe::M1), 3 * minutes);
    assert_eq!(deleted.candles.total(), 3 * minutes);
    assert_eq!(deleted.of_ticks, of_ticks.unsigned_abs());
    history.assert_whole(Timeframe::ALL).await;
    // no refresh deletes the remaining candles of dropped ticks
    if history.edition == Edition::Community {
        for &timeframe in Timeframe::ALL {
            history.execute(&format!(
                "CALL refresh_continuous_aggregate('ohlc_{timeframe}', NULL, now())"
            ));
        }
    }
    history.assert_whole(Timeframe::ALL).await;
    maintain(&history.db()).await.expect("maintained");
    history.assert_whole(Timeframe::ALL).await;
}

#[tokio::test]
async fn larger_candles_follow_minutes_of_dropped_ticks() {
    let (mut history, floor) = dropped().await;
    let noon = floor - TimeDelta::hours(12);
    let part = TimeRange::new(noon, noon + TimeDelta::minutes(61)).expect("ordered");
    let larger = delete(&mut history, Some(Timeframe::M30), TimeRange::all()).await;
    assert_eq!(larger.candles.total(), 0, "made of minutes");
    let deleted = delete(&mut history, Some(Timeframe::M1), part).await;
    let minutes = forget(&mut history, part);
    assert!(minutes > 0);
    assert_eq!(deleted.candles.total(), 3 * minutes);
    history.assert_whole(Timeframe::ALL).await;
    if history.edition == Edition::Community {
        history.execute(&format!(
            "CALL refresh_continuous_aggregate('ohlc_1h', '{0}'::timestamptz - INTERVAL '1 day', \
             '{0}'::timestamptz + INTERVAL '1 day')",
            noon.to_rfc3339()
        ));
    }
    history.assert_whole(Timeframe::ALL).await;
}
