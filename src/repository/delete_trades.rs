//! Deletion of trades in parts.

use chrono::{DateTime, Utc};

use super::TradeRepository;
use super::delete::{TimeSpan, patiently};
use crate::domain::{SymbolId, TimeRange};
use crate::error::RepositoryError;

/// The number of deleted trades of one symbol. Of a dry run, the number that would be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeletedTrades {
    /// The number of trades.
    pub trades: u64,
    /// The times of the first and the last deleted trade.
    pub span: Option<TimeSpan>,
    /// The rest of the given range, to be passed to the next call. `None` if nothing is left.
    pub rest: Option<TimeRange>,
}

impl DeletedTrades {
    /// Counts trades with these times, in any order.
    pub(crate) fn of(times: impl IntoIterator<Item = DateTime<Utc>>) -> Self {
        let mut deleted = Self::default();
        for time in times {
            deleted.trades += 1;
            deleted.span = TimeSpan::joined(deleted.span, Some(TimeSpan::new(time, time)));
        }
        deleted
    }

    /// Adds the result of the next part.
    pub fn merge(&mut self, next: Self) {
        self.trades += next.trades;
        self.span = TimeSpan::joined(self.span, next.span);
        self.rest = next.rest;
    }
}

/// Deletes all trades of a range in parts, as [`delete_range`](TradeRepository::delete_range) describes. Calls
/// `progress` with each deleted part.
///
/// If another session blocks the deletion of a part, the part is retried for some time.
///
/// # Errors
/// The errors of [`delete_range`](TradeRepository::delete_range). Parts that were passed to `progress` remain
/// deleted. The call may be repeated.
pub async fn delete_trades(
    trades: &dyn TradeRepository,
    symbol_id: SymbolId,
    range: TimeRange,
    mut progress: impl FnMut(&DeletedTrades),
) -> Result<DeletedTrades, RepositoryError> {
    let mut all = DeletedTrades::default();
    let mut rest = Some(range);
    while let Some(range) = rest {
        let part = patiently(|| trades.delete_range(symbol_id, range)).await?;
        progress(&part);
        all.merge(part);
        rest = all.rest;
    }
    Ok(all)
}

/// Returns what [`delete_trades`] would delete now.
///
/// # Errors
/// The errors of [`deletable`](TradeRepository::deletable).
pub async fn deletable_trades(
    trades: &dyn TradeRepository,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<DeletedTrades, RepositoryError> {
    let mut all = DeletedTrades::default();
    let mut rest = Some(range);
    while let Some(range) = rest {
        all.merge(trades.deletable(symbol_id, range).await?);
        rest = all.rest;
    }
    Ok(all)
}
