//! `tickbook spool`

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use serde::Serialize;
use tickbook::Clock;
use tickbook::config::Config;
use tickbook::domain::Tick;
use tickbook::ingest::{
    DeadLetter, DeadLetterReason, NumberedDeadLetter, PersisterConfig, SPOOL_FORMAT, SpoolConfig,
    SpoolContent, SpoolError, SpoolMode, TickPersister, TickSpool,
};

use crate::Outcome;
use crate::args::{DeadLetterArguments, SpoolArguments};
use crate::opening::{connect, settings as read_settings};
use crate::report::{print, print_json};
use crate::times::time_text;

/// A replay ends when the database fails, and not before.
const PATIENCE: Duration = Duration::from_secs(365 * 86_400);

/// What `inspect` tells.
#[derive(Debug, Serialize)]
struct Inspection {
    directory: PathBuf,
    /// The process that works with it; the numbers are in its metrics.
    owner: Option<u32>,
    locked: bool,
    format: Option<u32>,
    file_bytes: u64,
    ticks: Option<u64>,
    bytes: Option<u64>,
    oldest: Option<String>,
    oldest_age_seconds: Option<i64>,
    dead_letters: Option<u64>,
    quarantined: Option<u64>,
}

pub(crate) async fn inspect(arguments: &SpoolArguments, clock: &Clock) -> anyhow::Result<Outcome> {
    let settings = settings(arguments)?.1;
    let directory = settings.directory;
    let (mut content, mut owner, mut locked) = (None, None, false);
    match TickSpool::open(&directory, settings.max_bytes).await {
        Ok(spool) => {
            content = Some(spool.content());
            spool.close().await;
        }
        Err(SpoolError::Locked { pid, .. }) => (owner, locked) = (pid, true),
        Err(other) => return Err(other.into()),
    }
    let oldest = content.and_then(|content| content.oldest);
    let inspection = Inspection {
        owner,
        locked,
        // another one would have been refused
        format: content.map(|_| SPOOL_FORMAT),
        file_bytes: TickSpool::file_bytes(&directory),
        directory,
        ticks: content.map(|content| content.records),
        bytes: content.map(|content| content.bytes),
        oldest: oldest.map(time_text),
        oldest_age_seconds: oldest.map(|oldest| (clock.now() - oldest).num_seconds()),
        dead_letters: content.map(|content| content.dead_letters),
        quarantined: content.map(|content| content.quarantined),
    };
    if arguments.json {
        print_json(&inspection)?;
    } else {
        print(&describe(&inspection, content))?;
    }
    Ok(Outcome::Complete)
}

fn describe(inspection: &Inspection, content: Option<SpoolContent>) -> String {
    let directory = inspection.directory.display();
    let mut lines = vec![format!(
        "spool {directory}, {} bytes",
        inspection.file_bytes
    )];
    let mut add = |label: &str, text: String| lines.push(format!("  {label:<16}{text}"));
    if inspection.locked {
        let owner = inspection.owner;
        let owner = owner.map_or("another process".to_owned(), |pid| format!("process {pid}"));
        add(
            "owner",
            format!("{owner}: its /metrics and /health/ready say what it holds"),
        );
    }
    if let Some(content) = content {
        add("format", SPOOL_FORMAT.to_string());
        add("owner", "none".to_owned());
        add(
            "ticks",
            format!("{} in {} bytes", content.records, content.bytes),
        );
        if let (Some(oldest), Some(age)) = (&inspection.oldest, inspection.oldest_age_seconds) {
            add("oldest", format!("{oldest}, {age} s ago"));
        }
        add("dead letters", content.dead_letters.to_string());
        add("quarantined", content.quarantined.to_string());
    }
    lines.join("\n")
}

/// What `replay` did.
#[derive(Debug, Serialize)]
struct Replay {
    inserted: u64,
    duplicates: u64,
    conflicts: u64,
    rejected: u64,
    left: u64,
}

