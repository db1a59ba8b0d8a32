//! Tests of the relay: copies, lost and older databases, failures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tickbook::domain::{Page, TimeRange};
use tickbook::{Backoff, Clock, Database, RepositoryError};
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::conformance::RelaySubject;
use tickbook_ledger::domain::{
    AccountId, AccountScope, Currency, Environment, FillReport, HistoryEvent, NewAccount,
    OrderEvent, PositionState, RecordedEvent, Side, TenantId, Venue,
};
use tickbook_ledger::memory::InMemoryLedger;
use tickbook_ledger::relay::{Relay, RelayConfig, RelayRepositories, compare_account};
use tickbook_ledger::repository::{
    AccountRepository, AccountSequence, EventRange, HistoryKey, HistoryQuery, HistoryReceipt,
    LedgerRepository, OrderHistoryRepository,
};

use crate::samples::{created, filled, seconds};

async fn empty_store() -> RelaySubject {
    let store = InMemoryLedger::new();
    let ledger = LedgerRepositories::new(Arc::new(store.clone()), Arc::new(store.clone()));
    RelaySubject::new(ledger, RelayRepositories::in_memory(&store))
}

tickbook_ledger::relay_conformance_tests!(empty_store);

async fn account(ledger: &InMemoryLedger, name: &str) -> AccountId {
    let (venue, usd) = (Venue::new("V").expect("an id"), Currency::new("USD"));
    let usd = usd.expect("an id");
    let terms = NewAccount::new(TenantId::new(1), name, venue, Environment::Live, usd);
    let created = ledger.create(&AccountScope::all(), terms).await;
    created.expect("a new account").account_id
}

/// An order with fills, `3 * orders` events.
fn events(first: u32, orders: u32) -> Vec<OrderEvent> {
    let order = |number: u32| {
        let name = format!("o{number}");
        let fill = |part: i64| {
            let at = i64::from(number) * 10 + part;
            filled(&name, &format!("{name}-{part}"), at, "1", "100")
        };
        [created(&name, Side::Buy, "2"), fill(1), fill(2)]
    };
    (first..first + orders).flat_map(order).collect()
}

async fn append(ledger: &InMemoryLedger, id: AccountId, events: &[OrderEvent]) {
    let receipt = ledger.append(&AccountScope::all(), id, events, None).await;
    assert_eq!(receipt.expect("appended").appended.len(), events.len());
}

/// A ledger, its history, and a relay between them.
struct Setup {
    ledger: InMemoryLedger,
    repositories: RelayRepositories,
    id: AccountId,
}

impl Setup {
    async fn new() -> Self {
        let ledger = InMemoryLedger::new();
        Self {
            id: account(&ledger, "main").await,
            repositories: RelayRepositories::in_memory(&ledger),
            ledger,
        }
    }

    fn relay(&self) -> Relay {
        Relay::new(self.repositories.clone())
    }

    async fn append(&self, first: u32, orders: u32) {
        append(&self.ledger, self.id, &events(first, orders)).await;
    }

    /// The events from `first` to `last`.
    async fn journal(&self, first: i64, last: i64) -> Vec<HistoryEvent> {
        let ranges = [EventRange::new(self.id, first, last)];
        let events = self.repositories.outbox.events(&ranges).await;
        events.expect("read")
    }

    async fn copied(&self) -> Vec<i64> {
        copied(&*self.repositories.history, self.id).await
    }
}

async fn copied(history: &dyn OrderHistoryRepository, id: AccountId) -> Vec<i64> {
    let page = history
        .events(&HistoryQuery::new(id, TimeRange::all()))
        .await;
    let mut found: Vec<_> = page
        .expect("read")
        .items
        .iter()
        .map(|it| it.sequence)
        .collect();
    found.sort_unstable();
    found
}

#[tokio::test]
async fn booked_events_are_copied_once() {
    let setup = Setup::new().await;
    let other = account(&setup.ledger, "other").await;
    setup.append(0, 2).await;
    append(&setup.ledger, other, &events(0, 1)).await;
    setup.append(2, 1).await;
    let relay = setup.relay();
    let totals = relay.drain().await.expect("copied");
    assert_eq!((totals.entries, totals.inserted), (3, 12));
    assert_eq!((totals.duplicates, totals.absent), (0, 0));
    assert_eq!(setup.copied().await, Vec::from_iter(1..=9));
    let query = HistoryQuery::new(setup.id, TimeRange::all());
    let history = &setup.repositories.history;
    assert_eq!(history.fills(&query).await.expect("read").items.len(), 6);
    let positions = history.positions(&query).await.expect("read").items;
    let last = positions.last().expect("six");
    assert_eq!((last.after.quantity, last.as_of), (6.into(), seconds(22)));
    let again = relay.drain().await.expect("nothing");
    assert_eq!(again, Default::default());
}

