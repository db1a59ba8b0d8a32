//! Tests with ticks that were dropped by hand or by policies: an audit reports their candles, and neither
//! a repair nor the refresh of a late day erases one.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::collections::BTreeMap;

use crate::support::ten_day_history::{SYMBOLS, TenDayHistory, tick};
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::audit::{AuditSettings, FindingKind, RefreshWindow, Repair, RepairOutcome};
use tickbook::domain::{
    Candle, CandleInput, PriceBasis, Tick, TimeRange, Timeframe, earliest_time,
};
use tickbook::postgres::{PgCandleRefresh, PgMaterializedCandles};
use tickbook::postgres::{force_refresh, refresh_days, timeseries_state};
use tickbook::repository::CandleQuery;
use tickbook::retention::RetentionPolicies;

use crate::support::audit_fixture::Site;
use crate::support::audit_run::{AuditRun, EURUSD, at, audit_of, insert, start, ticks};

const HOUR: TimeDelta = TimeDelta::hours(1);

/// Ten days of ticks with refreshed candles; `None` if the edition has no aggregates.
async fn refreshed(chunk: &str) -> Option<TenDayHistory> {
    let mut history = TenDayHistory::empty().await;
    if !history.is_community() {
        return None;
    }
    history.execute(&format!(
        "SELECT set_chunk_time_interval('ticks', INTERVAL '{chunk}')"
    ));
    let begin = Timeframe::D1.bucket_start(history.now) - TimeDelta::days(10);
    let mut ticks = Vec::new();
    for number in 0..10 * 24 * 2 {
        for symbol_id in SYMBOLS {
            let time = begin + TimeDelta::minutes(number * 30 + 7);
            for sequence in 0..2 {
                ticks.push(tick(symbol_id, time, sequence, number * 31 % 97));
            }
        }
    }
    history.insert(&ticks).await;
    let days = ticks.iter().map(|tick| tick.tick_time).collect();
    refresh_days(&history.db(), days).await.expect("refreshed");
    Some(history)
}

/// The start of the day that is `days` days before the end of the ticks.
fn day_before(history: &TenDayHistory, days: i64) -> DateTime<Utc> {
    Timeframe::D1.bucket_start(history.now) - TimeDelta::days(days)
}

/// Drops the chunks that lie within the range.
fn drop_by_hand(history: &mut TenDayHistory, from: DateTime<Utc>, to: DateTime<Utc>) {
    history.execute(&format!(
        "SELECT drop_chunks('ticks', newer_than => timestamptz '{}', \
         older_than => timestamptz '{}')",
        from.to_rfc3339(),
        to.to_rfc3339()
    ));
}

async fn all_candles(history: &TenDayHistory) -> Vec<Candle> {
    let mut candles = Vec::new();
    for &timeframe in Timeframe::ALL {
        for &basis in PriceBasis::OF_TICKS {
            candles.extend(history.candles(timeframe, basis).await);
        }
    }
    candles
}

/// The number of materialized candles of a timeframe, without candles that reads compute from ticks.
fn kept(history: &mut TenDayHistory, timeframe: Timeframe) -> i64 {
    let table = table(history, timeframe);
    history.number(&format!("SELECT count(*) AS number FROM {table}"))
}

fn kept_of_all(history: &mut TenDayHistory) -> Vec<i64> {
    let timeframes = Timeframe::ALL.iter();
    timeframes
        .map(|timeframe| kept(history, *timeframe))
        .collect()
}

fn table(history: &mut TenDayHistory, timeframe: Timeframe) -> String {
    let number = history.number(&format!(
        "SELECT h.id::bigint AS number FROM timescaledb_information.continuous_aggregates AS a \
         JOIN _timescaledb_catalog.hypertable AS h \
         ON h.table_name = a.materialization_hypertable_name \
         WHERE view_schema = current_schema() AND view_name = 'ohlc_{timeframe}'"
    ));
    format!("_timescaledb_internal._materialized_hypertable_{number}")
}

async fn verify(history: &TenDayHistory, repair: bool) -> AuditRun {
    let db = history.db();
    let state = timeseries_state(&db, &RetentionPolicies::default()).await;
    let state = state.expect("a state");
    let settings = AuditSettings::new(TimeRange::all(), suite::now())
        .complete_from(state.complete_from.unwrap_or(earliest_time()))
        .incomplete_ranges(state.incomplete_ranges);
    let rows = PgMaterializedCandles::new(db.clone());
    let refresher = PgCandleRefresh::new(db);
    let repair = repair.then_some(Repair::new(Some(&refresher)));
    let (ticks, ohlc) = (&history.repositories.ticks, &history.repositories.ohlc);
    audit_of(EURUSD, &**ticks, &**ohlc, Some(&rows), &settings, repair).await
}

fn count(run: &AuditRun) -> BTreeMap<FindingKind, usize> {
    let mut counts = BTreeMap::new();
    for kind in run.kinds() {
        *counts.entry(kind).or_default() += 1;
    }
    counts
}

