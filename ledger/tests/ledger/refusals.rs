//! Events that are refused.

use tickbook::domain::SymbolId;
use tickbook_ledger::domain::{
    AccountId, AccountLedger, AmountError, Closing, Correction, CostMethod, FillReference,
    InvalidEvent, Order, OrderEvent, OrderEventKind, OrderTerms, Outcome, Refusal, Replacement,
    Side,
};

use crate::samples::{
    Book as _, SYMBOL, account, client_id, created, dec, empty_ledger, event, exec_id, filled,
    order_id, seconds,
};

fn ledger_with(events: &[OrderEvent]) -> AccountLedger {
    let mut ledger = empty_ledger();
    for event in events {
        assert_eq!(ledger.book(event).as_str(), "appended", "{event:?}");
    }
    ledger
}

fn order<'a>(ledger: &'a AccountLedger, id: &str) -> &'a Order {
    ledger.order(&order_id(id)).expect("an order")
}

/// Asserts that an event is quarantined for this reason and changes nothing.
fn assert_refused(ledger: &mut AccountLedger, event: &OrderEvent, expected: &Refusal) {
    let before = format!("{ledger:?}");
    assert_eq!(ledger.book(event), Outcome::Quarantined(expected.clone()));
    assert_eq!(format!("{ledger:?}"), before, "{event:?}");
}

fn busted(order: &str, exec: &str, named: &str) -> OrderEvent {
    let reference = FillReference::new(exec_id(named));
    event(order, OrderEventKind::FillBusted(reference)).with_exec_id(exec_id(exec))
}

fn corrected(order: &str, exec: &str, named: &str, quantity: &str, price: &str) -> OrderEvent {
    let correction = Correction::new(
        FillReference::new(exec_id(named)),
        dec(quantity),
        dec(price),
    );
    event(order, OrderEventKind::FillCorrected(correction)).with_exec_id(exec_id(exec))
}

#[test]
fn events_of_unknown_orders_are_quarantined() {
    let mut ledger = empty_ledger();
    assert_refused(
        &mut ledger,
        &filled("o", "E1", 1, "1", "2"),
        &Refusal::UnknownOrder,
    );
    let canceled = event("o", OrderEventKind::Canceled);
    assert_refused(&mut ledger, &canceled, &Refusal::UnknownOrder);
    let nameless = OrderEvent::unassigned(OrderEventKind::Canceled);
    assert_refused(&mut ledger, &nameless, &Refusal::UnknownOrder);
    // a request cannot create an order that was placed elsewhere
    let terms = OrderTerms::market(SYMBOL, Side::Buy, dec("1"));
    let external = canceled.of_external(terms.clone());
    assert_refused(&mut ledger, &external, &Refusal::UnknownOrder);
    let external = filled("o", "E1", 1, "1", "2").of_external(terms);
    assert_eq!(ledger.book(&external).as_str(), "appended");
    assert!(order(&ledger, "o").is_external);
}

#[test]
fn reports_of_other_accounts_are_quarantined() {
    let mut ledger = ledger_with(&[created("o", Side::Buy, "10")]);
    let mut foreign = filled("o", "E1", 1, "1", "2");
    foreign.account_id = Some(AccountId::new(2));
    let reason = Refusal::ForeignAccount(AccountId::new(2));
    assert_refused(&mut ledger, &foreign, &reason);
    foreign.account_id = Some(AccountId::new(1));
    assert_eq!(ledger.book(&foreign).as_str(), "appended");
}

#[test]
fn other_symbols_and_sides_are_quarantined() {
    let mut ledger = ledger_with(&[created("o", Side::Buy, "10")]);
    let mut other = filled("o", "E1", 1, "1", "2");
    other.symbol_id = Some(SymbolId::new(8));
    let reason = Refusal::OtherSymbol {
        of_order: SYMBOL,
        stated: SymbolId::new(8),
    };
    assert_refused(&mut ledger, &other, &reason);
    (other.symbol_id, other.side) = (Some(SYMBOL), Some(Side::Sell));
    let reason = Refusal::OtherSide {
        of_order: Side::Buy,
        stated: Side::Sell,
    };
    assert_refused(&mut ledger, &other, &reason);
    other.side = Some(Side::Buy);
    assert_eq!(ledger.book(&other).as_str(), "appended");
}

