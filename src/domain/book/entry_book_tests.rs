use std::collections::BTreeMap;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::super::model::{change, levels};
use super::*;

fn new(id: u32, side: BookSide, price: &str, quantity: &str) -> EntryChange<u32> {
    let level = change(price, quantity);
    EntryChange::New { id, side, level }
}

#[test]
fn entries_of_one_price_add_up() {
    let mut book = EntryBook::new();
    assert_eq!(
        book.update([EntryChange::Delete { id: 1 }]),
        Err(BookError::NoSnapshot)
    );
    book.load([
        (1, BookSide::Bid, change("1.06", "100")),
        (2, BookSide::Bid, change("1.0600", "50.5")),
        (3, BookSide::Ask, change("1.07", "10")),
    ])
    .expect("a good snapshot");
    let of = |book: &EntryBook<u32>| {
        levels(book.view().expect("valid")).map(|side| {
            side.iter()
                .map(|(price, it)| format!("{price} {it}"))
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(of(&book), [["1.06 150.5"], ["1.07 10.0"]]);
    book.update([EntryChange::Delete { id: 1 }, EntryChange::Delete { id: 9 }])
        .expect("applied");
    assert_eq!(of(&book), [["1.06 50.5"], ["1.07 10.0"]]);
    assert_eq!((book.entries(), book.unknown_deletes()), (2, 1));
}

#[test]
fn new_entries_may_precede_the_deleted_ones() {
    let mut book = EntryBook::new();
    book.load([
        (1, BookSide::Bid, change("10", "1")),
        (2, BookSide::Ask, change("11", "1")),
    ])
    .expect("a good snapshot");
    book.update([
        new(3, BookSide::Bid, "12", "1"),
        EntryChange::Delete { id: 2 },
    ])
    .expect("not crossed after the message");
    let crossed = book.update([new(4, BookSide::Ask, "12", "1")]);
    assert!(
        matches!(crossed, Err(BookError::Crossed { .. })),
        "{crossed:?}"
    );
    assert_eq!(book.state(), BookState::Stale(StaleReason::Crossed));
    let stale = book.update([EntryChange::Delete { id: 4 }]);
    assert_eq!(stale, Err(BookError::Stale(StaleReason::Crossed)));
}

#[test]
fn sum_that_does_not_fit_makes_the_book_stale() {
    let mut book = EntryBook::new();
    let largest = i64::MAX.to_string();
    book.load([(1, BookSide::Bid, change("1", &largest))])
        .expect("a good snapshot");
    let error = book
        .update([new(2, BookSide::Bid, "1.0", "1")])
        .expect_err("too large");
    assert_eq!(error.to_string(), "sum of the quantities at 1 is too large");
    assert_eq!(book.state(), BookState::Stale(StaleReason::Overflow));
}

fn operations() -> impl Strategy<Value = Vec<Vec<EntryChange<u32>>>> {
    let entry = (0_u32..20, any::<bool>(), 1_i64..6, 1_i64..9, 0_u8..3);
    let new = entry.prop_map(|(id, is_bid, price, quantity, decimals)| {
        let (side, price) = match is_bid {
            true => (BookSide::Bid, price),
            false => (BookSide::Ask, price + 10),
        };
        let price = BookNumber::new(price, 0).expect("in range");
        let quantity = BookNumber::new(quantity, decimals).expect("in range");
        let level = LevelChange::new(price, quantity);
        EntryChange::New { id, side, level }
    });
    let delete = (0_u32..20).prop_map(|id| EntryChange::Delete { id });
    let message = proptest::collection::vec(prop_oneof![new, delete], 0..6);
    proptest::collection::vec(message, 0..20)
}

proptest! {
    #[test]
    fn levels_are_sums_over_entries(messages in operations()) {
        let mut book = EntryBook::new();
        book.load([]).expect("an empty book");
        let mut entries = BTreeMap::new();
        let mut unknown = 0;
        for message in messages {
            for change in &message {
                match *change {
                    EntryChange::New { id, side, level } => {
                        entries.insert(id, (side, level));
                    }
                    EntryChange::Delete { id } => {
                        unknown += u64::from(entries.remove(&id).is_none());
                    }
                }
            }
            book.update(message).expect("applied");
            let mut sums: BTreeMap<(BookSide, Decimal), Decimal> = BTreeMap::new();
            for (side, level) in entries.values() {
                *sums.entry((*side, level.price.into())).or_default() += Decimal::from(level.quantity);
            }
            let view = book.view().expect("valid");
            let found: BTreeMap<_, _> = [BookSide::Bid, BookSide::Ask]
                .into_iter()
                .flat_map(|side| view.decimals(side).map(move |(price, it)| ((side, price), it)))
                .collect();
            prop_assert_eq!(found, sums);
            prop_assert_eq!((book.entries(), book.unknown_deletes()), (entries.len(), unknown));
        }
    }
}
