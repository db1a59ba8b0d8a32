use std::sync::Arc;

use async_trait::async_trait;
use rust_decimal::Decimal;

use super::*;
use crate::domain::{CandleCursor, Page};
use crate::memory::{InMemoryOhlcRepository, InMemoryTickRepository};
use crate::repository::{CandleQuery, OhlcRepository, TickRepository as _};

const SYMBOL: SymbolId = SymbolId::new(7);

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01")
}

fn options() -> AuditOptions {
    AuditOptions {
        range: TimeRange::all(),
        longest_gap: TimeDelta::hours(1),
        longest_still: TimeDelta::minutes(10),
        kept_from: None,
    }
}

/// One tick in five seconds, each with a price of its own.
fn ticks(count: i64) -> Vec<Tick> {
    (0..count)
        .map(|number| {
            let time = start() + TimeDelta::seconds(number * 5);
            let bid = Decimal::new(138_000 + number * 37 % 101, 5);
            Tick::quote(SYMBOL, time, bid, bid + Decimal::new(number % 7, 5))
        })
        .collect()
}

/// Memory, whose candles are told by `change`.
#[derive(Debug)]
struct Changed {
    inner: InMemoryOhlcRepository,
    change: fn(&mut Vec<Candle>),
}

#[async_trait]
impl OhlcRepository for Changed {
    async fn candles(
        &self,
        query: &CandleQuery,
    ) -> Result<Page<Candle, CandleCursor>, RepositoryError> {
        let mut page = self.inner.candles(query).await?;
        (self.change)(&mut page.items);
        Ok(page)
    }

    async fn latest(
        &self,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
    ) -> Result<Option<Candle>, RepositoryError> {
        self.inner.latest(symbol_id, timeframe, basis).await
    }

    async fn upsert_candles(&self, candles: &[Candle]) -> Result<u64, RepositoryError> {
        self.inner.upsert_candles(candles).await
    }
}

async fn store(ticks: &[Tick], change: fn(&mut Vec<Candle>)) -> Repositories {
    let memory = InMemoryTickRepository::new();
    memory.insert_batch(ticks).await.expect("stored");
    Repositories {
        ohlc: Arc::new(Changed {
            inner: InMemoryOhlcRepository::new(memory.clone()),
            change,
        }),
        ticks: Arc::new(memory),
        ..Repositories::in_memory()
    }
}

async fn audit(repositories: &Repositories, options: AuditOptions) -> Vec<DayFindings> {
    let mut auditor = Auditor::new(repositories, SYMBOL, options);
    let mut all = Vec::new();
    for day in auditor.days().await.expect("days") {
        all.push(auditor.day(day).await.expect("looked at"));
    }
    all
}

#[tokio::test]
async fn candles_of_their_ticks_do_not_differ_across_pages_and_days() {
    // two days, and more ticks than two pages hold
    let repositories = store(&ticks(25_000), |_| ()).await;
    let days = audit(&repositories, options()).await;
    assert_eq!(days.len(), 2);
    assert!(days.iter().all(|day| day.differences.is_empty()));
    assert_eq!(days[0].quotes.ticks, 17_280);
    let candles = 1_440 + 288 + 96 + 48 + 24 + 6 + 1;
    assert_eq!(days[0].candles, 3 * candles);
}

#[tokio::test]
async fn a_wrong_a_missing_and_an_unfounded_candle_are_found_with_both_values() {
    let repositories = store(&ticks(1_000), |candles| {
        if candles
            .first()
            .is_some_and(|candle| candle.timeframe == Timeframe::M5)
        {
            candles[3].high += Decimal::ONE;
            candles.remove(5);
            let mut unfounded = candles[0].clone();
            unfounded.open_time += TimeDelta::hours(20);
            candles.push(unfounded);
        }
    })
    .await;
    let days = audit(&repositories, options()).await;
    let differences = &days[0].differences;
    assert_eq!(differences.len(), 9, "three of each basis");
    let [wrong, missing, unfounded] = &differences[..3] else {
        panic!("three");
    };
    let (expected, found) = (wrong.expected.as_ref(), wrong.found.as_ref());
    let high = |candle: Option<&Candle>| candle.expect("both").high;
    assert_eq!(high(found) - high(expected), Decimal::ONE);
    assert!(missing.found.is_none() && missing.expected.is_some());
    assert!(unfounded.expected.is_none() && unfounded.found.is_some());
}

