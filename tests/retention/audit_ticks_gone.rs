//! Ticks that went by hand or by policies: an audit tells of their candles, and neither a repair nor
//! the refresh of a late day erases one.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::collections::BTreeMap;

use crate::support::aged::{Aged, SYMBOLS, tick};
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::audit::{AuditSettings, FindingKind, Mending, RefreshWindow, Repair};
use tickbook::domain::{Candle, PriceBasis, Tick, TimeRange, Timeframe, earliest_time};
use tickbook::postgres::{PgCandleRefresh, PgMaterializedCandles};
use tickbook::postgres::{force_refresh, refresh_days, timeseries_state};
use tickbook::repository::CandleQuery;
use tickbook::retention::Policies;

use crate::support::audit_site::Site;
use crate::support::audited::{EURUSD, Heard, at, audit_of, insert, start, ticks};

const HOUR: TimeDelta = TimeDelta::hours(1);

/// Ten days of ticks with refreshed candles; `None` where no aggregates keep them.
async fn refreshed(chunk: &str) -> Option<Aged> {
    let mut aged = Aged::empty().await;
    if !aged.is_community() {
        return None;
    }
    aged.execute(&format!(
        "SELECT set_chunk_time_interval('ticks', INTERVAL '{chunk}')"
    ));
    let begin = Timeframe::D1.bucket_start(aged.now) - TimeDelta::days(10);
    let mut ticks = Vec::new();
    for number in 0..10 * 24 * 2 {
        for symbol_id in SYMBOLS {
            let time = begin + TimeDelta::minutes(number * 30 + 7);
            for sequence in 0..2 {
                ticks.push(tick(symbol_id, time, sequence, number * 31 % 97));
            }
        }
    }
    aged.insert(&ticks).await;
    let days = ticks.iter().map(|tick| tick.tick_time).collect();
    refresh_days(&aged.db(), days).await.expect("refreshed");
    Some(aged)
}

/// Starts `days` days before the end of the ticks.
fn day_before(aged: &Aged, days: i64) -> DateTime<Utc> {
    Timeframe::D1.bucket_start(aged.now) - TimeDelta::days(days)
}

/// Drops the chunks that lie within.
fn drop_by_hand(aged: &mut Aged, from: DateTime<Utc>, to: DateTime<Utc>) {
    aged.execute(&format!(
        "SELECT drop_chunks('ticks', newer_than => timestamptz '{}', \
         older_than => timestamptz '{}')",
        from.to_rfc3339(),
        to.to_rfc3339()
    ));
}

async fn all_candles(aged: &Aged) -> Vec<Candle> {
    let mut candles = Vec::new();
    for &timeframe in Timeframe::ALL {
        for &basis in PriceBasis::ALL {
            candles.extend(aged.candles(timeframe, basis).await);
        }
    }
    candles
}

/// How many candles of a timeframe are kept, whatever a read makes of ticks.
fn kept(aged: &mut Aged, timeframe: Timeframe) -> i64 {
    let table = table(aged, timeframe);
    aged.number(&format!("SELECT count(*) AS number FROM {table}"))
}

fn kept_of_all(aged: &mut Aged) -> Vec<i64> {
    let timeframes = Timeframe::ALL.iter();
    timeframes.map(|timeframe| kept(aged, *timeframe)).collect()
}

fn table(aged: &mut Aged, timeframe: Timeframe) -> String {
    let number = aged.number(&format!(
        "SELECT h.id::bigint AS number FROM timescaledb_information.continuous_aggregates AS a \
         JOIN _timescaledb_catalog.hypertable AS h \
         ON h.table_name = a.materialization_hypertable_name \
         WHERE view_schema = current_schema() AND view_name = 'ohlc_{timeframe}'"
    ));
    format!("_timescaledb_internal._materialized_hypertable_{number}")
}

async fn verify(aged: &Aged, repair: bool) -> Heard {
    let db = aged.db();
    let state = timeseries_state(&db, &Policies::default()).await;
    let state = state.expect("a state");
    let settings = AuditSettings::new(TimeRange::all(), suite::now())
        .complete_from(state.complete_from.unwrap_or(earliest_time()))
        .doubtful(state.doubtful);
    let rows = PgMaterializedCandles::new(db.clone());
    let made_anew = PgCandleRefresh::new(db);
    let repair = repair.then_some(Repair::new(Some(&made_anew)));
    let (ticks, ohlc) = (&aged.repositories.ticks, &aged.repositories.ohlc);
    audit_of(EURUSD, &**ticks, &**ohlc, Some(&rows), &settings, repair).await
}

