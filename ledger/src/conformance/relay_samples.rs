//! Events of the history for the suite.

use super::samples::{
    book, busted, client_id, create, created, created_with, dec, event, exec_id, filled, market,
    seconds, terms,
};
use crate::LedgerRepositories;
use crate::domain::{
    AccountId, Correction, Currency, Execution, Fee, FillReference, HistoryEvent, OrderEvent,
    OrderEventKind, PositionMode, Side, StrategyId,
};
use crate::memory::InMemoryLedger;
use crate::repository::{EventRange, OutboxRepository};

pub(super) fn corrected(
    order: &str,
    exec: &str,
    named: &str,
    quantity: &str,
    price: &str,
) -> OrderEvent {
    let reference = FillReference::new(exec_id(named));
    let correction = Correction::new(reference, dec(quantity), dec(price));
    event(order, OrderEventKind::FillCorrected(correction)).with_exec_id(exec_id(exec))
}

/// Events with all that a history stores, of an account in memory.
pub(super) async fn history_events() -> Vec<HistoryEvent> {
    let store = InMemoryLedger::new();
    let repositories = LedgerRepositories::new(
        std::sync::Arc::new(store.clone()),
        std::sync::Arc::new(store.clone()),
    );
    let terms = terms("main").position_mode(PositionMode::Hedging);
    let id = create(&repositories, terms).await.account_id;
    let strategy = market(Side::Buy, "10").with_strategy(StrategyId::new(3));
    let usd = Currency::new("USD").expect("an id");
    let fee = Fee::new(dec("-0.25"), usd);
    let execution = Execution::new(dec("1.5"), dec("-37.63")).with_fee(fee);
    let with_fee = event("o", OrderEventKind::Filled(Box::new(execution)))
        .with_exec_id(exec_id("E1"))
        .with_client_order_id(client_id("c-1"))
        .at(seconds(10));
    let mut received = event("o", OrderEventKind::Acknowledged(None));
    received.received_at = Some(seconds(5));
    received.reason = Some("accepted \"now\"".to_owned());
    let batch = [
        created_with("o", strategy),
        received,
        with_fee,
        created("s", Side::Sell, "3"),
        filled(
            "s",
            "E2",
            20,
            "0.000000000001",
            "123456789012345.123456789012",
        ),
        corrected("o", "E3", "E1", "2", "0"),
        busted("s", "E4", "E2"),
        event("o", OrderEventKind::Canceled).at(seconds(30)),
    ];
    book(&repositories, id, &batch).await;
    let range = EventRange::new(id, 1, batch.len() as i64);
    store.events(&[range]).await.expect("read")
}

/// The same events of another account.
pub(super) fn of_account(events: &[HistoryEvent], account_id: AccountId) -> Vec<HistoryEvent> {
    let mut events = events.to_vec();
    for event in &mut events {
        event.account_id = account_id;
    }
    events
}
