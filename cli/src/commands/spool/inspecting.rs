//! `tickbook spool inspect`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tickbook::Clock;
use tickbook::domain::{Tick, Trade};
use tickbook::ingest::quality::Quarantine;
use tickbook::ingest::{BookSpool, Record, SPOOL_FORMAT, Spool, SpoolConfig, SpoolError};

use crate::Outcome;
use crate::args::SpoolArguments;
use crate::held_event::{Fields, HeldEvent};
use crate::report::{print, print_json};
use crate::times::time_text;

/// The spools of ticks, of trades, of their quarantines and of order books in their subdirectories; at least one exists.
#[derive(Debug, Serialize)]
struct Inspection {
    #[serde(flatten)]
    ticks: Option<Held>,
    quarantine: Option<Held>,
    trades: Option<Held>,
    trade_quarantine: Option<Held>,
    books: Option<Held>,
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
    /// `ticks`, `trades` or `rows`.
    #[serde(flatten)]
    records: Fields<Option<u64>>,
    bytes: Option<u64>,
    oldest: Option<String>,
    oldest_age_seconds: Option<i64>,
    dead_letters: Option<u64>,
    damaged_batches: Option<u64>,
}

pub(crate) async fn inspect(arguments: &SpoolArguments, clock: &Clock) -> anyhow::Result<Outcome> {
    let settings = super::settings(arguments)?.1;
    let now = clock.now();
    let (ticks, quarantine) = look::<Tick>(&settings, now).await?;
    let (trades, trade_quarantine) = look::<Trade>(&settings.of_trades(), now).await?;
    let books = look_at_books(&settings.of_books(), now).await?;
    let inspection = Inspection {
        ticks,
        quarantine,
        trades,
        trade_quarantine,
        books,
    };
    if arguments.json {
        print_json(&inspection)?;
    } else {
        for (what, held) in [
            ("spool", &inspection.ticks),
            ("spool of the quarantine", &inspection.quarantine),
            ("spool of trades", &inspection.trades),
            (
                "spool of the quarantine of trades",
                &inspection.trade_quarantine,
            ),
            ("spool of order books", &inspection.books),
        ] {
            if let Some(held) = held {
                print(&held.describe(what))?;
            }
        }
    }
    Ok(Outcome::Complete)
}

/// The contents of the spool of events and of the spool of their quarantine, as far as they exist.
async fn look<E: HeldEvent>(
    settings: &SpoolConfig,
    now: DateTime<Utc>,
) -> anyhow::Result<(Option<Held>, Option<Held>)> {
    let directory = &settings.directory;
    let (mut events, mut quarantine) = (None, None);
    if Spool::<E>::exists(directory) {
        let opened = Spool::<E>::open(directory, settings.max_bytes).await;
        events = Some(Held::of(opened, E::NAMES, directory.clone(), now).await?);
    }
    if Quarantine::<E>::exists(directory) {
        let opened = Quarantine::<E>::open_spool(directory).await;
        let folder = Quarantine::<E>::spool_directory(directory);
        quarantine = Some(Held::of(opened, E::NAMES, folder, now).await?);
    }
    Ok((events, quarantine))
}

/// The content of the spool of order books, if it exists.
async fn look_at_books(settings: &SpoolConfig, now: DateTime<Utc>) -> anyhow::Result<Option<Held>> {
    let directory = &settings.directory;
    if !BookSpool::exists(directory) {
        return Ok(None);
    }
    let opened = BookSpool::open(directory, settings.max_bytes).await;
    let held = Held::of(opened, "rows", directory.clone(), now).await?;
    Ok(Some(held))
}

impl Held {
    /// `records` names the records.
    async fn of<R: Record>(
        opened: Result<Spool<R>, SpoolError>,
        records: &'static str,
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
            records: Fields(vec![(records, content.map(|content| content.records))]),
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
        if let (Some(format), Some(bytes)) = (self.format, self.bytes) {
            add("format", format.to_string());
            add("owner", "none".to_owned());
            for (name, count) in &self.records.0 {
                add(name, format!("{} in {bytes} bytes", count.unwrap_or(0)));
            }
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
