//! Tests of the Apache edition: the maintenance drops ticks, and their candles stay.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use crate::support::ten_day_history::{SYMBOLS, TenDayHistory, short_policies, tick};
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{Candle, CandleSource, PriceBasis, Timeframe, fold_candles, fold_ticks};
use tickbook::postgres::{Edition, MaintenanceState, apply_policies, maintain, policy_status};
use tickbook::retention::PolicyDuration;

/// The instants at which a test runs, each with separate stores: the instants of the suite and the
/// current time. Empty on the Community edition, where the test counts as skipped.
async fn instants() -> Vec<DateTime<Utc>> {
    if TenDayHistory::empty().await.edition == Edition::Apache {
        return suite::instants()
            .into_iter()
            .chain([suite::now()])
            .collect();
    }
    suite::skip("this is the Community edition, whose aggregates keep candles");
    Vec::new()
}

/// Ten days of ticks that end at `time`.
async fn ten_days_at(time: DateTime<Utc>) -> TenDayHistory {
    println!("at {time}");
    TenDayHistory::ten_days_at(time).await
}

const TICKS: &str = "SELECT count(*) AS number FROM ticks";
const DOWNSAMPLED: &str =
    "SELECT count(*) AS number FROM ohlc_candles WHERE source = 'downsampled'";

#[tokio::test]
async fn ticks_are_downsampled_before_they_are_dropped() {
    for time in instants().await {
        seal_before_dropping(ten_days_at(time).await).await;
    }
}

async fn seal_before_dropping(mut history: TenDayHistory) {
    let before = history.candles(Timeframe::M1, PriceBasis::Mid).await;
    let report = maintain(&history.db()).await.expect("maintained");
    assert_eq!(report.state, MaintenanceState::NotApplied);
    assert_eq!(history.number(TICKS), history.ticks.len() as i64);

    apply_policies(&history.db(), &short_policies(PolicyDuration::days(7)))
        .await
        .expect("consistent");
    let report = maintain(&history.db()).await.expect("maintained");
    assert_eq!(report.state, MaintenanceState::Done);
    assert!((2..=3).contains(&report.dropped_ticks), "{report:?}");
    assert!(history.number(TICKS) < history.ticks.len() as i64);
    assert_eq!(history.number(DOWNSAMPLED), report.downsampled as i64);
    history.assert_whole(&[Timeframe::M1]).await;
    let after = history.candles(Timeframe::M1, PriceBasis::Mid).await;
    assert_eq!(after.len(), before.len());
    let downsampled = CandleSource::Stored("downsampled".to_owned());
    assert_eq!(after[0].source, downsampled);
    // larger candles can be computed from the minutes, to the last digit
    for timeframe in &Timeframe::ALL[1..] {
        for &basis in PriceBasis::OF_TICKS {
            let minutes = history.candles(Timeframe::M1, basis).await;
            let made = fold_candles(&minutes, *timeframe, suite::now()).expect("fits");
            assert_eq!(made[0].source, CandleSource::RolledUp);
            let of_ticks = |candle: Candle| candle.source(CandleSource::Ticks);
            let made: Vec<_> = made.into_iter().map(of_ticks).collect();
            let expected = fold_ticks(&history.ticks, *timeframe, basis, suite::now());
            assert_eq!(made, expected.expect("fits"), "{timeframe}");
        }
    }

    // nothing more is due, and ticks that are too old are refused
    let again = maintain(&history.db()).await.expect("maintained");
    assert_eq!((again.downsampled, again.dropped_ticks), (0, 0));
    let old = tick(SYMBOLS[0], history.now - TimeDelta::days(8), 7, 1);
    let receipt = history.repositories.ticks.insert_batch(&[old]).await;
    assert_eq!(receipt.expect("a receipt").rejected.len(), 1);
    history.assert_whole(&[Timeframe::M1]).await;
}

#[tokio::test]
async fn imported_candle_stays_when_ticks_are_downsampled() {
    for time in instants().await {
        seal_beside_an_imported_candle(ten_days_at(time).await).await;
    }
}

async fn seal_beside_an_imported_candle(history: TenDayHistory) {
    let first = &history.ticks[0];
    let imported = Candle::new(
        first.symbol_id,
        Timeframe::M1,
        PriceBasis::Bid,
        Timeframe::M1.bucket_start(first.tick_time),
        [Decimal::TWO, Decimal::TWO, Decimal::ONE, Decimal::ONE],
    )
    .tick_count(0)
    .source(CandleSource::Stored("import".to_owned()));
    let ohlc = &history.repositories.ohlc;
    ohlc.upsert_candles(std::slice::from_ref(&imported))
        .await
        .expect("stored");
    apply_policies(&history.db(), &short_policies(PolicyDuration::days(7)))
        .await
        .expect("consistent");
    maintain(&history.db()).await.expect("maintained");
    let candles = history.candles(Timeframe::M1, PriceBasis::Bid).await;
    assert_eq!(candles[0], imported);
}

