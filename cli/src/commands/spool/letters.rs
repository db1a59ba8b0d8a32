//! `tickbook spool dead-letter`.

use std::sync::Arc;

use serde::Serialize;
use tickbook::domain::{Tick, Trade};
use tickbook::ingest::quality::Quarantine;
use tickbook::ingest::{
    BookRecord, BookSpool, DeadLetter, DeadLetterReason, NumberedDeadLetter, Record,
    RepositoryRecord as _, Spool, SpoolConfig,
};
use tickbook::repository::Quarantined;
use tickbook::{Repositories, RepositoryError};

use crate::Outcome;
use crate::args::DeadLetterArguments;
use crate::held_event::{Fields, HeldEvent};
use crate::opening::connect;
use crate::report::{print, print_json};
use crate::times::time_text;

/// One line of `dead-letter`.
#[derive(Debug, Serialize)]
struct Letter {
    /// `ticks`, `trades`, `quarantine`, `trade_quarantine` or `books`; each has its own numbers.
    spool: &'static str,
    number: u64,
    at: String,
    /// `rejected` or `conflict`.
    kind: &'static str,
    reason: String,
    /// `tick`, `trade` or `row`.
    #[serde(flatten)]
    event: Fields<String>,
    /// The rule that held the event back; `None` for the spools of ticks and trades.
    rule: Option<&'static str>,
    /// `kept`, `stored` or `discarded`.
    became: &'static str,
}

/// A record that can be a dead letter.
trait Lettered: Record {
    const SPOOL_NAME: &'static str;
    /// The name of the record, or of the event that it holds.
    const EVENT_NAME: &'static str;

    /// The record for people.
    fn text(&self) -> String;

    fn rule(&self) -> Option<&'static str>;

    /// Stores the record; returns whether it is stored now.
    async fn store_in(&self, repositories: &Repositories) -> Result<bool, RepositoryError>;
}

impl<E: HeldEvent> Lettered for E {
    const SPOOL_NAME: &'static str = E::SPOOL;
    const EVENT_NAME: &'static str = E::NAME;

    fn text(&self) -> String {
        HeldEvent::text(self)
    }

    fn rule(&self) -> Option<&'static str> {
        None
    }

    async fn store_in(&self, repositories: &Repositories) -> Result<bool, RepositoryError> {
        let events = std::slice::from_ref(self);
        let receipt = E::stored_in(repositories).insert_batch(events).await?;
        Ok(receipt.inserted + receipt.duplicates > 0)
    }
}

impl<E: HeldEvent> Lettered for Quarantined<E> {
    const SPOOL_NAME: &'static str = E::QUARANTINE;
    const EVENT_NAME: &'static str = E::NAME;

    fn text(&self) -> String {
        self.event.text()
    }

    fn rule(&self) -> Option<&'static str> {
        Some(self.verdict.rule.as_str())
    }

    async fn store_in(&self, repositories: &Repositories) -> Result<bool, RepositoryError> {
        let events = std::slice::from_ref(self);
        match E::quarantine(repositories).put(events).await {
            Ok(_) => Ok(true),
            Err(RepositoryError::InvalidInput { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Lettered for BookRecord {
    const SPOOL_NAME: &'static str = "books";
    const EVENT_NAME: &'static str = "row";

    fn text(&self) -> String {
        let (symbol_id, time) = (Record::symbol_id(self), time_text(Record::time(self)));
        let what = match self {
            Self::Interval(interval) if interval.end.is_some() => "end of interval".to_owned(),
            Self::Interval(_) => "start of interval".to_owned(),
            Self::Update(update) => {
                let changes = update.bids.len() + update.asks.len();
                format!("update {} of {changes} levels", update.sequence)
            }
            Self::Snapshot(snapshot) => {
                let levels = snapshot.bids.len() + snapshot.asks.len();
                format!("snapshot {} of {levels} levels", snapshot.sequence)
            }
            _ => Self::NAME.to_owned(),
        };
        format!("symbol {symbol_id} time {time} {what}")
    }

    fn rule(&self) -> Option<&'static str> {
        None
    }

    async fn store_in(&self, repositories: &Repositories) -> Result<bool, RepositoryError> {
        let store = Self::store(Arc::clone(&repositories.books));
        let receipt = store.insert_batch(std::slice::from_ref(self)).await?;
        Ok(receipt.inserted + receipt.duplicates > 0)
    }
}

/// The spool of events and the spool of their quarantine, as far as they exist.
struct Spools<E: HeldEvent> {
    events: Option<Spool<E>>,
    quarantine: Option<Spool<Quarantined<E>>>,
}

impl<E: HeldEvent> Spools<E> {
    async fn open(settings: &SpoolConfig) -> anyhow::Result<Self> {
        let directory = &settings.directory;
        let (mut events, mut quarantine) = (None, None);
        if Spool::<E>::exists(directory) {
            events = Some(Spool::open(directory, settings.max_bytes).await?);
        }
        if Quarantine::<E>::exists(directory) {
            quarantine = Some(Quarantine::open_spool(directory).await?);
        }
        Ok(Self { events, quarantine })
    }

    /// Lists the dead letters of both, and returns how many remain.
    async fn list_letters(
        self,
        arguments: &DeadLetterArguments,
        repositories: Option<&Repositories>,
    ) -> anyhow::Result<u64> {
        let mut kept = 0;
        if let Some(spool) = self.events {
            kept += list_letters(&spool, arguments, repositories).await?;
            spool.close().await;
        }
        if let Some(spool) = self.quarantine {
            kept += list_letters(&spool, arguments, repositories).await?;
            spool.close().await;
        }
        Ok(kept)
    }
}

pub(crate) async fn dead_letter(arguments: &DeadLetterArguments) -> anyhow::Result<Outcome> {
    let (config, settings) = super::settings(&arguments.spool)?;
    // open all before one of them is changed
    let ticks = Spools::<Tick>::open(&settings).await?;
    let trades = Spools::<Trade>::open(&settings.of_trades()).await?;
    let of_books = settings.of_books();
    let books = match BookSpool::exists(&of_books.directory) {
        true => Some(BookSpool::open(&of_books.directory, of_books.max_bytes).await?),
        false => None,
    };
    let repositories = match arguments.replay {
        true => Some(connect(&config).await?.0),
        false => None,
    };
    let repositories = repositories.as_ref();
    let mut kept = ticks.list_letters(arguments, repositories).await?
        + trades.list_letters(arguments, repositories).await?;
    if let Some(spool) = books {
        kept += list_letters(&spool, arguments, repositories).await?;
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
            Some(repositories) if letter.record.store_in(repositories).await? => "stored",
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
        DeadLetterReason::Conflict(stored) => ("conflict", format!("stored is {}", stored.text())),
    };
    let event = letter.record.text();
    let line = Letter {
        spool: R::SPOOL_NAME,
        number,
        at: time_text(letter.at),
        kind,
        reason,
        event: Fields(vec![(R::EVENT_NAME, event.clone())]),
        rule: letter.record.rule(),
        became,
    };
    if json {
        return print_json(&line);
    }
    let held_back = line.rule.map(|rule| format!(" (held back by {rule})"));
    let held_back = held_back.unwrap_or_default();
    let Letter { at, reason, .. } = &line;
    print(&format!(
        "{} {number} {at} {kind}: {event}{held_back}: {reason} ({became})",
        R::SPOOL_NAME
    ))
}
