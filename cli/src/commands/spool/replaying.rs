//! `tickbook spool replay`.

use std::time::Duration;

use serde::Serialize;
use tickbook::ingest::quality::Quarantine;
use tickbook::ingest::{PersisterConfig, PersisterStats, SpoolMode, TickPersister, TickSpool};

use crate::Outcome;
use crate::args::SpoolArguments;
use crate::opening::connect;
use crate::report::{print, print_json};

/// A replay ends early only if the database fails.
const PATIENCE: Duration = Duration::from_secs(365 * 86_400);

/// The result of `replay`.
#[derive(Debug, Serialize)]
struct Replay {
    #[serde(flatten)]
    ticks: Stored,
    /// The ticks that were held back; null if the quarantine has no spool.
    quarantine: Option<Stored>,
}

#[derive(Debug, Default, Serialize)]
struct Stored {
    inserted: u64,
    duplicates: u64,
    conflicts: u64,
    rejected: u64,
    left: u64,
}

impl Stored {
    fn of(stats: PersisterStats, left: u64) -> Self {
        Self {
            inserted: stats.inserted,
            duplicates: stats.duplicates,
            conflicts: stats.conflicts,
            rejected: stats.rejected,
            left,
        }
    }

    fn is_complete(&self) -> bool {
        self.left == 0 && self.conflicts == 0 && self.rejected == 0
    }

    fn text(&self) -> String {
        let Self {
            inserted,
            duplicates,
            conflicts,
            rejected,
            left,
        } = self;
        format!(
            "inserted {inserted}, duplicates {duplicates}, conflicts {conflicts}, \
             rejected {rejected}, left in the spool {left}"
        )
    }
}

pub(crate) async fn replay(arguments: &SpoolArguments) -> anyhow::Result<Outcome> {
    let (config, settings) = super::settings(arguments)?;
    let (repositories, _pools) = connect(&config).await?;
    let directory = settings.directory.clone();
    let mut done = Replay {
        ticks: Stored::default(),
        quarantine: None,
    };
    if TickSpool::exists(&directory) {
        let settings = settings.mode(SpoolMode::WriteAhead);
        let writing = PersisterConfig::from(&config.ticks);
        let persister = TickPersister::open(repositories.ticks, writing, &settings).await?;
        let report = persister.stop(PATIENCE).await;
        done.ticks = Stored::of(report.stats, report.spooled);
    }
    if Quarantine::exists(&directory) {
        let quarantine = Quarantine::open(repositories.quarantine, Some(&directory)).await?;
        let report = quarantine.stop(PATIENCE).await;
        done.quarantine = Some(Stored::of(quarantine.stats(), report.spooled));
    }
    if arguments.json {
        print_json(&done)?;
    } else {
        print(&done.ticks.text())?;
        if let Some(stored) = &done.quarantine {
            print(&format!("quarantine: {}", stored.text()))?;
        }
    }
    let is_complete = done.quarantine.as_ref().is_none_or(Stored::is_complete);
    Ok(if is_complete && done.ticks.is_complete() {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    })
}
