//! diesel-async with a parameter for each value.

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _};
use tickbook::domain::Tick;

use super::Contender;
use super::diesel_rows::{NewTick, ticks};

pub(crate) struct DieselAsyncValues(AsyncPgConnection);

impl DieselAsyncValues {
    pub(crate) const NAME: &str = "diesel-async VALUES";

    pub(crate) async fn connect(url: &str) -> Result<Self> {
        Ok(Self(AsyncPgConnection::establish(url).await?))
    }
}

#[async_trait]
impl Contender for DieselAsyncValues {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    async fn write_all(&mut self, batches: &Arc<Vec<Vec<Tick>>>) -> Result<()> {
        for batch in batches.iter() {
            let rows: Vec<_> = batch.iter().map(NewTick::from).collect();
            diesel::insert_into(ticks::table)
                .values(&rows)
                .on_conflict_do_nothing()
                .execute(&mut self.0)
                .await?;
        }
        Ok(())
    }
}
