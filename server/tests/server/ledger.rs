//! Helpers of the tests of the ledger: accounts, events, and requests.

use std::sync::Arc;

use axum::Router;
use serde_json::{Value, json};
use tickbook::{Clock, Repositories};
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::repository::{MockAccountRepository, MockLedgerRepository};

use crate::support::{app_with_ledger, post, time, with_symbols};

pub(crate) const ACCOUNTS: &str = "/api/v1/accounts";

/// The time of the ledger.
pub(crate) const NOW: &str = "2024-05-01T12:00:00.100000Z";

pub(crate) fn new_account(name: &str) -> Value {
    json!({"name": name, "venue": "kraken", "environment": "live", "base_currency": "USD"})
}

/// A router with the symbols 1 to 3 and an empty ledger at [`NOW`].
pub(crate) async fn empty() -> Router {
    let clock = Clock::standing_at(time(NOW));
    let ledger = LedgerRepositories::in_memory_with_clock(clock);
    app_with_ledger(with_symbols().await, ledger)
}

/// A router with the symbols 1 to 3 and the account 1.
pub(crate) async fn with_account() -> Router {
    let app = empty().await;
    let created = post(&app, ACCOUNTS, new_account("main").to_string()).await;
    assert_eq!(created.status, 201, "{}", created.text);
    app
}

/// A router whose ledger is a mock.
pub(crate) fn with_mock(ledger: MockLedgerRepository) -> Router {
    let accounts = Arc::new(MockAccountRepository::default());
    let ledger = LedgerRepositories::new(accounts, Arc::new(ledger));
    app_with_ledger(Repositories::in_memory(), ledger)
}

pub(crate) fn created(order: &str, side: &str, quantity: &str) -> Value {
    json!({"order_id": order, "kind": {"created": {
        "symbol_id": 1, "side": side, "order_type": "limit", "time_in_force": "gtc", "quantity": quantity,
        "limit_price": "100"
    }}})
}

/// A fill in the second `second` of a minute.
pub(crate) fn filled(order: &str, exec: &str, second: u32, quantity: &str, price: &str) -> Value {
    json!({
        "order_id": order, "exec_id": exec, "venue_time": format!("2024-05-01T12:00:{second:02}.000000Z"),
        "kind": {"filled": {"quantity": quantity, "price": price}}
    })
}

pub(crate) fn canceled(order: &str, exec: &str) -> Value {
    json!({"order_id": order, "exec_id": exec, "kind": "canceled"})
}

/// Posts events to the account 1; returns the receipt.
pub(crate) async fn append(app: &Router, events: &[Value]) -> Value {
    let answer = post(app, "/api/v1/accounts/1/events", json!(events).to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// Posts events that are all booked.
pub(crate) async fn book(app: &Router, events: &[Value]) {
    let receipt = append(app, events).await;
    let appended = receipt["appended"].as_array().map(Vec::len);
    assert_eq!(appended, Some(events.len()), "{receipt}");
}
