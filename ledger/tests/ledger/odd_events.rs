//! Events that are odd, and are booked.

use tickbook_ledger::domain::{
    AccountLedger, Closing, Execution, FillReference, Order, OrderEvent, OrderEventKind,
    OrderStatus, OrderTerms, Outcome, PositionEffect, Side, TimeInForce,
};

use crate::samples::{
    Book as _, SYMBOL, client_id, created, day, dec, empty_ledger, event, exec_id, filled,
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

#[test]
fn late_fills_of_closed_orders_are_booked() {
    for (kind, status) in [
        (OrderEventKind::Canceled, OrderStatus::Canceled),
        (OrderEventKind::Expired, OrderStatus::Expired),
        (OrderEventKind::Rejected, OrderStatus::Rejected),
    ] {
        let ledger = ledger_with(&[
            created("o", Side::Buy, "10"),
            event("o", kind),
            filled("o", "E1", 1, "4", "2"),
        ]);
        let order = order(&ledger, "o");
        assert_eq!((order.status(), order.executed()), (status, dec("4")));
        assert_eq!(order.leaves(), dec("0"));
        let (_, position) = ledger.positions().next().expect("one");
        assert_eq!(position.quantity, dec("4"));
    }
}

#[test]
fn fill_before_the_acknowledgement_is_booked() {
    let mut ledger = ledger_with(&[
        created("o", Side::Buy, "10"),
        filled("o", "E1", 1, "4", "2"),
    ]);
    assert_eq!(order(&ledger, "o").status(), OrderStatus::PartiallyFilled);
    ledger.book(&event("o", OrderEventKind::Acknowledged(None)));
    assert_eq!(order(&ledger, "o").status(), OrderStatus::PartiallyFilled);
}

#[test]
fn overfill_is_booked_and_reported() {
    let mut ledger = ledger_with(&[
        created("o", Side::Buy, "10"),
        filled("o", "E1", 1, "8", "2"),
    ]);
    let Outcome::Appended { overfill, .. } = ledger.book(&filled("o", "E2", 2, "5", "2")) else {
        panic!("refused");
    };
    let overfill = overfill.expect("an overfill");
    assert_eq!(
        (overfill.order_id, overfill.quantity),
        (order_id("o"), dec("3"))
    );
    let order = order(&ledger, "o");
    assert_eq!(
        (order.status(), order.leaves()),
        (OrderStatus::Filled, dec("0"))
    );
    assert_eq!((order.executed(), order.overfill()), (dec("13"), dec("3")));
    // a further report of the order is no further overfill
    let Outcome::Appended { overfill, .. } = ledger.book(&event("o", OrderEventKind::Triggered))
    else {
        panic!("refused");
    };
    assert_eq!(overfill, None);
}

#[test]
fn repeated_pending_and_late_refusal_are_booked() {
    let pending = |exec: &str| {
        event("o", OrderEventKind::CancelPending)
            .with_client_order_id(client_id("Y"))
            .with_exec_id(exec_id(exec))
    };
    let mut ledger = ledger_with(&[
        created("o", Side::Buy, "10"),
        pending("E1"),
        pending("E2"),
        filled("o", "E3", 1, "10", "2"),
    ]);
    assert_eq!(order(&ledger, "o").status(), OrderStatus::PendingCancel);
    let refused = event("o", OrderEventKind::RequestRejected).with_client_order_id(client_id("Y"));
    ledger.book(&refused);
    assert_eq!(order(&ledger, "o").status(), OrderStatus::Filled);
}

#[test]
fn repeated_fill_that_closes_the_order_closes_it() {
    let mut ledger = ledger_with(&[
        created("o", Side::Buy, "10"),
        filled("o", "E1", 1, "4", "2"),
    ]);
    let execution = Execution::new(dec("4"), dec("2")).with_closing(Closing::Canceled);
    let closing = event("o", OrderEventKind::Filled(Box::new(execution)))
        .with_exec_id(exec_id("E1"))
        .at(seconds(1));
    let outcome = ledger.book(&closing);
    let recorded = outcome
        .recorded()
        .expect("the closing is in the journal")
        .clone();
    assert_eq!((outcome.as_str(), recorded.sequence), ("duplicate", 3));
    assert_eq!(recorded.event.kind, OrderEventKind::Canceled);
    let closed = order(&ledger, "o");
    assert_eq!(
        (closed.status(), closed.executed()),
        (OrderStatus::Canceled, dec("4"))
    );
    // once
    assert_eq!(ledger.book(&closing).recorded(), None);
    assert_eq!(ledger.sequence(), 3);
}

#[test]
fn parts_of_an_execution_at_zero_are_two_fills() {
    let part = |effect, quantity: &str| {
        let execution = Execution::new(dec(quantity), dec("2")).with_effect(effect);
        event("o", OrderEventKind::Filled(Box::new(execution)))
            .with_exec_id(exec_id("E1"))
            .at(seconds(2))
    };
    let (close, open) = (PositionEffect::Close, PositionEffect::Open);
    let mut ledger = ledger_with(&[
        created("s", Side::Sell, "4"),
        created("o", Side::Buy, "10"),
        filled("s", "E0", 1, "4", "3"),
        part(close, "4"),
        part(open, "6"),
    ]);
    assert_eq!(ledger.book(&part(close, "4")).as_str(), "duplicate");
    assert_eq!(ledger.book(&part(open, "6")).as_str(), "duplicate");
    let (_, position) = ledger.positions().next().expect("one");
    assert_eq!(
        (position.quantity, position.realized.to_string()),
        (dec("6"), "4".to_owned())
    );
    let reference = FillReference::part(exec_id("E1"), open);
    let bust = event("o", OrderEventKind::FillBusted(reference)).with_exec_id(exec_id("E2"));
    assert_eq!(ledger.book(&bust).as_str(), "appended");
    let (_, position) = ledger.positions().next().expect("one");
    assert_eq!(position.quantity, dec("0"));
}

#[test]
fn late_fill_reports_the_adjusted_position() {
    let mut ledger = ledger_with(&[
        created("o", Side::Buy, "10"),
        created("s", Side::Sell, "10"),
        filled("o", "E1", 1, "1", "100"),
        filled("s", "E3", 3, "1", "120"),
    ]);
    let Outcome::Appended { adjusted, .. } = ledger.book(&filled("o", "E2", 2, "1", "110")) else {
        panic!("refused");
    };
    let adjusted = adjusted.expect("an adjustment");
    let realized = (
        adjusted.before.realized.to_string(),
        adjusted.after.realized.to_string(),
    );
    assert_eq!(realized, ("20".to_owned(), "15".to_owned()));
    let Outcome::Appended { adjusted, .. } = ledger.book(&filled("o", "E4", 4, "1", "110")) else {
        panic!("refused");
    };
    assert_eq!(adjusted, None);
}

#[test]
fn fills_without_ids_are_booked_once() {
    let fill = |cumulative: &str| {
        let execution = Execution::new(dec("1"), dec("2")).with_cumulative(dec(cumulative));
        event("o", OrderEventKind::Filled(Box::new(execution))).at(seconds(1))
    };
    let mut ledger = ledger_with(&[created("o", Side::Buy, "10"), fill("1"), fill("2")]);
    assert_eq!(ledger.book(&fill("1")).as_str(), "duplicate");
    let mut other = fill("2");
    other.client_order_id = Some(client_id("X"));
    assert_eq!(ledger.book(&other).as_str(), "duplicate");
    assert_eq!(order(&ledger, "o").executed(), dec("2"));
}

#[test]
fn immediate_orders_end_canceled() {
    for tif in [TimeInForce::ImmediateOrCancel, TimeInForce::FillOrKill] {
        let terms = OrderTerms::market(SYMBOL, Side::Buy, dec("10")).with_time_in_force(tif);
        let ledger = ledger_with(&[
            event("o", OrderEventKind::Created(Box::new(terms))),
            event("o", OrderEventKind::Expired),
        ]);
        assert_eq!(order(&ledger, "o").status(), OrderStatus::Canceled);
    }
}

#[test]
fn reports_find_their_order_by_any_id() {
    let by_client = |id: &str, kind| OrderEvent::of_request(client_id(id), kind);
    let mut ledger = ledger_with(&[
        created("o", Side::Buy, "10").with_client_order_id(client_id("X")),
        by_client("X", OrderEventKind::Acknowledged(None)).with_exec_id(exec_id("E1")),
        // a request that the owner did not record
        by_client("Y", OrderEventKind::CancelPending)
            .with_orig_client_order_id(client_id("X"))
            .with_exec_id(exec_id("E2")),
        by_client("Y", OrderEventKind::RequestRejected),
    ]);
    assert_eq!(order(&ledger, "o").status(), OrderStatus::New);
    let venue_id = tickbook_ledger::domain::VenueOrderId::new("V-9").expect("an id");
    let mut named = by_client("X", OrderEventKind::Triggered);
    named.venue_order_id = Some(venue_id.clone());
    ledger.book(&named);
    let mut by_venue = OrderEvent::unassigned(OrderEventKind::DoneForDay).on(day(1));
    by_venue.venue_order_id = Some(venue_id);
    assert_eq!(ledger.book(&by_venue).as_str(), "appended");
    assert_eq!(order(&ledger, "o").status(), OrderStatus::DoneForDay);
}
