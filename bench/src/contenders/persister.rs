//! The persister of the library, which receives single ticks.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use tickbook::db::DatabasePools;
use tickbook::domain::Tick;
use tickbook::ingest::{PersisterConfig, SpoolConfig, TickPersister};
use tickbook::postgres::PgTickRepository;

use super::Contender;

pub(crate) struct Persister {
    name: &'static str,
    persister: TickPersister,
}

impl Persister {
    pub(crate) const IN_MEMORY: &str = "persister in memory";
    pub(crate) const WRITE_AHEAD: &str = "persister, write-ahead spool";

    /// A persister that holds waiting ticks only in memory.
    pub(crate) fn in_memory(pools: DatabasePools) -> Self {
        let repository = Arc::new(PgTickRepository::new(pools));
        Self {
            name: Self::IN_MEMORY,
            persister: TickPersister::start(repository, config()),
        }
    }

    /// A persister that writes all ticks to the disk, in `directory`, before they are sent to the database.
    pub(crate) async fn write_ahead(pools: DatabasePools, directory: &Path) -> Result<Self> {
        let repository = Arc::new(PgTickRepository::new(pools));
        let spool = SpoolConfig::new(directory.to_owned());
        Ok(Self {
            name: Self::WRITE_AHEAD,
            persister: TickPersister::open(repository, config(), &spool).await?,
        })
    }
}

/// Limits batches to the size of the other contenders, although the persister would use larger ones for a
/// backlog.
fn config() -> PersisterConfig {
    let config = PersisterConfig::default();
    let batch_size = config.batch_size;
    config.drain_batch_size(batch_size)
}

#[async_trait]
impl Contender for Persister {
    fn name(&self) -> &'static str {
        self.name
    }

    fn sorts(&self) -> bool {
        true
    }

    async fn write_all(&mut self, batches: &Arc<Vec<Vec<Tick>>>) -> Result<()> {
        for tick in batches.iter().flatten() {
            self.persister.push(tick.clone()).await?;
        }
        self.persister.flush().await?;
        Ok(())
    }
}
