//! Conformance: ranges, pages and the newest trades.
//!
//! Covers the reads of `TradeRepository`.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::now;
use super::samples::{
    EURUSD, GBPUSD, Random, WIDE_SEQUENCES, collect, limit, micros, range, seconds,
};
use super::trades_samples::{insert_new_trades, nth_trade, read_trade_pages, trade, trades};
use crate::Repositories;
use crate::domain::{
    PageLimit, SortOrder, SymbolId, TimeRange, Trade, TradeCursor, earliest_time, latest_time,
};
use crate::error::RepositoryError;
use crate::repository::{TradeQuery, TradeRepository, trade_stream};

async fn read(repository: &dyn TradeRepository, query: TradeQuery) -> Vec<Trade> {
    let page = repository.range(&query).await;
    page.expect("a page is read").items
}

pub async fn range_of_trades_is_half_open(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let all = trades(EURUSD, 9);
    insert_new_trades(repository, &all).await;
    insert_new_trades(repository, &trades(GBPUSD, 30)).await;
    let query = |from, to| TradeQuery::new(EURUSD, range(from, to));
    let one = query(seconds(1), seconds(2));
    assert_eq!(read(repository, one).await, all[3..6]);
    let later = query(micros(1_000_001), micros(2_000_001));
    assert_eq!(read(repository, later).await, all[6..]);
    let empty = query(seconds(1), seconds(1));
    assert_eq!(read(repository, empty).await, []);
    assert_eq!(read(repository, empty.descending()).await, []);
    for unknown in [SymbolId::new(99), SymbolId::new(0), SymbolId::new(-1)] {
        let query = TradeQuery::new(unknown, TimeRange::all());
        assert_eq!(read(repository, query).await, []);
    }
}

pub async fn trades_are_ordered_by_time_and_sequence(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let sorted = trades(EURUSD, 100);
    let mut shuffled = sorted.clone();
    Random::seeded().shuffle(&mut shuffled);
    for batch in shuffled.chunks(30) {
        insert_new_trades(repository, batch).await;
    }
    let query = TradeQuery::new(EURUSD, TimeRange::all());
    assert_eq!(read(repository, query).await, sorted);
    let reversed: Vec<_> = sorted.into_iter().rev().collect();
    assert_eq!(read(repository, query.descending()).await, reversed);
}

pub async fn pages_of_trades_neither_skip_nor_repeat(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let instants = (0..6).map(seconds);
    let all: Vec<_> = instants
        .flat_map(|time| WIDE_SEQUENCES.map(|sequence| trade(time, sequence, "1", "2")))
        .collect();
    insert_new_trades(repository, &all).await;
    let reversed: Vec<_> = all.iter().rev().cloned().collect();
    for size in [1, 2, 8, 9, 10, 53, 54, 55] {
        let query = TradeQuery::new(EURUSD, TimeRange::all()).limit(limit(size));
        assert_eq!(read_trade_pages(repository, query).await, all, "{size}");
        let newest_first = read_trade_pages(repository, query.descending()).await;
        assert_eq!(newest_first, reversed, "{size}");
    }
    let query = TradeQuery::new(EURUSD, TimeRange::all()).limit(limit(7));
    let page = repository.range(&query).await.expect("a page is read");
    assert_eq!(page.next, Some(TradeCursor::of(&all[6])));
}

pub async fn cursor_need_not_name_a_trade(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let all = trades(EURUSD, 9);
    insert_new_trades(repository, &all).await;
    let read_after = async |order, trade_time, sequence| {
        let query = TradeQuery::new(EURUSD, TimeRange::all()).order(order);
        let after = TradeCursor {
            trade_time,
            sequence,
        };
        let mut read = read(repository, query.after(after)).await;
        read.sort_by_key(Trade::key);
        read
    };
    let (up, down) = (SortOrder::Ascending, SortOrder::Descending);
    assert_eq!(read_after(up, micros(1_500_000), 0).await, all[6..]);
    assert_eq!(read_after(down, micros(1_500_000), 0).await, all[..6]);
    assert_eq!(read_after(up, seconds(1), i64::MAX).await, all[6..]);
    assert_eq!(read_after(up, seconds(500), 0).await, []);
    assert_eq!(read_after(down, seconds(-500), 0).await, []);
    assert_eq!(read_after(down, DateTime::<Utc>::MAX_UTC, 0).await, all);
}

pub async fn count_of_trades_covers_the_half_open_range(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    insert_new_trades(repository, &trades(EURUSD, 300)).await;
    insert_new_trades(repository, &trades(GBPUSD, 60)).await;
    for (range, expected) in [
        (TimeRange::all(), 300),
        (range(seconds(10), seconds(20)), 30),
        (range(seconds(0), micros(1)), 3),
        (range(micros(1), seconds(1)), 0),
    ] {
        let count = repository.count(EURUSD, range).await;
        assert_eq!(count.expect("counted"), expected);
    }
}

