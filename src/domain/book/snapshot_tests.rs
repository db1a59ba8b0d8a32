//! The rules of stored snapshots, updates and intervals.

use chrono::TimeDelta;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::super::model::{changes, levels};
use super::super::{
    BookInterval, EndReason, LevelChange, MAX_LEVEL_CHANGES, OrderBook, StaleReason,
};
use super::*;
use crate::domain::latest_time;

fn time(micros: i64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    start + TimeDelta::microseconds(micros)
}

fn level(price: &str, quantity: &str) -> PriceLevel {
    let number = |text: &str| text.parse().expect("a decimal");
    PriceLevel::new(number(price), number(quantity))
}

fn snapshot() -> BookSnapshot {
    BookSnapshot::new(SymbolId::new(7), time(5), "kraken")
        .with_bids(vec![level("1.50", "3"), level("1.4", "2.0")])
        .with_asks(vec![level("1.6", "1"), level("1.7", "9999999997")])
        .with_depth(20)
}

fn update(micros: i64) -> BookUpdate {
    BookUpdate::new(SymbolId::new(7), time(micros))
}

fn ladder(count: usize, step: i64) -> Vec<PriceLevel> {
    let count = i64::try_from(count).expect("few");
    let level = |index: i64| PriceLevel::new(Decimal::from(5_000 + step * index), Decimal::ONE);
    (0..count).map(level).collect()
}

#[test]
fn stored_form_drops_nanoseconds_and_zeros() {
    let given = snapshot().with_snapshot_time(time(5) + TimeDelta::nanoseconds(7));
    let stored = given.normalized().expect("valid");
    assert_eq!(stored.snapshot_time, time(5));
    assert_eq!(stored.bids[0].price.to_string(), "1.5");
    assert!(stored.has_content_of(&snapshot()));
    let given = update(5).with_bids(vec![level("1.0", "0.0"), level("-2", "3")]);
    let stored = given.normalized().expect("valid");
    assert_eq!(stored.bids, given.bids, "the best price comes first");
    let given = update(5).with_asks(given.bids.clone());
    let stored = given.normalized().expect("valid");
    assert_eq!(stored.asks, [level("-2", "3"), level("1", "0")]);
}

#[test]
fn books_of_one_side_or_none_are_valid() {
    for good in [
        snapshot().with_bids(Vec::new()),
        snapshot().with_bids(Vec::new()).with_asks(Vec::new()),
        snapshot().with_bids(vec![level("-3", "1"), level("-4", "1")]),
        snapshot()
            .with_bids(ladder(MAX_STORED_LEVELS, -1))
            .with_asks(Vec::new())
            .with_depth(MAX_STORED_LEVELS),
        snapshot().with_checksum(-7_i64).with_sequence(i64::MAX),
    ] {
        assert!(good.normalized().is_ok(), "{good:?}");
    }
}

