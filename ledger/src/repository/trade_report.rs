//! Reads the fills and orders of a trade report.

use std::collections::BTreeMap;

use tickbook::RepositoryError;
use tickbook::domain::{PageLimit, TimeRange};

use super::ledger::LedgerRepository;
use super::performance::sum_error;
use super::query::{FillQuery, OrderEventQuery, OrderQuery};
use crate::domain::performance::{OrderLatency, TradeReport, TradeReportTerms};
use crate::domain::{Account, AccountScope, Order, OrderId};

/// The largest number of fills, and of orders, of a report.
pub const MAX_REPORT_ROWS: usize = 100_000;

/// The largest number of events of the journal for each of the largest number of fills.
const EVENTS_PER_ROW: usize = 10;

/// An account has more fills or orders than a report reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {max} fills or orders, or ten times as many events: choose a shorter range")]
#[non_exhaustive]
pub struct TooManyRows {
    /// The largest number.
    pub max: usize,
}

/// The round trips, slippage, latencies and attribution of an account.
///
/// Reads all fills of the account up to the end of the range, since earlier fills determine the cost of what later ones
/// close, the orders that were created within the range, and the journal since the first of them. The cost method is that of the
/// account.
///
/// # Errors
/// [`NotFound`](RepositoryError::NotFound) for an account that is unknown or outside of the scope,
/// [`InvalidInput`](RepositoryError::InvalidInput) for more than `max` fills or orders, and database errors.
pub async fn read_trade_report(
    ledger: &dyn LedgerRepository,
    scope: &AccountScope,
    account: &Account,
    terms: TradeReportTerms,
    max: usize,
) -> Result<TradeReport, RepositoryError> {
    let account_id = account.account_id;
    let terms = terms.cost_method(account.terms.cost_method);
    let range = TimeRange::new(TimeRange::all().start(), terms.range.end());
    let range = range.map_err(RepositoryError::invalid)?;
    let mut query = FillQuery::new(account_id, range).limit(PageLimit::MAX);
    let mut fills = Vec::new();
    loop {
        let page = ledger.fills(scope, &query).await?;
        fills.extend(page.items);
        if fills.len() > max {
            return Err(RepositoryError::invalid(TooManyRows { max }));
        }
        let Some(next) = page.next else { break };
        query = query.after(next);
    }
    let mut query = OrderQuery::new(account_id)
        .range(terms.range)
        .limit(PageLimit::MAX);
    let mut orders = Vec::new();
    loop {
        let page = ledger.orders(scope, &query).await?;
        orders.extend(page.items);
        if orders.len() > max {
            return Err(RepositoryError::invalid(TooManyRows { max }));
        }
        let Some(next) = page.next else { break };
        query = query.after(next);
    }
    let latencies = latencies(ledger, scope, account, &orders, max).await?;
    TradeReport::of(&terms, &fills, &orders, &latencies)
        .map_err(|error| sum_error(account_id, error))
}

/// The latencies of orders, from the journal since the first of them.
async fn latencies(
    ledger: &dyn LedgerRepository,
    scope: &AccountScope,
    account: &Account,
    orders: &[Order],
    max: usize,
) -> Result<Vec<OrderLatency>, RepositoryError> {
    let Some(first) = orders.iter().map(|order| order.first_sequence).min() else {
        return Ok(Vec::new());
    };
    let of_orders = orders.iter().map(|order| &order.order_id);
    let mut found: BTreeMap<&OrderId, OrderLatency> =
        of_orders.map(|id| (id, OrderLatency::default())).collect();
    let mut query = OrderEventQuery::new(account.account_id)
        .after(first - 1)
        .limit(PageLimit::MAX);
    let mut read = 0;
    loop {
        let page = ledger.events(scope, &query).await?;
        read += page.items.len();
        if read > max * EVENTS_PER_ROW {
            return Err(RepositoryError::invalid(TooManyRows { max }));
        }
        for recorded in &page.items {
            if let Some(latency) = found.get_mut(&recorded.order_id) {
                latency.add(recorded);
            }
        }
        let Some(next) = page.next else { break };
        query = query.after(next);
    }
    Ok(found.into_values().collect())
}
