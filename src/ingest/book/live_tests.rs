//! Live books of several sources, and watches of them.

use std::time::Duration;

use chrono::TimeDelta;
use proptest::prelude::*;
use tokio::time::timeout;

use super::*;
use crate::domain::book::{BookNumber, LevelChange};

const SYMBOL: SymbolId = SymbolId::new(7);

fn at(millis: i64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    start + TimeDelta::milliseconds(millis)
}

fn change(price: i64, quantity: i64) -> LevelChange {
    let number = |units| BookNumber::new(units, 0).expect("in range");
    LevelChange::new(number(price), number(quantity))
}

fn level(price: i64, quantity: i64) -> PriceLevel {
    PriceLevel::new(price.into(), quantity.into())
}

fn snapshot(millis: i64, bids: &[LevelChange], asks: &[LevelChange]) -> BookEvent {
    let mut book = OrderBook::new();
    book.load(bids, asks).expect("a book");
    BookEvent::snapshot(SYMBOL, at(millis), &book)
}

fn levels(millis: i64, bids: &[LevelChange], asks: &[LevelChange]) -> BookEvent {
    BookEvent::levels(SYMBOL, at(millis), bids, asks)
}

fn apply(source: &mut BookSource, event: BookEvent) -> Applied {
    source.apply(event, |_, _| {})
}

fn get(live: &LiveBooks) -> LiveBook {
    live.get(SYMBOL, 1_000).expect("a book")
}

#[test]
fn levels_change_the_last_snapshot() {
    let live = LiveBooks::new();
    let mut source = live.source("venue");
    assert_eq!(live.get(SYMBOL, 10), None);
    let event = snapshot(0, &[change(9, 1), change(8, 2)], &[change(11, 3)]).with_sequence(40);
    assert_eq!(apply(&mut source, event), Applied::Snapshot);
    let event = levels(5, &[change(9, 0), change(7, 4)], &[change(10, 5)])
        .with_sequence(41)
        .with_received_at(at(6));
    assert_eq!(apply(&mut source, event), Applied::Levels);
    let book = get(&live);
    assert_eq!(book.bids, [level(8, 2), level(7, 4)]);
    assert_eq!(book.asks, [level(10, 5), level(11, 3)]);
    assert_eq!((book.time, book.received_at), (at(5), at(6)));
    assert_eq!((book.sequence, book.version), (Some(41), 2));
    assert_eq!(book.state, LiveState::Valid { since: at(0) });
    assert_eq!(&*book.source, "venue");
    let top = live.get(SYMBOL, 1).expect("a book");
    assert_eq!((top.bids.len(), top.asks.len()), (1, 1));
    assert!(live.all()[0].bids.is_empty());
}

#[test]
fn levels_without_a_valid_book_have_no_effect() {
    let live = LiveBooks::new();
    let mut source = live.source("venue");
    let early = levels(0, &[change(9, 1)], &[]);
    assert_eq!(apply(&mut source, early), Applied::Ignored);
    assert!(!get(&live).state.is_valid());
    apply(&mut source, snapshot(1, &[change(9, 1)], &[]));
    let stale = BookEvent::stale(SYMBOL, at(2), StaleReason::Gap);
    assert_eq!(
        apply(&mut source, stale.clone()),
        Applied::Stale(StaleReason::Gap)
    );
    assert_eq!(apply(&mut source, stale), Applied::Ignored);
    let late = levels(3, &[change(9, 2)], &[]);
    assert_eq!(apply(&mut source, late), Applied::Ignored);
    let book = get(&live);
    let reason = EndReason::Stale(StaleReason::Gap);
    let since = at(2);
    assert_eq!(book.state, LiveState::Stale { reason, since });
    assert_eq!((book.bids.len(), book.version), (0, 2));
    apply(&mut source, snapshot(4, &[change(5, 1)], &[]));
    assert_eq!(get(&live).state, LiveState::Valid { since: at(4) });
}

#[test]
fn crossing_levels_make_the_book_stale() {
    let live = LiveBooks::new();
    let mut source = live.source("venue");
    apply(&mut source, snapshot(0, &[change(9, 1)], &[]));
    let crossing = levels(1, &[], &[change(9, 1)]);
    let crossed = Applied::Stale(StaleReason::Crossed);
    assert_eq!(apply(&mut source, crossing), crossed);
    assert!(!get(&live).state.is_valid());
}