pub(crate) async fn replay(arguments: &SpoolArguments) -> anyhow::Result<Outcome> {
    let (config, settings) = settings(arguments)?;
    let (repositories, _pools) = connect(&config).await?;
    let settings = settings.mode(SpoolMode::WriteAhead);
    let writing = PersisterConfig::from(&config.ticks);
    let persister = TickPersister::open(repositories.ticks, writing, &settings).await?;
    let report = persister.stop(PATIENCE).await;
    let stats = report.stats;
    let done = Replay {
        inserted: stats.inserted,
        duplicates: stats.duplicates,
        conflicts: stats.conflicts,
        rejected: stats.rejected,
        left: report.spooled,
    };
    if arguments.json {
        print_json(&done)?;
    } else {
        let Replay {
            inserted,
            duplicates,
            conflicts,
            rejected,
            left,
        } = &done;
        print(&format!(
            "inserted {inserted}, duplicates {duplicates}, conflicts {conflicts}, \
             rejected {rejected}, left in the spool {left}"
        ))?;
    }
    let complete = done.left == 0 && done.conflicts == 0 && done.rejected == 0;
    Ok(if complete {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    })
}

/// One line of `dead-letter`.
#[derive(Debug, Serialize)]
struct Letter {
    number: u64,
    at: String,
    /// `rejected` or `conflict`.
    kind: &'static str,
    reason: String,
    tick: String,
    /// `kept`, `stored` or `discarded`.
    became: &'static str,
}

pub(crate) async fn dead_letter(arguments: &DeadLetterArguments) -> anyhow::Result<Outcome> {
    let (config, settings) = settings(&arguments.spool)?;
    let spool = TickSpool::open(&settings.directory, settings.max_bytes).await?;
    let letters = spool.dead_letters().await?;
    let ticks = match arguments.replay {
        true => Some(connect(&config).await?.0.ticks),
        false => None,
    };
    let mut gone = Vec::new();
    let mut kept = 0;
    for NumberedDeadLetter { number, letter, .. } in letters {
        let became = match &ticks {
            Some(ticks) => {
                let receipt = ticks
                    .insert_batch(std::slice::from_ref(&letter.record))
                    .await?;
                let is_stored = receipt.inserted + receipt.duplicates > 0;
                if is_stored { "stored" } else { "kept" }
            }
            None if arguments.discard => "discarded",
            None => "kept",
        };
        if became == "kept" {
            kept += 1;
        } else {
            gone.push(number);
        }
        tell(&arguments.spool, number, &letter, became)?;
    }
    spool.discard_dead_letters(gone).await?;
    spool.close().await;
    if !arguments.spool.json {
        print(&format!("dead letters: {kept}"))?;
    }
    Ok(if kept == 0 {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    })
}

fn tell(
    arguments: &SpoolArguments,
    number: u64,
    letter: &DeadLetter,
    became: &'static str,
) -> anyhow::Result<()> {
    let (kind, reason) = match &letter.reason {
        DeadLetterReason::Rejected(reason) => ("rejected", reason.clone()),
        DeadLetterReason::Conflict(stored) => ("conflict", format!("stored is {}", text(stored))),
    };
    let line = Letter {
        number,
        at: time_text(letter.at),
        kind,
        reason,
        tick: text(&letter.record),
        became,
    };
    if arguments.json {
        return print_json(&line);
    }
    let Letter {
        at, reason, tick, ..
    } = &line;
    print(&format!(
        "{number} {at} {kind}: {tick}: {reason} ({became})"
    ))
}

fn text(tick: &Tick) -> String {
    format!(
        "symbol {} time {} sequence {} bid {} ask {} volumes {} {}",
        tick.symbol_id,
        time_text(tick.tick_time),
        tick.sequence,
        tick.bid_price,
        tick.ask_price,
        tick.bid_volume,
        tick.ask_volume
    )
}

/// An error where there is no spool: a wrong folder would look like an empty one.
fn require(directory: &Path) -> anyhow::Result<()> {
    if !TickSpool::exists(directory) {
        let shown = std::path::absolute(directory);
        let shown = shown.unwrap_or_else(|_| directory.to_path_buf());
        bail!(
            "there is no spool in {}: name its folder with --dir, or correct spool.directory",
            shown.display()
        );
    }
    Ok(())
}

/// The settings, and those of a spool that is there.
fn settings(arguments: &SpoolArguments) -> anyhow::Result<(Config, SpoolConfig)> {
    let config = read_settings()?;
    let mut settings = config.spool.clone();
    if let Some(directory) = &arguments.dir {
        settings.directory.clone_from(directory);
    }
    require(&settings.directory)?;
    Ok((config, settings))
}
