//! Corrections of trades in a trade repository.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::domain::{PageLimit, SymbolId, TimeRange, Trade, TradeCorrection, setters};

use super::{InsertReceipt, RejectedRow};

/// The result of recording corrections.
///
/// `applied + pending + superseded + duplicates + rejected.len()` is the number of given corrections.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CorrectionReceipt {
    /// Corrections whose trade is stored as they say, or removed.
    pub applied: u64,
    /// Corrections whose trade is not stored. They are applied when it arrives.
    pub pending: u64,
    /// Corrections that change nothing, since a later one of their trade is recorded.
    pub superseded: u64,
    /// Corrections that were recorded before, or repeat an earlier one of the batch.
    pub duplicates: u64,
    /// Corrections that can never be recorded.
    pub rejected: Vec<RejectedRow<TradeCorrection>>,
}

/// The id of a recorded correction. The store assigns ids in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CorrectionId(i64);

impl CorrectionId {
    /// Creates an id.
    #[must_use]
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The id as a number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for CorrectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A correction as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedCorrection {
    /// The id.
    pub id: CorrectionId,
    /// The correction.
    pub correction: TradeCorrection,
    /// The trade as it was before the correction, or before the cancellation that it revokes; `None` if the
    /// correction was never applied.
    pub before: Option<Trade>,
    /// The time at which the correction was recorded.
    pub recorded_at: DateTime<Utc>,
}

impl RecordedCorrection {
    /// A correction that is not applied.
    #[must_use]
    pub fn new(id: CorrectionId, correction: TradeCorrection, recorded_at: DateTime<Utc>) -> Self {
        Self {
            id,
            correction,
            before: None,
            recorded_at,
        }
    }

    /// Returns it with another earlier trade.
    #[must_use]
    pub fn with_before(mut self, before: impl Into<Option<Trade>>) -> Self {
        self.before = before.into();
        self
    }
}

/// A query for the corrections of one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorrectionQuery {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The range of trade times; includes `from`, excludes `to`.
    pub range: TimeRange,
    /// Only corrections after this id.
    pub after: Option<CorrectionId>,
    /// The largest number of corrections to return.
    pub limit: PageLimit,
}

impl CorrectionQuery {
    /// A query for the first 500 corrections of the range.
    #[must_use]
    pub fn new(symbol_id: SymbolId, range: TimeRange) -> Self {
        Self {
            symbol_id,
            range,
            after: None,
            limit: PageLimit::default(),
        }
    }
}

setters!(CorrectionQuery {
    set {
        /// Sets the largest number of corrections of a page.
        limit: PageLimit,
    }
    into {
        /// Continues after the page that had this `next`.
        after: Option<CorrectionId>,
    }
});

/// The largest number of corrections in one call.
pub(crate) const MAX_CORRECTIONS: usize = 1_000;

/// The newest of the corrections of one trade: it decides what is stored.
pub(crate) fn newest<'a>(
    corrections: impl IntoIterator<Item = &'a RecordedCorrection>,
) -> Option<&'a RecordedCorrection> {
    let rank = |recorded: &&RecordedCorrection| (recorded.correction.corrected_at, recorded.id);
    corrections.into_iter().max_by_key(rank)
}

/// The trade of `correction` if the newest applied one of `corrections` has removed it.
pub(crate) fn cancelled<'a>(
    corrections: impl IntoIterator<Item = &'a RecordedCorrection>,
    correction: &TradeCorrection,
) -> Option<&'a Trade> {
    let of_trade = corrections
        .into_iter()
        .filter(|other| other.correction.is_of_trade_of(correction) && other.before.is_some());
    let last = newest(of_trade).filter(|last| last.correction.is_cancellation());
    last.and_then(|last| last.before.as_ref())
}

/// Changes the receipt of a batch of trades, of which `removed` rows were removed again because of a correction.
///
/// A trade that is corrected or cancelled is known already: it counts as a duplicate, and its earlier content
/// does not conflict with the corrected one.
pub(crate) fn settle_receipt(
    receipt: &mut InsertReceipt<Trade>,
    removed: u64,
    is_corrected: impl Fn(&Trade) -> bool,
) {
    let removed = removed.min(receipt.inserted);
    receipt.inserted -= removed;
    receipt.duplicates += removed;
    let conflicts = receipt.conflicts.len();
    receipt
        .conflicts
        .retain(|conflict| !is_corrected(&conflict.refused));
    receipt.duplicates += (conflicts - receipt.conflicts.len()) as u64;
}