#[test]
fn books_of_an_ended_source_are_stale() {
    let live = LiveBooks::new();
    let (mut first, mut second) = (live.source("first"), live.source("second"));
    apply(
        &mut first,
        snapshot(0, &[change(9, 1)], &[]).with_received_at(at(3)),
    );
    let foreign = snapshot(9, &[change(5, 1)], &[]);
    assert_eq!(apply(&mut second, foreign.clone()), Applied::Foreign);
    assert_eq!(get(&live).bids, [level(9, 1)]);
    let mut ended = Vec::new();
    first.end(|symbol_id, time| ended.push((symbol_id, time)));
    assert_eq!(ended, [(SYMBOL, at(3))]);
    let state = LiveState::Stale {
        reason: EndReason::Stopped,
        since: at(3),
    };
    assert_eq!(get(&live).state, state);
    // the symbol is free for another source
    assert_eq!(apply(&mut second, foreign), Applied::Snapshot);
    assert_eq!(&*get(&live).source, "second");
    first.end(|_, _| panic!("no book is its own"));
}

/// The books that are marked now.
async fn marked(watch: &mut BookWatch) -> Vec<SymbolId> {
    timeout(Duration::ZERO, watch.changed())
        .await
        .unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn watch_has_one_mark_for_each_changed_book() {
    let live = LiveBooks::new();
    let mut source = live.source("venue");
    let other = SymbolId::new(8);
    let mut watch = live.watch();
    assert_eq!(marked(&mut watch).await, []);
    watch.follow(&[other, SYMBOL]);
    assert_eq!(marked(&mut watch).await, [SYMBOL, other]);
    apply(&mut source, snapshot(0, &[change(9, 1)], &[]));
    for quantity in 2..100 {
        apply(&mut source, levels(quantity, &[change(9, quantity)], &[]));
    }
    assert_eq!(marked(&mut watch).await, [SYMBOL]);
    assert_eq!(marked(&mut watch).await, []);
    // what has no effect marks nothing
    apply(
        &mut source,
        BookEvent::stale(other, at(0), StaleReason::Gap),
    );
    assert_eq!(marked(&mut watch).await, []);
    source.end(|_, _| {});
    assert_eq!(marked(&mut watch).await, [SYMBOL]);
    watch.unfollow(&[SYMBOL]);
    apply(&mut source, snapshot(0, &[change(9, 1)], &[]));
    assert_eq!(marked(&mut watch).await, []);
}

/// Changes at few prices, often quantity 0.
fn changes(prices: std::ops::Range<i64>) -> impl Strategy<Value = Vec<LevelChange>> {
    let one = (prices, 0_i64..3).prop_map(|(price, quantity)| change(price, quantity));
    prop::collection::vec(one, 0..6)
}

proptest! {
    #[test]
    fn live_book_equals_that_of_the_feed(
        messages in prop::collection::vec((changes(1..12), changes(9..20), 0..10), 1..60),
        depth in 1_usize..8,
    ) {
        let live = LiveBooks::new();
        let mut source = live.source("venue");
        let mut own = OrderBook::new().with_depth(depth);
        for (time, (bids, asks, kind)) in (0..).zip(messages) {
            let event = match kind {
                0 => {
                    own.load(&[change(5, 1)], &[change(15, 1)]).expect("a book");
                    BookEvent::snapshot(SYMBOL, at(time), &own)
                }
                1 => {
                    own.invalidate(StaleReason::Gap);
                    BookEvent::stale(SYMBOL, at(time), StaleReason::Gap)
                }
                _ => {
                    // what crosses makes both stale
                    let _ = own.update(&bids, &asks);
                    levels(time, &bids, &asks)
                }
            };
            apply(&mut source, event);
            let book = get(&live);
            prop_assert_eq!(book.state.is_valid(), own.state().is_valid());
            let side = |side| -> Vec<PriceLevel> {
                let levels = own.view().map(|view| view.decimals(side));
                let levels = levels.into_iter().flatten();
                levels.map(|(price, quantity)| PriceLevel::new(price, quantity)).collect()
            };
            prop_assert_eq!(book.bids, side(BookSide::Bid));
            prop_assert_eq!(book.asks, side(BookSide::Ask));
        }
    }
}