/// The number of candles of one symbol and basis in a day with a tick every half hour.
const OF_A_DAY: usize = 48 * 4 + 24 + 6 + 1;

#[tokio::test]
async fn day_dropped_by_hand_is_found_and_keeps_its_candles() {
    let Some(mut history) = refreshed("1 day").await else {
        return;
    };
    let dropped = day_before(&history, 5);
    drop_by_hand(&mut history, dropped, dropped + TimeDelta::days(1));
    let before = all_candles(&history).await;
    let minutes = kept(&mut history, Timeframe::M1);
    // an earlier day is repaired as usual
    let damaged = day_before(&history, 8) + TimeDelta::minutes(37);
    let table = table(&mut history, Timeframe::M1);
    history.execute(&format!(
        "UPDATE {table} SET bid_open = 1 WHERE symbol_id = 7 AND open_time = '{}'",
        damaged.to_rfc3339()
    ));

    let run = verify(&history, false).await;
    let expected = [
        (FindingKind::CandleTicksGone, 3 * OF_A_DAY),
        // and the candles of 5, 15 and 30 minutes, which wait for a refresh and are computed from it
        (FindingKind::CandleDiffers, 4),
    ];
    assert_eq!(count(&run), expected.into());
    let first = dropped.format("%Y-%m-%dT00:07:00Z");
    let expected =
        format!("candle_ticks_gone: symbol 7 1m bid {first}: its ticks were dropped, 0 are");
    let reported: Vec<_> = run
        .findings
        .iter()
        .map(|it| it.problem.to_string())
        .collect();
    assert!(
        reported.iter().any(|it| it.starts_with(&expected)),
        "{reported:?}"
    );

    for repaired in [4, 0] {
        let run = verify(&history, true).await;
        assert_eq!(run.summary.repaired, repaired);
        for finding in &run.findings {
            let is_gone = finding.problem.kind() == FindingKind::CandleTicksGone;
            let repair_outcome = &finding.repair_outcome;
            assert_eq!(
                is_gone,
                *repair_outcome != RepairOutcome::Repaired,
                "{finding:?}"
            );
        }
        assert_eq!(all_candles(&history).await, before);
        assert_eq!(kept(&mut history, Timeframe::M1), minutes);
    }
}

#[tokio::test]
async fn late_tick_of_a_dropped_day_erases_no_candle() {
    let Some(mut history) = refreshed("1 day").await else {
        return;
    };
    let dropped = day_before(&history, 5);
    drop_by_hand(&mut history, dropped, dropped + TimeDelta::days(1));
    let before = all_candles(&history).await;
    let counts = kept_of_all(&mut history);
    // creates the chunk again
    let late = tick(EURUSD, dropped + TimeDelta::minutes(7), 0, 1);
    history.insert(&[late]).await;
    for _ in 0..2 {
        // the same call refreshes the days around it
        let days = [4, 5, 6].map(|days| day_before(&history, days));
        let refreshed = refresh_days(&history.db(), days.into()).await;
        let refreshed = refreshed.expect("refreshed");
        let minutes = refreshed.iter().filter(|it| it.timeframe == Timeframe::M1);
        let holds_it = |it: &RefreshWindow| it.range.contains(dropped);
        assert_eq!(minutes.clone().count(), 2, "one before it and one behind");
        assert!(!minutes.copied().any(|it| holds_it(&it)), "{refreshed:?}");
        verify(&history, true).await;
        assert_eq!(all_candles(&history).await, before);
        let counted = kept_of_all(&mut history);
        assert_eq!(counted, counts);
    }
    let run = verify(&history, false).await;
    let expected = [(FindingKind::CandleTicksGone, 3 * OF_A_DAY)];
    assert_eq!(count(&run), expected.into());
}

#[tokio::test]
async fn refresh_skips_candles_another_symbol_would_lose() {
    let Some(mut history) = refreshed("1 day").await else {
        return;
    };
    let dropped = day_before(&history, 5);
    let end = dropped + TimeDelta::days(1);
    let of_day =
        |tick: &&Tick| tick.symbol_id == SYMBOLS[0] && (dropped..end).contains(&tick.tick_time);
    let again: Vec<_> = history.ticks.iter().filter(of_day).cloned().collect();
    drop_by_hand(&mut history, dropped, end);
    // all ticks of one symbol are stored again, the ticks of the other symbol are not
    history.insert(&again).await;
    let minute = dropped + TimeDelta::minutes(7);
    let window = |from: DateTime<Utc>, length| {
        RefreshWindow::new(
            CandleInput::Ticks,
            Timeframe::M1,
            TimeRange::new(from, from + length).expect("ordered"),
        )
    };
    let minutes = kept(&mut history, Timeframe::M1);
    let asked = window(minute, TimeDelta::minutes(1));
    let left_out = force_refresh(&history.db(), vec![asked]).await;
    assert_eq!(left_out.expect("refreshed"), [asked]);
    assert_eq!(kept(&mut history, Timeframe::M1), minutes);
    // of a window that begins earlier, only the end is left out
    let asked = window(dropped - HOUR, HOUR * 2);
    let left_out = force_refresh(&history.db(), vec![asked]).await;
    assert_eq!(left_out.expect("refreshed"), [window(dropped, HOUR)]);
    assert_eq!(kept(&mut history, Timeframe::M1), minutes);
}

