//! Buckets without a candle, in listings that leave none out.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::candle::{Candle, PriceBasis};
use super::excerpt::excerpt;
use super::symbol_id::SymbolId;
use super::timeframe::Timeframe;

/// What stands for a bucket of which nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum GapFill {
    /// Nothing: the bucket is left out.
    #[default]
    Omit,
    /// A bucket without prices.
    Null,
    /// A bucket with the close of the candle before as its close and no other price.
    PreviousClose,
    /// A bucket with the close of the candle before as open, high, low and close.
    Flat,
}

impl GapFill {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Omit, Self::Null, Self::PreviousClose, Self::Flat];

    /// The name used in the REST interface and on the command line: `none`, `null`, `previous`,
    /// `flat`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Omit => "none",
            Self::Null => "null",
            Self::PreviousClose => "previous",
            Self::Flat => "flat",
        }
    }
}

impl fmt::Display for GapFill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no way to fill gaps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} fills no gaps: use none, null, previous or flat", excerpt(.0))]
#[non_exhaustive]
pub struct UnknownGapFill(pub String);

impl FromStr for GapFill {
    type Err = UnknownGapFill;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|fill| fill.as_str() == text)
            .ok_or_else(|| UnknownGapFill(text.to_owned()))
    }
}

/// A bucket of which nothing is known: no ticks, no volume.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct FilledCandle {
    /// Whose bucket it is.
    pub symbol_id: SymbolId,
    /// Its width.
    pub timeframe: Timeframe,
    /// Which price it would be made of.
    pub basis: PriceBasis,
    /// Its start, itself inside, aligned to UTC.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::time"))]
    pub open_time: DateTime<Utc>,
    /// The close of the last candle before, with [`GapFill::Flat`].
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_decimal", default)
    )]
    pub open: Option<Decimal>,
    /// The same.
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_decimal", default)
    )]
    pub high: Option<Decimal>,
    /// The same.
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_decimal", default)
    )]
    pub low: Option<Decimal>,
    /// The close of the last candle before, with [`GapFill::Flat`] and [`GapFill::PreviousClose`].
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_decimal", default)
    )]
    pub close: Option<Decimal>,
    /// Whether its end had passed when it was read.
    pub closed: bool,
}

impl FilledCandle {
    /// The bucket at `open_time`, `previous` being the last candle before it.
    #[must_use]
    pub fn after(
        previous: &Candle,
        open_time: DateTime<Utc>,
        fill: GapFill,
        now: DateTime<Utc>,
    ) -> Self {
        let flat = (fill == GapFill::Flat).then_some(previous.close);
        let keeps_close = matches!(fill, GapFill::Flat | GapFill::PreviousClose);
        Self {
            symbol_id: previous.symbol_id,
            timeframe: previous.timeframe,
            basis: previous.basis,
            open_time,
            open: flat,
            high: flat,
            low: flat,
            close: keeps_close.then_some(previous.close),
            closed: previous.timeframe.bucket_end(open_time) <= now,
        }
    }

    /// Its end, itself outside.
    #[must_use]
    pub fn close_time(&self) -> DateTime<Utc> {
        self.timeframe.bucket_end(self.open_time)
    }
}

/// One bucket of a listing whose gaps are filled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum CandleSlot {
    /// There is a candle.
    Candle(Candle),
    /// There is none.
    Filled(FilledCandle),
}

impl CandleSlot {
    /// Start of the bucket.
    #[must_use]
    pub fn open_time(&self) -> DateTime<Utc> {
        match self {
            Self::Candle(candle) => candle.open_time,
            Self::Filled(filled) => filled.open_time,
        }
    }
}
