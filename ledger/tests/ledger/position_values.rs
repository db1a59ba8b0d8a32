//! Marks and opening times of positions.

use tickbook_ledger::domain::{Contract, CostMethod, Mark, Position, Side};
use tickbook_ledger::rust_decimal::Decimal;

use crate::samples::{Book as _, created, dec, empty_ledger, filled, seconds};

/// A position of 2 at a price of 10, long or short.
fn position(side: Side) -> Position {
    let mut position = Position::default();
    let quantity = side.signed(Decimal::TWO);
    let traded = position.trade(
        CostMethod::Average,
        quantity,
        Decimal::TEN,
        Contract::default(),
    );
    traded.expect("in range");
    position
}

#[test]
fn long_positions_are_valued_at_the_bid() {
    let quote = Mark::Quote {
        bid: dec("11"),
        ask: dec("12"),
    };
    let profit = |side, mark| {
        let profit = position(side).unrealized(mark, Contract::default());
        profit.expect("in range").to_string()
    };
    assert_eq!(profit(Side::Buy, quote), "2");
    assert_eq!(profit(Side::Sell, quote), "-4");
    assert_eq!(profit(Side::Sell, Mark::Price(dec("9.5"))), "1");
    let contract = Contract::linear(dec("100"));
    let mut flat = position(Side::Buy);
    flat.trade(
        CostMethod::Average,
        -Decimal::TWO,
        dec("9"),
        Contract::default(),
    )
    .expect("in range");
    assert_eq!(
        flat.unrealized(quote, contract)
            .expect("in range")
            .to_string(),
        "0"
    );
    assert_eq!(
        (flat.average_price(), flat.realized.to_string()),
        (None, "-2".to_owned())
    );
}

#[test]
fn position_is_opened_by_the_fill_that_leaves_zero() {
    let mut ledger = empty_ledger();
    ledger.book(&created("o", Side::Buy, "10"));
    ledger.book(&created("s", Side::Sell, "10"));
    let mut opened = |order, exec, at, quantity| {
        ledger.book(&filled(order, exec, at, quantity, "2"));
        let (_, position) = ledger.positions().next().expect("one");
        position.opened_at
    };
    assert_eq!(opened("o", "E1", 1, "1"), Some(seconds(1)));
    assert_eq!(opened("o", "E2", 2, "1"), Some(seconds(1)));
    assert_eq!(opened("s", "E3", 3, "2"), None);
    assert_eq!(opened("s", "E4", 4, "2"), Some(seconds(4)));
    // a fill that turns the position opens the opposite one
    assert_eq!(opened("o", "E5", 5, "3"), Some(seconds(5)));
}
