//! Candles with unrounded volumes, from which larger candles are computed.

use std::ops::Deref;

use super::candle::{Candle, CandleSource};
use super::exact_sum::ExactSum;
use super::trade_volumes::TradeSums;

/// A candle with the exact sums of its volumes, if they were rounded.
///
/// Larger candles are computed from the exact sums, so their volumes are rounded only once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExactCandle {
    candle: Candle,
    /// `None` if the volume of the candle is exact.
    volume: Option<ExactSum>,
    /// `None` if the buy volume of the candle is exact, or if it has none.
    buy_volume: Option<ExactSum>,
}

impl ExactCandle {
    /// Creates the exact form of `candle`, whose volumes are these sums, rounded. `None` means that a volume was
    /// not rounded.
    pub(crate) fn new(
        candle: Candle,
        volume: Option<ExactSum>,
        buy_volume: Option<ExactSum>,
    ) -> Self {
        Self {
            candle,
            volume,
            buy_volume,
        }
    }

    /// Returns the candle as a reader sees it.
    #[must_use]
    pub fn into_candle(self) -> Candle {
        self.candle
    }

    /// Returns the candle with the source `RolledUp`.
    pub(crate) fn rolled_up(mut self) -> Self {
        self.candle.source = CandleSource::RolledUp;
        self
    }

    pub(crate) fn volume(&self) -> ExactSum {
        self.volume.unwrap_or_else(|| self.candle.volume.into())
    }

    pub(crate) fn trade_sums(&self) -> Option<TradeSums> {
        let mut sums = TradeSums::from(self.candle.trade_volumes?);
        if let Some(buy_volume) = self.buy_volume {
            sums.buy_volume = buy_volume;
        }
        Some(sums)
    }
}

/// Treats the volumes of the candle as exact, which applies to candles that a user stored.
impl From<Candle> for ExactCandle {
    fn from(candle: Candle) -> Self {
        Self::new(candle, None, None)
    }
}

impl Deref for ExactCandle {
    type Target = Candle;

    fn deref(&self) -> &Candle {
        &self.candle
    }
}
