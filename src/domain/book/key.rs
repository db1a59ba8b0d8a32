//! The identity of snapshots and updates.

use chrono::{DateTime, Utc};

use crate::domain::symbol_id::SymbolId;

/// The identity of a snapshot or an update: symbol, instant, and sequence within that instant.
///
/// Ordered by symbol, then time, then sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BookKey {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The time, in whole microseconds.
    pub time: DateTime<Utc>,
    /// The order within the instant.
    pub sequence: i64,
}
