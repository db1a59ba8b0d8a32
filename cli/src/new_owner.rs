//! A symbol that is created with its first stored tick or trade.

use chrono::{DateTime, Utc};
use tickbook::db::DatabasePools;
use tickbook::domain::{MarketEvent, SymbolId};
use tickbook::ingest::{RejectedRecord, StoreReceipt};
use tickbook::postgres::{AppliedPolicies, policy_status};
use tickbook::repository::SymbolRepository;
use tickbook::retention::RetentionFloor;
use tickbook::{Clock, RepositoryError};

use crate::importing::Owner;

/// The symbol of the rows of a file, and the retention floor of their table.
#[derive(Debug)]
pub(crate) struct NewOwner {
    owner: Owner,
    floor: RetentionFloor,
    now: DateTime<Utc>,
}

impl NewOwner {
    /// Queries the retention floor of the rows, which is needed only for a new symbol.
    pub(crate) async fn of(
        owner: Owner,
        floor: impl FnOnce(&AppliedPolicies) -> RetentionFloor,
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
            floor: applied.as_ref().map(floor).unwrap_or_default(),
            now,
        })
    }

    /// The id of rows when they are read.
    pub(crate) fn id(&self) -> SymbolId {
        self.owner.id()
    }

    /// Returns the receipt of `events` if the symbol is new and none of them can be stored.
    pub(crate) fn refused<E: MarketEvent>(&self, events: &[E]) -> Option<StoreReceipt<E>> {
        if matches!(self.owner, Owner::Known(_)) {
            return None;
        }
        let rejected = events.iter().map(|event| {
            let reason = match event.normalized() {
                Err(invalid) => invalid.to_string(),
                Ok(event) => self.floor.refusal(event.time(), self.now)?,
            };
            Some(RejectedRecord::new(event.clone(), reason))
        });
        let mut receipt = StoreReceipt::inserted(0);
        receipt.rejected = rejected.collect::<Option<_>>()?;
        Some(receipt)
    }

    /// The id of rows when they are stored; creates a new symbol.
    pub(crate) async fn find_or_create(
        &mut self,
        symbols: &dyn SymbolRepository,
    ) -> Result<SymbolId, RepositoryError> {
        self.owner.find_or_create(symbols).await
    }
}
