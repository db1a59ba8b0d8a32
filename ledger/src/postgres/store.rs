//! The store in PostgreSQL.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tickbook::Clock;
use tickbook::db::{MetadataConnections, MetadataDb};

use super::cache::Cache;

/// Accounts, orders, fills and positions in the metadata database. Clones share what they know of recent accounts.
///
/// # Examples
/// ```no_run
/// use tickbook::db::DatabasePools;
/// use tickbook_ledger::postgres::PgLedger;
///
/// fn ledger(pools: &DatabasePools) -> PgLedger {
///     PgLedger::new(pools.metadata())
/// }
/// ```
#[derive(Clone)]
pub struct PgLedger {
    connections: Arc<dyn MetadataConnections>,
    clock: Clock,
    pub(super) cache: Arc<Cache>,
}

impl PgLedger {
    /// A store with the system clock.
    #[must_use]
    pub fn new(connections: impl MetadataConnections) -> Self {
        Self::with_clock(connections, Clock::system())
    }

    /// A store with another clock.
    #[must_use]
    pub fn with_clock(connections: impl MetadataConnections, clock: Clock) -> Self {
        Self {
            connections: Arc::new(connections),
            clock,
            cache: Arc::default(),
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        tickbook::domain::truncate_to_micros(self.clock.now())
    }

    pub(super) fn metadata(&self) -> MetadataDb {
        self.connections.metadata()
    }
}

impl fmt::Debug for PgLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgLedger").finish_non_exhaustive()
    }
}
