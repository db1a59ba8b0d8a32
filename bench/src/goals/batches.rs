//! Batches of one size, written by all contenders.

use anyhow::Result;

use crate::contenders::{
    CopyInWriter, DieselAsyncValues, DieselValues, Library, Limit, OnThread, SqlxUnnest, SqlxValues,
};
use crate::measure::Sample;
use crate::report::Report;
use crate::report::Target::{AtLeast, AtMost};
use crate::rounds::{Entry, Samples, run};
use crate::server::Place;

use super::Bench;

impl Bench {
    pub(crate) async fn batches_of_1000(&self, report: &mut Report) -> Result<()> {
        let samples = self.everybody(100, 1_000, 0.3).await?;
        samples.print("batches of 1,000");
        let speed = |other| samples.speed(Library::NAME, other);
        report.add(
            "insert_batch of 1,000 / the limit",
            AtLeast(0.90),
            speed(Limit::NAME),
        );
        report.add(
            "insert_batch of 1,000 / sqlx UNNEST",
            AtLeast(1.8),
            speed(SqlxUnnest::NAME),
        );
        report.add(
            "insert_batch of 1,000 / diesel VALUES",
            AtLeast(4.5),
            speed(DieselValues::NAME),
        );
        report.add(
            "client CPU per tick / BinaryCopyInWriter",
            AtMost(0.7),
            samples.ratios(Library::NAME, CopyInWriter::NAME, Sample::cpu_micros),
        );
        report.add(
            "WAL bytes per tick / the limit",
            AtMost(1.02),
            samples.ratios(Library::NAME, Limit::NAME, Sample::wal_bytes),
        );
        Ok(())
    }

    pub(crate) async fn batches_of_100(&self, report: &mut Report) -> Result<()> {
        let samples = self.everybody(400, 100, 0.5).await?;
        samples.print("batches of 100");
        report.add(
            "insert_batch of 100 / the limit",
            AtLeast(0.90),
            samples.speed(Library::NAME, Limit::NAME),
        );
        Ok(())
    }

    pub(crate) async fn small_batches(&self, size: usize, report: &mut Report) -> Result<()> {
        let samples = self.everybody(800, size, 1.0).await?;
        samples.print(&format!("batches of {size}"));
        report.add(
            format!("insert_batch of {size} / diesel VALUES"),
            AtLeast(1.1),
            samples.speed(Library::NAME, DieselValues::NAME),
        );
        Ok(())
    }

    /// `slow` is the share of the batches for contenders that are several times slower.
    async fn everybody(&self, count: usize, size: usize, slow: f64) -> Result<Samples> {
        let mut entries = Vec::new();
        let place = Place::of_peer().await?;
        let limit = Limit::new(place.connection());
        entries.push(Entry::new(place, Box::new(OnThread::new(limit))));
        let place = Place::migrated().await?;
        let library = Library::new(place.pools());
        entries.push(Entry::new(place, Box::new(library)));
        let place = Place::of_peer().await?;
        let copy_in_writer = CopyInWriter::connect(place.url()).await?;
        entries.push(Entry::new(place, Box::new(copy_in_writer)));
        let place = Place::of_peer().await?;
        let unnest = SqlxUnnest::connect(place.url()).await?;
        entries.push(Entry::new(place, Box::new(unnest)));
        let place = Place::of_peer().await?;
        let values = SqlxValues::connect(place.url()).await?;
        entries.push(Entry::new(place, Box::new(values)).with_share(slow));
        let place = Place::of_peer().await?;
        let values = OnThread::new(DieselValues::new(place.connection()));
        entries.push(Entry::new(place, Box::new(values)).with_share(slow));
        let place = Place::of_peer().await?;
        let values = DieselAsyncValues::connect(place.url()).await?;
        entries.push(Entry::new(place, Box::new(values)).with_share(slow));
        run(entries, self.rounds, count, size).await
    }
}
