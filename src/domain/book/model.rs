//! A book as two maps, to compare the book with.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::level::{BookSide, LevelChange};
use super::number::BookNumber;
use super::view::BookView;

/// Price and quantity of each level.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) bids: BTreeMap<Decimal, Decimal>,
    pub(super) asks: BTreeMap<Decimal, Decimal>,
}

impl Model {
    pub(super) fn side(&mut self, side: BookSide) -> &mut BTreeMap<Decimal, Decimal> {
        match side {
            BookSide::Bid => &mut self.bids,
            BookSide::Ask => &mut self.asks,
        }
    }

    pub(super) fn set(&mut self, side: BookSide, changes: &[LevelChange]) {
        for change in changes {
            let price = Decimal::from(change.price).normalize();
            if change.quantity.is_zero() {
                self.side(side).remove(&price);
            } else {
                let quantity = Decimal::from(change.quantity);
                self.side(side).insert(price, quantity);
            }
        }
    }

    pub(super) fn cut(&mut self, depth: usize) {
        while self.bids.len() > depth {
            self.bids.pop_first();
        }
        while self.asks.len() > depth {
            self.asks.pop_last();
        }
    }

    pub(super) fn is_crossed(&self) -> bool {
        let best = self.bids.keys().next_back().zip(self.asks.keys().next());
        best.is_some_and(|(bid, ask)| bid >= ask)
    }

    /// Bids and asks, the best first.
    pub(super) fn levels(&self) -> [Vec<(Decimal, Decimal)>; 2] {
        let bids = self.bids.iter().rev().map(|(price, it)| (*price, *it));
        let asks = self.asks.iter().map(|(price, it)| (*price, *it));
        [bids.collect(), asks.collect()]
    }
}

/// Bids and asks of a book, the best first.
pub(super) fn levels(view: BookView<'_>) -> [Vec<(Decimal, Decimal)>; 2] {
    [BookSide::Bid, BookSide::Ask].map(|side| view.decimals(side).collect())
}

pub(super) fn change(price: &str, quantity: &str) -> LevelChange {
    let number = |text: &str| BookNumber::parse(text).expect("a number");
    LevelChange::new(number(price), number(quantity))
}

/// A change at one of few prices from `from` to `to`, with 0 to 3 decimal places, and often quantity 0.
pub(super) fn changes(from: i64, to: i64) -> impl Strategy<Value = Vec<LevelChange>> {
    let decimals = prop_oneof![4 => Just(0_u8), 1 => 0_u8..=3];
    let price = (from..=to, decimals.clone()).prop_map(|(units, decimals)| {
        let units = units * 10_i64.pow(decimals.into());
        BookNumber::new(units + i64::from(decimals == 2), decimals).expect("in range")
    });
    let quantity = (prop_oneof![2 => Just(0_i64), 3 => 1_i64..50], decimals)
        .prop_map(|(units, decimals)| BookNumber::new(units, decimals).expect("in range"));
    let change = (price, quantity).prop_map(|(price, quantity)| LevelChange::new(price, quantity));
    proptest::collection::vec(change, 0..8)
}
