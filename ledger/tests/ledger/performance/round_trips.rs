//! Round trips against those of LEAN's trade builder.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tickbook_ledger::domain::performance::{
    RoundTrip, RoundTripBook, RoundTripGrouping, RoundTripMatching, TradeFill,
};
use tickbook_ledger::domain::{Amount, Currency, Fee, OrderId, Side};
use tickbook_ledger::rust_decimal::Decimal;

use crate::oracles;
use crate::samples::{dec, order_id, seconds};

fn usd() -> Currency {
    Currency::new("USD").expect("an id")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} in {value}"))
}

fn order(number: &Value) -> OrderId {
    order_id(&number.to_string())
}

/// The fills of a list. The fee is that of the order, so it counts with its first fill.
fn fills(list: &Value) -> Vec<TradeFill> {
    let mut known = BTreeSet::new();
    let fills = list["fills"].as_array().expect("fills").iter();
    let fills = fills.map(|fill| {
        let order = order(&fill["order_id"]);
        let is_first = known.insert(order.clone());
        let fee = is_first.then(|| Fee::new(dec(text(fill, "fee")), usd()));
        let time = seconds(fill["time"].as_i64().expect("seconds"));
        let (quantity, price) = (dec(text(fill, "quantity")), dec(text(fill, "price")));
        TradeFill::new(order, time, quantity, price).with_fee(fee)
    });
    fills.collect()
}

/// A number, or a quotient of two.
fn quotient(text: &str) -> (Amount, Decimal) {
    let (numerator, divisor) = text.split_once('/').unwrap_or((text, "1"));
    (numerator.parse().expect("an amount"), dec(divisor))
}

fn price(text: &str) -> Option<Decimal> {
    let (numerator, divisor) = quotient(text);
    numerator.per_unit(divisor)
}

fn amount(text: &str) -> Amount {
    let (numerator, divisor) = quotient(text);
    Amount::quotient(numerator, divisor).expect("in range")
}

#[track_caller]
fn assert_trips(found: &[RoundTrip], expected: &Value, context: &str) {
    let expected = expected["trades"].as_array().expect("trades");
    assert_eq!(found.len(), expected.len(), "{context}");
    for (found, expected) in found.iter().zip(expected) {
        let time = |key: &str| seconds(expected[key].as_i64().expect("seconds"));
        let side = match text(expected, "direction") {
            "long" => Side::Buy,
            _ => Side::Sell,
        };
        let context = format!("{context}: {expected}");
        assert_eq!(found.side, side, "{context}");
        assert_eq!(found.quantity, dec(text(expected, "quantity")), "{context}");
        assert_eq!(found.entered_at, time("entry_time"), "{context}");
        assert_eq!(found.exited_at, time("exit_time"), "{context}");
        assert_eq!(
            found.entry_price,
            price(text(expected, "entry_price")),
            "{context}"
        );
        assert_eq!(
            found.exit_price,
            price(text(expected, "exit_price")),
            "{context}"
        );
        assert_eq!(found.profit, amount(text(expected, "profit")), "{context}");
        assert_eq!(
            found.fees.of(&usd()),
            amount(text(expected, "fees")),
            "{context}"
        );
        let orders = expected["order_ids"].as_array().expect("ids").iter();
        let orders: BTreeSet<_> = orders.map(order).collect();
        assert_eq!(found.order_ids, orders, "{context}");
    }
}

fn grouped(
    grouping: RoundTripGrouping,
    matching: RoundTripMatching,
    fills: &[TradeFill],
) -> (Vec<RoundTrip>, Decimal) {
    let mut book = RoundTripBook::new(grouping, matching);
    let trips = fills.iter().map(|fill| book.add(fill).expect("in range"));
    let trips = trips.collect::<Vec<_>>().concat();
    (trips, book.open_quantity())
}

#[test]
fn round_trips_equal_those_of_lean() {
    let Some(lists) = oracles::text("metrics/round_trips.jsonl") else {
        return;
    };
    let groupings = BTreeMap::from([
        ("FillToFill", RoundTripGrouping::FillToFill),
        ("FlatToFlat", RoundTripGrouping::FlatToFlatLean),
        ("FlatToReduced", RoundTripGrouping::FlatToReduced),
    ]);
    let (mut compared, mut different) = (0, 0);
    for line in lists.lines() {
        let list: Value = serde_json::from_str(line).expect("a list");
        let (id, fills) = (text(&list, "id"), fills(&list));
        for (name, expected) in list["result"].as_object().expect("results") {
            let (grouping, matching) = name.split_once('/').expect("a matching");
            let matching = matching.to_lowercase().parse().expect("a matching");
            let (found, open) = grouped(groupings[grouping], matching, &fills);
            assert_trips(&found, expected, &format!("{id} {name}"));
            assert_eq!(open, dec(text(expected, "open_quantity")), "{id} {name}");
            compared += 1;
        }
        // ours counts only the closing part of a fill that turns the position
        for matching in RoundTripMatching::ALL {
            let (found, _) = grouped(RoundTripGrouping::FlatToFlat, *matching, &fills);
            let expected = &list["flat_to_flat_closing_part"];
            assert_trips(&found, expected, &format!("{id} flat to flat"));
            compared += 1;
        }
        let (lean, _) = grouped(
            RoundTripGrouping::FlatToFlatLean,
            RoundTripMatching::Fifo,
            &fills,
        );
        let (ours, _) = grouped(
            RoundTripGrouping::FlatToFlat,
            RoundTripMatching::Fifo,
            &fills,
        );
        let profits = |trips: &[RoundTrip]| trips.iter().map(|it| it.profit).collect::<Vec<_>>();
        let differs = profits(&lean) != profits(&ours);
        assert_eq!(
            Some(differs),
            list["lean_flat_to_flat_profit_differs"].as_bool(),
            "{id}"
        );
        different += u32::from(differs);
    }
    assert_eq!((compared, different), (800, 14));
}
