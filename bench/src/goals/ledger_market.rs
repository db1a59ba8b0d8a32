//! Orders of a synthetic day, as their events.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::domain::SymbolId;
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::domain::{
    AccountId, AccountScope, ClientOrderId, Currency, Environment, ExecId, Execution, Fee,
    NewAccount, OrderEvent, OrderEventKind, OrderId, OrderTerms, Side, TenantId, Venue,
    VenueOrderId,
};

/// Events of an order.
pub(super) const EVENTS: u64 = 4;
/// Traded symbols.
const SYMBOLS: u64 = 10;

pub(super) fn scope() -> AccountScope {
    AccountScope::tenant(TenantId::new(1))
}

pub(super) async fn account(repositories: &LedgerRepositories, name: &str) -> Result<AccountId> {
    let account = NewAccount::new(
        TenantId::new(1),
        name,
        Venue::new("bench")?,
        Environment::Live,
        Currency::new("USD")?,
    );
    let account = repositories.accounts.create(&scope(), account).await?;
    Ok(account.account_id)
}

/// The event with this number: each order is created, acknowledged and filled in two parts.
pub(super) fn event(number: u64, start: DateTime<Utc>) -> Result<OrderEvent> {
    let (order, step) = (number / EVENTS, number % EVENTS);
    let order_id = OrderId::new(format!("0192f5a0-0000-7000-8000-{order:012}"))?;
    let client_id = ClientOrderId::new(format!("c-{order:012}"))?;
    let side = if order * 7 % 5 < 2 {
        Side::Sell
    } else {
        Side::Buy
    };
    let price = Decimal::new(10_000 + (order * 7_919 % 500) as i64, 2);
    let time = start + TimeDelta::milliseconds(number as i64);
    let report = |kind| -> Result<OrderEvent> {
        let exec_id = ExecId::new(format!("e-{number:015}"))?;
        Ok(OrderEvent::new(order_id.clone(), kind)
            .with_exec_id(exec_id)
            .at(time))
    };
    match step {
        0 => {
            let symbol = SymbolId::new((order % SYMBOLS) as i64 + 1);
            let terms = OrderTerms::limit(symbol, side, Decimal::from(10), price);
            let created = OrderEventKind::Created(Box::new(terms));
            Ok(OrderEvent::new(order_id, created).with_client_order_id(client_id))
        }
        1 => {
            let mut event = report(OrderEventKind::Acknowledged(None))?;
            event.venue_order_id = Some(VenueOrderId::new(format!("v-{order:012}"))?);
            Ok(event)
        }
        step => {
            let quantity = Decimal::from(if step == 2 { 4 } else { 6 });
            let fee = Fee::new(Decimal::new(25, 3), Currency::new("USD")?);
            let execution = Execution::new(quantity, price).with_fee(fee);
            report(OrderEventKind::Filled(Box::new(execution)))
        }
    }
}

pub(super) fn events(first: u64, count: u64, start: DateTime<Utc>) -> Result<Vec<OrderEvent>> {
    (first..first + count)
        .map(|number| event(number, start))
        .collect()
}
