//! Golden tables that `tests/golden/make.py` made.

use serde_json::Value;
use tickbook_ledger::domain::{
    AccountLedger, Contract, CostMethod, Currency, Execution, Fee, OrderEventKind, Position, Side,
};

use crate::samples::{
    Book as _, account, client_id, created, day, dec, empty_ledger, event, exec_id, filled,
    order_id, seconds,
};

const POSITIONS: &str = include_str!("../golden/positions.jsonl");
const STATUSES: &str = include_str!("../golden/statuses.csv");

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key}"))
}

fn contract(case: &Value) -> Contract {
    let multiplier = dec(text(case, "multiplier"));
    match case["inverse"].as_bool() {
        Some(true) => Contract::inverse(multiplier),
        _ => Contract::linear(multiplier),
    }
}

fn execution(fill: &Value, contract: Contract) -> Execution {
    let fee = fill["fee"].as_str().map(|amount| {
        let fee = Fee::new(dec(amount), Currency::new("BTC").expect("an id"));
        match fill["fee_taken_from_quantity"].as_bool() {
            Some(true) => fee.taken_from_quantity(),
            _ => fee,
        }
    });
    Execution::new(dec(text(fill, "quantity")), dec(text(fill, "price")))
        .with_contract(contract)
        .with_fee(fee)
}

fn assert_row(position: &Position, row: &Value, place: &str) {
    assert_eq!(
        position.quantity.to_string(),
        text(row, "quantity"),
        "{place}"
    );
    assert_eq!(
        position.open_cost.to_string(),
        text(row, "open_cost"),
        "{place}"
    );
    assert_eq!(
        position.realized.to_string(),
        text(row, "realized"),
        "{place}"
    );
    let Some(lots) = row.get("lots") else {
        return;
    };
    let found = position.lots.iter().map(|lot| {
        let fill = lot.fill_id.as_ref().expect("a fill").to_string();
        let (quantity, price) = (lot.quantity.to_string(), lot.price.to_string());
        serde_json::json!([quantity, lot.cost.to_string(), price, fill])
    });
    assert_eq!(Value::Array(found.collect()), *lots, "{place}");
}

#[test]
fn positions_equal_the_golden_table() {
    let mut rows = 0;
    for case in POSITIONS.lines() {
        let case: Value = serde_json::from_str(case).expect("JSON");
        for method in CostMethod::ALL {
            let mut ledger = AccountLedger::new(&account(*method));
            for (order, side) in [("buy", Side::Buy), ("sell", Side::Sell)] {
                ledger.book(&created(order, side, "1"));
            }
            for (at, fill) in case["fills"].as_array().expect("fills").iter().enumerate() {
                let place = format!("case {} fill {at} {method}", case["case"]);
                let kind = OrderEventKind::Filled(Box::new(execution(fill, contract(&case))));
                let at = i64::try_from(at).expect("small");
                let fill_event = event(text(fill, "side"), kind)
                    .with_exec_id(exec_id(&format!("f{at}")))
                    .at(seconds(at));
                assert_eq!(ledger.book(&fill_event).as_str(), "appended", "{place}");
                let (_, position) = ledger.positions().next().expect("one");
                assert_row(position, &fill[method.as_str()], &place);
                rows += 1;
            }
        }
    }
    assert_eq!(rows, 21 * 16 * 3);
}

#[test]
fn statuses_equal_the_golden_table() {
    let mut rows = 0;
    for line in STATUSES.lines().skip(1) {
        let columns: Vec<_> = line.split(',').collect();
        let [
            acknowledged,
            executed,
            closing,
            stopped,
            suspended,
            done,
            pending,
            status,
        ] = columns[..]
        else {
            panic!("{line}");
        };
        let mut events = vec![created("o", Side::Buy, "10")];
        let mut push = |kind| events.push(event("o", kind).on(day(1)));
        if acknowledged == "yes" {
            push(OrderEventKind::Acknowledged(None));
        }
        if suspended == "yes" {
            push(OrderEventKind::Suspended);
        }
        if stopped == "yes" {
            push(OrderEventKind::Stopped);
        }
        if done == "yes" {
            push(OrderEventKind::DoneForDay);
        }
        match closing {
            "" => {}
            "rejected" => push(OrderEventKind::Rejected),
            "denied" => push(OrderEventKind::Denied),
            "canceled" => push(OrderEventKind::Canceled),
            "expired" => push(OrderEventKind::Expired),
            other => panic!("{other}"),
        }
        if ["cancel", "both"].contains(&pending) {
            events.push(
                event("o", OrderEventKind::CancelPending).with_client_order_id(client_id("c")),
            );
        }
        if ["replace", "both"].contains(&pending) {
            events.push(
                event("o", OrderEventKind::ReplacePending).with_client_order_id(client_id("r")),
            );
        }
        match executed {
            "none" => {}
            "part" => events.push(filled("o", "E", 1, "4", "5")),
            "all" => events.push(filled("o", "E", 1, "10", "5")),
            "more" => events.push(filled("o", "E", 1, "12", "5")),
            other => panic!("{other}"),
        }
        let mut ledger = empty_ledger();
        for event in &events {
            assert_eq!(ledger.book(event).as_str(), "appended", "{line}: {event:?}");
        }
        let order = ledger.order(&order_id("o")).expect("created");
        assert_eq!(order.status().as_str(), status, "{line}");
        rows += 1;
    }
    assert_eq!(rows, 1_280);
}