async fn latest(repository: &dyn TradeRepository, symbol_id: SymbolId) -> Option<Trade> {
    let newest = repository.latest(symbol_id).await;
    newest.expect("the newest trade is read")
}

pub async fn latest_trade_is_the_last_of_its_symbol(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    assert_eq!(latest(repository, EURUSD).await, None);
    insert_new_trades(repository, &trades(GBPUSD, 50)).await;
    assert_eq!(latest(repository, EURUSD).await, None);
    let mut all = trades(EURUSD, 30);
    let newest = all[29].clone();
    all.reverse();
    for batch in all.chunks(7) {
        insert_new_trades(repository, batch).await;
        assert_eq!(latest(repository, EURUSD).await.as_ref(), Some(&newest));
    }
    let tie = newest.with_sequence(i64::MAX);
    insert_new_trades(repository, std::slice::from_ref(&tie)).await;
    assert_eq!(latest(repository, EURUSD).await, Some(tie));
}

pub async fn latest_trade_is_found_at_any_age(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let times = [
        earliest_time(),
        seconds(0),
        now() - TimeDelta::days(40),
        now() - TimeDelta::minutes(1),
        now() + TimeDelta::days(3),
        latest_time() - TimeDelta::microseconds(1),
    ];
    let mut expected = Vec::new();
    for (symbol, time) in (1..).zip(times) {
        let trade = trade(time, 4, "1", "2").with_symbol_id(SymbolId::new(symbol));
        let trade = trade.normalized().expect("a valid trade");
        insert_new_trades(repository, std::slice::from_ref(&trade)).await;
        expected.push(trade);
    }
    let ids: Vec<_> = expected.iter().map(|trade| trade.symbol_id).collect();
    let newest = repository.latest_of(&ids).await;
    assert_eq!(newest.expect("read"), expected);
    for trade in expected {
        assert_eq!(latest(repository, trade.symbol_id).await, Some(trade));
    }
}

pub async fn latest_trades_are_sorted_by_symbol(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let ids: Vec<_> = (1..=30).map(SymbolId::new).collect();
    for id in &ids {
        insert_new_trades(repository, &trades(*id, 9)).await;
    }
    let newest: Vec<_> = ids
        .iter()
        .map(|id| nth_trade(*id, 8).normalized().expect("valid"))
        .collect();
    let without = [SymbolId::new(-5), SymbolId::new(i64::MAX)];
    let mut wanted = [ids.clone(), ids, without.to_vec()].concat();
    Random::seeded().shuffle(&mut wanted);
    let read = repository.latest_of(&wanted).await;
    assert_eq!(read.expect("read"), newest);
    assert_eq!(repository.latest_of(&[]).await.expect("read"), []);
    let many: Vec<_> = (1..=10_001).map(SymbolId::new).collect();
    let refused = repository.latest_of(&many).await;
    assert!(
        matches!(refused, Err(RepositoryError::InvalidInput { .. })),
        "{refused:?}"
    );
}

pub async fn trade_as_of_an_instant_is_the_last_before(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let all = trades(EURUSD, 30);
    insert_new_trades(repository, &all).await;
    insert_new_trades(repository, &trades(GBPUSD, 60)).await;
    for (at, index) in [
        (micros(-1), None),
        (DateTime::<Utc>::MIN_UTC, None),
        (seconds(0), Some(2)),
        (micros(999_999), Some(2)),
        (seconds(1), Some(5)),
        (seconds(2) - TimeDelta::nanoseconds(1), Some(5)),
        (now(), Some(29)),
        (DateTime::<Utc>::MAX_UTC, Some(29)),
    ] {
        let found = repository.as_of(EURUSD, at).await.expect("read");
        assert_eq!(found.as_ref(), index.map(|index| &all[index]), "{at}");
    }
}

pub async fn stream_gives_every_trade_in_order(repositories: &Repositories) {
    let all = trades(EURUSD, 2_500);
    insert_new_trades(repositories.trades.as_ref(), &all).await;
    let query = TradeQuery::new(EURUSD, TimeRange::all());
    for page in [limit(7), PageLimit::MAX] {
        let stream = trade_stream(Arc::clone(&repositories.trades), query.limit(page));
        assert_eq!(collect(stream).await, all);
    }
    let after = query.descending().after(TradeCursor::of(&all[100]));
    let mut rest = collect(trade_stream(Arc::clone(&repositories.trades), after)).await;
    rest.reverse();
    assert_eq!(rest, all[..100]);
}
