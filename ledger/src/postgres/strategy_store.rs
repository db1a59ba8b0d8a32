//! The store of strategies and backtests in PostgreSQL.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tickbook::Clock;
use tickbook::db::{MetadataConnections, MetadataDb};

use super::statement::{Parameter, Selection};
use crate::domain::AccountScope;

/// Strategies and backtests in the metadata database. Clones share the connections.
///
/// # Examples
/// ```no_run
/// use tickbook::db::DatabasePools;
/// use tickbook_ledger::postgres::PgStrategies;
///
/// fn strategies(pools: &DatabasePools) -> PgStrategies {
///     PgStrategies::new(pools.metadata())
/// }
/// ```
#[derive(Clone)]
pub struct PgStrategies {
    connections: Arc<dyn MetadataConnections>,
    clock: Clock,
}

impl PgStrategies {
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
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        tickbook::domain::truncate_to_micros(self.clock.now())
    }

    pub(super) fn metadata(&self) -> MetadataDb {
        self.connections.metadata()
    }
}

impl fmt::Debug for PgStrategies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgStrategies").finish_non_exhaustive()
    }
}

/// Adds the conditions that accounts `a` are in the scope.
pub(super) fn push_scope<R>(select: &mut Selection<R>, scope: &AccountScope) {
    if let Some(tenant_id) = scope.tenant_id() {
        let tenant_id = Parameter::BigInt(tenant_id.get());
        select.push(" AND a.tenant_id = ?", [tenant_id]);
    }
    if let Some(ids) = scope.account_ids() {
        let ids = ids.iter().map(|id| Some(id.get())).collect();
        select.push(" AND a.account_id = ANY(?)", [Parameter::BigInts(ids)]);
    }
}
