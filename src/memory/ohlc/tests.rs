use std::sync::atomic::{AtomicUsize, Ordering};

use rust_decimal::Decimal;

use super::*;
use crate::domain::{PageLimit, Tick};
use crate::repository::TickRepository as _;

const SYMBOL: SymbolId = SymbolId::new(1);
const TICKS: usize = 1_000_000;
/// The largest number of ticks that may be stored or folded between two turns of another task.
const MAX_AT_ONCE: usize = 10_000;

/// A million ticks within one day.
async fn million() -> (InMemoryTickRepository, InMemoryOhlcRepository) {
    let repository = InMemoryTickRepository::new();
    let ticks: Vec<_> = (0..TICKS as i64)
        .map(|number| {
            let time = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(number * 80);
            Tick::quote(SYMBOL, time, Decimal::from(number), Decimal::from(number))
        })
        .collect();
    let (receipt, turns) = turns_during(repository.insert_batch(&ticks)).await;
    assert_eq!(receipt.expect("memory").inserted, TICKS as u64);
    assert!(turns >= TICKS / MAX_AT_ONCE, "insert: {turns} turns");
    let candles = InMemoryOhlcRepository::new(repository.clone());
    (repository, candles)
}

/// Returns the result of `call`, and the number of turns of another task on the same thread meanwhile.
async fn turns_during<T>(call: impl Future<Output = T>) -> (T, usize) {
    let turns = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            counter.fetch_add(1, Ordering::SeqCst);
            yield_now().await;
        }
    });
    let answer = call.await;
    other.abort();
    (answer, turns.load(Ordering::SeqCst))
}

#[tokio::test]
async fn other_tasks_run_while_a_million_ticks_are_folded() {
    let (ticks, candles) = million().await;
    for timeframe in [Timeframe::M1, Timeframe::D1] {
        let query = CandleQuery {
            limit: PageLimit::MAX,
            ..CandleQuery::new(SYMBOL, timeframe, PriceBasis::Bid, TimeRange::all())
        };
        let (page, turns) = turns_during(candles.candles(&query)).await;
        let count: i64 = page
            .expect("memory")
            .items
            .iter()
            .map(|one| one.tick_count)
            .sum();
        assert_eq!(count, TICKS as i64);
        assert!(turns >= TICKS / MAX_AT_ONCE, "{timeframe}: {turns} turns");
    }
    let (newest, turns) =
        turns_during(candles.latest(SYMBOL, Timeframe::D1, PriceBasis::Bid)).await;
    assert_eq!(
        newest.expect("memory").map(|one| one.tick_count),
        Some(TICKS as i64)
    );
    assert!(turns >= TICKS / MAX_AT_ONCE, "latest: {turns} turns");
    let (count, turns) = turns_during(ticks.count(SYMBOL, TimeRange::all())).await;
    assert_eq!(count.expect("memory"), TICKS as u64);
    assert!(turns >= TICKS / MAX_AT_ONCE, "count: {turns} turns");
}

#[tokio::test]
async fn page_folds_no_more_ticks_than_its_candles_have() {
    let (_, candles) = million().await;
    for order in [SortOrder::Ascending, SortOrder::Descending] {
        let query = CandleQuery {
            limit: PageLimit::new(5).expect("in range"),
            order,
            ..CandleQuery::new(SYMBOL, Timeframe::M1, PriceBasis::Bid, TimeRange::all())
        };
        let (page, turns) = turns_during(candles.candles(&query)).await;
        assert_eq!(page.expect("memory").items.len(), 5);
        // 750 ticks a minute
        assert!(turns < 10, "{order:?}: {turns} turns");
    }
}
