//! The parts of a record that are needed after the persister has it.

use chrono::{DateTime, Utc};

use crate::domain::SymbolId;
use crate::ingest::record::{BookRecord, Record as _};

/// A record that was taken to be stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) symbol_id: SymbolId,
    pub(super) kind: TakenKind,
}

/// The kind of a record, and its time.
#[derive(Debug, Clone, Copy)]
pub(super) enum TakenKind {
    /// The start of an interval.
    Start(DateTime<Utc>),
    /// The end of an interval.
    End,
    /// A snapshot or an update.
    Row(DateTime<Utc>),
}

impl Taken {
    pub(super) fn of(record: &BookRecord) -> Self {
        let kind = match record {
            BookRecord::Interval(interval) if interval.end.is_some() => TakenKind::End,
            BookRecord::Interval(interval) => TakenKind::Start(interval.valid_from),
            other => TakenKind::Row(other.time()),
        };
        Self {
            symbol_id: record.symbol_id(),
            kind,
        }
    }
}
