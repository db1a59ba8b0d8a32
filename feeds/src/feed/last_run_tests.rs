//! Tests of the state that a feed takes over from its last run.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::Repositories;
use tickbook::domain::book::{BookSnapshot, BookUpdate, PriceLevel};
use tickbook::domain::{FeedChannel, FeedGap, GapEdge, GapReason, SymbolId, Tick, Trade};

use super::directory::SymbolDirectory;
use super::gaps::GapTracker;
use super::last_run::prepare;
use crate::subscription::{Channel, Subscription};

const ID: SymbolId = SymbolId::new(1);
const TRADES: FeedChannel = FeedChannel::Trades;
const QUOTES: FeedChannel = FeedChannel::Quotes;

/// A time of receipt.
fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

/// The time at the venue of what is received at a second.
fn sent(second: i64) -> DateTime<Utc> {
    at(second) - TimeDelta::milliseconds(100)
}

fn edge(second: i64, number: Option<i64>) -> Option<GapEdge> {
    Some(GapEdge::new(sent(second), number))
}

/// A repository with the trades 12, 15 and 16 and the quotes of these seconds, each of the number of its second.
async fn stored() -> Repositories {
    let repositories = Repositories::in_memory();
    let trade = |second| {
        Trade::new(ID, sent(second), Decimal::ONE, Decimal::ONE)
            .with_sequence(second)
            .with_received_at(at(second))
    };
    let trades = [12, 15, 16].map(trade);
    let stored = repositories.trades.insert_batch(&trades).await;
    assert_eq!(stored.expect("memory").inserted, 3);
    let tick = |second| {
        Tick::quote(ID, sent(second), Decimal::ONE, Decimal::TWO).with_received_at(at(second))
    };
    let ticks = [12, 15, 16].map(tick);
    let stored = repositories.ticks.insert_batch(&ticks).await;
    assert_eq!(stored.expect("memory").inserted, 3);
    repositories
}

fn gap(channel: FeedChannel, from: i64) -> FeedGap {
    FeedGap::open("test", ID, channel, at(from), GapReason::Stopped)
}

/// The gaps that a run changes at its start.
async fn changed(repositories: &Repositories) -> Vec<FeedGap> {
    let symbols = &repositories.symbols;
    let directory = SymbolDirectory::open(&**symbols, "test", ["A"], &[]).await;
    let channels = [Channel::Quotes, Channel::Trades, Channel::Book(10)];
    let subscription = Subscription::new(["A"], channels);
    let mut tracker = GapTracker::new("test", directory.expect("memory"), &subscription, false);
    prepare("test", &mut tracker, repositories).await;
    tracker.take_changed().into_values().collect()
}