#[test]
fn invalid_snapshots_are_refused_by_field_name() {
    let asks = |levels: &[(&str, &str)]| {
        let levels = levels
            .iter()
            .map(|(price, quantity)| level(price, quantity));
        snapshot().with_asks(levels.collect())
    };
    for (bad, field, text) in [
        (
            asks(&[("1.5", "1")]),
            "bids",
            "crossed book: bid 1.5 is not below ask 1.5",
        ),
        (
            asks(&[("1.8", "1"), ("1.7", "1")]),
            "asks",
            "ask level at 1.7 is better",
        ),
        (
            asks(&[("1.8", "1"), ("1.80", "2")]),
            "asks",
            "two ask levels at 1.8",
        ),
        (
            asks(&[("1.8", "0")]),
            "asks",
            "ask level at 1.8 has the quantity 0",
        ),
        (asks(&[("1.8", "-1")]), "asks", "expected more than 0"),
        (
            asks(&[("1.8000000000001", "1")]),
            "asks",
            "ask price 1.8000000000001 has more",
        ),
        (
            asks(&[("1.8", "1000000000000000")]),
            "asks",
            "ask quantity 1000000000000000",
        ),
        (
            snapshot().with_bids(ladder(MAX_STORED_LEVELS + 1, -1)),
            "bids",
            "1001 bid levels: expected at most 1000",
        ),
        (
            snapshot().with_depth(1),
            "bids",
            "2 bid levels are more than the depth 1",
        ),
        (snapshot().with_depth(0), "depth", "invalid depth 0"),
        (snapshot().with_depth(1_001), "depth", "invalid depth 1001"),
        (
            snapshot().with_valid_since(time(6)),
            "valid_since",
            "is after",
        ),
        (snapshot().with_sequence(-1), "sequence", "-1 is negative"),
        (
            snapshot().with_symbol_id(SymbolId::new(0)),
            "symbol_id",
            "symbol_id 0",
        ),
        (
            snapshot().with_snapshot_time(latest_time()),
            "snapshot_time",
            "outside",
        ),
        (
            BookSnapshot {
                source: "x".repeat(51),
                ..snapshot()
            },
            "source",
            "expected 1 to 50 printable",
        ),
    ] {
        let error = bad.normalized().expect_err("invalid");
        assert_eq!(error.field(), field, "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn invalid_updates_are_refused_by_field_name() {
    let long: Vec<_> = ladder(MAX_LEVEL_CHANGES + 1, 1);
    for (bad, field) in [
        (update(0).with_bids(vec![level("1", "-0.5")]), "bids"),
        (
            update(0).with_asks(vec![level("1", "2"), level("1.0", "0")]),
            "asks",
        ),
        (
            update(0).with_asks(vec![level("1", "0.0000000000001")]),
            "asks",
        ),
        (update(0).with_asks(long), "asks"),
        (update(0).with_sequence(-1), "sequence"),
        (update(0).with_update_time(latest_time()), "update_time"),
    ] {
        assert_eq!(bad.normalized().expect_err("invalid").field(), field);
    }
}

#[test]
fn updates_apply_in_order_and_never_cross() {
    let mut book = snapshot().with_checksum(7_i64);
    let next = update(5)
        .with_sequence(1)
        .with_bids(vec![level("1.5", "0"), level("1.45", "8"), level("9", "0")])
        .with_asks(vec![level("1.6", "2.5")]);
    book.apply(&next).expect("the next one");
    assert_eq!(book.bids, [level("1.45", "8"), level("1.4", "2")]);
    assert_eq!(book.asks[0], level("1.6", "2.5"));
    assert_eq!((book.snapshot_time, book.sequence), (time(5), 1));
    assert_eq!(book.checksum, None);
    for other in [next.clone(), update(4).with_sequence(9)] {
        let refused = book.apply(&other);
        assert!(
            matches!(refused, Err(InvalidBook::NotAfter { .. })),
            "{refused:?}"
        );
    }
    let other = update(6).with_symbol_id(SymbolId::new(8));
    assert!(book.apply(&other).is_err(), "another symbol");
    let crossing = update(6).with_bids(vec![level("1.6", "1")]);
    let refused = book.apply(&crossing);
    assert!(
        matches!(refused, Err(InvalidBook::Crossed { .. })),
        "{refused:?}"
    );
}

#[test]
fn interval_ends_before_its_last_instant() {
    let open = BookInterval::open(SymbolId::new(7), time(5));
    assert!(open.contains(time(5)) && open.contains(latest_time()));
    assert!(!open.contains(time(4)));
    let closed = open.closed(time(9), EndReason::Stale(StaleReason::Gap));
    assert!(closed.contains(time(8)) && !closed.contains(time(9)));
    assert!(closed.normalized().is_ok());
    let error = open.closed(time(4), EndReason::Stopped).normalized();
    assert_eq!(error.expect_err("too early").field(), "valid_to");
    for reason in StaleReason::ALL {
        let reason = EndReason::Stale(*reason);
        assert_eq!(reason.as_str().parse(), Ok(reason));
    }
    assert_eq!("deleted".parse(), Ok(EndReason::Deleted));
    assert!("Gap".parse::<EndReason>().is_err());
}

/// The decimals of changes.
fn decimals(changes: &[LevelChange]) -> Vec<PriceLevel> {
    let mut last: Vec<PriceLevel> = Vec::new();
    for change in changes {
        let (price, quantity) = (change.price.into(), change.quantity.into());
        last.retain(|level| level.price != price);
        last.push(PriceLevel::new(price, quantity));
    }
    last
}

proptest! {
    #[test]
    fn applied_updates_equal_the_live_book(
        messages in prop::collection::vec((changes(1, 20), changes(21, 40)), 1..20),
    ) {
        let mut live = OrderBook::new();
        live.load(&[], &[]).expect("an empty book");
        let mut stored = BookSnapshot::new(SymbolId::new(7), time(0), "test");
        for (sequence, (bids, asks)) in (1..).zip(&messages) {
            live.update(bids, asks).expect("not crossed");
            let next = update(0).with_sequence(sequence);
            let next = next.with_bids(decimals(bids)).with_asks(decimals(asks));
            stored.apply(&next.normalized().expect("valid")).expect("the next one");
            let view = live.view().expect("valid");
            let expected = BookSnapshot::new(SymbolId::new(7), time(0), "test")
                .with_sequence(sequence)
                .with_view(view, MAX_STORED_LEVELS);
            prop_assert!(stored.has_content_of(&expected));
            let sides = [BookSide::Bid, BookSide::Ask].map(|side| {
                let levels = stored.side(side).iter();
                levels.map(|level| (level.price, level.quantity)).collect::<Vec<_>>()
            });
            prop_assert_eq!(sides, levels(view));
        }
    }

    #[test]
    fn depth_cut_twice_is_the_smaller_cut(
        bids in 0_usize..30, asks in 0_usize..30, first in 1_usize..40, second in 1_usize..40,
    ) {
        let whole = snapshot()
            .with_bids(ladder(bids, -1))
            .with_asks(ladder(asks, 1).into_iter().map(|it| PriceLevel::new(it.price + Decimal::ONE, it.quantity)).collect())
            .with_depth(MAX_STORED_LEVELS);
        let cut = |depths: &[usize]| {
            let mut book = whole.clone();
            depths.iter().for_each(|depth| book.cut(*depth));
            book
        };
        prop_assert_eq!(cut(&[first, second]), cut(&[first.min(second)]));
        prop_assert_eq!(cut(&[first, first]), cut(&[first]));
        prop_assert!(cut(&[first]).normalized().is_ok());
    }
}
