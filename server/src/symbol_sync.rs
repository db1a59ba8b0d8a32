//! Syncs the symbols with the instruments that venues list, at the start and every few minutes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use rand::Rng as _;
use tickbook::domain::{SymbolList, SyncReport};
use tickbook::repository::InstrumentRepository;
use tickbook::{Clock, RepositoryError};
use tickbook_feeds::Venue;
use tickbook_feeds::feed::{InstrumentLists, symbol_list};
use tickbook_feeds::transport::{ListingError, Transport};
use tokio_util::sync::CancellationToken;

use crate::metrics::{SYNC_FAILURES, SYNC_SYMBOLS, SYNC_TIME};
use crate::problem::chain;

/// Where the lists of a venue come from.
enum Source {
    /// They are read over connections of their own.
    Read {
        venue: Box<dyn Venue>,
        transport: Transport,
        every: Duration,
    },
    /// The connection of the feed brings them.
    Sent(InstrumentLists),
}

/// The sync of the symbols of one feed.
pub struct SymbolSync {
    feed: String,
    source: Source,
    instruments: Arc<dyn InstrumentRepository>,
    clock: Clock,
    /// Whether instruments without a symbol get one.
    creates: bool,
}

impl fmt::Debug for SymbolSync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SymbolSync")
            .field("feed", &self.feed)
            .finish_non_exhaustive()
    }
}

impl SymbolSync {
    /// Reads the list of `venue` at once and at the interval `every`.
    pub(crate) fn reading(
        feed: &str,
        venue: Box<dyn Venue>,
        transport: Transport,
        every: Duration,
        instruments: Arc<dyn InstrumentRepository>,
    ) -> Self {
        Self {
            feed: feed.to_owned(),
            clock: transport.clock().clone(),
            source: Source::Read {
                venue,
                transport,
                every,
            },
            instruments,
            creates: true,
        }
    }

    /// Uses the lists that the connection of the feed brings.
    pub(crate) fn receiving(
        feed: &str,
        lists: InstrumentLists,
        clock: &Clock,
        instruments: Arc<dyn InstrumentRepository>,
    ) -> Self {
        Self {
            feed: feed.to_owned(),
            source: Source::Sent(lists),
            instruments,
            clock: clock.clone(),
            creates: true,
        }
    }

    /// Sets whether instruments without a symbol get one.
    pub(crate) fn creating(mut self, creates: bool) -> Self {
        self.creates = creates;
        self
    }

    /// Syncs until `stop`, or until the feed ends. One sync ends before the next one begins.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        for outcome in OUTCOMES {
            counter!(SYNC_SYMBOLS, "feed" => self.feed.clone(), "outcome" => outcome).absolute(0);
        }
        counter!(SYNC_FAILURES, "feed" => self.feed.clone()).absolute(0);
        stop.run_until_cancelled(self.run_forever()).await;
    }

    async fn run_forever(&mut self) {
        loop {
            let list = match &mut self.source {
                Source::Read {
                    venue, transport, ..
                } => {
                    let found = transport.instruments(venue).await;
                    found.map(|found| symbol_list(&self.feed, &found))
                }
                Source::Sent(lists) => match lists.next().await {
                    Some(found) => Ok(symbol_list(&self.feed, &found)),
                    None => return,
                },
            };
            match list {
                Ok(list) => self.sync(&list.creates(self.creates)).await,
                Err(error) => self.log_unlisted(&error),
            }
            if let Source::Read { every, .. } = &self.source {
                // servers that were started together do not sync at the same time
                let share = rand::rng().random_range(0.9..1.1);
                tokio::time::sleep(every.mul_f64(share)).await;
            }
        }
    }

    fn log_unlisted(&self, error: &ListingError) {
        counter!(SYNC_FAILURES, "feed" => self.feed.clone()).increment(1);
        let feed = &self.feed;
        tracing::warn!(feed, %error, "the instruments of the venue cannot be listed");
    }

    async fn sync(&mut self, list: &SymbolList) {
        match self.instruments.sync(list).await {
            Ok(report) => {
                // seconds since 1970 are exact up to 2^53
                let now = self.clock.now().timestamp() as f64;
                gauge!(SYNC_TIME, "feed" => self.feed.clone()).set(now);
                count(&report);
                log(&report);
            }
            Err(error) => self.log_failed(&error),
        }
    }

    fn log_failed(&self, error: &RepositoryError) {
        counter!(SYNC_FAILURES, "feed" => self.feed.clone()).increment(1);
        let (feed, error) = (&self.feed, chain(error));
        tracing::warn!(feed, error, "the instruments of the venue cannot be stored");
    }
}

/// The values of the label `outcome`.
const OUTCOMES: [&str; 6] = [
    "added",
    "changed",
    "reappeared",
    "missing",
    "kept_active",
    "refused",
];

/// The numbers of symbols, in the order of [`OUTCOMES`].
fn counts(report: &SyncReport) -> [usize; 6] {
    [
        report.added.len(),
        report.changed.len(),
        report.reappeared.len(),
        report.missing.len(),
        report.kept_active.len(),
        report.refused.len(),
    ]
}

fn count(report: &SyncReport) {
    for (outcome, count) in OUTCOMES.into_iter().zip(counts(report)) {
        let counter = counter!(SYNC_SYMBOLS, "feed" => report.feed.clone(), "outcome" => outcome);
        counter.increment(count as u64);
    }
}

fn log(report: &SyncReport) {
    let SyncReport {
        feed,
        listed,
        left_out,
        ..
    } = report;
    let [added, changed, reappeared, missing, kept_active, refused] = counts(report);
    if added + changed + reappeared + missing > 0 {
        tracing::info!(
            feed,
            listed,
            added,
            changed,
            reappeared,
            missing,
            kept_active,
            left_out,
            refused,
            "the symbols were synced with the list of the venue"
        );
    } else {
        tracing::debug!(
            feed,
            listed,
            kept_active,
            left_out,
            refused,
            "the symbols equal the list of the venue"
        );
    }
    for changed in &report.changed {
        for change in &changed.changes {
            let (symbol_id, field) = (changed.symbol.symbol_id, change.field);
            let (old, new) = (change.old.as_deref(), change.new.as_deref());
            tracing::info!(feed, %symbol_id, field, old, new, "the venue changed a symbol");
        }
    }
    if kept_active > 0 {
        tracing::warn!(
            feed,
            listed,
            kept_active,
            "the list of the venue lacks a fifth of the symbols or more, which stay active: check the venue, then run \
             `tickbook symbols sync` with --accept-loss"
        );
    }
    for refused in &report.refused {
        let (key, name, reason) = (&refused.key, &refused.name, &refused.reason);
        tracing::debug!(
            feed,
            key,
            name,
            reason,
            "an instrument of the venue is refused"
        );
    }
}
