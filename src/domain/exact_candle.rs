//! Candles with an unrounded volume, from which larger candles are computed.

use std::ops::Deref;

use super::candle::{Candle, CandleSource};
use super::exact_sum::ExactSum;

/// A candle with the exact sum of its volume, if the volume was rounded.
///
/// Larger candles are computed from the exact sums, so their volumes are rounded only once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExactCandle {
    candle: Candle,
    /// `None` if the volume of the candle is exact.
    sum: Option<ExactSum>,
}

impl ExactCandle {
    /// Creates the exact form of `candle`, whose volume is the rounded `sum`.
    pub(crate) fn new(candle: Candle, sum: Option<ExactSum>) -> Self {
        Self { candle, sum }
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
        self.sum.unwrap_or_else(|| self.candle.volume.into())
    }
}

/// Treats the volume of the candle as exact, which applies to candles that a user stored.
impl From<Candle> for ExactCandle {
    fn from(candle: Candle) -> Self {
        Self { candle, sum: None }
    }
}

impl Deref for ExactCandle {
    type Target = Candle;

    fn deref(&self) -> &Candle {
        &self.candle
    }
}
