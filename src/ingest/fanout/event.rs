//! Events that sinks receive.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{SymbolId, Tick, truncate_to_micros};
use crate::ingest::record::Record;

/// A record and its number among all published records.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published<R: Record = Tick> {
    /// The number: 1, 2, 3 …, counted over the records of all symbols since the fan-out was created.
    pub number: u64,
    /// The record.
    pub record: R,
}

impl<R: Record> Published<R> {
    /// Creates the record that was published as number `number`.
    #[must_use]
    pub fn new(number: u64, record: R) -> Self {
        Self { number, record }
    }
}

/// Records of one symbol that a sink missed: all records of the symbol with numbers in `first..=last`.
///
/// The missed records that a store accepts have times in `[from, to)`. A feed's records are published
/// before they are stored, so a missed record may not be in the store until its batch is written or an
/// outage of the database ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// The symbol of the records.
    pub symbol_id: SymbolId,
    /// The number of the first record.
    pub first: u64,
    /// The number of the last record.
    pub last: u64,
    /// The number of missed records.
    pub missed: u64,
    /// The earliest time of the records, in whole microseconds.
    pub from: DateTime<Utc>,
    /// One microsecond after the latest time of the records.
    pub to: DateTime<Utc>,
}

impl Gap {
    /// The gap of one missed record.
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
            // a feed may publish times that no store accepts
            to: from
                .checked_add_signed(TimeDelta::microseconds(1))
                .unwrap_or(from),
        }
    }

    /// Joins two gaps of one symbol between which nothing of the symbol was delivered.
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

/// An event of a sink. The numbers of each symbol ascend from event to event, and events and gaps together
/// cover every published record exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<R: Record = Tick> {
    /// A record.
    Record(Published<R>),
    /// Records that were dropped.
    Gap(Gap),
}

impl<R: Record> Event<R> {
    /// The symbol of the record or gap.
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
