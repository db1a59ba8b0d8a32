//! Where candles come from.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::domain::{
    Candle, CandleCursor, Page, PageLimit, PriceBasis, SortOrder, SymbolId, TimeRange, Timeframe,
};
use crate::error::RepositoryError;

/// Which candles of one symbol to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleQuery {
    /// Whose candles.
    pub symbol_id: SymbolId,
    /// Their width.
    pub timeframe: Timeframe,
    /// Which price they are made of.
    pub basis: PriceBasis,
    /// Only those whose open time is inside; `from` is inside, `to` is outside. A candle is whole
    /// even where the range ends within it.
    pub range: TimeRange,
    /// Oldest or newest first.
    pub order: SortOrder,
    /// Only those behind this one in that order: where the page before ended.
    pub after: Option<CandleCursor>,
    /// How many at most.
    pub limit: PageLimit,
}

impl CandleQuery {
    /// The first 500 candles of a range, oldest first.
    #[must_use]
    pub fn new(
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
        range: TimeRange,
    ) -> Self {
        Self {
            symbol_id,
            timeframe,
            basis,
            range,
            order: SortOrder::Ascending,
            after: None,
            limit: PageLimit::default(),
        }
    }
}

/// Candles: made of the stored ticks, or stored as candles.
///
/// A candle made of ticks equals what [`fold_ticks`](crate::domain::fold_ticks) makes of the ticks
/// stored at that moment, to the last digit. A bucket without ticks has no candle. Where a stored
/// candle has the same symbol, timeframe, basis and open time, the stored one is read and no other.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait OhlcRepository: Debug + Send + Sync + 'static {
    /// Candles of a range, sorted by open time in the order asked for; none appears twice.
    ///
    /// No candle is no error, nor is a symbol that does not exist.
    async fn candles(
        &self,
        query: &CandleQuery,
    ) -> Result<Page<Candle, CandleCursor>, RepositoryError>;

    /// The newest candle by open time, closed or still forming.
    async fn latest(
        &self,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
    ) -> Result<Option<Candle>, RepositoryError>;

    /// Stores candles as they are, overwriting stored ones of the same symbol, timeframe, basis
    /// and open time, all or none. Returns how many different candles were given.
    ///
    /// A call that its caller has given up may still be applied, but overwrites nothing that a call
    /// begun after that has stored.
    ///
    /// `closed` is not stored: a read decides it by its own time.
    /// *Duplicates*: of one candle given twice the last counts.
    ///
    /// # Errors
    /// `InvalidInput` names the first candle that [`Candle::validate`] refuses.
    async fn upsert_candles(&self, candles: &[Candle]) -> Result<u64, RepositoryError>;
}
