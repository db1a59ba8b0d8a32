//! Gap filling: adds the buckets that have no candle to a listing.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::candle::Candle;
use super::excerpt::excerpt;
use super::price_basis::PriceBasis;
use super::symbol_id::SymbolId;
use super::timeframe::Timeframe;

/// How a listing represents a bucket without a candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum GapFill {
    /// The bucket is omitted.
    #[default]
    Omit,
    /// A bucket without prices.
    Null,
    /// A bucket with the previous close as its close and no other price.
    PreviousClose,
    /// A bucket with the previous close as open, high, low and close.
    Flat,
}

impl GapFill {
    /// All ways to fill gaps.
    pub const ALL: &'static [Self] = &[Self::Omit, Self::Null, Self::PreviousClose, Self::Flat];

    /// The name used in the REST interface and on the command line: `none`, `null`, `previous` or `flat`.
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

/// The text is not a way to fill gaps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid fill {}: expected none, null, previous or flat", excerpt(.0))]
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

/// A bucket without a candle: it has no ticks and no volume.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct FilledCandle {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The timeframe, which is the length of the bucket.
    pub timeframe: Timeframe,
    /// The price basis of the listing.
    pub basis: PriceBasis,
    /// Its start, inclusive, aligned to UTC.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::time"))]
    pub open_time: DateTime<Utc>,
    /// The previous close with [`GapFill::Flat`].
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_decimal", default)
    )]
    pub open: Option<Decimal>,
    /// As [`open`](Self::open).
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_decimal", default)
    )]
    pub high: Option<Decimal>,
    /// As [`open`](Self::open).
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_decimal", default)
    )]
    pub low: Option<Decimal>,
    /// The previous close with [`GapFill::Flat`] and [`GapFill::PreviousClose`].
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_decimal", default)
    )]
    pub close: Option<Decimal>,
    /// Whether the bucket had ended when it was read.
    pub closed: bool,
}

impl FilledCandle {
    /// Creates the bucket at `open_time`. `previous` is the last candle before it.
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

    /// Its end, exclusive.
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
    /// A bucket with a candle.
    Candle(Candle),
    /// A bucket without a candle.
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
