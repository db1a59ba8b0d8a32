//! `tickbook spool replay`.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tickbook::Repositories;
use tickbook::config::Config;
use tickbook::domain::{Tick, Trade};
use tickbook::ingest::quality::Quarantine;
use tickbook::ingest::{
    BookRecord, Persister, PersisterConfig, PersisterStats, RepositoryRecord, Spool, SpoolConfig,
    SpoolMode,
};

use crate::Outcome;
use crate::args::SpoolArguments;
use crate::held_event::HeldEvent;
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
    /// The trades; null if they have no spool.
    trades: Option<Stored>,
    /// The trades that were held back; null if their quarantine has no spool.
    trade_quarantine: Option<Stored>,
    /// The rows of order books; null if they have no spool.
    books: Option<Stored>,
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
    let (ticks, quarantine) = replay_events::<Tick>(&repositories, &config, &settings).await?;
    let of_trades = settings.of_trades();
    let (trades, trade_quarantine) =
        replay_events::<Trade>(&repositories, &config, &of_trades).await?;
    let (of_books, books) = (settings.of_books(), Arc::clone(&repositories.books));
    let books = replay_records::<BookRecord>(books, &config, &of_books).await?;
    let done = Replay {
        ticks: ticks.unwrap_or_default(),
        quarantine,
        trades,
        trade_quarantine,
        books,
    };
    let others = [
        ("quarantine", &done.quarantine),
        ("trades", &done.trades),
        ("quarantine of trades", &done.trade_quarantine),
        ("books", &done.books),
    ];
    let mut is_complete = done.ticks.is_complete();
    if arguments.json {
        print_json(&done)?;
    } else {
        print(&done.ticks.text())?;
    }
    for (name, stored) in others {
        let Some(stored) = stored else { continue };
        is_complete &= stored.is_complete();
        if !arguments.json {
            print(&format!("{name}: {}", stored.text()))?;
        }
    }
    Ok(if is_complete {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    })
}

/// Stores the contents of the spool of events and of the spool of their quarantine, as far as they exist.
async fn replay_events<E: HeldEvent>(
    repositories: &Repositories,
    config: &Config,
    settings: &SpoolConfig,
) -> anyhow::Result<(Option<Stored>, Option<Stored>)> {
    let directory = &settings.directory;
    let repository = E::repository(repositories);
    let events = replay_records::<E>(repository, config, settings).await?;
    let mut held_back = None;
    if Quarantine::<E>::exists(directory) {
        let repository = Arc::clone(E::quarantine(repositories));
        let quarantine = Quarantine::open(repository, Some(directory)).await?;
        let report = quarantine.stop(PATIENCE).await;
        held_back = Some(Stored::of(quarantine.stats(), report.spooled));
    }
    Ok((events, held_back))
}

/// Stores the content of the spool of records, if it exists.
async fn replay_records<R: RepositoryRecord>(
    repository: Arc<R::Repository>,
    config: &Config,
    settings: &SpoolConfig,
) -> anyhow::Result<Option<Stored>> {
    if !Spool::<R>::exists(&settings.directory) {
        return Ok(None);
    }
    let settings = settings.clone().mode(SpoolMode::WriteAhead);
    let writing = PersisterConfig::from(&config.ticks);
    let persister = Persister::<R>::open(repository, writing, &settings).await?;
    let report = persister.stop(PATIENCE).await;
    Ok(Some(Stored::of(report.stats, report.spooled)))
}
