use proptest::prelude::*;

use super::super::model::{Model, change, changes, levels};
use super::*;

fn loaded(bids: &[(&str, &str)], asks: &[(&str, &str)]) -> OrderBook {
    let mut book = OrderBook::new();
    book.load(&side(bids), &side(asks))
        .expect("a good snapshot");
    book
}

fn side(levels: &[(&str, &str)]) -> Vec<LevelChange> {
    let levels = levels.iter();
    levels.map(|(price, it)| change(price, it)).collect()
}

fn texts(book: &OrderBook) -> [Vec<String>; 2] {
    let view = book.view().expect("a valid book");
    levels(view).map(|side| {
        side.iter()
            .map(|(price, it)| format!("{price} {it}"))
            .collect()
    })
}

#[test]
fn update_before_a_snapshot_is_refused() {
    let mut book = OrderBook::new();
    assert_eq!(book.state(), BookState::Syncing);
    let updated = book.update(&side(&[("1", "1")]), &[]);
    assert_eq!(updated, Err(BookError::NoSnapshot));
    assert_eq!(book.state(), BookState::Syncing);
    assert!(book.view().is_none());
}

#[test]
fn snapshot_levels_may_be_unsorted() {
    let book = loaded(
        &[("9", "1"), ("11", "2"), ("10", "0"), ("10.5", "3")],
        &[("13", "1"), ("12", "4")],
    );
    assert_eq!(
        texts(&book),
        [vec!["11.0 2", "10.5 3", "9.0 1"], vec!["12.0 4", "13.0 1"]]
    );
}

#[test]
fn duplicate_level_of_a_snapshot_is_refused() {
    let mut book = loaded(&[("1", "1")], &[]);
    let error = book.load(&side(&[("2", "1"), ("3", "1"), ("2.0", "5")]), &[]);
    let price = change("2.0", "0").price.into();
    let side = BookSide::Bid;
    assert_eq!(error, Err(BookError::DuplicateLevel { side, price }));
    assert_eq!(book.state(), BookState::Stale(StaleReason::Malformed));
    assert!(book.view().is_none());
}

#[test]
fn crossed_books_are_stale_until_a_snapshot() {
    let mut book = OrderBook::new();
    let crossed = book.load(&side(&[("2", "1")]), &side(&[("2", "1")]));
    assert!(
        matches!(crossed, Err(BookError::Crossed { .. })),
        "{crossed:?}"
    );
    assert_eq!(book.state(), BookState::Stale(StaleReason::Crossed));
    book.load(&side(&[("1", "1")]), &side(&[("2", "1")]))
        .expect("a good snapshot");
    let crossed = book.update(&side(&[("3", "1")]), &[]);
    let error = crossed.expect_err("a crossed book");
    assert_eq!(error.to_string(), "crossed book: bid 3 is not below ask 2");
    let later = book.update(&side(&[("3", "0")]), &[]);
    assert_eq!(later, Err(BookError::Stale(StaleReason::Crossed)));
    book.load(&[], &[]).expect("an empty book");
    assert_eq!(book.state(), BookState::Valid);
}

#[test]
fn price_may_change_sides_within_a_message() {
    let mut book = loaded(&[("10", "1"), ("9", "1")], &[("11", "1")]);
    let counts = book.update(&side(&[("11", "2")]), &side(&[("11", "0"), ("12", "1")]));
    assert_eq!(counts.map(|counts| counts.inserted), Ok(2));
    assert_eq!(texts(&book), [vec!["11 2", "10 1", "9 1"], vec!["12 1"]]);
}

#[test]
fn large_prices_fit_or_make_the_book_stale() {
    let mut book = loaded(&[("0.00001", "1")], &[("9999999997.00000", "0.5")]);
    assert_eq!(texts(&book)[1], ["9999999997.00000 0.5"]);
    // ten more digits do not fit the ask
    let error = book
        .update(&side(&[("0.0000000001", "1")]), &[])
        .expect_err("an overflow");
    assert_eq!(
        error.to_string(),
        "9999999997.00000 does not fit a book with 10 decimal places"
    );
    assert_eq!(book.state(), BookState::Stale(StaleReason::Overflow));
    let mixed = book.load(
        &side(&[("0.0000000001", "1")]),
        &side(&[("9999999997", "1")]),
    );
    assert!(
        matches!(mixed, Err(BookError::Overflow { .. })),
        "{mixed:?}"
    );
    assert!(book.view().is_none());
}

#[test]
fn more_digits_of_an_update_widen_the_book() {
    let mut book = loaded(&[("1.5", "2")], &[("1.7", "3")]);
    book.update(&side(&[("1.55", "0.125")]), &[])
        .expect("applied");
    let precision = book.precision();
    assert_eq!(
        (precision.price_decimals, precision.quantity_decimals),
        (2, 3)
    );
    assert_eq!(
        texts(&book),
        [vec!["1.55 0.125", "1.50 2.000"], vec!["1.70 3.000"]]
    );
    // zeros at the end need no more digits
    book.update(&side(&[("1.5500000", "0.000000000")]), &[])
        .expect("applied");
    assert_eq!(book.precision(), precision);
    assert_eq!(texts(&book)[0], ["1.50 2.000"]);
}

