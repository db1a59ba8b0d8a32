//! The library's persister, which is given single ticks.

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use tickbook::db::DatabasePools;
use tickbook::domain::Tick;
use tickbook::ingest::{PersisterConfig, TickPersister};
use tickbook::postgres::PgTickRepository;

use super::Contender;

pub(crate) struct Persister(TickPersister);

impl Persister {
    pub(crate) const NAME: &str = "persister in memory";

    pub(crate) fn start(pools: DatabasePools) -> Self {
        let repository = Arc::new(PgTickRepository::new(pools));
        Self(TickPersister::start(repository, PersisterConfig::default()))
    }
}

#[async_trait]
impl Contender for Persister {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn sorts(&self) -> bool {
        true
    }

    async fn write_all(&mut self, batches: &Arc<Vec<Vec<Tick>>>) -> Result<()> {
        for tick in batches.iter().flatten() {
            self.0.push(tick.clone()).await?;
        }
        self.0.flush().await?;
        Ok(())
    }
}
