//! Digests of ledgers.

use std::collections::BTreeSet;

use tickbook_ledger::domain::{
    AccountLedger, Currency, Execution, Fee, FillReference, Liquidity, OrderEvent, OrderEventKind,
    OrderTerms, Side, TimeInForce,
};
use tickbook_ledger::rust_decimal::Decimal;

use crate::samples::{
    Book as _, SYMBOL, client_id, day, dec, empty_ledger, event, exec_id, seconds,
};

fn digest(events: &[OrderEvent]) -> String {
    let mut ledger = empty_ledger();
    for event in events {
        assert_eq!(ledger.book(event).as_str(), "appended", "{event:?}");
    }
    ledger.digest().to_string()
}

fn creation(change: impl FnOnce(&mut OrderTerms)) -> OrderEvent {
    let mut terms = OrderTerms::limit(SYMBOL, Side::Buy, dec("10"), dec("5"));
    change(&mut terms);
    event("o", OrderEventKind::Created(Box::new(terms)))
}

fn fill(change: impl FnOnce(&mut Execution)) -> OrderEvent {
    let mut execution = Execution::new(dec("4"), dec("5"));
    change(&mut execution);
    event("o", OrderEventKind::Filled(Box::new(execution)))
        .with_exec_id(exec_id("E1"))
        .at(seconds(1))
}

#[test]
fn every_fact_changes_the_digest() {
    let creations = [
        creation(|_| {}),
        creation(|terms| terms.side = Side::Sell),
        creation(|terms| terms.quantity = Some(Decimal::ONE_HUNDRED)),
        creation(|terms| terms.limit_price = None),
        creation(|terms| terms.time_in_force = TimeInForce::GoodTillCancel),
        creation(|_| {}).with_client_order_id(client_id("X")),
    ];
    let reports = [
        OrderEventKind::Submitted,
        OrderEventKind::Acknowledged(None),
        OrderEventKind::Triggered,
        OrderEventKind::Suspended,
        OrderEventKind::Stopped,
        OrderEventKind::Rejected,
        OrderEventKind::Canceled,
        OrderEventKind::DoneForDay,
        OrderEventKind::CancelPending,
        OrderEventKind::ReplacePending,
    ];
    let usd = || Currency::new("USD").expect("an id");
    let fills = [
        fill(|_| {}),
        fill(|it| it.quantity = dec("3")),
        fill(|it| it.price = dec("6")),
        fill(|it| it.fee = Some(Fee::new(dec("1"), usd()))),
        fill(|it| it.fee = Some(Fee::new(dec("1"), usd()).taken_from_quantity())),
        fill(|it| it.liquidity = Some(Liquidity::Maker)),
        fill(|_| {}).on(day(1)),
        fill(|_| {}).at(seconds(2)),
        fill(|_| {}).with_exec_id(exec_id("E2")),
    ];
    let first = &creations[0];
    let mut scripts = vec![Vec::new()];
    scripts.extend(creations.iter().map(|event| vec![event.clone()]));
    scripts.extend(reports.map(|kind| vec![first.clone(), event("o", kind)]));
    scripts.extend(fills.iter().map(|fill| vec![first.clone(), fill.clone()]));
    let reference = FillReference::new(exec_id("E1"));
    let bust = event("o", OrderEventKind::FillBusted(reference));
    scripts.push(vec![first.clone(), fills[0].clone(), bust]);
    let digests: BTreeSet<_> = scripts.iter().map(|script| digest(script)).collect();
    assert_eq!(digests.len(), scripts.len());
}

#[test]
fn refused_events_do_not_change_the_digest() {
    let mut ledger = empty_ledger();
    ledger.book(&creation(|_| {}));
    let before = ledger.digest();
    ledger.book(&fill(|it| it.quantity = dec("0")));
    ledger.book(&creation(|terms| terms.quantity = None));
    assert_eq!(ledger.digest(), before);
    let journal: [_; 0] = [];
    let empty = AccountLedger::rebuilt(ledger.account(), &journal);
    assert_eq!(empty.digest(), empty_ledger().digest());
}
