//! diesel with a parameter for each value.

use anyhow::Result;
use diesel::{PgConnection, RunQueryDsl as _};
use tickbook::domain::Tick;

use super::BlockingContender;
use super::diesel_rows::{NewTick, ticks};

pub(crate) struct DieselValues(PgConnection);

impl DieselValues {
    pub(crate) const NAME: &str = "diesel VALUES";

    pub(crate) fn new(connection: PgConnection) -> Self {
        Self(connection)
    }
}

impl BlockingContender for DieselValues {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn write(&mut self, _number: usize, batch: &[Tick]) -> Result<()> {
        let rows: Vec<_> = batch.iter().map(NewTick::from).collect();
        diesel::insert_into(ticks::table)
            .values(&rows)
            .on_conflict_do_nothing()
            .execute(&mut self.0)?;
        Ok(())
    }
}