#[tokio::test]
async fn late_chunk_changes_no_downsampled_candle() {
    for time in instants().await {
        seal_and_write_behind_it(ten_days_at(time).await).await;
    }
}

async fn seal_and_write_behind_it(mut history: TenDayHistory) {
    apply_policies(&history.db(), &short_policies(PolicyDuration::days(7)))
        .await
        .expect("consistent");
    maintain(&history.db()).await.expect("maintained");
    // by a writer that does not read the policies
    let time = history.ticks[0].tick_time.to_rfc3339();
    history.execute(&format!(
        "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, \
         ask_volume) VALUES (7, '{time}', 7, 9, 9, 0, 0)"
    ));
    let report = maintain(&history.db()).await.expect("maintained");
    assert_eq!(report.dropped_ticks, 1);
    history.assert_whole(&[Timeframe::M1]).await;
}

#[tokio::test]
async fn dropped_candle_days_are_read_whole_or_not_at_all() {
    for time in instants().await {
        drop_candles_by_days(ten_days_at(time).await).await;
    }
}

async fn drop_candles_by_days(mut history: TenDayHistory) {
    let mut policies = short_policies(PolicyDuration::days(7));
    // a refresh window that is short enough to drop ticks a day earlier below, at any time of day
    if let Some(minutes) = policies.refresh.get_mut(&Timeframe::M1) {
        minutes.start_offset = Some(PolicyDuration::hours(2 * 24 + 23));
    }
    policies.candles.chunk = PolicyDuration::days(1);
    policies.candles.drop_after = Some(PolicyDuration::days(7));
    policies.candles.compress_after = None;
    apply_policies(&history.db(), &policies)
        .await
        .expect("consistent");
    let report = maintain(&history.db()).await.expect("maintained");
    assert!(report.dropped_candles >= 2, "{report:?}");
    assert_eq!(
        history.number(DOWNSAMPLED),
        0,
        "what was downsampled is as old as what goes"
    );
    // the minutes of the first remaining day are stored, earlier minutes were dropped
    policies.ticks.drop_after = Some(PolicyDuration::days(6));
    apply_policies(&history.db(), &policies)
        .await
        .expect("consistent");
    let report = maintain(&history.db()).await.expect("maintained");
    assert_eq!((report.dropped_ticks, report.dropped_candles), (1, 0));
    for &timeframe in Timeframe::ALL {
        for &basis in PriceBasis::OF_TICKS {
            let expected =
                fold_ticks(&history.ticks, timeframe, basis, suite::now()).expect("fits");
            let read = history.candles(timeframe, basis).await;
            let first_day = Timeframe::D1.bucket_start(read[0].open_time);
            let left = expected.iter().filter(|it| it.open_time >= first_day);
            let as_made = |candle: Candle| candle.source(CandleSource::Ticks);
            let read: Vec<_> = read.into_iter().map(as_made).collect();
            assert!(read.iter().eq(left), "{timeframe} {basis}");
        }
    }
}

#[tokio::test]
async fn candle_retention_alone_drops_no_ticks() {
    for time in instants().await {
        drop_candles_only(ten_days_at(time).await).await;
    }
}

async fn drop_candles_only(mut history: TenDayHistory) {
    let mut policies = short_policies(PolicyDuration::days(7));
    policies.ticks.drop_after = None;
    policies.ticks.compress_after = None;
    policies.candles.drop_after = None;
    apply_policies(&history.db(), &policies)
        .await
        .expect("consistent");
    let report = maintain(&history.db()).await.expect("maintained");
    assert_eq!((report.dropped_ticks, report.dropped_candles), (0, 0));

    let mut policies = short_policies(PolicyDuration::days(7));
    policies.candles.drop_after = Some(PolicyDuration::days(30));
    policies.candles.compress_after = None;
    apply_policies(&history.db(), &policies)
        .await
        .expect("consistent");
    history.execute(
        "INSERT INTO ohlc_candles SELECT 7, '1m', 'bid', t, t + INTERVAL '1 minute', \
         1, 1, 1, 1, 0, 0, 'import' FROM (VALUES (date_trunc('hour', now()) - INTERVAL '50 days'), \
         (date_trunc('hour', now()) - INTERVAL '20 days')) AS times (t)",
    );
    let report = maintain(&history.db()).await.expect("maintained");
    assert_eq!(report.dropped_candles, 1);
    let imported = "SELECT count(*) AS number FROM ohlc_candles WHERE source = 'import'";
    assert_eq!(history.number(imported), 1);
    let status = policy_status(&history.db()).await.expect("answers");
    let applied = status.applied.expect("applied");
    assert!(applied.candles.dropped_before.is_some());
    assert!(applied.floor.dropped_before.is_some());
}

