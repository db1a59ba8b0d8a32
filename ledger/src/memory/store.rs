//! The store in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chrono::{DateTime, Utc};
use tickbook::domain::SymbolId;
use tickbook::{Clock, Entity, RepositoryError};

use crate::domain::{
    AccountId, AccountLedger, AccountScope, ContentHash, OrderEvent, OrderEventKind, PositionAfter,
    PositionKey, PositionReport, RecordedEvent,
};
use crate::repository::{OutboxEntry, QuarantineReason, QuarantinedEvent};

/// Accounts, orders, fills and positions in memory. Clones share them.
#[derive(Clone)]
pub struct InMemoryLedger {
    accounts: Arc<RwLock<BTreeMap<AccountId, StoredAccount>>>,
    /// Locked only while the accounts are.
    outbox: Arc<Mutex<Outbox>>,
    /// Ids of deleted accounts are not used again.
    last_account_id: Arc<AtomicI64>,
    clock: Clock,
}

/// The events that wait to be copied.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// By ascending position.
    pub(super) entries: Vec<OutboxEntry>,
    /// The number of the last entry.
    pub(super) last: i64,
}

/// An account with its journal and what follows from it.
#[derive(Debug)]
pub(super) struct StoredAccount {
    pub(super) ledger: AccountLedger,
    /// Event n is at n - 1.
    pub(super) journal: Vec<RecordedEvent>,
    /// The position after each event of the journal that changed one.
    pub(super) positions_after: Vec<Option<PositionAfter>>,
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
            outbox: Arc::default(),
            last_account_id: Arc::default(),
            clock,
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        tickbook::domain::truncate_to_micros(self.clock.now())
    }

    pub(super) fn next_account_id(&self) -> AccountId {
        AccountId::new(self.last_account_id.fetch_add(1, Ordering::Relaxed) + 1)
    }

    // A writer changes an account in one step that cannot panic halfway, so a store is consistent even if its lock is
    // poisoned.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, BTreeMap<AccountId, StoredAccount>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
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
            positions_after: Vec::new(),
            quarantine: Vec::new(),
            quarantined: BTreeMap::new(),
            reports: BTreeMap::new(),
        }
    }

    pub(super) fn is_in(&self, scope: &AccountScope) -> bool {
        let account = self.ledger.account();
        scope.contains(account.terms.tenant_id, account.account_id)
    }

    /// Adds an event that was just booked to the journal.
    pub(super) fn record(&mut self, recorded: RecordedEvent) {
        self.positions_after.push(self.position_after(&recorded));
        self.journal.push(recorded);
    }

    /// The present state of the position that the event changed.
    fn position_after(&self, recorded: &RecordedEvent) -> Option<PositionAfter> {
        if !matches!(
            recorded.event.kind,
            OrderEventKind::Filled(_)
                | OrderEventKind::FillBusted(_)
                | OrderEventKind::FillCorrected(_)
        ) {
            return None;
        }
        let terms = &self.ledger.order(&recorded.order_id)?.terms;
        let name = terms.position_name(self.ledger.account().terms.position_mode);
        let key = PositionKey::new(terms.strategy_id, terms.symbol_id, name);
        let position = self.ledger.position(&key)?;
        Some(PositionAfter::of(name, position))
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
