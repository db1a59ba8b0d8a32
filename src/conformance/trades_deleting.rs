//! Conformance: deletion of trades.
//!
//! Covers `TradeRepository::delete_range` and `deletable`.

use chrono::TimeDelta;

use super::samples::{
    EURUSD, GBPUSD, Random, insert_new, micros, range, seconds, series, start, stored,
};
use super::trades_samples::{insert_new_trades, nth_trade, stored_trades, trades};
use crate::Repositories;
use crate::domain::{SymbolId, TimeRange, Trade};
use crate::repository::{DeletedTrades, TimeSpan, deletable_trades, delete_trades};

async fn delete(
    repositories: &Repositories,
    symbol_id: SymbolId,
    range: TimeRange,
) -> DeletedTrades {
    let repository = repositories.trades.as_ref();
    let deleted = delete_trades(repository, symbol_id, range, |_| ()).await;
    deleted.expect("trades are deleted")
}

/// Trades of several days.
fn spread(count: usize) -> Vec<Trade> {
    let mut random = Random::seeded();
    let mut all: Vec<_> = (0..count)
        .map(|index| {
            let time = micros(random.below(4 * 86_400_000_000) as i64);
            nth_trade(EURUSD, index)
                .with_trade_time(time)
                .with_sequence(index as i64)
        })
        .collect();
    all.sort_by_key(Trade::key);
    all.into_iter()
        .map(|trade| trade.normalized().expect("valid"))
        .collect()
}

pub async fn delete_removes_the_trades_of_the_range(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let (all, others, ticks) = (trades(EURUSD, 600), trades(GBPUSD, 90), series(EURUSD, 600));
    insert_new_trades(repository, &all).await;
    insert_new_trades(repository, &others).await;
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let deleted = delete(repositories, EURUSD, range(seconds(50), seconds(70))).await;
    assert_eq!(deleted.trades, 60);
    assert_eq!(deleted.span, Some(TimeSpan::new(seconds(50), seconds(69))));
    let left = [&all[..150], &all[210..]].concat();
    assert_eq!(stored_trades(repository, EURUSD).await, left);
    assert_eq!(stored_trades(repository, GBPUSD).await, others);
    assert_eq!(stored(repositories.ticks.as_ref(), EURUSD).await, ticks);
    let again = delete(repositories, EURUSD, range(seconds(50), seconds(70))).await;
    assert_eq!(again, DeletedTrades::default());
}

pub async fn part_of_trades_covers_one_day(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let day = TimeDelta::days(1);
    let all: Vec<_> = [0, 1, 5]
        .map(|days| nth_trade(EURUSD, 1).with_trade_time(seconds(36_000) + day * days))
        .into();
    insert_new_trades(repository, &all).await;
    let whole = range(seconds(-9_999), start() + day * 9);
    let first = repository.delete_range(EURUSD, whole).await;
    let first = first.expect("deleted");
    assert_eq!(first.trades, 1);
    assert_eq!(first.rest, Some(range(start() + day, whole.end())));
    assert_eq!(stored_trades(repository, EURUSD).await.len(), 2);
    // days without trades are not parts
    let mut parts = 0;
    let rest = first.rest.expect("some");
    let deleted = delete_trades(repository, EURUSD, rest, |part| parts += part.trades).await;
    assert_eq!((deleted.expect("deleted").trades, parts), (2, 2));
    assert_eq!(stored_trades(repository, EURUSD).await, []);
}

pub async fn deletable_trades_equal_the_deleted_ones(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let all = spread(500);
    insert_new_trades(repository, &all).await;
    let part = range(micros(7_777_777_777), micros(250_000_000_000));
    let counted = deletable_trades(repository, EURUSD, part).await;
    let counted = counted.expect("counted");
    let is_inside = |trade: &&Trade| part.contains(trade.trade_time);
    assert_eq!(counted.trades, all.iter().filter(is_inside).count() as u64);
    let unchanged = stored_trades(repository, EURUSD).await;
    assert_eq!(unchanged, all, "counting changes nothing");
    assert_eq!(delete(repositories, EURUSD, part).await, counted);
}

pub async fn deleted_trades_may_be_stored_again(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let all = spread(500);
    insert_new_trades(repository, &all).await;
    let part = range(micros(20_000_000_000), micros(120_000_000_000));
    let deleted = delete(repositories, EURUSD, part).await;
    let is_inside = |trade: &&Trade| part.contains(trade.trade_time);
    let again: Vec<_> = all.iter().filter(is_inside).cloned().collect();
    assert_eq!(deleted.trades, again.len() as u64);
    insert_new_trades(repository, &again).await;
    assert_eq!(stored_trades(repository, EURUSD).await, all);
}
