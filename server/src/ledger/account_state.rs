//! The open orders and positions of an account at one of its events.

use tickbook::RepositoryError;
use tickbook::domain::PageLimit;
use tickbook_ledger::domain::{AccountId, AccountScope, Order};
use tickbook_ledger::repository::{LedgerRepository, OrderQuery, PositionEntry, PositionQuery};

/// Number of attempts to read orders and positions without an event in between.
const TRIES: usize = 5;

/// The open orders and positions of an account.
#[derive(Debug)]
pub(crate) struct AccountState {
    /// All events up to this number are included. If events were booked during each attempt to read the account,
    /// later ones may be included, too.
    pub(crate) sequence: i64,
    /// By the number of their first event.
    pub(crate) orders: Vec<Order>,
    /// By key.
    pub(crate) positions: Vec<PositionEntry>,
    /// Whether these are all open orders and positions: at most 10,000 of each are read.
    pub(crate) is_complete: bool,
}

/// Reads the state of an account.
///
/// # Errors
/// The account is unknown, and the errors of the repository.
pub(crate) async fn read_state(
    ledger: &dyn LedgerRepository,
    scope: &AccountScope,
    account_id: AccountId,
) -> Result<AccountState, RepositoryError> {
    let of_orders = OrderQuery::new(account_id).open(true).limit(PageLimit::MAX);
    let of_positions = PositionQuery::new(account_id)
        .open(true)
        .limit(PageLimit::MAX);
    let mut sequence = last_sequence(ledger, scope, account_id).await?;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let orders = ledger.orders(scope, &of_orders).await?;
        let positions = ledger.positions(scope, &of_positions).await?;
        let after = last_sequence(ledger, scope, account_id).await?;
        if after == sequence || attempts == TRIES {
            return Ok(AccountState {
                sequence,
                is_complete: orders.next.is_none() && positions.next.is_none(),
                orders: orders.items,
                positions: positions.items,
            });
        }
        sequence = after;
    }
}

/// The number of the last event of an account, which an append of nothing returns.
async fn last_sequence(
    ledger: &dyn LedgerRepository,
    scope: &AccountScope,
    account_id: AccountId,
) -> Result<i64, RepositoryError> {
    let receipt = ledger.append(scope, account_id, &[], None).await?;
    Ok(receipt.sequence)
}