fn count(heard: &Heard) -> BTreeMap<FindingKind, usize> {
    let mut counts = BTreeMap::new();
    for kind in heard.kinds() {
        *counts.entry(kind).or_default() += 1;
    }
    counts
}

/// Candles of one symbol and basis in a day of ticks every half an hour.
const OF_A_DAY: usize = 48 * 4 + 24 + 6 + 1;

#[tokio::test]
async fn a_day_that_was_dropped_by_hand_is_told_and_loses_no_candle() {
    let Some(mut aged) = refreshed("1 day").await else {
        return;
    };
    let dropped = day_before(&aged, 5);
    drop_by_hand(&mut aged, dropped, dropped + TimeDelta::days(1));
    let before = all_candles(&aged).await;
    let minutes = kept(&mut aged, Timeframe::M1);
    // a day before it is mended as ever
    let damaged = day_before(&aged, 8) + TimeDelta::minutes(37);
    let table = table(&mut aged, Timeframe::M1);
    aged.execute(&format!(
        "UPDATE {table} SET bid_open = 1 WHERE symbol_id = 7 AND open_time = '{}'",
        damaged.to_rfc3339()
    ));

    let heard = verify(&aged, false).await;
    let expected = [
        (FindingKind::CandleTicksGone, 3 * OF_A_DAY),
        // and those of 5, 15 and 30 minutes, which wait and are read from it
        (FindingKind::CandleDiffers, 4),
    ];
    assert_eq!(count(&heard), expected.into());
    let first = dropped.format("%Y-%m-%dT00:07:00Z");
    let expected =
        format!("candle_ticks_gone: symbol 7 1m bid {first}: its ticks were dropped, 0 are");
    let told: Vec<_> = heard
        .findings
        .iter()
        .map(|it| it.problem.to_string())
        .collect();
    assert!(told.iter().any(|it| it.starts_with(&expected)), "{told:?}");

    for repaired in [4, 0] {
        let heard = verify(&aged, true).await;
        assert_eq!(heard.summary.mended, repaired);
        for finding in &heard.findings {
            let is_gone = finding.problem.kind() == FindingKind::CandleTicksGone;
            let mending = &finding.mending;
            assert_eq!(is_gone, *mending != Mending::Mended, "{finding:?}");
        }
        assert_eq!(all_candles(&aged).await, before);
        assert_eq!(kept(&mut aged, Timeframe::M1), minutes);
    }
}

#[tokio::test]
async fn a_late_tick_into_a_day_that_was_dropped_by_hand_erases_no_candle() {
    let Some(mut aged) = refreshed("1 day").await else {
        return;
    };
    let dropped = day_before(&aged, 5);
    drop_by_hand(&mut aged, dropped, dropped + TimeDelta::days(1));
    let before = all_candles(&aged).await;
    let counts = kept_of_all(&mut aged);
    // makes the chunk anew
    let late = tick(EURUSD, dropped + TimeDelta::minutes(7), 0, 1);
    aged.insert(&[late]).await;
    for _ in 0..2 {
        // the days around it are of the same call
        let days = [4, 5, 6].map(|days| day_before(&aged, days));
        let refreshed = refresh_days(&aged.db(), days.into()).await;
        let refreshed = refreshed.expect("refreshed");
        let minutes = refreshed.iter().filter(|it| it.timeframe == Timeframe::M1);
        let holds_it = |it: &RefreshWindow| it.range.contains(dropped);
        assert_eq!(minutes.clone().count(), 2, "one before it and one behind");
        assert!(!minutes.copied().any(|it| holds_it(&it)), "{refreshed:?}");
        verify(&aged, true).await;
        assert_eq!(all_candles(&aged).await, before);
        let counted = kept_of_all(&mut aged);
        assert_eq!(counted, counts);
    }
    let heard = verify(&aged, false).await;
    let expected = [(FindingKind::CandleTicksGone, 3 * OF_A_DAY)];
    assert_eq!(count(&heard), expected.into());
}

