//! A symbol that is created with its first stored tick.

use chrono::{DateTime, Utc};
use tickbook::db::DatabasePools;
use tickbook::domain::{SymbolId, Tick};
use tickbook::postgres::policy_status;
use tickbook::repository::{InsertReceipt, RejectedTick, SymbolRepository};
use tickbook::retention::RetentionFloor;
use tickbook::{Clock, RepositoryError};

use crate::importing::Owner;

/// The symbol of the ticks of a file, and the retention floor of the database.
#[derive(Debug)]
pub(crate) struct NewOwner {
    owner: Owner,
    floor: RetentionFloor,
    now: DateTime<Utc>,
}

impl NewOwner {
    /// Queries the retention floor, which is needed only for a new symbol.
    pub(crate) async fn of(
        owner: Owner,
        pools: &DatabasePools,
        clock: &Clock,
    ) -> Result<Self, RepositoryError> {
        let (applied, now) = match owner {
            Owner::Known(_) => (None, clock.now()),
            Owner::New(_) => {
                let status = policy_status(&pools.timeseries()).await?;
                (status.applied, status.now)
            }
        };
        Ok(Self {
            owner,
            floor: applied.map(|applied| applied.floor).unwrap_or_default(),
            now,
        })
    }

    /// The id of ticks when they are read.
    pub(crate) fn id(&self) -> SymbolId {
        self.owner.id()
    }

    /// Returns the receipt of `ticks` if the symbol is new and none of them can be stored.
    pub(crate) fn refused(&self, ticks: &[Tick]) -> Option<InsertReceipt> {
        if matches!(self.owner, Owner::Known(_)) {
            return None;
        }
        let rejected = ticks.iter().map(|tick| {
            let reason = match tick.normalized() {
                Err(invalid) => invalid.to_string(),
                Ok(tick) => self.floor.refusal(tick.tick_time, self.now)?,
            };
            Some(RejectedTick::new(tick.clone(), reason))
        });
        Some(InsertReceipt::default().rejected(rejected.collect::<Option<_>>()?))
    }

    /// The id of ticks when they are stored; creates a new symbol.
    pub(crate) async fn find_or_create(
        &mut self,
        symbols: &dyn SymbolRepository,
    ) -> Result<SymbolId, RepositoryError> {
        self.owner.find_or_create(symbols).await
    }
}
