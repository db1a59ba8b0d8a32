//! Accounts and events of the tests.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::domain::SymbolId;
use tickbook_ledger::domain::{
    Account, AccountId, AccountLedger, ClientOrderId, CostMethod, Currency, Environment, ExecId,
    Execution, NewAccount, OrderEvent, OrderEventKind, OrderId, OrderTerms, Outcome, Side,
    TenantId, Venue,
};
use tickbook_ledger::{chrono, rust_decimal};

pub(crate) const SYMBOL: SymbolId = SymbolId::new(7);

pub(crate) fn dec(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|_| panic!("decimal {text}"))
}

/// 2024-05-01 and the seconds after it.
pub(crate) fn seconds(seconds: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2024-05-01T00:00:00Z".parse().expect("a time");
    start + TimeDelta::seconds(seconds)
}

/// The first trading day is 1.
pub(crate) fn day(number: u64) -> NaiveDate {
    let first = NaiveDate::from_ymd_opt(2024, 5, 1).expect("a day");
    first
        .checked_add_days(Days::new(number - 1))
        .expect("a day")
}

pub(crate) fn account(method: CostMethod) -> Account {
    let venue = Venue::new("V").expect("an id");
    let usd = Currency::new("USD").expect("an id");
    let terms = NewAccount::new(TenantId::new(1), "main", venue, Environment::Live, usd);
    Account::new(AccountId::new(1), terms.cost_method(method), seconds(0))
}

pub(crate) fn empty_ledger() -> AccountLedger {
    AccountLedger::new(&account(CostMethod::Average))
}

/// Books events at one time.
pub(crate) trait Book {
    fn book(&mut self, event: &OrderEvent) -> Outcome;
}

impl Book for AccountLedger {
    fn book(&mut self, event: &OrderEvent) -> Outcome {
        self.apply(event, seconds(86_400))
    }
}

pub(crate) fn order_id(id: &str) -> OrderId {
    OrderId::new(id).expect("an id")
}

pub(crate) fn client_id(id: &str) -> ClientOrderId {
    ClientOrderId::new(id).expect("an id")
}

pub(crate) fn exec_id(id: &str) -> ExecId {
    ExecId::new(id).expect("an id")
}

pub(crate) fn event(order: &str, kind: OrderEventKind) -> OrderEvent {
    OrderEvent::new(order_id(order), kind)
}

/// A market order that is created.
pub(crate) fn created(order: &str, side: Side, quantity: &str) -> OrderEvent {
    let terms = OrderTerms::market(SYMBOL, side, dec(quantity));
    event(order, OrderEventKind::Created(Box::new(terms)))
}

/// A fill at a second.
pub(crate) fn filled(order: &str, exec: &str, at: i64, quantity: &str, price: &str) -> OrderEvent {
    let execution = Execution::new(dec(quantity), dec(price));
    let kind = OrderEventKind::Filled(Box::new(execution));
    event(order, kind)
        .with_exec_id(exec_id(exec))
        .at(seconds(at))
}
