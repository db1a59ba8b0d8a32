//! `tickbook spool dead-letter`.

use serde::Serialize;
use tickbook::domain::Tick;
use tickbook::ingest::quality::Quarantine;
use tickbook::ingest::{
    DeadLetter, DeadLetterReason, NumberedDeadLetter, Record, Spool, TickSpool,
};
use tickbook::repository::QuarantinedTick;
use tickbook::{Repositories, RepositoryError};

use crate::Outcome;
use crate::args::DeadLetterArguments;
use crate::opening::connect;
use crate::quote_text::{price_text, volume_text};
use crate::report::{print, print_json};
use crate::times::time_text;

/// One line of `dead-letter`.
#[derive(Debug, Serialize)]
struct Letter {
    /// `ticks` or `quarantine`; each has its own numbers.
    spool: &'static str,
    number: u64,
    at: String,
    /// `rejected` or `conflict`.
    kind: &'static str,
    reason: String,
    tick: String,
    /// The rule that held the tick back; `None` for the spool of ticks.
    rule: Option<&'static str>,
    /// `kept`, `stored` or `discarded`.
    became: &'static str,
}

/// A record that can be a dead letter.
trait Lettered: Record {
    const SPOOL: &'static str;

    fn tick(&self) -> &Tick;

    fn rule(&self) -> Option<&'static str>;

    /// Stores the record; returns whether it is stored now.
    async fn store(&self, repositories: &Repositories) -> Result<bool, RepositoryError>;
}

impl Lettered for Tick {
    const SPOOL: &'static str = "ticks";

    fn tick(&self) -> &Tick {
        self
    }

    fn rule(&self) -> Option<&'static str> {
        None
    }

    async fn store(&self, repositories: &Repositories) -> Result<bool, RepositoryError> {
        let ticks = std::slice::from_ref(self);
        let receipt = repositories.ticks.insert_batch(ticks).await?;
        Ok(receipt.inserted + receipt.duplicates > 0)
    }
}

impl Lettered for QuarantinedTick {
    const SPOOL: &'static str = "quarantine";

    fn tick(&self) -> &Tick {
        &self.tick
    }

    fn rule(&self) -> Option<&'static str> {
        Some(self.verdict.rule.as_str())
    }

    async fn store(&self, repositories: &Repositories) -> Result<bool, RepositoryError> {
        let ticks = std::slice::from_ref(self);
        match repositories.quarantine.put(ticks).await {
            Ok(_) => Ok(true),
            Err(RepositoryError::InvalidInput { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

pub(crate) async fn dead_letter(arguments: &DeadLetterArguments) -> anyhow::Result<Outcome> {
    let (config, settings) = super::settings(&arguments.spool)?;
    let directory = &settings.directory;
    // open both before either is changed
    let ticks = match TickSpool::exists(directory) {
        true => Some(TickSpool::open(directory, settings.max_bytes).await?),
        false => None,
    };
    let quarantine = match Quarantine::exists(directory) {
        true => Some(Quarantine::open_spool(directory).await?),
        false => None,
    };
    let repositories = match arguments.replay {
        true => Some(connect(&config).await?.0),
        false => None,
    };
    let mut kept = 0;
    if let Some(spool) = ticks {
        kept += list_letters(&spool, arguments, repositories.as_ref()).await?;
        spool.close().await;
    }
    if let Some(spool) = quarantine {
        kept += list_letters(&spool, arguments, repositories.as_ref()).await?;
        spool.close().await;
    }
    if !arguments.spool.json {
        print(&format!("dead letters: {kept}"))?;
    }
    Ok(if kept == 0 {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    })
}

/// Lists the dead letters of `spool`, and returns how many remain.
async fn list_letters<R: Lettered>(
    spool: &Spool<R>,
    arguments: &DeadLetterArguments,
    repositories: Option<&Repositories>,
) -> anyhow::Result<u64> {
    let mut discarded = Vec::new();
    let mut kept = 0;
    for NumberedDeadLetter { number, letter, .. } in spool.dead_letters().await? {
        let became = match repositories {
            Some(repositories) if letter.record.store(repositories).await? => "stored",
            None if arguments.discard => "discarded",
            _ => "kept",
        };
        if became == "kept" {
            kept += 1;
        } else {
            discarded.push(number);
        }
        print_result(arguments.spool.json, number, &letter, became)?;
    }
    spool.discard_dead_letters(discarded).await?;
    Ok(kept)
}

fn print_result<R: Lettered>(
    json: bool,
    number: u64,
    letter: &DeadLetter<R>,
    became: &'static str,
) -> anyhow::Result<()> {
    let (kind, reason) = match &letter.reason {
        DeadLetterReason::Rejected(reason) => ("rejected", reason.clone()),
        DeadLetterReason::Conflict(stored) => {
            ("conflict", format!("stored is {}", text(stored.tick())))
        }
    };
    let line = Letter {
        spool: R::SPOOL,
        number,
        at: time_text(letter.at),
        kind,
        reason,
        tick: text(letter.record.tick()),
        rule: letter.record.rule(),
        became,
    };
    if json {
        return print_json(&line);
    }
    let held_back = line.rule.map(|rule| format!(" (held back by {rule})"));
    let held_back = held_back.unwrap_or_default();
    let Letter {
        at, reason, tick, ..
    } = &line;
    print(&format!(
        "{} {number} {at} {kind}: {tick}{held_back}: {reason} ({became})",
        R::SPOOL
    ))
}

fn text(tick: &Tick) -> String {
    format!(
        "symbol {} time {} sequence {} bid {} ask {} volumes {} {}",
        tick.symbol_id,
        time_text(tick.tick_time),
        tick.sequence,
        price_text(tick.bid_price),
        price_text(tick.ask_price),
        volume_text(tick.bid_volume),
        volume_text(tick.ask_volume)
    )
}
