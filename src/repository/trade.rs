//! The trade repository.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::{
    Page, PageLimit, SortOrder, SymbolId, TimeRange, Trade, TradeCorrection, TradeCursor, setters,
};
use crate::error::RepositoryError;

use super::trade_correction::{
    CorrectionId, CorrectionQuery, CorrectionReceipt, RecordedCorrection,
};
use super::{DeletedTrades, InsertReceipt};

/// A query for trades of one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TradeQuery {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The range of trade times; includes `from`, excludes `to`.
    pub range: TimeRange,
    /// Oldest or newest first.
    pub order: SortOrder,
    /// Returns only trades after this one in that order: the last trade of the previous page.
    pub after: Option<TradeCursor>,
    /// The largest number of trades to return.
    pub limit: PageLimit,
}

impl TradeQuery {
    /// A query for the first 500 trades of a range, oldest first.
    #[must_use]
    pub fn new(symbol_id: SymbolId, range: TimeRange) -> Self {
        Self {
            symbol_id,
            range,
            order: SortOrder::Ascending,
            after: None,
            limit: PageLimit::default(),
        }
    }

    /// Sets the order to newest first.
    #[must_use]
    pub fn descending(self) -> Self {
        self.order(SortOrder::Descending)
    }
}

setters!(TradeQuery {
    set {
        /// Sets the order.
        order: SortOrder,
        /// Sets the largest number of trades of a page.
        limit: PageLimit,
    }
    into {
        /// Continues after the page that had this `next`.
        after: Option<TradeCursor>,
    }
});

/// Stores and reads trades.
///
/// Stored trades have the form of [`Trade::normalized`]. The repository does not check that a symbol exists,
/// because symbols are in another database. Nor does it compare times with the clock: callers that accept
/// trades from others should call
/// [`QualityRules::refuses_time`](crate::ingest::quality::QualityRules::refuses_time) first.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chrono::{TimeDelta, Utc};
/// use tickbook::Repositories;
/// use tickbook::domain::{AggressorSide, SymbolId, TimeRange, Trade};
/// use tickbook::repository::TradeQuery;
///
/// let trades = Repositories::in_memory().trades;
/// let (symbol, now) = (SymbolId::new(7), Utc::now());
/// let trade = Trade::new(symbol, now, 45_213.into(), 2.into())
///     .with_sequence(8_812_345)
///     .with_aggressor_side(AggressorSide::Buy);
/// let receipt = trades.insert_batch(&[trade.clone()]).await?;
/// assert_eq!(receipt.inserted, 1);
/// // a batch may be sent again
/// let receipt = trades.insert_batch(&[trade]).await?;
/// assert_eq!((receipt.inserted, receipt.duplicates), (0, 1));
///
/// let last_hour = TimeRange::new(now - TimeDelta::hours(1), now + TimeDelta::seconds(1))?;
/// let page = trades.range(&TradeQuery::new(symbol, last_hour)).await?;
/// assert_eq!((page.items.len(), page.next), (1, None));
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TradeRepository: Debug + Send + Sync + 'static {
    /// Stores trades and returns the result of each. Idempotent: a batch may be sent again.
    ///
    /// *Atomicity*, *ordering*, *duplicates* and *limits*: as
    /// [`TickRepository::insert_batch`](super::TickRepository::insert_batch). The content of a trade is its id,
    /// price, quantity, aggressor side and block flag. *Corrections*: see [`correct`](Self::correct).
    async fn insert_batch(&self, trades: &[Trade])
    -> Result<InsertReceipt<Trade>, RepositoryError>;

    /// Returns trades of a range, sorted by `(trade_time, sequence)` in the requested order.
    ///
    /// Following `next` neither skips nor repeats a trade that existed from the start, regardless of
    /// concurrent writes. An empty result is not an error, nor is an unknown symbol.
    async fn range(&self, query: &TradeQuery) -> Result<Page<Trade, TradeCursor>, RepositoryError>;

    /// Returns the newest trade of a symbol by `(trade_time, sequence)`.
    async fn latest(&self, symbol_id: SymbolId) -> Result<Option<Trade>, RepositoryError>;

    /// Returns the newest trade of each symbol, by ascending symbol id. Symbols without trades are omitted,
    /// and duplicate symbols count once. The cost depends on the number of symbols, not of trades.
    ///
    /// # Errors
    /// `InvalidInput` for more than 10,000 symbols.
    async fn latest_of(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Trade>, RepositoryError>;

    /// Returns the newest trade at the time `at`: the last one by `(trade_time, sequence)` with `trade_time
    /// <= at`.
    async fn as_of(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<Trade>, RepositoryError>;

    /// Returns the number of trades of a symbol in a range.
    async fn count(&self, symbol_id: SymbolId, range: TimeRange) -> Result<u64, RepositoryError>;

    /// Deletes the first trades of a range, at most one UTC day of them, and returns the rest of the range.
    /// [`delete_trades`](super::delete_trades) deletes the whole range.
    ///
    /// Trades that are not in the database yet, for example in a spool, are stored later. A deleted trade may
    /// be stored again.
    ///
    /// *Atomicity*: the trades of this part disappear at the same instant for every reader. If an error is
    /// [certainly not applied](RepositoryError::is_certainly_not_applied), nothing is deleted; after any
    /// other error this part may be deleted. Trades that are stored concurrently may remain. *Repeating*: a
    /// call may be repeated; it deletes the remaining trades.
    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTrades, RepositoryError>;

    /// Returns what [`delete_range`](Self::delete_range) would delete now. Changes nothing.
    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTrades, RepositoryError>;

    /// Records corrections and cancellations, and changes the stored trades that they name.
    ///
    /// The correction of a trade with the latest `corrected_at` decides what is stored of it
    /// ([`TradeCorrection`]). A corrected trade keeps its key, its id and its time of receipt. A correction whose
    /// trade is not stored waits for it: [`insert_batch`](Self::insert_batch) then stores the trade and corrects
    /// it before it returns. A corrected or cancelled trade that is sent again counts as a duplicate, and stays
    /// as it is. A trade that has neither a number of its venue nor an id cannot be recognized when it is sent
    /// again, so it is stored again.
    ///
    /// *Atomicity*: a correction is recorded in the transaction that changes its trade. A trade that arrives at
    /// the same time may be readable without its correction for a moment. *Repeating*: a call may be repeated,
    /// and corrections may arrive in any order: the same corrections give the same trades.
    ///
    /// # Errors
    /// `InvalidInput` for more than 1,000 corrections. A correction that can never be recorded is rejected in
    /// the receipt, and the others are recorded.
    async fn correct(
        &self,
        corrections: &[TradeCorrection],
    ) -> Result<CorrectionReceipt, RepositoryError>;

    /// Returns the recorded corrections of a symbol whose trades have times in a range, by ascending id.
    async fn corrections(
        &self,
        query: &CorrectionQuery,
    ) -> Result<Page<RecordedCorrection, CorrectionId>, RepositoryError>;
}
