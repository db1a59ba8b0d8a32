//! The store in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chrono::{DateTime, Utc};
use tickbook::domain::SymbolId;
use tickbook::{Clock, Entity, RepositoryError};

use crate::domain::{
    AccountId, AccountLedger, AccountScope, ContentHash, OrderEvent, PositionReport, RecordedEvent,
};
use crate::repository::{QuarantineReason, QuarantinedEvent};

/// Accounts, orders, fills and positions in memory. Clones share them.
#[derive(Clone)]
pub struct InMemoryLedger {
    accounts: Arc<RwLock<BTreeMap<AccountId, StoredAccount>>>,
    clock: Clock,
}

/// An account with its journal and what follows from it.
#[derive(Debug)]
pub(super) struct StoredAccount {
    pub(super) ledger: AccountLedger,
    /// Event n is at n - 1.
    pub(super) journal: Vec<RecordedEvent>,
    /// Entry n is at n - 1.
    pub(super) quarantine: Vec<QuarantinedEvent>,
    /// The place of each event of the quarantine.
    quarantined: BTreeMap<ContentHash, usize>,
    /// Positions as the venue reports them, by symbol, name and time.
    pub(super) reports: BTreeMap<(SymbolId, String, DateTime<Utc>), PositionReport>,
}

impl InMemoryLedger {
    /// Creates an empty store with the system clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Clock::system())
    }

    /// Creates an empty store.
    #[must_use]
    pub fn with_clock(clock: Clock) -> Self {
        Self {
            accounts: Arc::default(),
            clock,
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        tickbook::domain::truncate_to_micros(self.clock.now())
    }

    // A writer changes an account in one step that cannot panic halfway, so a store is consistent even if its lock is
    // poisoned.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, BTreeMap<AccountId, StoredAccount>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<AccountId, StoredAccount>> {
        self.accounts
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for InMemoryLedger {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for InMemoryLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryLedger")
            .field("accounts", &self.read().len())
            .finish_non_exhaustive()
    }
}

impl StoredAccount {
    pub(super) fn new(ledger: AccountLedger) -> Self {
        Self {
            ledger,
            journal: Vec::new(),
            quarantine: Vec::new(),
            quarantined: BTreeMap::new(),
            reports: BTreeMap::new(),
        }
    }

    pub(super) fn is_in(&self, scope: &AccountScope) -> bool {
        let account = self.ledger.account();
        scope.contains(account.terms.tenant_id, account.account_id)
    }

    /// Keeps an event that was not booked, once.
    pub(super) fn keep(
        &mut self,
        event: &OrderEvent,
        reason: QuarantineReason,
        now: DateTime<Utc>,
    ) {
        let place = self.quarantine.len();
        let place = *self.quarantined.entry(event.digest()).or_insert(place);
        if let Some(kept) = self.quarantine.get_mut(place) {
            kept.deliveries = kept.deliveries.saturating_add(1);
            return;
        }
        // a Vec has at most i64::MAX entries
        let number = place as i64 + 1;
        let kept = QuarantinedEvent::new(number, event.clone(), reason, now);
        self.quarantine.push(kept);
    }
}

/// The error of an unknown account and of one outside of the scope.
pub(super) fn missing(account_id: AccountId) -> RepositoryError {
    RepositoryError::NotFound {
        entity: Entity::Account,
        key: account_id.to_string(),
    }
}
