//! What a sink gets.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{SymbolId, Tick, truncate_to_micros};
use crate::ingest::record::Record;

/// A record and its place among all that were published.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published<R: Record = Tick> {
    /// Counts 1, 2, 3 … through all symbols since the fan-out was made.
    pub number: u64,
    /// The record.
    pub record: R,
}

impl<R: Record> Published<R> {
    /// The record that was published as number `number`.
    #[must_use]
    pub fn new(number: u64, record: R) -> Self {
        Self { number, record }
    }
}

/// Records of one symbol that a sink missed: each that was published with a number from `first` to
/// `last`, and no other.
///
/// What is stored of them is among the stored records of `[from, to)`. Records of a feed are published
/// while they are on their way into the store, so that one may be missing there for as long as a
/// batch takes, and as an outage of the database takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// Whose records.
    pub symbol_id: SymbolId,
    /// The number of the first one.
    pub first: u64,
    /// The number of the last one.
    pub last: u64,
    /// How many there were.
    pub missed: u64,
    /// The earliest of their times, in whole microseconds.
    pub from: DateTime<Utc>,
    /// A microsecond after the latest of their times.
    pub to: DateTime<Utc>,
}

impl Gap {
    /// The gap that one missed record makes.
    #[must_use]
    pub fn of<R: Record>(missed: &Published<R>) -> Self {
        Self::of_record(missed.number, &missed.record)
    }

    pub(super) fn of_record<R: Record>(number: u64, record: &R) -> Self {
        let from = truncate_to_micros(record.time());
        Self {
            symbol_id: record.symbol_id(),
            first: number,
            last: number,
            missed: 1,
            from,
            // a feed may publish what no store keeps
            to: from
                .checked_add_signed(TimeDelta::microseconds(1))
                .unwrap_or(from),
        }
    }

    /// Both gaps of one symbol as one; nothing of the symbol was delivered between them.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self {
            symbol_id: self.symbol_id,
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            missed: self.missed + other.missed,
            from: self.from.min(other.from),
            to: self.to.max(other.to),
        }
    }
}

/// What a sink gets, one after the other. For each symbol the numbers rise from event to event,
/// and events and gaps together have every record that was published, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<R: Record = Tick> {
    /// A record.
    Record(Published<R>),
    /// Records that were dropped.
    Gap(Gap),
}

impl<R: Record> Event<R> {
    /// Whose record or gap it is.
    #[must_use]
    pub fn symbol_id(&self) -> SymbolId {
        match self {
            Self::Record(published) => published.record.symbol_id(),
            Self::Gap(gap) => gap.symbol_id,
        }
    }

    pub(super) fn as_missed(&self) -> Gap {
        match self {
            Self::Record(published) => Gap::of(published),
            Self::Gap(gap) => *gap,
        }
    }
}
