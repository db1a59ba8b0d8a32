//! Open, high, low, close.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::decimal::{DecimalError, check_candle_decimal, check_candle_volume};
use super::excerpt::excerpt;
use super::setters::setters;
use super::symbol_id::SymbolId;
use super::time::{earliest_time, latest_time};
use super::timeframe::Timeframe;

/// Which price of a quote a candle is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum PriceBasis {
    /// The bid.
    #[default]
    Bid,
    /// The ask.
    Ask,
    /// `(bid + ask) / 2` of each tick, exact: it may have one decimal more than bid and ask.
    Mid,
}

impl PriceBasis {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Bid, Self::Ask, Self::Mid];

    /// The name used in the database, in files and in the REST interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Ask => "ask",
            Self::Mid => "mid",
        }
    }
}

impl fmt::Display for PriceBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no price basis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is no price basis: use bid, ask or mid", excerpt(.0))]
#[non_exhaustive]
pub struct UnknownPriceBasis(pub String);

impl FromStr for PriceBasis {
    type Err = UnknownPriceBasis;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|basis| basis.as_str() == text)
            .ok_or_else(|| UnknownPriceBasis(text.to_owned()))
    }
}

/// Where a candle comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum CandleSource {
    /// Made of the stored ticks, at this read or by a continuous aggregate.
    Ticks,
    /// Made at this read of smaller candles, of which at least one is stored.
    Smaller,
    /// Stored as a candle; the text says by whom, 1 to 50 characters, such as `import`.
    Stored(String),
}

impl CandleSource {
    /// The name of [`Ticks`](Self::Ticks) in files.
    pub const TICKS: &'static str = "ticks";
    /// The name of [`Smaller`](Self::Smaller) in files.
    pub const SMALLER: &'static str = "smaller";
    /// Who stored a candle of one minute before its ticks were dropped.
    pub const SEALED: &'static str = "sealed";
    /// Who stored a candle for which its file names nobody.
    pub const IMPORT: &'static str = "import";

    /// The name in files: `ticks`, `smaller`, or who stored it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ticks => Self::TICKS,
            Self::Smaller => Self::SMALLER,
            Self::Stored(by) => by,
        }
    }

    /// Whether the candle is stored in place of its ticks: it is [`SEALED`](Self::SEALED).
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        matches!(self, Self::Stored(by) if by == Self::SEALED)
    }
}

/// What the price did within `[open_time, open_time + timeframe)`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Candle {
    /// Whose candle it is.
    pub symbol_id: SymbolId,
    /// Its width.
    pub timeframe: Timeframe,
    /// Which price it is made of.
    pub basis: PriceBasis,
    /// Start of the bucket, itself inside, aligned to UTC.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::time"))]
    pub open_time: DateTime<Utc>,
    /// Price of the first tick by `(tick_time, sequence)`.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub open: Decimal,
    /// Highest price.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub high: Decimal,
    /// Lowest price.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub low: Decimal,
    /// Price of the last tick by `(tick_time, sequence)`.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub close: Decimal,
    /// Sum of the quoted bid and ask volumes of all ticks: what was offered, not what was traded.
    /// Exact with up to 28 significant digits, else rounded to 28, half away from zero.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub volume: Decimal,
    /// How many ticks it is made of.
    pub tick_count: i64,
    /// Whether its end had passed when it was read; a forming candle still changes.
    pub closed: bool,
    /// Where it comes from.
    pub source: CandleSource,
}

setters!(Candle {
    set {
        /// Sets the sum of the quoted volumes.
        volume: Decimal,
        /// Sets how many ticks it is made of.
        tick_count: i64,
        /// Sets whether its end had passed.
        closed: bool,
        /// Sets where it comes from.
        source: CandleSource,
    }
});

impl Candle {
    /// A closed candle of one tick without a volume, with these prices: open, high, low, close.
    #[must_use]
    pub fn new(
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
        open_time: DateTime<Utc>,
        [open, high, low, close]: [Decimal; 4],
    ) -> Self {
        Self {
            symbol_id,
            timeframe,
            basis,
            open_time,
            open,
            high,
            low,
            close,
            volume: Decimal::ZERO,
            tick_count: 1,
            closed: true,
            source: CandleSource::Ticks,
        }
    }

    /// End of the bucket, itself outside.
    #[must_use]
    pub fn close_time(&self) -> DateTime<Utc> {
        self.timeframe.bucket_end(self.open_time)
    }
}

impl Candle {
    /// Checks what every store asks of a candle that is stored as one.
    ///
    /// # Errors
    /// A symbol id below 1; an open time outside of 1970 to 2100 or not at the start of a bucket; prices of which high
    /// is not the highest or low not the lowest; a price that does not fit `NUMERIC(28,13)`
    /// exactly; a volume of more than 28 significant digits or of 10^25 and more; a negative volume
    /// or count; a source that is not stored or has no name.
    pub fn validate(&self) -> Result<(), InvalidCandle> {
        let open_time = self.open_time;
        let invalid = |problem| InvalidCandle { open_time, problem };
        if self.symbol_id.get() < 1 {
            return Err(invalid(CandleProblem::SymbolId(self.symbol_id)));
        }
        if open_time < earliest_time()
            || self.close_time() > latest_time()
            || self.timeframe.bucket_start(open_time) != open_time
        {
            return Err(invalid(CandleProblem::OpenTime(self.timeframe)));
        }
        for (field, value) in [
            ("open", self.open),
            ("high", self.high),
            ("low", self.low),
            ("close", self.close),
        ] {
            check_candle_decimal(value)
                .map_err(|source| invalid(CandleProblem::Number { field, source }))?;
        }
        let field = "volume";
        check_candle_volume(self.volume)
            .map_err(|source| invalid(CandleProblem::Number { field, source }))?;
        if self.high < self.open.max(self.close) || self.low > self.open.min(self.close) {
            return Err(invalid(CandleProblem::HighLow));
        }
        if self.volume < Decimal::ZERO || self.tick_count < 0 {
            return Err(invalid(CandleProblem::NegativeQuantity));
        }
        match &self.source {
            CandleSource::Stored(by) if (1..=50).contains(&by.chars().count()) => Ok(()),
            _ => Err(invalid(CandleProblem::Source)),
        }
    }
}

/// Why a candle can be stored nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("candle at {open_time}: {problem}")]
#[non_exhaustive]
pub struct InvalidCandle {
    /// Which candle.
    pub open_time: DateTime<Utc>,
    /// What is wrong with it.
    pub problem: CandleProblem,
}

/// What is wrong with a candle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CandleProblem {
    /// The symbol's number is below 1.
    #[error("symbol_id {0} is not positive: use that of a symbol")]
    SymbolId(SymbolId),
    /// The open time is no start of a bucket within 1970 to 2100.
    #[error("its open time is no start of a {0} bucket between 1970 and 2100: align it to UTC")]
    OpenTime(Timeframe),
    /// A number cannot be kept exactly.
    #[error("{field} {source}")]
    Number {
        /// Which number.
        field: &'static str,
        /// Why.
        source: DecimalError,
    },
    /// High or low contradict open or close.
    #[error("high must be the highest and low the lowest of its prices: correct them")]
    HighLow,
    /// The volume or the number of ticks is negative.
    #[error("volume and tick count must not be negative: send 0 when they are unknown")]
    NegativeQuantity,
    /// The source is not one a stored candle can have.
    #[error("its source must be a stored one of 1 to 50 characters: say who made it")]
    Source,
}