#[test]
fn too_many_levels_are_refused() {
    let levels: Vec<_> = (1..=MAX_BOOK_LEVELS as i64 + 1)
        .map(|price| {
            let number = |units| BookNumber::new(units, 0).expect("in range");
            LevelChange::new(number(price), number(1))
        })
        .collect();
    let mut book = OrderBook::new();
    let refused = book.load(&levels, &[]);
    assert!(
        matches!(refused, Err(BookError::TooManyLevels { .. })),
        "{refused:?}"
    );
    book.load(&levels[1..], &[]).expect("as many as possible");
    let refused = book.update(&levels[..1], &[]);
    assert!(
        matches!(refused, Err(BookError::TooManyLevels { .. })),
        "{refused:?}"
    );
    assert_eq!(book.state(), BookState::Stale(StaleReason::Malformed));
    let mut shallow = OrderBook::new().with_depth(1_000);
    shallow
        .load(&levels[..1_001], &[])
        .expect("cut to its depth");
    let view = shallow.view().expect("valid");
    assert_eq!(view.side(BookSide::Bid).len(), 1_000);
    assert_eq!(
        view.side(BookSide::Bid).last().map(|level| level.price),
        Some(2)
    );
}

#[test]
fn only_valid_books_become_stale() {
    let mut book = OrderBook::new();
    assert!(!book.invalidate(StaleReason::Gap));
    assert_eq!(book.state(), BookState::Syncing);
    book.load(&[], &[]).expect("an empty book");
    assert!(book.invalidate(StaleReason::Checksum));
    assert!(!book.invalidate(StaleReason::Gap));
    assert_eq!(book.state().to_string(), "stale: checksum");
    book.reset();
    assert_eq!(book.state(), BookState::Syncing);
}

/// Prices of bids and asks overlap, so that some sequences cross the book.
fn messages() -> impl Strategy<Value = Vec<(Vec<LevelChange>, Vec<LevelChange>)>> {
    let usual = (changes(1, 60), changes(61, 120));
    let crossing = (changes(50, 62), changes(60, 70));
    proptest::collection::vec(prop_oneof![8 => usual, 1 => crossing], 0..40)
}

proptest! {
    #[test]
    fn book_equals_a_map(messages in messages(), depth in 1_usize..50) {
        let mut book = OrderBook::new().with_depth(depth);
        let mut model = Model::default();
        book.load(&[], &[]).expect("an empty book");
        for (bids, asks) in messages {
            model.set(BookSide::Bid, &bids);
            model.set(BookSide::Ask, &asks);
            model.cut(depth);
            let updated = book.update(&bids, &asks);
            if model.is_crossed() {
                let is_crossed = matches!(updated, Err(BookError::Crossed { .. }));
                prop_assert!(is_crossed, "{:?}", updated);
                prop_assert_eq!(book.state(), BookState::Stale(StaleReason::Crossed));
                break;
            }
            let counts = updated.expect("applied");
            let changed = counts.inserted + counts.replaced + counts.removed + counts.unknown;
            prop_assert_eq!(changed, (bids.len() + asks.len()) as u64);
            let view = book.view().expect("valid");
            prop_assert_eq!(levels(view), model.levels());
            let bests = model.levels().map(|side| side.first().copied());
            let best = |level: Option<BookLevel>| {
                level.map(|it| (view.precision().price(it.price), view.precision().quantity(it.quantity)))
            };
            prop_assert_eq!([best(view.best_bid()), best(view.best_ask())], bests);
        }
    }

    #[test]
    fn snapshot_equals_the_updates_before_it(bids in changes(1, 60), asks in changes(61, 120)) {
        let mut updated = OrderBook::new();
        updated.load(&[], &[]).expect("an empty book");
        updated.update(&bids, &asks).expect("applied");
        let [best_bids, best_asks] = levels(updated.view().expect("valid"));
        let of = |levels: Vec<(rust_decimal::Decimal, rust_decimal::Decimal)>| -> Vec<_> {
            let number = |value| BookNumber::try_from(value).expect("in range");
            levels.into_iter().map(|(price, it)| LevelChange::new(number(price), number(it))).collect()
        };
        let (best_bids, best_asks) = (of(best_bids), of(best_asks));
        let mut read = OrderBook::new();
        read.load(&best_bids, &best_asks).expect("a good snapshot");
        let view = read.view().expect("valid");
        prop_assert_eq!(levels(view), levels(updated.view().expect("valid")));
        // a repeated message changes nothing
        let before = levels(updated.view().expect("valid"));
        updated.update(&bids, &asks).expect("applied");
        prop_assert_eq!(levels(updated.view().expect("valid")), before);
    }

    #[test]
    fn depth_cut_is_idempotent(bids in changes(1, 60), asks in changes(61, 120), depth in 0_usize..6) {
        let mut book = OrderBook::new().with_depth(depth);
        book.load(&[], &[]).expect("an empty book");
        book.update(&bids, &asks).expect("applied");
        let once = levels(book.view().expect("valid"));
        let again = book.update(&[], &[]).expect("applied");
        prop_assert_eq!(again.cut, 0);
        prop_assert_eq!(&levels(book.view().expect("valid")), &once);
        prop_assert!(once.iter().all(|side| side.len() <= depth));
    }
}
