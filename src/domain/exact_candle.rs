//! A candle that larger ones are made of.

use std::ops::Deref;

use super::candle::Candle;
use super::exact_sum::ExactSum;

/// A candle and the exact sum that its volume was rounded from, where it was.
///
/// Larger candles are made of the sums, so that theirs are rounded once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExactCandle {
    candle: Candle,
    /// `None` where the volume of the candle is exact.
    sum: Option<ExactSum>,
}

impl ExactCandle {
    /// `candle`, whose volume is `sum`, rounded.
    pub(crate) fn new(candle: Candle, sum: Option<ExactSum>) -> Self {
        Self { candle, sum }
    }

    /// The candle as it is read.
    #[must_use]
    pub fn into_candle(self) -> Candle {
        self.candle
    }

    pub(crate) fn volume(&self) -> ExactSum {
        self.sum.unwrap_or_else(|| self.candle.volume.into())
    }
}

/// A candle whose volume is taken as exact, as that of one stored by its user is.
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