#[test]
fn reused_exec_id_with_other_content_is_a_conflict() {
    let mut ledger = ledger_with(&[
        created("o", Side::Buy, "10"),
        created("p", Side::Buy, "10"),
        filled("o", "E1", 1, "1", "2"),
    ]);
    let before = format!("{ledger:?}");
    for other in [
        filled("o", "E1", 1, "1.5", "2"),
        filled("o", "E1", 1, "1", "2.5"),
        filled("o", "E1", 2, "1", "2"),
        filled("p", "E1", 1, "1", "2"),
    ] {
        assert_eq!(
            ledger.book(&other),
            Outcome::Conflict { first: 3 },
            "{other:?}"
        );
    }
    assert_eq!(format!("{ledger:?}"), before);
    // the same number in other words
    let same = ledger.book(&filled("o", "E1", 1, "1.000", "2.0"));
    let expected = Outcome::Duplicate {
        first: 3,
        closing: None,
        effect: None,
    };
    assert_eq!(same, expected);
}

#[test]
fn taken_ids_of_orders_are_conflicts() {
    let first = created("o", Side::Buy, "10").with_client_order_id(client_id("X"));
    let mut ledger = ledger_with(std::slice::from_ref(&first));
    assert_eq!(ledger.book(&first).as_str(), "duplicate");
    let larger = created("o", Side::Buy, "20").with_client_order_id(client_id("X"));
    assert_eq!(ledger.book(&larger), Outcome::Conflict { first: 1 });
    let second = created("p", Side::Buy, "10").with_client_order_id(client_id("X"));
    assert_eq!(ledger.book(&second), Outcome::Conflict { first: 1 });
    ledger.book(&created("p", Side::Buy, "10"));
    // a report of one order with the request of another
    let report = event("p", OrderEventKind::CancelPending).with_client_order_id(client_id("X"));
    let reason = Refusal::OtherOrder {
        client_order_id: client_id("X"),
        order_id: order_id("o"),
    };
    assert_refused(&mut ledger, &report, &reason);
}

#[test]
fn fills_of_zero_or_below_are_quarantined() {
    let mut ledger = ledger_with(&[created("o", Side::Buy, "10")]);
    for quantity in ["0", "-1"] {
        let reason = InvalidEvent::NotPositive {
            field: "quantity",
            value: dec(quantity),
        };
        let fill = filled("o", "E1", 1, quantity, "2");
        assert_refused(&mut ledger, &fill, &reason.clone().into());
        ledger.book(&filled("o", "E2", 1, "1", "2"));
        let correction = corrected("o", "E3", "E2", quantity, "2");
        assert_refused(&mut ledger, &correction, &reason.into());
    }
    let mut timeless = filled("o", "E4", 1, "1", "2");
    timeless.venue_time = None;
    let missing = InvalidEvent::Missing {
        field: "venue_time",
        kind: "filled",
    };
    assert_refused(&mut ledger, &timeless, &missing.into());
    // prices of zero and below are legal
    for (exec, price) in [("E5", "0"), ("E6", "-3")] {
        let fill = filled("o", exec, 1, "1", price);
        assert_eq!(ledger.book(&fill).as_str(), "appended");
    }
}

#[test]
fn replacement_of_a_closed_order_is_quarantined() {
    let replaced = || {
        let kind = OrderEventKind::Replaced(Replacement::quantity(dec("20")));
        event("o", kind).with_exec_id(exec_id("R"))
    };
    for (kind, closing) in [
        (OrderEventKind::Canceled, Closing::Canceled),
        (OrderEventKind::Expired, Closing::Expired),
        (OrderEventKind::Rejected, Closing::Rejected),
        (OrderEventKind::Denied, Closing::Denied),
        (OrderEventKind::DoneForDay, Closing::DoneForDay),
    ] {
        let mut ledger = ledger_with(&[created("o", Side::Buy, "10"), event("o", kind)]);
        assert_refused(&mut ledger, &replaced(), &Refusal::OrderClosed { closing });
    }
    // a filled order is open
    let filled = filled("o", "E1", 1, "10", "2");
    let mut ledger = ledger_with(&[created("o", Side::Buy, "10"), filled]);
    assert_eq!(ledger.book(&replaced()).as_str(), "appended");
    assert_eq!(order(&ledger, "o").leaves(), dec("10"));
}

