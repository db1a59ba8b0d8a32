//! diesel with a parameter for each value.

use anyhow::Result;
use async_trait::async_trait;
use diesel::{PgConnection, RunQueryDsl as _};
use tickbook::domain::Tick;

use super::Contender;
use super::diesel_rows::{NewTick, ticks};

pub(crate) struct DieselValues(PgConnection);

impl DieselValues {
    pub(crate) const NAME: &str = "diesel VALUES";

    pub(crate) fn new(connection: PgConnection) -> Self {
        Self(connection)
    }
}

#[async_trait]
impl Contender for DieselValues {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    async fn write_all(&mut self, batches: &[Vec<Tick>]) -> Result<()> {
        for batch in batches {
            let rows: Vec<_> = batch.iter().map(NewTick::from).collect();
            diesel::insert_into(ticks::table)
                .values(&rows)
                .on_conflict_do_nothing()
                .execute(&mut self.0)?;
        }
        Ok(())
    }
}