/// Three minutes of twelve ticks with the largest volumes on both sides, eight days ago at midnight.
fn largest(history: &TenDayHistory) -> Vec<tickbook::domain::Tick> {
    let largest: Decimal = "999999999999999.999999999999".parse().expect("a number");
    let start = Timeframe::D1.bucket_start(history.now - TimeDelta::days(8));
    (0..36)
        .map(|number| {
            tick(
                SYMBOLS[0],
                start + TimeDelta::seconds(number / 12 * 60 + number % 12),
                0,
                number,
            )
            .with_volumes(largest, largest)
        })
        .collect()
}

#[tokio::test]
async fn volumes_beyond_28_digits_are_downsampled() {
    for time in instants().await {
        println!("at {time}");
        seal_large_volumes(TenDayHistory::empty_at(time).await).await;
    }
}

async fn seal_large_volumes(mut history: TenDayHistory) {
    let ticks = largest(&history);
    history.insert(&ticks).await;
    apply_policies(&history.db(), &short_policies(PolicyDuration::days(7)))
        .await
        .expect("consistent");
    let report = maintain(&history.db()).await.expect("maintained");
    assert_eq!(
        (report.dropped_ticks, report.downsampled),
        (1, 9),
        "{report:?}"
    );
    assert_eq!(report.blocked, []);
    assert_eq!(history.number(TICKS), 0);
    // the sum is exact in the table, and rounded once in candles of every timeframe
    let exact = "SELECT count(*) AS number FROM ohlc_candles \
                 WHERE volume = 23999999999999999.999999999976";
    assert_eq!(history.number(exact), 9);
    history.assert_whole(Timeframe::ALL).await;

    // the same if the library folds them, because an imported candle of another timeframe is stored
    let mut imported = history
        .candles(Timeframe::M1, PriceBasis::Bid)
        .await
        .remove(0)
        .volume(Decimal::new(4, 12))
        .source(CandleSource::Stored("import".to_owned()));
    imported.timeframe = Timeframe::M5;
    imported.open_time = Timeframe::D1.bucket_start(ticks[0].tick_time) + TimeDelta::minutes(5);
    let stored = history.repositories.ohlc.upsert_candles(&[imported]).await;
    assert_eq!(stored.expect("stored"), 1);
    let days = history.candles(Timeframe::D1, PriceBasis::Bid).await;
    assert_eq!(days[0].tick_count, 48);
    assert_eq!(
        days[0].volume.to_string(),
        "71999999999999999.99999999993",
        "of 71999999999999999.999999999932"
    );
}

#[tokio::test]
async fn chunk_that_cannot_be_downsampled_is_named() {
    for time in instants().await {
        block_a_chunk(ten_days_at(time).await).await;
    }
}

async fn block_a_chunk(mut history: TenDayHistory) {
    let due = Timeframe::D1.bucket_start(history.now - TimeDelta::days(7));
    // the second day that is due
    let blocked = Timeframe::D1.bucket_start(history.ticks[0].tick_time) + TimeDelta::days(1);
    let waiting = (due - blocked).num_days() - 1;
    history.execute(&format!(
        "ALTER TABLE ohlc_candles ADD CONSTRAINT in_the_way CHECK (open_time < '{0}' \
         OR open_time >= timestamptz '{0}' + INTERVAL '1 day')",
        blocked.to_rfc3339()
    ));
    apply_policies(&history.db(), &short_policies(PolicyDuration::days(7)))
        .await
        .expect("consistent");
    for dropped in [1, 0] {
        let report = maintain(&history.db()).await.expect("maintained");
        assert_eq!(report.dropped_ticks, dropped, "{report:?}");
        let [reported] = report.blocked.as_slice() else {
            panic!("{report:?}");
        };
        assert_eq!((reported.from, reported.waiting), (blocked, waiting as u64));
        let text = reported.to_string();
        assert!(text.contains("in_the_way"), "{text}");
        assert!(text.contains("_hyper_"), "{text}");
    }
    let status = policy_status(&history.db()).await.expect("answers");
    let floor = status.applied.expect("applied").floor.dropped_before;
    assert_eq!(floor, Some(blocked), "and no tick behind it is refused");
    history.assert_whole(&[Timeframe::M1]).await;

    history.execute("ALTER TABLE ohlc_candles DROP CONSTRAINT in_the_way");
    let report = maintain(&history.db()).await.expect("maintained");
    assert_eq!(report.blocked, []);
    assert_eq!(report.dropped_ticks, 1 + waiting as u64);
    history.assert_whole(&[Timeframe::M1]).await;
}
