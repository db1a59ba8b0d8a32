//! The repository of risk events and of the audit log.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::domain::{Page, PageLimit, SortOrder, TimeRange};

use crate::domain::{
    AccountId, AccountScope, Acknowledgement, AuditChain, AuditChange, AuditEntry, AuditHead,
    KeyRing, NewRiskEvent, RiskEvent, RiskEventId, RiskKind, Severity,
};

/// A query for entries of a chain of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditQuery {
    /// The chain.
    pub chain: AuditChain,
    /// Only entries of this actor.
    pub actor: Option<String>,
    /// Only entries of this action.
    pub action: Option<String>,
    /// Only entries recorded in this range.
    pub range: TimeRange,
    /// Oldest or newest first.
    pub order: SortOrder,
    /// Only those after the entry with this number, in the order of the query.
    pub after: Option<i64>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl AuditQuery {
    /// The first 500 entries of a chain, oldest first.
    #[must_use]
    pub fn new(chain: AuditChain) -> Self {
        Self {
            chain,
            actor: None,
            action: None,
            range: TimeRange::all(),
            order: SortOrder::Ascending,
            after: None,
            limit: PageLimit::default(),
        }
    }

    /// Returns only entries of this actor.
    #[must_use]
    pub fn actor(mut self, actor: impl Into<Option<String>>) -> Self {
        self.actor = actor.into();
        self
    }

    /// Returns only entries of this action.
    #[must_use]
    pub fn action(mut self, action: impl Into<Option<String>>) -> Self {
        self.action = action.into();
        self
    }

    /// Returns only entries recorded in this range.
    #[must_use]
    pub fn range(mut self, range: TimeRange) -> Self {
        self.range = range;
        self
    }

    /// Sets the order.
    #[must_use]
    pub fn order(mut self, order: SortOrder) -> Self {
        self.order = order;
        self
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<i64>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the largest number of a page.
    #[must_use]
    pub fn limit(mut self, limit: PageLimit) -> Self {
        self.limit = limit;
        self
    }
}

/// A query for risk events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RiskEventQuery {
    /// Only events of this account.
    pub account_id: Option<AccountId>,
    /// Only events of this rule.
    pub kind: Option<RiskKind>,
    /// Only events of this severity.
    pub severity: Option<Severity>,
    /// Only acknowledged events, or only the others.
    pub acknowledged: Option<bool>,
    /// Only events observed in this range.
    pub range: TimeRange,
    /// By ascending or descending id.
    pub order: SortOrder,
    /// Only those after this event, in the order of the query.
    pub after: Option<RiskEventId>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl Default for RiskEventQuery {
    /// The first 500 events, by ascending id.
    fn default() -> Self {
        Self {
            account_id: None,
            kind: None,
            severity: None,
            acknowledged: None,
            range: TimeRange::all(),
            order: SortOrder::Ascending,
            after: None,
            limit: PageLimit::default(),
        }
    }
}

impl RiskEventQuery {
    /// Returns only events of this account.
    #[must_use]
    pub fn account_id(mut self, account_id: impl Into<Option<AccountId>>) -> Self {
        self.account_id = account_id.into();
        self
    }

    /// Returns only events of this rule.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<Option<RiskKind>>) -> Self {
        self.kind = kind.into();
        self
    }

    /// Returns only events of this severity.
    #[must_use]
    pub fn severity(mut self, severity: impl Into<Option<Severity>>) -> Self {
        self.severity = severity.into();
        self
    }

    /// Returns only acknowledged events (`true`), or only the others (`false`).
    #[must_use]
    pub fn acknowledged(mut self, acknowledged: impl Into<Option<bool>>) -> Self {
        self.acknowledged = acknowledged.into();
        self
    }

    /// Returns only events observed in this range.
    #[must_use]
    pub fn range(mut self, range: TimeRange) -> Self {
        self.range = range;
        self
    }

    /// Sets the order.
    #[must_use]
    pub fn order(mut self, order: SortOrder) -> Self {
        self.order = order;
        self
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<RiskEventId>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the largest number of a page.
    #[must_use]
    pub fn limit(mut self, limit: PageLimit) -> Self {
        self.limit = limit;
        self
    }
}

/// Stores risk events with their acknowledgements, and the audit log. Neither is ever changed or deleted.
///
/// An entry of the audit log belongs to no scope: the caller decides who may read it.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook_ledger::domain::{AuditChain, AuditChange, KeyId, KeyRing, SecretKey};
/// use tickbook_ledger::repository::AuditQuery;
/// use tickbook_ledger::{LedgerRepositories, OversightRepositories};
///
/// let accounts = LedgerRepositories::in_memory().accounts;
/// let oversight = OversightRepositories::in_memory(accounts).oversight;
/// let keys = KeyRing::new(KeyId::new("2026")?, SecretKey::new([7; 32]));
/// let chain = AuditChain::INSTALLATION;
/// let change = AuditChange::new("operator", "symbols.rename", "symbol", "7");
/// let entry = oversight.record_audit(chain, change, &keys).await?;
/// assert_eq!(oversight.audit_head(chain).await?, Some(entry.head()));
/// assert_eq!(oversight.audit(&AuditQuery::new(chain)).await?.items, [entry]);
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait OversightRepository: Debug + Send + Sync + 'static {
    /// Records a change as the next entry of a chain, authenticated by the current key of the ring. Its time is the
    /// present, or that of the previous entry if the clock was set back.
    ///
    /// # Errors
    /// [`InvalidInput`](RepositoryError::InvalidInput) if the change is invalid.
    async fn record_audit(
        &self,
        chain: AuditChain,
        change: AuditChange,
        keys: &KeyRing,
    ) -> Result<AuditEntry, RepositoryError>;

    /// Returns a page of a chain, by number.
    async fn audit(&self, query: &AuditQuery) -> Result<Page<AuditEntry, i64>, RepositoryError>;

    /// Returns the last entry of a chain as the store remembers it apart from the entries; `None` for an empty chain.
    async fn audit_head(&self, chain: AuditChain) -> Result<Option<AuditHead>, RepositoryError>;

    /// Returns the last entries of all chains that are not empty, by ascending chain.
    async fn audit_heads(&self) -> Result<Vec<AuditHead>, RepositoryError>;

    /// Records a risk event with the next id.
    ///
    /// # Errors
    /// [`InvalidInput`](RepositoryError::InvalidInput) if the event is invalid.
    /// [`NotFound`](RepositoryError::NotFound) if its account does not exist or is outside of the scope. A scope that
    /// does not cover all tenants contains no event without an account.
    async fn raise_risk(
        &self,
        scope: &AccountScope,
        event: NewRiskEvent,
    ) -> Result<RiskEvent, RepositoryError>;

    /// Acknowledges a risk event. The first acknowledgement stays.
    ///
    /// # Errors
    /// [`InvalidInput`](RepositoryError::InvalidInput) if a text is invalid.
    /// [`NotFound`](RepositoryError::NotFound) if the event does not exist or is outside of the scope.
    async fn acknowledge_risk(
        &self,
        scope: &AccountScope,
        risk_event_id: RiskEventId,
        by: &str,
        note: &str,
    ) -> Result<RiskEvent, RepositoryError>;

    /// Returns a page of the risk events of the scope, by id.
    async fn risk_events(
        &self,
        scope: &AccountScope,
        query: &RiskEventQuery,
    ) -> Result<Page<RiskEvent, RiskEventId>, RepositoryError>;
}

/// Checks a change to record.
pub(crate) fn check_change(change: &AuditChange) -> Result<(), RepositoryError> {
    change.check().map_err(RepositoryError::invalid)
}

/// A risk event in its stored form.
pub(crate) fn normalized_event(event: &NewRiskEvent) -> Result<NewRiskEvent, RepositoryError> {
    event.normalized().map_err(RepositoryError::invalid)
}

/// A valid acknowledgement.
pub(crate) fn checked_acknowledgement(
    by: &str,
    note: &str,
    now: DateTime<Utc>,
) -> Result<Acknowledgement, RepositoryError> {
    let acknowledgement = Acknowledgement::new(by, note, now);
    acknowledgement.check().map_err(RepositoryError::invalid)?;
    Ok(acknowledgement)
}
