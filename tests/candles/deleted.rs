//! Candles that are taken back although their ticks were dropped.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use crate::support::aged::{Aged, SYMBOLS, short_policies};
use chrono::{DateTime, TimeDelta, Utc};
use tickbook::domain::{TimeRange, Timeframe};
use tickbook::postgres::{Edition, apply_policies, maintain};
use tickbook::repository::{DeletedCandles, deletable_candles, delete_candles};
use tickbook::retention::Span;

/// Ten days, of which the first three are dropped; and before which time.
async fn dropped() -> (Aged, DateTime<Utc>) {
    let mut aged = Aged::ten_days().await;
    let policies = short_policies(Span::days(7));
    apply_policies(&aged.db(), &policies)
        .await
        .expect("consistent");
    let report = maintain(&aged.db()).await.expect("maintained");
    assert!(report.dropped_ticks >= 2, "{report:?}");
    let floor = "SELECT extract(epoch FROM ticks_dropped_before)::bigint AS number \
                 FROM applied_policies";
    let floor = DateTime::from_timestamp(aged.number(floor), 0).expect("in range");
    (aged, floor)
}

/// Deletes candles of the first symbol that have no ticks, and forgets these.
async fn delete(aged: &mut Aged, timeframe: Option<Timeframe>, range: TimeRange) -> DeletedCandles {
    let ohlc = &*aged.repositories.ohlc;
    let counted = deletable_candles(ohlc, SYMBOLS[0], timeframe, range).await;
    let deleted = delete_candles(ohlc, SYMBOLS[0], timeframe, range, |_| ()).await;
    let deleted = deleted.expect("deleted");
    assert_eq!(deleted, counted.expect("counted"));
    deleted
}

/// Without the ticks of the first symbol within `range`; returns of how many minutes they were.
fn forget(aged: &mut Aged, range: TimeRange) -> u64 {
    let is_gone = |symbol, time| symbol == SYMBOLS[0] && range.contains(time);
    let gone = aged
        .ticks
        .iter()
        .filter(|tick| is_gone(tick.symbol_id, tick.tick_time));
    let minutes = gone.map(|tick| Timeframe::M1.bucket_start(tick.tick_time));
    let count = minutes.collect::<std::collections::BTreeSet<_>>().len();
    aged.ticks
        .retain(|tick| !is_gone(tick.symbol_id, tick.tick_time));
    count as u64
}

#[tokio::test]
async fn kept_candles_of_a_day_are_deleted() {
    let (mut aged, floor) = dropped().await;
    let day = floor - TimeDelta::days(1);
    let range = TimeRange::new(day, floor + TimeDelta::days(1)).expect("ordered");
    let deleted = delete(&mut aged, None, range).await;
    let of_ticks = aged.number(&format!(
        "SELECT count(DISTINCT time_bucket('1 minute', tick_time)) AS number FROM ticks \
         WHERE symbol_id = {} AND tick_time < timestamptz '{}'",
        SYMBOLS[0],
        range.to().to_rfc3339()
    ));
    let of_day = TimeRange::new(day, floor).expect("ordered");
    let minutes = forget(&mut aged, of_day);
    assert_eq!(deleted.candles.get(Timeframe::M1), 3 * minutes);
    assert_eq!(deleted.candles.total(), 3 * minutes);
    assert_eq!(deleted.of_ticks, of_ticks.unsigned_abs());
    aged.assert_whole(Timeframe::ALL).await;
    // what is left of the dropped ticks stays at any refresh
    if aged.edition == Edition::Community {
        for &timeframe in Timeframe::ALL {
            aged.execute(&format!(
                "CALL refresh_continuous_aggregate('ohlc_{timeframe}', NULL, now())"
            ));
        }
    }
    aged.assert_whole(Timeframe::ALL).await;
    maintain(&aged.db()).await.expect("maintained");
    aged.assert_whole(Timeframe::ALL).await;
}

#[tokio::test]
async fn larger_candles_follow_kept_minutes() {
    let (mut aged, floor) = dropped().await;
    let noon = floor - TimeDelta::hours(12);
    let part = TimeRange::new(noon, noon + TimeDelta::minutes(61)).expect("ordered");
    let larger = delete(&mut aged, Some(Timeframe::M30), TimeRange::all()).await;
    assert_eq!(larger.candles.total(), 0, "made of minutes");
    let deleted = delete(&mut aged, Some(Timeframe::M1), part).await;
    let minutes = forget(&mut aged, part);
    assert!(minutes > 0);
    assert_eq!(deleted.candles.total(), 3 * minutes);
    aged.assert_whole(Timeframe::ALL).await;
    if aged.edition == Edition::Community {
        aged.execute(&format!(
            "CALL refresh_continuous_aggregate('ohlc_1h', '{0}'::timestamptz - INTERVAL '1 day', \
             '{0}'::timestamptz + INTERVAL '1 day')",
            noon.to_rfc3339()
        ));
    }
    aged.assert_whole(Timeframe::ALL).await;
}
