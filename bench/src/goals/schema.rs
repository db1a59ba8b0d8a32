//! The cost of the columns and indexes of the table.

use anyhow::Result;

use crate::contenders::{Limit, OnThread, SerialNamed};
use crate::report::Report;
use crate::report::Target::AtLeast;
use crate::rounds::{Entry, run};
use crate::server::Place;

use super::Bench;

/// A schema with a serial id, the symbol's name in each row and in the key, and the index on time that
/// hypertables have by default.
const SERIAL_NAMED: &str = "
    CREATE TABLE ticks (
        id BIGSERIAL,
        symbol_id BIGINT NOT NULL,
        symbol_name VARCHAR(50) NOT NULL,
        tick_time TIMESTAMPTZ NOT NULL,
        bid_price NUMERIC(20, 8) NOT NULL,
        ask_price NUMERIC(20, 8) NOT NULL,
        bid_volume NUMERIC(20, 8) NOT NULL,
        ask_volume NUMERIC(20, 8) NOT NULL,
        created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
        PRIMARY KEY (symbol_id, symbol_name, tick_time)
    );
    SELECT create_hypertable('ticks', by_range('tick_time', INTERVAL '1 day'));";

impl Bench {
    pub(crate) async fn schema(&self, report: &mut Report) -> Result<()> {
        for (count, size) in [(100, 1_000), (20, 10_000)] {
            let ratios = self.beside_serial_named(count, size).await?;
            report.add(
                format!("this schema / serial id, symbol name and time index, batches of {size}"),
                AtLeast(1.5),
                ratios,
            );
        }
        Ok(())
    }

    async fn beside_serial_named(&self, count: usize, size: usize) -> Result<Vec<f64>> {
        let place = Place::of_peer().await?;
        let limit = Limit::new(place.connection());
        let ours = Entry::new(place, Box::new(OnThread::new(limit)));
        let mut place = Place::empty();
        place.execute(SERIAL_NAMED)?;
        let serial_named = SerialNamed::new(place.connection());
        let other = Entry::new(place, Box::new(OnThread::new(serial_named)));
        let samples = run(vec![ours, other], self.rounds, count, size).await?;
        samples.print(&format!("schemas, batches of {size}"));
        Ok(samples.speed(Limit::NAME, SerialNamed::NAME))
    }
}
