//! Single ticks, measured end to end.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::contenders::{AppendAndSync, Library, OnThread, Persister};
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
        let persister = Persister::in_memory(place.pools());
        let in_memory = Entry::new(place, Box::new(persister));
        let directory = tempfile::tempdir_in(spool_parent()?)?;
        let place = Place::migrated().await?;
        let spool = directory.path().join("spool");
        let persister = Persister::write_ahead(place.pools(), &spool).await?;
        let write_ahead = Entry::new(place, Box::new(persister));
        let place = Place::migrated().await?;
        let disk = OnThread::new(AppendAndSync::create(directory.path())?);
        let disk = Entry::new(place, Box::new(disk));
        let entries = vec![library, in_memory, write_ahead, disk];
        let samples = run(entries, self.rounds, 100, 1_000).await?;
        samples.print("persister, batches of 1,000");
        report.add(
            "persister in memory / insert_batch of 1,000",
            AtLeast(0.85),
            samples.speed(Persister::IN_MEMORY, Library::NAME),
        );
        report.add(
            "persister, write-ahead spool / insert_batch of 1,000",
            AtLeast(0.6),
            samples.speed(Persister::WRITE_AHEAD, Library::NAME),
        );
        Ok(())
    }
}

/// A directory next to the program: the directory for temporary files may be in memory, where fsync costs
/// nothing.
pub(super) fn spool_parent() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.parent().context("the program is in a folder")?;
    Ok(folder.to_owned())
}
