//! Accounts and events of the suite.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::RepositoryError;
use tickbook::domain::{PageLimit, SymbolId, TimeRange};

use crate::LedgerRepositories;
use crate::domain::{
    Account, AccountId, AccountScope, ClientOrderId, Currency, Environment, ExecId, Execution,
    Fill, FillReference, NewAccount, Order, OrderEvent, OrderEventKind, OrderId, OrderTerms, Side,
    TenantId, Venue,
};
use crate::repository::{
    AppendReceipt, FillQuery, OrderEventQuery, OrderQuery, PositionEntry, PositionQuery,
    QuarantineQuery, QuarantinedEvent,
};

pub(super) const TENANT: TenantId = TenantId::new(1);
pub(super) const SYMBOL: SymbolId = SymbolId::new(7);
pub(super) const OTHER_SYMBOL: SymbolId = SymbolId::new(8);

pub(super) fn scope() -> AccountScope {
    AccountScope::tenant(TENANT)
}

pub(super) fn terms(name: &str) -> NewAccount {
    let venue = Venue::new("kraken").expect("an id");
    let usd = Currency::new("USD").expect("an id");
    NewAccount::new(TENANT, name, venue, Environment::Live, usd)
}

pub(super) async fn create(store: &LedgerRepositories, terms: NewAccount) -> Account {
    let created = store.accounts.create(&AccountScope::all(), terms).await;
    created.expect("a new account")
}

/// A netting account with average cost.
pub(super) async fn account(store: &LedgerRepositories) -> AccountId {
    create(store, terms("main")).await.account_id
}

pub(super) fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

pub(super) fn seconds(seconds: i64) -> DateTime<Utc> {
    // 2024-05-01T00:00:00Z
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_714_521_600 + seconds)
}

pub(super) fn range(from: i64, to: i64) -> TimeRange {
    TimeRange::new(seconds(from), seconds(to)).expect("ordered")
}

pub(super) fn limit(limit: u32) -> PageLimit {
    PageLimit::new(limit).expect("in range")
}

pub(super) fn order_id(id: &str) -> OrderId {
    OrderId::new(id).expect("an id")
}

pub(super) fn client_id(id: &str) -> ClientOrderId {
    ClientOrderId::new(id).expect("an id")
}

pub(super) fn exec_id(id: &str) -> ExecId {
    ExecId::new(id).expect("an id")
}

pub(super) fn event(order: &str, kind: OrderEventKind) -> OrderEvent {
    OrderEvent::new(order_id(order), kind)
}

pub(super) fn market(side: Side, quantity: &str) -> OrderTerms {
    OrderTerms::market(SYMBOL, side, dec(quantity))
}

pub(super) fn created_with(order: &str, terms: OrderTerms) -> OrderEvent {
    event(order, OrderEventKind::Created(Box::new(terms)))
}

pub(super) fn in_symbol(order: &str, symbol: SymbolId) -> OrderEvent {
    created_with(order, OrderTerms::market(symbol, Side::Buy, dec("10")))
}

pub(super) fn created(order: &str, side: Side, quantity: &str) -> OrderEvent {
    created_with(order, market(side, quantity))
}

pub(super) fn filled(order: &str, exec: &str, at: i64, quantity: &str, price: &str) -> OrderEvent {
    let execution = Execution::new(dec(quantity), dec(price));
    let kind = OrderEventKind::Filled(Box::new(execution));
    event(order, kind)
        .with_exec_id(exec_id(exec))
        .at(seconds(at))
}

pub(super) fn busted(order: &str, exec: &str, named: &str) -> OrderEvent {
    let reference = FillReference::new(exec_id(named));
    event(order, OrderEventKind::FillBusted(reference)).with_exec_id(exec_id(exec))
}

pub(super) async fn append(
    store: &LedgerRepositories,
    account_id: AccountId,
    events: &[OrderEvent],
) -> AppendReceipt {
    let receipt = store
        .ledger
        .append(&scope(), account_id, events, None)
        .await;
    receipt.expect("events are appended")
}

/// Appends events that are all booked.
pub(super) async fn book(
    store: &LedgerRepositories,
    account_id: AccountId,
    events: &[OrderEvent],
) -> AppendReceipt {
    let receipt = append(store, account_id, events).await;
    assert_eq!(receipt.appended.len(), events.len(), "{receipt:?}");
    receipt
}

pub(super) async fn order(store: &LedgerRepositories, account_id: AccountId, id: &str) -> Order {
    let order = store
        .ledger
        .order(&scope(), account_id, &order_id(id))
        .await;
    order.expect("read").expect("an order")
}

pub(super) async fn orders(store: &LedgerRepositories, query: &OrderQuery) -> Vec<Order> {
    let page = store.ledger.orders(&scope(), query).await.expect("read");
    page.items
}

pub(super) async fn fills(store: &LedgerRepositories, query: &FillQuery) -> Vec<Fill> {
    let page = store.ledger.fills(&scope(), query).await.expect("read");
    page.items
}

pub(super) async fn all_fills(store: &LedgerRepositories, account_id: AccountId) -> Vec<Fill> {
    fills(store, &FillQuery::new(account_id, TimeRange::all())).await
}

pub(super) async fn positions(
    store: &LedgerRepositories,
    query: &PositionQuery,
) -> Vec<PositionEntry> {
    let page = store.ledger.positions(&scope(), query).await.expect("read");
    page.items
}

/// The numbers of all events of an account.
pub(super) async fn sequences(store: &LedgerRepositories, account_id: AccountId) -> Vec<i64> {
    let query = OrderEventQuery::new(account_id).limit(PageLimit::MAX);
    let page = store.ledger.events(&scope(), &query).await.expect("read");
    page.items
        .iter()
        .map(|recorded| recorded.sequence)
        .collect()
}

pub(super) async fn quarantine(
    store: &LedgerRepositories,
    account_id: AccountId,
) -> Vec<QuarantinedEvent> {
    let query = QuarantineQuery::new(account_id);
    let page = store.ledger.quarantined(&scope(), &query).await;
    page.expect("read").items
}

/// Asserts that orders, fills and positions are those that the journal gives.
pub(super) async fn assert_verified(store: &LedgerRepositories, account_id: AccountId) {
    let verification = store
        .ledger
        .verify(&scope(), account_id)
        .await
        .expect("read");
    assert!(verification.is_equal(), "{verification:?}");
}

pub(super) fn assert_not_found<T: std::fmt::Debug>(result: Result<T, RepositoryError>) {
    assert!(
        matches!(result, Err(RepositoryError::NotFound { .. })),
        "{result:?}"
    );
}

pub(super) fn assert_invalid<T: std::fmt::Debug>(result: Result<T, RepositoryError>) {
    assert!(
        matches!(result, Err(RepositoryError::InvalidInput { .. })),
        "{result:?}"
    );
}

pub(super) fn assert_taken<T: std::fmt::Debug>(result: Result<T, RepositoryError>) {
    assert!(
        matches!(result, Err(RepositoryError::AlreadyExists { .. })),
        "{result:?}"
    );
}
