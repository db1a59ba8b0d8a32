//! The repository of orders, fills and positions.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::domain::Page;

use super::quarantine::{QuarantineQuery, QuarantinedEvent, Verification};
use super::query::{FillQuery, OrderEventQuery, OrderQuery, PositionEntry, PositionQuery};
use super::receipt::AppendReceipt;
use crate::domain::{
    AccountId, AccountScope, Fill, FillOrder, Order, OrderEvent, OrderId, PositionKey,
    PositionReport, RecordedEvent,
};

/// Stores events of orders, and the orders, fills and positions that follow from them.
///
/// All methods return [`NotFound`](RepositoryError::NotFound) if the account does not exist or is outside of the scope.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use rust_decimal::Decimal;
/// use tickbook::domain::SymbolId;
/// use tickbook_ledger::LedgerRepositories;
/// use tickbook_ledger::domain::{
///     AccountScope, Currency, Environment, ExecId, Execution, NewAccount, OrderEvent, OrderEventKind, OrderId,
///     OrderTerms, Side, TenantId, Venue,
/// };
/// use tickbook_ledger::repository::PositionQuery;
///
/// let LedgerRepositories { accounts, ledger, .. } = LedgerRepositories::in_memory();
/// let scope = AccountScope::tenant(TenantId::new(1));
/// let (venue, usd) = (Venue::new("kraken")?, Currency::new("USD")?);
/// let terms = NewAccount::new(TenantId::new(1), "main", venue, Environment::Live, usd);
/// let id = accounts.create(&scope, terms).await?.account_id;
///
/// let order = OrderId::new("a-1")?;
/// let terms = OrderTerms::market(SymbolId::new(7), Side::Buy, Decimal::TWO);
/// let fill = Execution::new(Decimal::TWO, Decimal::from(45_213));
/// let events = [
///     OrderEvent::new(order.clone(), OrderEventKind::Created(Box::new(terms))),
///     OrderEvent::new(order, OrderEventKind::Filled(Box::new(fill)))
///         .with_exec_id(ExecId::new("8812345")?)
///         .at("2024-05-01T12:00:00Z".parse()?),
/// ];
/// assert_eq!(ledger.append(&scope, id, &events, None).await?.appended.len(), 2);
/// // sent again after a lost answer
/// assert_eq!(ledger.append(&scope, id, &events, None).await?.duplicates.len(), 2);
///
/// let positions = ledger.positions(&scope, &PositionQuery::new(id)).await?.items;
/// assert_eq!(positions[0].position.open_cost.to_string(), "90426");
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait LedgerRepository: Debug + Send + Sync + 'static {
    /// Books events of an account in the given order, in one transaction.
    ///
    /// Booked events get the next numbers of the account, without gaps. An event that is booked already is a
    /// duplicate, so a call may be repeated after any failure. An event that contradicts a booked one or cannot be
    /// booked is kept in the quarantine with its reason, and does not prevent the booking of the others.
    ///
    /// With `expected` nothing is booked unless the last event of the account has this number.
    ///
    /// # Errors
    /// [`InvalidInput`](RepositoryError::InvalidInput) if the last event has another number than `expected`.
    async fn append(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        events: &[OrderEvent],
        expected: Option<i64>,
    ) -> Result<AppendReceipt, RepositoryError>;

    /// Returns an order; `None` if the account has none with this id.
    async fn order(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        order_id: &OrderId,
    ) -> Result<Option<Order>, RepositoryError>;

    /// Returns a page of orders, by the number of their first event.
    async fn orders(
        &self,
        scope: &AccountScope,
        query: &OrderQuery,
    ) -> Result<Page<Order, i64>, RepositoryError>;

    /// Returns a page of the journal, by ascending number.
    async fn events(
        &self,
        scope: &AccountScope,
        query: &OrderEventQuery,
    ) -> Result<Page<RecordedEvent, i64>, RepositoryError>;

    /// Returns a page of fills, in the order of [`FillOrder`].
    async fn fills(
        &self,
        scope: &AccountScope,
        query: &FillQuery,
    ) -> Result<Page<Fill, FillOrder>, RepositoryError>;

    /// Returns a page of positions, by key. A position exists from its first fill on, even if that is busted.
    async fn positions(
        &self,
        scope: &AccountScope,
        query: &PositionQuery,
    ) -> Result<Page<PositionEntry, PositionKey>, RepositoryError>;

    /// Returns a page of events that were not booked, by ascending number.
    async fn quarantined(
        &self,
        scope: &AccountScope,
        query: &QuarantineQuery,
    ) -> Result<Page<QuarantinedEvent, i64>, RepositoryError>;

    /// Compares the stored orders, fills and positions with those that the journal gives. Changes nothing.
    async fn verify(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
    ) -> Result<Verification, RepositoryError>;

    /// Computes the orders, fills and positions from the journal and stores them, if they differ from what is stored.
    /// Returns the comparison as it was before. Writers of the account wait meanwhile.
    async fn rebuild(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
    ) -> Result<Verification, RepositoryError>;

    /// Stores positions as the venue of the account reports them, in one transaction. A report of the same position and
    /// time replaces the stored one.
    ///
    /// # Errors
    /// [`InvalidInput`](RepositoryError::InvalidInput) if a report is invalid; then none is stored.
    async fn report_positions(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        reports: &[PositionReport],
    ) -> Result<(), RepositoryError>;

    /// Returns the latest report of each position at or before `as_of`, or of all times, by symbol and name.
    async fn position_reports(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<Vec<PositionReport>, RepositoryError>;
}
