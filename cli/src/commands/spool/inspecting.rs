//! `tickbook spool inspect`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tickbook::Clock;
use tickbook::ingest::quality::Quarantine;
use tickbook::ingest::{Record, SPOOL_FORMAT, Spool, SpoolError, TickSpool};

use crate::Outcome;
use crate::args::SpoolArguments;
use crate::report::{print, print_json};
use crate::times::time_text;

/// The spool of ticks, and the spool of the quarantine in its subdirectory; at least one exists.
#[derive(Debug, Serialize)]
struct Inspection {
    #[serde(flatten)]
    ticks: Option<Held>,
    quarantine: Option<Held>,
}

/// The content of a spool.
#[derive(Debug, Serialize)]
struct Held {
    directory: PathBuf,
    /// The process that uses it; its metrics then have the counts.
    owner: Option<u32>,
    locked: bool,
    format: Option<u32>,
    file_bytes: u64,
    ticks: Option<u64>,
    bytes: Option<u64>,
    oldest: Option<String>,
    oldest_age_seconds: Option<i64>,
    dead_letters: Option<u64>,
    damaged_batches: Option<u64>,
}

pub(crate) async fn inspect(arguments: &SpoolArguments, clock: &Clock) -> anyhow::Result<Outcome> {
    let settings = super::settings(arguments)?.1;
    let (directory, now) = (settings.directory, clock.now());
    let mut inspection = Inspection {
        ticks: None,
        quarantine: None,
    };
    if TickSpool::exists(&directory) {
        let opened = TickSpool::open(&directory, settings.max_bytes).await;
        inspection.ticks = Some(Held::of(opened, directory.clone(), now).await?);
    }
    if Quarantine::exists(&directory) {
        let opened = Quarantine::open_spool(&directory).await;
        let folder = Quarantine::spool_directory(&directory);
        inspection.quarantine = Some(Held::of(opened, folder, now).await?);
    }
    if arguments.json {
        print_json(&inspection)?;
    } else {
        for (what, held) in [
            ("spool", &inspection.ticks),
            ("spool of the quarantine", &inspection.quarantine),
        ] {
            if let Some(held) = held {
                print(&held.describe(what))?;
            }
        }
    }
    Ok(Outcome::Complete)
}

impl Held {
    async fn of<R: Record>(
        opened: Result<Spool<R>, SpoolError>,
        directory: PathBuf,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Self> {
        let (mut content, mut owner, mut locked) = (None, None, false);
        match opened {
            Ok(spool) => {
                content = Some(spool.content());
                spool.close().await;
            }
            Err(SpoolError::Locked { pid, .. }) => (owner, locked) = (pid, true),
            Err(other) => return Err(other.into()),
        }
        let oldest = content.and_then(|content| content.oldest);
        Ok(Self {
            owner,
            locked,
            // a spool of any other format would have been refused
            format: content.map(|_| SPOOL_FORMAT),
            file_bytes: Spool::<R>::file_bytes(&directory),
            directory,
            ticks: content.map(|content| content.records),
            bytes: content.map(|content| content.bytes),
            oldest: oldest.map(time_text),
            oldest_age_seconds: oldest.map(|oldest| (now - oldest).num_seconds()),
            dead_letters: content.map(|content| content.dead_letters),
            damaged_batches: content.map(|content| content.damaged_batches),
        })
    }

    fn describe(&self, what: &str) -> String {
        let directory = self.directory.display();
        let mut lines = vec![format!("{what} {directory}, {} bytes", self.file_bytes)];
        let mut add = |label: &str, text: String| lines.push(format!("  {label:<16}{text}"));
        if self.locked {
            let owner = self.owner;
            let owner = owner.map_or("another process".to_owned(), |pid| format!("process {pid}"));
            add(
                "owner",
                format!("{owner}: its /metrics and /health/ready show the content"),
            );
        }
        if let (Some(format), Some(ticks), Some(bytes)) = (self.format, self.ticks, self.bytes) {
            add("format", format.to_string());
            add("owner", "none".to_owned());
            add("ticks", format!("{ticks} in {bytes} bytes"));
        }
        if let (Some(oldest), Some(age)) = (&self.oldest, self.oldest_age_seconds) {
            add("oldest", format!("{oldest}, {age} s ago"));
        }
        for (label, count) in [
            ("dead letters", self.dead_letters),
            ("damaged_batches", self.damaged_batches),
        ] {
            if let Some(count) = count {
                add(label, count.to_string());
            }
        }
        lines.join("\n")
    }
}