#[tokio::test]
async fn a_refresh_leaves_out_what_another_symbol_would_lose() {
    let Some(mut aged) = refreshed("1 day").await else {
        return;
    };
    let dropped = day_before(&aged, 5);
    let end = dropped + TimeDelta::days(1);
    let of_day =
        |tick: &&Tick| tick.symbol_id == SYMBOLS[0] && (dropped..end).contains(&tick.tick_time);
    let again: Vec<_> = aged.ticks.iter().filter(of_day).cloned().collect();
    drop_by_hand(&mut aged, dropped, end);
    // all ticks of one symbol come back, those of the other do not
    aged.insert(&again).await;
    let minute = dropped + TimeDelta::minutes(7);
    let window = |from: DateTime<Utc>, length| {
        RefreshWindow::new(
            Timeframe::M1,
            TimeRange::new(from, from + length).expect("ordered"),
        )
    };
    let minutes = kept(&mut aged, Timeframe::M1);
    let asked = window(minute, TimeDelta::minutes(1));
    let left_out = force_refresh(&aged.db(), vec![asked]).await;
    assert_eq!(left_out.expect("refreshed"), [asked]);
    assert_eq!(kept(&mut aged, Timeframe::M1), minutes);
    // a window that begins before leaves out its end only
    let asked = window(dropped - HOUR, HOUR * 2);
    let left_out = force_refresh(&aged.db(), vec![asked]).await;
    assert_eq!(left_out.expect("refreshed"), [window(dropped, HOUR)]);
    assert_eq!(kept(&mut aged, Timeframe::M1), minutes);
}

#[tokio::test]
async fn half_a_day_that_was_dropped_is_told_and_the_other_half_is_checked() {
    let Some(mut aged) = refreshed("12 hours").await else {
        return;
    };
    let day = day_before(&aged, 5);
    let noon = day + TimeDelta::hours(12);
    drop_by_hand(&mut aged, noon, noon + TimeDelta::hours(12));
    let before = all_candles(&aged).await;
    let heard = verify(&aged, true).await;
    assert_eq!(all_candles(&aged).await, before);
    // and the day itself, half of which is gone
    let expected = [(FindingKind::CandleTicksGone, 3 * (24 * 4 + 12 + 3 + 1))];
    assert_eq!(count(&heard), expected.into());
    let noon_or_whole =
        |candle: &Candle| candle.open_time >= noon || candle.timeframe == Timeframe::D1;
    let found = heard
        .findings
        .iter()
        .filter_map(|it| it.problem.candles().found);
    assert!(found.clone().count() > 0 && found.clone().all(noon_or_whole));
}

#[tokio::test]
async fn the_last_days_or_all_of_them_dropped_by_hand_lose_no_candle() {
    let Some(mut aged) = refreshed("1 day").await else {
        return;
    };
    let last = day_before(&aged, 1);
    let end = aged.now + TimeDelta::days(2);
    drop_by_hand(&mut aged, last, end);
    let before = all_candles(&aged).await;
    let heard = verify(&aged, true).await;
    assert_eq!(all_candles(&aged).await, before);
    let expected = [(FindingKind::CandleTicksGone, 3 * OF_A_DAY)];
    assert_eq!(count(&heard), expected.into());

    let start = day_before(&aged, 20);
    drop_by_hand(&mut aged, start, end);
    let heard = verify(&aged, true).await;
    assert_eq!(all_candles(&aged).await, before);
    assert_eq!(
        heard.findings,
        [],
        "what begins with no tick at all is counted"
    );
    assert_eq!(heard.summary.beyond_ticks, 10 * 3 * OF_A_DAY as u64);
}

#[tokio::test]
async fn a_repair_never_erases_candles_whose_ticks_are_gone() {
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
    let heard = site.audit(false).await;
    assert_eq!(heard.findings, []);
    assert!(heard.summary.beyond_ticks > 5_000, "{:?}", heard.summary);
}

/// A tick that comes late makes a chunk anew in a day that was dropped.
#[tokio::test]
async fn a_late_tick_into_a_dropped_day_does_not_make_a_repair_erase_that_day() {
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