#[tokio::test]
async fn gap_since_the_last_run_begins_with_its_last_record() {
    let found = changed(&stored().await).await;
    let expected = [
        gap(QUOTES, 16).last(edge(16, None)),
        gap(TRADES, 16).last(edge(16, Some(16))),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn gap_whose_end_was_not_stored_ends_with_a_record() {
    let repositories = stored().await;
    // the last run was killed before it stored the ends of these gaps
    let left = [
        gap(QUOTES, 12).last(edge(12, None)),
        gap(TRADES, 12).last(edge(12, Some(12))),
    ];
    let put = repositories.feeds.put_gaps(&left).await;
    assert_eq!(put.expect("memory"), 2);
    let [quotes, trades] = left;
    let expected = [
        quotes.closed(at(15)).next(edge(15, None)),
        trades.closed(at(15)).next(edge(15, Some(15))),
        gap(QUOTES, 16).last(edge(16, None)),
        gap(TRADES, 16).last(edge(16, Some(16))),
    ];
    assert_eq!(changed(&repositories).await, expected);
}

#[tokio::test]
async fn gap_that_no_record_followed_goes_on() {
    let repositories = stored().await;
    let left = [
        gap(QUOTES, 16).last(edge(16, None)),
        gap(TRADES, 16).last(edge(16, Some(16))),
    ];
    let put = repositories.feeds.put_gaps(&left).await;
    assert_eq!(put.expect("memory"), 2);
    assert_eq!(changed(&repositories).await, []);
}

#[tokio::test]
async fn lost_records_before_a_gap_are_in_another_gap() {
    let repositories = stored().await;
    // the last run has received the records 17 to 20 before this loss, and a kill has lost them
    let left = [
        gap(QUOTES, 20).last(edge(20, None)),
        gap(TRADES, 20).last(edge(20, Some(20))),
    ];
    let put = repositories.feeds.put_gaps(&left).await;
    assert_eq!(put.expect("memory"), 2);
    let expected = [
        gap(QUOTES, 16).last(edge(16, None)),
        gap(TRADES, 16).last(edge(16, Some(16))),
    ];
    assert_eq!(changed(&repositories).await, expected);
}

#[tokio::test]
async fn gap_after_an_ended_one_has_its_own_start() {
    let repositories = stored().await;
    // the last run has received the records 16 again, and lost the records after them
    let left = [
        gap(QUOTES, 16)
            .last(edge(16, None))
            .closed(at(18))
            .next(edge(16, None)),
        gap(TRADES, 16)
            .last(edge(16, Some(16)))
            .closed(at(18))
            .next(edge(16, Some(16))),
    ];
    for round in 0..3 {
        let moved = |mut gap: FeedGap, by| {
            gap.from += TimeDelta::microseconds(by);
            gap
        };
        let of_round = left.clone().map(|gap| moved(gap, round));
        let put = repositories.feeds.put_gaps(&of_round).await;
        assert_eq!(put.expect("memory"), 2);
        let expected = [
            gap(QUOTES, 16).last(edge(16, None)),
            gap(TRADES, 16).last(edge(16, Some(16))),
        ];
        let expected = expected.map(|gap| moved(gap, round + 1));
        assert_eq!(changed(&repositories).await, expected, "{round}");
    }
}

#[tokio::test]
async fn gap_without_its_next_trade_gets_a_stored_one() {
    let repositories = stored().await;
    // a message that could not be read
    let left = gap(TRADES, 12).last(edge(12, Some(12))).closed(at(13));
    let put = repositories
        .feeds
        .put_gaps(std::slice::from_ref(&left))
        .await;
    assert_eq!(put.expect("memory"), 1);
    let expected = [
        left.next(edge(15, Some(15))),
        gap(QUOTES, 16).last(edge(16, None)),
        gap(TRADES, 16).last(edge(16, Some(16))),
    ];
    assert_eq!(changed(&repositories).await, expected);
}

#[tokio::test]
async fn gap_of_a_book_begins_with_its_last_row() {
    let repositories = Repositories::in_memory();
    let books = &repositories.books;
    let snapshot = |second| BookSnapshot::new(ID, sent(second), "test");
    let stored = books.insert_snapshots(&[12, 15].map(snapshot)).await;
    assert_eq!(stored.expect("memory").inserted, 2);
    let expected = |second| {
        let gap = FeedGap::open(
            "test",
            ID,
            FeedChannel::Book,
            sent(second),
            GapReason::Stopped,
        );
        [gap.last(edge(second, None))]
    };
    assert_eq!(changed(&repositories).await, expected(15));
    let change = PriceLevel::new(Decimal::ONE, Decimal::TWO);
    let update = BookUpdate::new(ID, sent(16)).with_bids(vec![change]);
    let stored = books.insert_updates(&[update]).await;
    assert_eq!(stored.expect("memory").inserted, 1);
    assert_eq!(changed(&repositories).await, expected(16));
}

#[tokio::test]
async fn gap_of_a_book_ends_with_its_next_row() {
    let repositories = Repositories::in_memory();
    let snapshot = |second| BookSnapshot::new(ID, sent(second), "test");
    let snapshots = [12, 15, 16].map(snapshot);
    let stored = repositories.books.insert_snapshots(&snapshots).await;
    assert_eq!(stored.expect("memory").inserted, 3);
    let gap = |from| FeedGap::open("test", ID, FeedChannel::Book, from, GapReason::Stopped);
    let left = gap(sent(12)).last(edge(12, None));
    let put = repositories
        .feeds
        .put_gaps(std::slice::from_ref(&left))
        .await;
    assert_eq!(put.expect("memory"), 1);
    let expected = [
        left.closed(sent(15)).next(edge(15, None)),
        gap(sent(16)).last(edge(16, None)),
    ];
    assert_eq!(changed(&repositories).await, expected);
}
