//! The library.

use std::sync::Arc;

use anyhow::{Result, ensure};
use async_trait::async_trait;
use tickbook::db::DatabasePools;
use tickbook::domain::Tick;
use tickbook::postgres::PgTickRepository;
use tickbook::repository::TickRepository as _;

use super::Contender;

pub(crate) struct Library(PgTickRepository);

impl Library {
    pub(crate) const NAME: &str = "insert_batch";

    pub(crate) fn new(pools: DatabasePools) -> Self {
        Self(PgTickRepository::new(pools))
    }
}

#[async_trait]
impl Contender for Library {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn sorts(&self) -> bool {
        true
    }

    async fn write_all(&mut self, batches: &Arc<Vec<Vec<Tick>>>) -> Result<()> {
        for batch in batches.iter() {
            let receipt = self.0.insert_batch(batch).await?;
            let of_known_ticks = receipt.inserted + receipt.duplicates;
            ensure!(of_known_ticks == batch.len() as u64, "{receipt:?}");
        }
        Ok(())
    }
}