#[tokio::test]
async fn days_that_lost_ticks_are_not_compared() {
    let repositories = store(&ticks(25_000), |candles| candles.clear()).await;
    let kept_from = Some(start() + TimeDelta::days(1));
    let days = audit(
        &repositories,
        AuditOptions {
            kept_from,
            ..options()
        },
    )
    .await;
    assert!(days[0].is_unverifiable && days[0].differences.is_empty());
    assert!(!days[1].is_unverifiable && !days[1].differences.is_empty());
}

#[tokio::test]
async fn only_whole_candles_of_the_range_are_compared() {
    let repositories = store(&ticks(1_000), |candles| candles.clear()).await;
    let range = TimeRange::new(
        start() + TimeDelta::minutes(3),
        start() + TimeDelta::minutes(11),
    );
    let range = range.expect("ordered");
    let days = audit(&repositories, AuditOptions { range, ..options() }).await;
    // eight minutes, and the five minutes from 5 to 10
    assert_eq!(days[0].differences.len(), 3 * 9);
}

#[tokio::test]
async fn a_candle_of_somebody_else_is_told_apart() {
    let sealed = |by: &str, shift: i64| {
        let mut candles = fold_ticks(&ticks(24), Timeframe::M1, PriceBasis::Bid, Utc::now());
        let mut candle = candles.as_mut().expect("fits").remove(0);
        candle.high += Decimal::ONE;
        candle.open_time += TimeDelta::minutes(shift);
        candle.source = CandleSource::Stored(by.to_owned());
        candle
    };
    let repositories = store(&ticks(24), |_| ()).await;
    let stored = [
        sealed("sealed", 0),
        sealed("import", 1),
        sealed("import", 600),
    ];
    let upserted = repositories.ohlc.upsert_candles(&stored).await;
    upserted.expect("stored");
    let days = audit(&repositories, options()).await;
    let [of_seal, of_import] = days[0].differences.as_slice() else {
        panic!("two: {:?}", days[0].differences);
    };
    assert!(!of_seal.is_of_somebody_else() && of_import.is_of_somebody_else());
    let mended = of_seal.to_seal().expect("ticks are there");
    assert_eq!(mended.high, of_seal.expected.as_ref().expect("ticks").high);
    assert_eq!(of_import.to_seal(), None);
}

#[tokio::test]
async fn crossed_quotes_gaps_and_stale_quotes_are_told() {
    let mut all = ticks(40);
    all[3].bid_price += Decimal::TEN;
    // an hour and a second without a tick
    for (number, tick) in all[10..].iter_mut().enumerate() {
        tick.tick_time += TimeDelta::seconds(3_596);
        if number >= 20 {
            // the same for 10 ticks, one in two minutes
            tick.tick_time += TimeDelta::seconds(115 * (number as i64 - 20));
            (tick.bid_price, tick.ask_price) = (Decimal::ONE, Decimal::TWO);
        }
    }
    let repositories = store(&all, |_| ()).await;
    let days = audit(&repositories, options()).await;
    let quotes = &days[0].quotes;
    assert_eq!((quotes.ticks, quotes.broken, quotes.crossed), (40, 0, 1));
    let gap = Gap {
        from: all[9].tick_time,
        to: all[10].tick_time,
    };
    assert_eq!(quotes.gaps, [gap]);
    let stale = Gap {
        from: all[30].tick_time,
        to: all[39].tick_time,
    };
    assert_eq!(quotes.stale, [stale]);
}