#[tokio::test]
async fn large_batches_are_copied_in_parts() {
    let setup = Setup::new().await;
    setup.append(0, 7).await;
    let history = Arc::new(Watched::new(setup.repositories.history.clone()));
    let repositories = RelayRepositories::new(setup.repositories.outbox.clone(), history.clone());
    let relay = Relay::new(repositories).with_config(RelayConfig::default().max_events(4));
    assert_eq!(relay.drain().await.expect("copied").inserted, 21);
    assert_eq!(history.writes.load(Ordering::Relaxed), 6);
    assert_eq!(setup.copied().await, Vec::from_iter(1..=21));
}

#[tokio::test]
async fn lost_history_is_copied_again() {
    let setup = Setup::new().await;
    let idle = account(&setup.ledger, "idle").await;
    setup.append(0, 3).await;
    append(&setup.ledger, idle, &events(0, 1)).await;
    setup.relay().drain().await.expect("copied");
    // the entries are removed, and the copies are lost
    let empty = RelayRepositories::in_memory(&setup.ledger);
    let found = Relay::new(empty.clone()).reconcile().await.expect("copied");
    assert_eq!((found.copied.inserted, found.ahead), (12, vec![]));
    assert_eq!(copied(&*empty.history, idle).await, [1, 2, 3]);
    let again = Relay::new(empty).reconcile().await.expect("nothing");
    assert_eq!(again, Default::default());
}

#[tokio::test]
async fn events_missing_before_an_entry_are_copied() {
    let setup = Setup::new().await;
    setup.append(0, 2).await;
    let first = setup.journal(1, 2).await;
    setup.relay().drain().await.expect("copied");
    // an older state of the time-series database
    let older = RelayRepositories::in_memory(&setup.ledger);
    let cursor = AccountSequence::new(setup.id, 2);
    let written = older.history.write(&first, &[cursor]).await;
    written.expect("written");
    setup.append(2, 1).await;
    let totals = Relay::new(older.clone()).drain().await.expect("copied");
    assert_eq!((totals.entries, totals.inserted), (1, 7));
    assert_eq!(
        copied(&*older.history, setup.id).await,
        Vec::from_iter(1..=9)
    );
}

