//! What reads of candles remember from earlier reads.

use super::candle_tables::CandleTableCache;
use super::settled::SettledWindows;

/// The caches of a repository.
#[derive(Debug, Default)]
pub(super) struct CandleCaches {
    pub(super) tables: CandleTableCache,
    pub(super) settled: SettledWindows,
}