#[tokio::test]
async fn half_dropped_day_is_checked_in_its_other_half() {
    let Some(mut history) = refreshed("12 hours").await else {
        return;
    };
    let day = day_before(&history, 5);
    let noon = day + TimeDelta::hours(12);
    drop_by_hand(&mut history, noon, noon + TimeDelta::hours(12));
    let before = all_candles(&history).await;
    let run = verify(&history, true).await;
    assert_eq!(all_candles(&history).await, before);
    // and the candle of the day, half of whose ticks were dropped
    let expected = [(FindingKind::CandleTicksGone, 3 * (24 * 4 + 12 + 3 + 1))];
    assert_eq!(count(&run), expected.into());
    let noon_or_whole =
        |candle: &Candle| candle.open_time >= noon || candle.timeframe == Timeframe::D1;
    let found = run
        .findings
        .iter()
        .filter_map(|it| it.problem.candles().found);
    assert!(found.clone().count() > 0 && found.clone().all(noon_or_whole));
}

#[tokio::test]
async fn last_days_dropped_by_hand_keep_their_candles() {
    let Some(mut history) = refreshed("1 day").await else {
        return;
    };
    let last = day_before(&history, 1);
    let end = history.now + TimeDelta::days(2);
    drop_by_hand(&mut history, last, end);
    let before = all_candles(&history).await;
    let run = verify(&history, true).await;
    assert_eq!(all_candles(&history).await, before);
    let expected = [(FindingKind::CandleTicksGone, 3 * OF_A_DAY)];
    assert_eq!(count(&run), expected.into());

    let start = day_before(&history, 20);
    drop_by_hand(&mut history, start, end);
    let run = verify(&history, true).await;
    assert_eq!(all_candles(&history).await, before);
    assert_eq!(
        run.findings,
        [],
        "what begins with no tick at all is counted"
    );
    assert_eq!(run.summary.uncheckable, 10 * 3 * OF_A_DAY as u64);
}

#[tokio::test]
async fn repair_keeps_candles_of_dropped_ticks() {
    let Some(site) = Site::community().await else {
        return;
    };
    let day = TimeRange::new(start(), at(1_440)).expect("ordered");
    let query = CandleQuery::new(EURUSD, Timeframe::H1, PriceBasis::Bid, day);
    let before = site.repositories.ohlc.candles(&query).await.expect("read");
    assert_eq!(before.items.len(), 24);
    let dropped = at(1_440).to_rfc3339();
    site.execute(&format!(
        "SELECT drop_chunks('ticks', '{dropped}'::timestamptz)"
    ));
    assert_eq!(site.state().await.complete_from, Some(at(1_440)));
    let minutes = site.materialization(Timeframe::M1);
    site.execute(&format!(
        "UPDATE {minutes} SET bid_open = 1 WHERE open_time = '{}'",
        at(1_450).to_rfc3339()
    ));
    for _ in 0..2 {
        site.audit(true).await;
        let after = site.repositories.ohlc.candles(&query).await.expect("read");
        assert_eq!(after, before);
    }
    let run = site.audit(false).await;
    assert_eq!(run.findings, []);
    assert!(run.summary.uncheckable > 5_000, "{:?}", run.summary);
}

/// A late tick creates a chunk again in a day that was dropped.
#[tokio::test]
async fn repair_keeps_a_dropped_day_with_a_late_tick() {
    let Some(site) = Site::community().await else {
        return;
    };
    let far: Vec<_> = ticks(1)
        .into_iter()
        .map(|tick| {
            let later = tick.tick_time + chrono::TimeDelta::days(4);
            tick.with_tick_time(later)
        })
        .collect();
    insert(&*site.repositories.ticks, &far).await;
    let dropped = at(4 * 1_440);
    let time = dropped.to_rfc3339();
    site.execute(&format!(
        "SELECT drop_chunks('ticks', '{time}'::timestamptz)"
    ));
    let late = Tick::quote(EURUSD, at(5), Decimal::ONE, Decimal::TWO);
    insert(&*site.repositories.ticks, &[late]).await;
    assert_eq!(site.state().await.complete_from, Some(dropped));
    let query = CandleQuery::new(EURUSD, Timeframe::D1, PriceBasis::Bid, TimeRange::all());
    let before = site.repositories.ohlc.candles(&query).await.expect("read");
    assert_eq!(before.items.len(), 3);
    site.audit(true).await;
    let after = site.repositories.ohlc.candles(&query).await.expect("read");
    assert_eq!(after, before);
}