#[test]
fn references_name_the_latest_report_of_a_fill() {
    let mut ledger = ledger_with(&[
        created("o", Side::Buy, "10"),
        created("p", Side::Buy, "10"),
        filled("o", "C", 1, "4", "2"),
        corrected("o", "D", "C", "3", "2"),
    ]);
    let unknown = Refusal::UnknownFill(exec_id("Z"));
    assert_refused(&mut ledger, &busted("o", "E", "Z"), &unknown);
    // of another order
    let unknown = Refusal::UnknownFill(exec_id("D"));
    assert_refused(&mut ledger, &busted("p", "E", "D"), &unknown);
    let superseded = Refusal::Superseded {
        named: exec_id("C"),
        latest: exec_id("D"),
    };
    assert_refused(&mut ledger, &busted("o", "E", "C"), &superseded);
    // reports that refer to themselves, directly and through another one
    for named in ["C", "D"] {
        let cycle = Refusal::ReferenceCycle(exec_id(named));
        assert_refused(&mut ledger, &busted("o", named, "D"), &cycle);
    }
    let unknown = Refusal::UnknownFill(exec_id("S"));
    assert_refused(&mut ledger, &corrected("o", "S", "S", "1", "1"), &unknown);
    assert_eq!(ledger.book(&busted("o", "E", "D")).as_str(), "appended");
    // there is no bust of a bust
    let gone = Refusal::Busted(exec_id("E"));
    assert_refused(&mut ledger, &busted("o", "F", "E"), &gone);
    assert_eq!(order(&ledger, "o").executed(), dec("0"));
}

#[test]
fn amounts_over_the_range_are_quarantined() {
    let most = "999999999999999.999999999999";
    let mut ledger = ledger_with(&[
        created("o", Side::Buy, "10"),
        created("s", Side::Sell, "10"),
    ]);
    let wide = filled("o", "E0", 1, "1", "1000000000000000");
    assert!(matches!(
        ledger.book(&wide),
        Outcome::Quarantined(Refusal::Invalid(_))
    ));
    let first = filled("o", "E1", 1, most, "1");
    assert_eq!(ledger.book(&first).as_str(), "appended");
    let range = Refusal::Amount(AmountError::OutOfRange);
    assert_refused(&mut ledger, &filled("o", "E2", 2, "1", "1"), &range);
    // the sum of two products
    let mut ledger = ledger_with(&[
        created("o", Side::Buy, "10"),
        created("s", Side::Sell, "10"),
    ]);
    let half = "500000000000000";
    assert_eq!(
        ledger.book(&filled("o", "E1", 1, half, most)).as_str(),
        "appended"
    );
    assert_eq!(
        ledger.book(&filled("s", "E2", 2, half, most)).as_str(),
        "appended"
    );
    assert_eq!(
        ledger
            .book(&filled("o", "E3", 3, "499999999999999", most))
            .as_str(),
        "appended"
    );
    // each order stays in range, and the realized profit does not
    let loss = filled("s", "E4", 4, "499999999999999", &format!("-{most}"));
    assert_eq!(ledger.book(&loss).as_str(), "appended");
    let again = [
        created("t", Side::Sell, "10"),
        created("u", Side::Buy, "10"),
    ];
    for event in &again {
        ledger.book(event);
    }
    assert_eq!(
        ledger.book(&filled("u", "E5", 5, half, most)).as_str(),
        "appended"
    );
    let loss = filled("t", "E6", 6, half, &format!("-{most}"));
    assert_refused(&mut ledger, &loss, &range);
}

#[test]
fn closed_account_takes_no_further_orders() {
    let mut account = account(CostMethod::Average);
    let mut ledger = AccountLedger::new(&account);
    ledger.book(&created("o", Side::Buy, "10"));
    account.closed_at = Some(seconds(5));
    ledger.set_account(&account);
    let order = created("p", Side::Buy, "10");
    assert_refused(&mut ledger, &order, &Refusal::AccountClosed);
    let late = filled("o", "E1", 1, "1", "2");
    assert_eq!(ledger.book(&late).as_str(), "appended");
}
