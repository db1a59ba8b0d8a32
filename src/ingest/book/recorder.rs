//! The recorder: snapshots, updates and intervals of one live book.

use chrono::{DateTime, TimeDelta, Utc};

use super::message::BookMessage;
use super::top_levels::{Difference, TopLevels, surely_fit};
use crate::Clock;
use crate::domain::book::{
    BookInterval, BookSnapshot, BookState, BookUpdate, BookView, EndReason, InvalidBook, OrderBook,
    StaleReason,
};
use crate::domain::{SymbolId, TimeRange, setters, truncate_to_micros};
use crate::ingest::record::BookRecord;

/// The smallest difference of two times.
const MICROSECOND: TimeDelta = TimeDelta::microseconds(1);

/// The parts of a book that a recorder stores.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecorderConfig {
    /// The number of levels of each side, 1 to 1,000. The default is 20.
    pub depth: usize,
    /// The shortest time between two snapshots of a book that changes. The default is one second.
    pub every: TimeDelta,
    /// Whether each change of these levels is stored as an update. The default is `false`.
    pub updates: bool,
}

impl Default for RecorderConfig {
    fn default() -> Self {
        Self {
            depth: 20,
            every: TimeDelta::seconds(1),
            updates: false,
        }
    }
}

setters!(RecorderConfig {
    set {
        /// Sets the number of levels of each side.
        depth: usize,
        /// Sets the shortest time between two snapshots of a book that changes.
        every: TimeDelta,
        /// Sets whether updates are stored.
        updates: bool,
    }
});

/// Records the book of one symbol: a snapshot whenever the book becomes valid or was loaded again, then one each
/// second in which it changed, the changes between them if wanted, and the times in which the book was valid.
///
/// The recorder has no tasks and no store. Each method returns the records to store, in their order; push them
/// to a [`BookPersister`](crate::ingest::BookPersister). Records have the time of the venue's messages; a message
/// that is not later than the last one gets the next free time or sequence, so that times of records never
/// decrease. The clock decides when a snapshot is due.
///
/// Updates are the differences between two books cut to the depth, so a snapshot with its updates equals each
/// later snapshot.
///
/// # Examples
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use tickbook::Clock;
/// use tickbook::domain::SymbolId;
/// use tickbook::domain::book::{BookNumber, LevelChange, OrderBook, StaleReason};
/// use tickbook::ingest::BookRecord;
/// use tickbook::ingest::book::{BookRecorder, RecorderConfig};
///
/// let start = DateTime::from_timestamp(1_398_902_400, 0).expect("a time");
/// let config = RecorderConfig::default().updates(true);
/// let mut recorder = BookRecorder::new(SymbolId::new(7), "kraken", config, Clock::standing_at(start));
/// let level = |price: &str, quantity: &str| -> Result<_, Box<dyn std::error::Error>> {
///     Ok(LevelChange::new(BookNumber::parse(price)?, BookNumber::parse(quantity)?))
/// };
/// let mut book = OrderBook::new();
/// book.load(&[level("0.35", "672")?], &[level("0.36", "3199")?])?;
/// let records = recorder.on_snapshot(&book, start, None);
/// assert!(matches!(records[..], [BookRecord::Interval(_), BookRecord::Snapshot(_)]));
///
/// book.update(&[level("0.34", "10")?], &[])?;
/// let records = recorder.on_update(&book, start + TimeDelta::milliseconds(5), None);
/// assert!(matches!(records[..], [BookRecord::Update(_)]));
///
/// book.invalidate(StaleReason::Disconnected);
/// let records = recorder.on_stale(StaleReason::Disconnected);
/// assert!(matches!(records[..], [BookRecord::Snapshot(_), BookRecord::Interval(_)]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct BookRecorder {
    symbol_id: SymbolId,
    source: String,
    config: RecorderConfig,
    clock: Clock,
    /// The time and sequence of the last record.
    last: Option<(DateTime<Utc>, i64)>,
    valid: Option<ValidBook>,
}

/// A book that is being recorded.
#[derive(Debug, Clone)]
struct ValidBook {
    /// The levels after the last message that changed them.
    levels: TopLevels,
    /// The time and sequence of that message.
    at: (DateTime<Utc>, i64),
    /// Its checksum.
    checksum: Option<i64>,
    valid_since: DateTime<Utc>,
    /// Whether the levels changed since the last snapshot.
    has_changed: bool,
    /// The time of the clock from which on a changed book is due.
    due: DateTime<Utc>,
}

