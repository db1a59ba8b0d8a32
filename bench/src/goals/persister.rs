//! Single ticks, end to end.

use anyhow::Result;

use crate::contenders::{Library, Persister};
use crate::report::Report;
use crate::report::Target::AtLeast;
use crate::rounds::{Entry, run};
use crate::server::Place;

use super::Bench;

impl Bench {
    pub(crate) async fn persister(&self, report: &mut Report) -> Result<()> {
        let place = Place::migrated().await?;
        let library = Library::new(place.pools());
        let library = Entry::new(place, Box::new(library));
        let place = Place::migrated().await?;
        let persister = Persister::start(place.pools());
        let persister = Entry::new(place, Box::new(persister));
        let samples = run(vec![library, persister], self.rounds, 100, 1_000).await?;
        samples.print("persister, batches of 1,000");
        report.add(
            "persister in memory / insert_batch of 1,000",
            AtLeast(0.85),
            samples.speed(Persister::NAME, Library::NAME),
        );
        Ok(())
    }
}