#[tokio::test]
async fn resend_copies_the_whole_journal() {
    let setup = Setup::new().await;
    setup.append(0, 2).await;
    let relay = setup.relay();
    relay.drain().await.expect("copied");
    let totals = relay.resend(setup.id).await.expect("copied");
    assert_eq!((totals.inserted, totals.duplicates), (0, 6));
    let unknown = relay.resend(AccountId::new(99)).await;
    assert!(
        matches!(unknown, Err(RepositoryError::NotFound { .. })),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn events_that_only_the_history_has_are_listed() {
    let setup = Setup::new().await;
    setup.append(0, 3).await;
    setup.relay().drain().await.expect("copied");
    let compared = compare_account(&setup.repositories, setup.id).await;
    let compared = compared.expect("read");
    assert_eq!((compared.copied, compared.surplus), (9, vec![]));
    // an older ledger that has only the first order, and booked another one since
    let older = InMemoryLedger::with_clock(Clock::standing_at(seconds(0)));
    let id = account(&older, "main").await;
    append(&older, id, &events(0, 1)).await;
    append(&older, id, &events(7, 1)).await;
    let repositories = RelayRepositories::new(Arc::new(older), setup.repositories.history.clone());
    let relay = Relay::new(repositories.clone());
    let found = relay.reconcile().await.expect("read");
    assert_eq!(found.ahead, [AccountSequence::new(id, 9)]);
    let compared = compare_account(&repositories, id).await.expect("read");
    // its clock differs, so it has none of the copied events
    let numbers: Vec<_> = compared.surplus.iter().map(|it| it.sequence).collect();
    assert_eq!(numbers, Vec::from_iter(1..=9));
    // its own events are copied beside them
    let totals = relay.drain().await.expect("copied");
    assert_eq!(totals.inserted, 6);
    let compared = compare_account(&repositories, id).await.expect("read");
    assert_eq!((compared.copied, compared.surplus.len()), (15, 9));
}

#[tokio::test]
async fn entries_that_were_not_removed_are_copied_again() {
    let setup = Setup::new().await;
    setup.append(0, 1).await;
    // the process ended between the copy and the removal
    let events = setup.journal(1, 3).await;
    let cursor = AccountSequence::new(setup.id, 3);
    let written = setup.repositories.history.write(&events, &[cursor]).await;
    written.expect("written");
    let totals = setup.relay().drain().await.expect("copied");
    assert_eq!(
        (totals.entries, totals.inserted, totals.duplicates),
        (1, 0, 3)
    );
    assert_eq!(setup.copied().await, [1, 2, 3]);
}

#[tokio::test]
async fn failed_rounds_are_repeated() {
    let setup = Setup::new().await;
    let history = Arc::new(Watched::new(setup.repositories.history.clone()));
    history.failures.store(3, Ordering::Relaxed);
    let repositories = RelayRepositories::new(setup.repositories.outbox.clone(), history.clone());
    let millisecond = Duration::from_millis(1);
    let config = RelayConfig::default().backoff(Backoff::new(millisecond, millisecond));
    let relay = Relay::new(repositories).with_config(config);
    setup.append(0, 2).await;
    relay.run(until_copied(&setup, 6)).await;
    assert_eq!(history.failures.load(Ordering::Relaxed), 0);
    assert_eq!(setup.copied().await, Vec::from_iter(1..=6));
}

#[tokio::test]
async fn woken_relay_does_not_wait_for_its_poll() {
    let setup = Setup::new().await;
    let config = RelayConfig::default().poll_interval(Duration::from_secs(3_600));
    let relay = setup.relay().with_config(config);
    let wakeup = relay.wakeup();
    let appends = async {
        for number in 0..20 {
            setup.append(number, 1).await;
            wakeup.wake();
            until_copied(&setup, 3 * (i64::from(number) + 1)).await;
        }
    };
    relay.run(appends).await;
    assert_eq!(setup.copied().await.len(), 60);
}

/// Waits until the cursor of the account is at `sequence`.
async fn until_copied(setup: &Setup, sequence: i64) {
    let reached = async {
        loop {
            let cursors = setup.repositories.history.cursors(&[setup.id]).await;
            if cursors.expect("read").get(&setup.id) == Some(&sequence) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let limit = Duration::from_secs(60);
    let waited = tokio::time::timeout(limit, reached).await;
    waited.expect("copied in time");
}

#[test]
fn metrics_are_on_their_page() {
    let page = include_str!("../../../docs/metrics.md");
    for family in tickbook_ledger::relay::metrics::FAMILIES {
        let start = format!("| `{}` | {} | ", family.name, family.kind);
        let line = page.lines().find(|line| line.starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("{start} is missing"));
        assert!(line.ends_with(&format!("| {} |", family.help)), "{line}");
    }
}

/// A history that counts writes, and fails as often as set.
#[derive(Debug)]
struct Watched {
    history: Arc<dyn OrderHistoryRepository>,
    failures: AtomicU32,
    writes: AtomicU64,
}

impl Watched {
    fn new(history: Arc<dyn OrderHistoryRepository>) -> Self {
        Self {
            history,
            failures: AtomicU32::new(0),
            writes: AtomicU64::new(0),
        }
    }
}

#[async_trait]
impl OrderHistoryRepository for Watched {
    async fn cursors(
        &self,
        ids: &[AccountId],
    ) -> Result<BTreeMap<AccountId, i64>, RepositoryError> {
        self.history.cursors(ids).await
    }

    async fn write(
        &self,
        events: &[HistoryEvent],
        cursors: &[AccountSequence],
    ) -> Result<HistoryReceipt, RepositoryError> {
        let fails = self
            .failures
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        if fails.is_ok() {
            return Err(RepositoryError::Timeout {
                database: Database::Timeseries,
                operation: "write",
                begun: true,
            });
        }
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.history.write(events, cursors).await
    }

    async fn events(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<RecordedEvent, HistoryKey>, RepositoryError> {
        self.history.events(query).await
    }

    async fn fills(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<FillReport, HistoryKey>, RepositoryError> {
        self.history.fills(query).await
    }

    async fn positions(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<PositionState, HistoryKey>, RepositoryError> {
        self.history.positions(query).await
    }
}
