//! On the Apache edition: ticks go by the maintenance of the library, and their candles stay.
#![cfg(all(feature = "postgres", feature = "conformance"))]

mod aged;

use aged::{Aged, SYMBOLS, short_policies, tick};
use chrono::{TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::db::{Edition, MaintenanceState, apply_policies, maintain, policy_status};
use tickbook::domain::{Candle, CandleSource, PriceBasis, Timeframe, fold_candles, fold_ticks};
use tickbook::policies::Span;

/// Ten days of ticks on the Apache edition; says so elsewhere.
async fn apache() -> Option<Aged> {
    let aged = Aged::ten_days().await;
    if aged.edition == Edition::Apache {
        return Some(aged);
    }
    println!("skipped: this is the Community edition, whose aggregates keep candles");
    None
}

const TICKS: &str = "SELECT count(*) AS number FROM ticks";
const SEALED: &str = "SELECT count(*) AS number FROM ohlc_candles WHERE source = 'sealed'";

#[tokio::test]
async fn candles_are_sealed_before_their_ticks_are_dropped() {
    let Some(mut aged) = apache().await else {
        return;
    };
    let before = aged.candles(Timeframe::M1, PriceBasis::Mid).await;
    let report = maintain(&aged.db()).await.expect("maintained");
    assert_eq!(report.state, MaintenanceState::NotApplied);
    assert_eq!(aged.number(TICKS), aged.ticks.len() as i64);

    apply_policies(&aged.db(), &short_policies(Span::days(7)))
        .await
        .expect("consistent");
    let report = maintain(&aged.db()).await.expect("maintained");
    assert_eq!(report.state, MaintenanceState::Done);
    assert!((2..=3).contains(&report.dropped_ticks), "{report:?}");
    assert!(aged.number(TICKS) < aged.ticks.len() as i64);
    assert_eq!(aged.number(SEALED), report.sealed as i64);
    aged.assert_whole(&[Timeframe::M1]).await;
    let after = aged.candles(Timeframe::M1, PriceBasis::Mid).await;
    assert_eq!(after.len(), before.len());
    let sealed = CandleSource::Stored("sealed".to_owned());
    assert_eq!(after[0].source, sealed);
    // larger candles can be made of them, to the last digit
    for timeframe in &Timeframe::ALL[1..] {
        for basis in PriceBasis::ALL {
            let minutes = aged.candles(Timeframe::M1, basis).await;
            let made = fold_candles(&minutes, *timeframe, Utc::now());
            let expected = fold_ticks(&aged.ticks, *timeframe, basis, Utc::now());
            assert_eq!(made.expect("fits"), expected.expect("fits"), "{timeframe}");
        }
    }

    // nothing more is due, and what is too old is refused
    let again = maintain(&aged.db()).await.expect("maintained");
    assert_eq!((again.sealed, again.dropped_ticks), (0, 0));
    let old = tick(SYMBOLS[0], aged.now - TimeDelta::days(8), 7, 1);
    let receipt = aged.repositories.ticks.insert_batch(&[old]).await;
    assert_eq!(receipt.expect("a receipt").rejected.len(), 1);
    aged.assert_whole(&[Timeframe::M1]).await;
}

#[tokio::test]
async fn an_imported_candle_stays_when_its_ticks_are_sealed() {
    let Some(aged) = apache().await else {
        return;
    };
    let first = &aged.ticks[0];
    let imported = Candle {
        symbol_id: first.symbol_id,
        timeframe: Timeframe::M1,
        basis: PriceBasis::Bid,
        open_time: Timeframe::M1.bucket_start(first.tick_time),
        open: Decimal::TWO,
        high: Decimal::TWO,
        low: Decimal::ONE,
        close: Decimal::ONE,
        volume: Decimal::ZERO,
        tick_count: 0,
        closed: true,
        source: CandleSource::Stored("import".to_owned()),
    };
    let ohlc = &aged.repositories.ohlc;
    ohlc.upsert_candles(std::slice::from_ref(&imported))
        .await
        .expect("stored");
    apply_policies(&aged.db(), &short_policies(Span::days(7)))
        .await
        .expect("consistent");
    maintain(&aged.db()).await.expect("maintained");
    let candles = aged.candles(Timeframe::M1, PriceBasis::Bid).await;
    assert_eq!(candles[0], imported);
}

#[tokio::test]
async fn a_chunk_that_came_back_does_not_change_what_was_sealed() {
    let Some(mut aged) = apache().await else {
        return;
    };
    apply_policies(&aged.db(), &short_policies(Span::days(7)))
        .await
        .expect("consistent");
    maintain(&aged.db()).await.expect("maintained");
    // by a writer who asks for no policy
    let time = aged.ticks[0].tick_time.to_rfc3339();
    aged.execute(&format!(
        "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, \
         ask_volume) VALUES (7, '{time}', 7, 9, 9, 0, 0)"
    ));
    let report = maintain(&aged.db()).await.expect("maintained");
    assert_eq!(report.dropped_ticks, 1);
    aged.assert_whole(&[Timeframe::M1]).await;
}

#[tokio::test]
async fn of_candles_that_go_a_day_is_read_whole_or_not_at_all() {
    let Some(mut aged) = apache().await else {
        return;
    };
    let mut policies = short_policies(Span::days(7));
    // refreshed for so short a time that ticks may go a day earlier below, whatever the hour
    if let Some(minutes) = policies.refresh.get_mut(&Timeframe::M1) {
        minutes.start_offset = Some(Span::hours(2 * 24 + 23));
    }
    policies.candles.chunk = Span::days(1);
    policies.candles.drop_after = Some(Span::days(7));
    policies.candles.compress_after = None;
    apply_policies(&aged.db(), &policies)
        .await
        .expect("consistent");
    let report = maintain(&aged.db()).await.expect("maintained");
    assert!(report.dropped_candles >= 2, "{report:?}");
    assert_eq!(
        aged.number(SEALED),
        0,
        "what was sealed is as old as what goes"
    );
    // minutes of the first day that is left are stored, those of the days before are gone
    policies.ticks.drop_after = Some(Span::days(6));
    apply_policies(&aged.db(), &policies)
        .await
        .expect("consistent");
    let report = maintain(&aged.db()).await.expect("maintained");
    assert_eq!((report.dropped_ticks, report.dropped_candles), (1, 0));
    for timeframe in Timeframe::ALL {
        for basis in PriceBasis::ALL {
            let expected = fold_ticks(&aged.ticks, timeframe, basis, Utc::now()).expect("fits");
            let read = aged.candles(timeframe, basis).await;
            let first_day = Timeframe::D1.bucket_start(read[0].open_time);
            let left = expected.iter().filter(|it| it.open_time >= first_day);
            let as_made = |candle: Candle| Candle {
                source: CandleSource::Ticks,
                ..candle
            };
            let read: Vec<_> = read.into_iter().map(as_made).collect();
            assert!(read.iter().eq(left), "{timeframe} {basis}");
        }
    }
}

#[tokio::test]
async fn old_candles_go_and_ticks_stay_where_only_candles_are_dropped() {
    let Some(mut aged) = apache().await else {
        return;
    };
    let mut policies = short_policies(Span::days(7));
    policies.ticks.drop_after = None;
    policies.ticks.compress_after = None;
    policies.candles.drop_after = None;
    apply_policies(&aged.db(), &policies)
        .await
        .expect("consistent");
    let report = maintain(&aged.db()).await.expect("maintained");
    assert_eq!((report.dropped_ticks, report.dropped_candles), (0, 0));

    let mut policies = short_policies(Span::days(7));
    policies.candles.drop_after = Some(Span::days(30));
    policies.candles.compress_after = None;
    apply_policies(&aged.db(), &policies)
        .await
        .expect("consistent");
    aged.execute(
        "INSERT INTO ohlc_candles SELECT 7, '1m', 'bid', t, t + INTERVAL '1 minute', \
         1, 1, 1, 1, 0, 0, 'import' FROM (VALUES (date_trunc('hour', now()) - INTERVAL '50 days'), \
         (date_trunc('hour', now()) - INTERVAL '20 days')) AS times (t)",
    );
    let report = maintain(&aged.db()).await.expect("maintained");
    assert_eq!(report.dropped_candles, 1);
    let imported = "SELECT count(*) AS number FROM ohlc_candles WHERE source = 'import'";
    assert_eq!(aged.number(imported), 1);
    let status = policy_status(&aged.db()).await.expect("answers");
    let applied = status.applied.expect("applied");
    assert!(applied.candles.dropped_before.is_some());
    assert!(applied.floor.dropped_before.is_some());
}
