//! Copies booked events from the metadata database to the time-series database.
//!
//! [`LedgerRepository::append`](crate::repository::LedgerRepository::append) adds an entry to the outbox in the
//! transaction that books events. A [`Relay`] reads these entries, copies their events, and removes the entries:
//!
//! 1. It reads entries below the oldest open transaction, by ascending position.
//! 2. It reads their events from the journal, and writes them together with the number of the last copied event of each
//!    account (the cursor) in one transaction of the time-series database.
//! 3. It removes the entries.
//!
//! If a step fails or the process ends, the next round repeats it, and events that were copied already are not copied
//! again. If a cursor is behind the entries, because the time-series database was lost or replaced by an older one, the
//! relay copies the missing events from the journal.

mod config;
mod copying;
pub mod metrics;
mod reconciling;
mod running;
mod surplus;

use std::sync::Arc;

use tickbook::{Clock, RepositoryError};
use tokio::sync::Notify;

pub use config::RelayConfig;
pub use copying::RelayTotals;
pub use reconciling::Reconciliation;
pub use surplus::{AccountComparison, compare_account};

pub use crate::repositories::RelayRepositories;

/// Wakes a relay in the same process, so that it need not wait for its next poll. Clones wake the same relay.
#[derive(Debug, Clone, Default)]
pub struct RelayWakeup(Arc<Notify>);

impl RelayWakeup {
    /// Makes the relay read the outbox now. Call it after [`append`](crate::repository::LedgerRepository::append).
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// Copies booked events to the order history.
///
/// Several relays may run at once, for example one in each server: each event is written once.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook::domain::SymbolId;
/// use tickbook_ledger::domain::{
///     AccountScope, Currency, Environment, NewAccount, OrderEvent, OrderEventKind, OrderId, OrderTerms, Side, TenantId,
///     Venue,
/// };
/// use tickbook_ledger::memory::InMemoryLedger;
/// use tickbook_ledger::relay::{Relay, RelayRepositories};
/// use tickbook_ledger::repository::{AccountRepository, LedgerRepository};
///
/// let ledger = InMemoryLedger::new();
/// let scope = AccountScope::all();
/// let (venue, usd) = (Venue::new("kraken")?, Currency::new("USD")?);
/// let terms = NewAccount::new(TenantId::new(1), "main", venue, Environment::Live, usd);
/// let id = ledger.create(&scope, terms).await?.account_id;
/// let terms = OrderTerms::market(SymbolId::new(7), Side::Buy, None);
/// let created = OrderEvent::new(OrderId::new("a-1")?, OrderEventKind::Created(Box::new(terms)));
/// ledger.append(&scope, id, &[created], None).await?;
///
/// let relay = Relay::new(RelayRepositories::in_memory(&ledger));
/// assert_eq!(relay.drain().await?.inserted, 1);
/// // nothing waits
/// assert_eq!(relay.drain().await?.entries, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Relay {
    repositories: RelayRepositories,
    config: RelayConfig,
    wakeup: RelayWakeup,
    clock: Clock,
}

impl Relay {
    /// A relay with the default settings and the system clock.
    #[must_use]
    pub fn new(repositories: RelayRepositories) -> Self {
        Self {
            repositories,
            config: RelayConfig::default(),
            wakeup: RelayWakeup::default(),
            clock: Clock::system(),
        }
    }

    /// Sets the settings.
    #[must_use]
    pub fn with_config(mut self, config: RelayConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets the clock by which delays are measured.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns a handle that wakes this relay.
    #[must_use]
    pub fn wakeup(&self) -> RelayWakeup {
        self.wakeup.clone()
    }

    /// Copies entries until none can be read. Entries that an open transaction holds back stay.
    ///
    /// # Errors
    /// The first error of a repository. What was copied before stays copied, and the call may be repeated.
    pub async fn drain(&self) -> Result<RelayTotals, RepositoryError> {
        let mut totals = RelayTotals::default();
        loop {
            let round = self.round().await?;
            totals = totals.plus(round);
            if round.entries == 0 {
                return Ok(totals);
            }
        }
    }
}