impl BookRecorder {
    /// A recorder of a book that is not valid yet. `source` names the feed in snapshots.
    #[must_use]
    pub fn new(
        symbol_id: SymbolId,
        source: impl Into<String>,
        config: RecorderConfig,
        clock: Clock,
    ) -> Self {
        Self {
            symbol_id,
            source: source.into(),
            config,
            clock,
            last: None,
            valid: None,
        }
    }

    /// Whether the recorded book is valid.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.valid.is_some()
    }

    /// Records a book that was loaded from a snapshot of the venue. `time` is that of the message, and
    /// `sequence` its number, if the venue numbers them.
    pub fn on_snapshot(
        &mut self,
        book: &OrderBook,
        time: DateTime<Utc>,
        sequence: Option<i64>,
    ) -> Vec<BookRecord> {
        self.on_message(book, BookMessage::snapshot(time).with_sequence(sequence))
    }

    /// Records a book after an update; otherwise as [`on_snapshot`](Self::on_snapshot).
    pub fn on_update(
        &mut self,
        book: &OrderBook,
        time: DateTime<Utc>,
        sequence: Option<i64>,
    ) -> Vec<BookRecord> {
        self.on_message(book, BookMessage::update(time).with_sequence(sequence))
    }

    /// Records a book after a message, whose checksum the next snapshot of this state has.
    pub fn on_message(&mut self, book: &OrderBook, message: BookMessage) -> Vec<BookRecord> {
        let Some(view) = book.view() else {
            let reason = match book.state() {
                BookState::Stale(reason) => reason,
                _ => StaleReason::Disconnected,
            };
            return self.end(message.time, EndReason::Stale(reason));
        };
        let at = self.place(message.time, message.sequence);
        let valid = self.valid.as_ref().filter(|_| !message.is_snapshot);
        let difference = valid.map(|valid| valid.levels.difference(view, self.config.depth));
        // what cannot be stored would leave a hole
        match self.check(view, difference, at) {
            Ok(()) => self.record(view, difference, at, message),
            Err(InvalidBook::Crossed { .. }) => {
                self.end(at.0, EndReason::Stale(StaleReason::Crossed))
            }
            Err(error) => {
                tracing::error!(symbol_id = %self.symbol_id, %error, "a book cannot be recorded");
                self.end(at.0, EndReason::Stale(StaleReason::Overflow))
            }
        }
    }

    /// Checks that a snapshot can be stored.
    fn check(
        &self,
        view: BookView<'_>,
        difference: Option<Difference>,
        (time, sequence): (DateTime<Utc>, i64),
    ) -> Result<(), InvalidBook> {
        let is_usual = self.valid.is_some()
            && sequence >= 0
            && TimeRange::all().contains(time)
            && time.timestamp_subsec_nanos() < 1_000_000_000
            && surely_fit(view, self.config.depth, difference);
        if is_usual {
            // the snapshot that began the interval had the same symbol, depth and source
            return Ok(());
        }
        let snapshot = BookSnapshot::new(self.symbol_id, time, self.source.clone());
        let snapshot = snapshot.with_sequence(sequence);
        snapshot.with_view(view, self.config.depth).normalized()?;
        Ok(())
    }

    /// Records that the book became stale. Does nothing if it was not valid.
    pub fn on_stale(&mut self, reason: StaleReason) -> Vec<BookRecord> {
        self.on_stale_at(self.clock.now(), reason)
    }

    /// Records that the book became stale at `time`. Does nothing if it was not valid.
    pub fn on_stale_at(&mut self, time: DateTime<Utc>, reason: StaleReason) -> Vec<BookRecord> {
        self.end(time, EndReason::Stale(reason))
    }

    /// Records a snapshot if one is due. Call it at least once in the time between two snapshots, since a book
    /// that stopped changing has no further messages.
    pub fn on_timer(&mut self) -> Vec<BookRecord> {
        let mut records = Vec::new();
        self.add_due_snapshot(&mut records);
        records
    }

    /// Records the end of the program.
    pub fn stop(&mut self) -> Vec<BookRecord> {
        self.stop_at(self.clock.now())
    }

    /// Records that the feed of the book, or the program, ended at `time`.
    pub fn stop_at(&mut self, time: DateTime<Utc>) -> Vec<BookRecord> {
        self.end(time, EndReason::Stopped)
    }

    /// Forgets the book that is being recorded, because records of it were lost; the next message begins another
    /// interval. The caller ends the interval after the last record that was not lost.
    pub(super) fn restart(&mut self) {
        self.valid = None;
        // the next interval begins after that end
        self.last = self.last.map(|(last, _)| (last + MICROSECOND, i64::MAX));
    }

    /// Names another feed in snapshots from now on.
    pub(super) fn set_source(&mut self, source: &str) {
        if self.source != source {
            source.clone_into(&mut self.source);
        }
    }

    /// `difference` is that of an update from the last levels.
    fn record(
        &mut self,
        view: BookView<'_>,
        difference: Option<Difference>,
        at: (DateTime<Utc>, i64),
        message: BookMessage,
    ) -> Vec<BookRecord> {
        let depth = self.config.depth;
        let mut records = Vec::new();
        let valid_since = match (&mut self.valid, difference) {
            (None, _) => {
                records.push(BookInterval::open(self.symbol_id, at.0).into());
                at.0
            }
            (Some(valid), None) => valid.valid_since,
            (Some(_), Some(difference)) if difference.is_none() => {
                self.add_due_snapshot(&mut records);
                return records;
            }
            (Some(valid), Some(difference)) => {
                if self.config.updates {
                    let [bids, asks] = valid.levels.changes(difference, view, depth);
                    let update = BookUpdate::new(self.symbol_id, at.0)
                        .with_sequence(at.1)
                        .with_bids(bids)
                        .with_asks(asks);
                    records.push(update.into());
                }
                valid.levels.set(difference, view, depth);
                (valid.at, valid.checksum) = (at, message.checksum);
                valid.has_changed = true;
                self.last = Some(at);
                self.add_due_snapshot(&mut records);
                return records;
            }
        };
        let valid = ValidBook {
            levels: TopLevels::of(view, depth),
            at,
            checksum: message.checksum,
            valid_since,
            has_changed: false,
            due: self.clock.now() + self.config.every,
        };
        records.push(self.snapshot(&valid).into());
        self.last = Some(at);
        self.valid = Some(valid);
        records
    }

    /// The levels after the last message that changed them.
    fn snapshot(&self, valid: &ValidBook) -> BookSnapshot {
        let (time, sequence) = valid.at;
        let [bids, asks] = valid.levels.decimals();
        BookSnapshot::new(self.symbol_id, time, self.source.clone())
            .with_sequence(sequence)
            .with_depth(self.config.depth)
            .with_bids(bids)
            .with_asks(asks)
            .with_checksum(valid.checksum)
            .with_valid_since(valid.valid_since)
    }

    fn add_due_snapshot(&mut self, records: &mut Vec<BookRecord>) {
        let is_changed = |valid: &&ValidBook| valid.has_changed;
        let Some(valid) = self.valid.as_ref().filter(is_changed) else {
            return;
        };
        let now = self.clock.now();
        if now < valid.due {
            return;
        }
        records.push(self.snapshot(valid).into());
        if let Some(valid) = &mut self.valid {
            valid.has_changed = false;
            valid.due = now + self.config.every;
        }
    }

    fn end(&mut self, time: DateTime<Utc>, reason: EndReason) -> Vec<BookRecord> {
        let Some(valid) = self.valid.take() else {
            return Vec::new();
        };
        let from = valid.valid_since;
        let mut records = Vec::new();
        if valid.has_changed {
            records.push(self.snapshot(&valid).into());
        }
        let last = self.last.map_or(from, |(last, _)| last);
        // the end is exclusive, and the book was valid at its last message
        let at = truncate_to_micros(time).max(last + MICROSECOND);
        let interval = BookInterval::open(self.symbol_id, from);
        records.push(interval.closed(at, reason).into());
        self.last = Some((at, i64::MAX));
        records
    }

    /// The time and sequence of a message, after those of the last record.
    fn place(&self, time: DateTime<Utc>, sequence: Option<i64>) -> (DateTime<Utc>, i64) {
        let time = truncate_to_micros(time);
        let Some((last, last_sequence)) = self.last else {
            return (time, sequence.unwrap_or(0));
        };
        let time = time.max(last);
        match sequence {
            Some(sequence) if (time, sequence) > (last, last_sequence) => (time, sequence),
            Some(sequence) => (last + MICROSECOND, sequence),
            None if time > last => (time, 0),
            None => match last_sequence.checked_add(1) {
                Some(next) => (last, next),
                None => (last + MICROSECOND, 0),
            },
        }
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
