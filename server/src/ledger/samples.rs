//! Booked events for tests.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::SymbolId;
use tickbook_ledger::domain::{
    Account, AccountId, AccountLedger, Currency, Environment, ExecId, NewAccount, OrderEvent,
    OrderEventKind, OrderId, OrderTerms, Outcome, Side, TenantId, Venue,
};

use super::news::BookedEvent;

pub(super) const ACCOUNT: AccountId = AccountId::new(7);

/// `count` events of an order: its creation, and reports with different ids.
pub(super) fn order_events(count: usize) -> Vec<OrderEvent> {
    let order = OrderId::new("a").expect("an id");
    let terms = OrderTerms::market(SymbolId::new(1), Side::Buy, Decimal::TEN);
    let created = OrderEvent::new(order.clone(), OrderEventKind::Created(Box::new(terms)));
    let report = |number: usize| {
        let exec_id = ExecId::new(format!("E{number}")).expect("an id");
        let kind = OrderEventKind::Acknowledged(None);
        OrderEvent::new(order.clone(), kind).with_exec_id(exec_id)
    };
    let reports = (1..count).map(report);
    std::iter::once(created).chain(reports).collect()
}

pub(super) fn terms() -> NewAccount {
    let (venue, usd) = (Venue::new("kraken"), Currency::new("USD"));
    let (venue, usd) = (venue.expect("an id"), usd.expect("an id"));
    NewAccount::new(TenantId::new(1), "main", venue, Environment::Live, usd)
}

/// The events with the numbers 1 to `count`.
pub(super) fn booked(count: usize) -> Vec<Arc<BookedEvent>> {
    let now: DateTime<Utc> = DateTime::UNIX_EPOCH;
    let mut ledger = AccountLedger::new(&Account::new(ACCOUNT, terms(), now));
    let events = order_events(count);
    let booked = events.iter().map(|event| match ledger.apply(event, now) {
        Outcome::Appended {
            recorded, effect, ..
        } => Arc::new(BookedEvent {
            recorded,
            effect: *effect,
        }),
        other => panic!("{other:?}"),
    });
    booked.collect()
}
