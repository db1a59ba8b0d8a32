//! Integer levels against decimal ones.

use proptest::prelude::*;

use super::*;
use crate::domain::SymbolId;
use crate::domain::book::{BookNumber, BookSnapshot, LevelChange, OrderBook};

/// A book with these prices and quantities, whose prices and quantities have some decimal places.
fn book(bids: &[(i64, i64)], asks: &[(i64, i64)], decimals: u8) -> OrderBook {
    let level = |(price, quantity): &(i64, i64)| {
        let number = |units| BookNumber::new(units, decimals).expect("in range");
        LevelChange::new(number(*price), number(*quantity))
    };
    let side = |levels: &[(i64, i64)]| levels.iter().map(level).collect::<Vec<_>>();
    let mut book = OrderBook::new();
    book.load(&side(bids), &side(asks)).expect("a book");
    book
}

/// The levels as a snapshot is stored.
fn expected(book: &OrderBook, depth: usize) -> [Vec<PriceLevel>; 2] {
    let view = book.view().expect("a valid book");
    let snapshot = BookSnapshot::new(SymbolId::new(1), chrono::DateTime::UNIX_EPOCH, "test");
    let snapshot = snapshot.with_view(view, depth).normalized();
    let BookSnapshot { bids, asks, .. } = snapshot.expect("it fits");
    [bids, asks]
}

fn side(prices: std::ops::Range<i64>) -> impl Strategy<Value = Vec<(i64, i64)>> {
    let levels = prop::collection::btree_map(prices, 1..50_i64, 0..12);
    levels.prop_map(|levels| levels.into_iter().collect())
}

fn books() -> impl Strategy<Value = (OrderBook, OrderBook)> {
    let one = || (side(1..40), side(40..80), 0..4_u8);
    (one(), one()).prop_map(|(old, new)| {
        let book = |(bids, asks, decimals): (Vec<_>, Vec<_>, u8)| {
            // the same prices with other digits
            let scale = 10_i64.pow(decimals.into());
            let scaled = |levels: Vec<(i64, i64)>| -> Vec<_> {
                let levels = levels.into_iter();
                levels
                    .map(|(price, it)| (price * scale, it * scale))
                    .collect()
            };
            book(&scaled(bids), &scaled(asks), decimals)
        };
        (book(old), book(new))
    })
}

proptest! {
    #[test]
    fn changes_equal_those_of_decimals((old, new) in books(), depth in 1..14_usize) {
        let (before, after) = (expected(&old, depth), expected(&new, depth));
        let mut levels = TopLevels::of(old.view().expect("a valid book"), depth);
        prop_assert_eq!(&levels.decimals(), &before);
        let view = new.view().expect("a valid book");
        let difference = levels.difference(view, depth);
        prop_assert_eq!(difference.is_none(), before == after);
        let changes = levels.changes(difference, view, depth);
        for (at, found) in changes.iter().enumerate() {
            let expected = level_changes(SIDES[at], &before[at], &after[at]);
            prop_assert_eq!(found, &expected);
        }
        levels.set(difference, view, depth);
        prop_assert_eq!(levels.decimals(), after);
        prop_assert!(levels.difference(view, depth).is_none());
    }
}

#[test]
fn levels_that_surely_fit_are_storable() {
    let largest = 10_i64.pow(15) - 1;
    for (units, decimals, fits) in [
        (largest, 0, true),
        (largest + 1, 0, false),
        (largest * 1_000 + 999, 3, true),
        (largest * 1_000 + 1_000, 3, false),
        (i64::MAX, 4, true),
        (1, 12, true),
        (1, 13, false),
        // a zero at the end could be left out, which the decimals decide
        (10, 13, false),
    ] {
        for (price, quantity) in [(units, 1), (1, units)] {
            let book = book(&[(price, quantity)], &[], decimals);
            let view = book.view().expect("a valid book");
            assert_eq!(
                surely_fit(view, 1, None),
                fits,
                "{price} {quantity} {decimals}"
            );
        }
    }
}

#[test]
fn levels_below_the_depth_need_not_fit() {
    let book = book(&[(10, 1), (9, 10_i64.pow(15))], &[], 0);
    let view = book.view().expect("a valid book");
    assert_eq!(
        [1, 2].map(|depth| surely_fit(view, depth, None)),
        [true, false]
    );
}

#[test]
fn only_changed_levels_have_to_fit() {
    let large = 10_i64.pow(15);
    let before = book(&[(10, 1), (9, large), (8, 1)], &[(12, 1)], 0);
    let levels = TopLevels::of(before.view().expect("a valid book"), 3);
    for (bids, asks, fits) in [
        ([(10, 1), (9, large), (8, 2)], [(12, 1)], true),
        ([(10, 2), (9, large), (8, 1)], [(11, 1)], true),
        ([(10, 2), (9, large), (8, 2)], [(12, 1)], false),
        ([(10, 1), (9, large), (7, large)], [(12, 1)], false),
        ([(10, 1), (9, large), (8, 1)], [(12, large)], false),
    ] {
        let after = book(&bids, &asks, 0);
        let view = after.view().expect("a valid book");
        let difference = levels.difference(view, 3);
        assert_eq!(
            surely_fit(view, 3, Some(difference)),
            fits,
            "{bids:?} {asks:?}"
        );
    }
}
