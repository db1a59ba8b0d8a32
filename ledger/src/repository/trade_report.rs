//! Reads the fills and orders of a trade report.

use tickbook::RepositoryError;
use tickbook::domain::{PageLimit, TimeRange};

use super::ledger::LedgerRepository;
use super::performance::sum_error;
use super::query::{FillQuery, OrderQuery};
use crate::domain::performance::{TradeReport, TradeReportTerms};
use crate::domain::{Account, AccountScope};

/// The largest number of fills, and of orders, of a report.
pub const MAX_REPORT_ROWS: usize = 100_000;

/// An account has more fills or orders than a report reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {max} fills or orders: choose an earlier end of the range")]
#[non_exhaustive]
pub struct TooManyRows {
    /// The largest number.
    pub max: usize,
}

/// The round trips, slippage and attribution of an account.
///
/// Reads all fills of the account up to the end of the range, since earlier fills determine the cost of what later ones
/// close, and the orders that were created within the range. The cost method is that of the account.
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
    TradeReport::of(&terms, &fills, &orders).map_err(|error| sum_error(account_id, error))
}
