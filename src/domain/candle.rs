//! Candles: open, high, low and close prices of a bucket of time.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::amount::Amount;
use super::decimal::{DecimalError, check_candle_decimal, check_candle_volume};
use super::price_basis::{CandleInput, PriceBasis};
use super::setters::setters;
use super::symbol_id::SymbolId;
use super::time::{earliest_time, latest_time};
use super::timeframe::{Timeframe, UnknownTimeframe};
use super::trade_volumes::TradeVolumes;

/// The origin of a candle.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum CandleSource {
    /// Computed from the stored ticks, by this read or by a continuous aggregate.
    Ticks,
    /// Computed from the stored trades, by this read or by a continuous aggregate.
    Trades,
    /// Computed by this read from smaller candles, at least one of them stored.
    RolledUp,
    /// Stored as a candle. The text names the writer, 1 to 50 characters, such as `import`.
    Stored(String),
}

impl CandleSource {
    /// The name of [`Ticks`](Self::Ticks) in files.
    pub const TICKS: &'static str = "ticks";
    /// The name of [`Trades`](Self::Trades) in files.
    pub const TRADES: &'static str = "trades";
    /// The name of [`RolledUp`](Self::RolledUp) in files.
    pub const ROLLED_UP: &'static str = "rolled_up";
    /// The writer of one-minute candles that are stored before their ticks are dropped.
    pub const DOWNSAMPLED: &'static str = "downsampled";
    /// The writer of imported candles whose file names no writer.
    pub const IMPORT: &'static str = "import";

    /// The source of candles that are computed from these rows.
    #[must_use]
    pub const fn of(input: CandleInput) -> Self {
        match input {
            CandleInput::Ticks => Self::Ticks,
            CandleInput::Trades => Self::Trades,
        }
    }

    /// Whether the candle is computed from ticks or trades alone.
    #[must_use]
    pub fn is_computed(&self) -> bool {
        matches!(self, Self::Ticks | Self::Trades)
    }

    /// The name in files: `ticks`, `trades`, `rolled_up`, or the writer of the stored candle.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ticks => Self::TICKS,
            Self::Trades => Self::TRADES,
            Self::RolledUp => Self::ROLLED_UP,
            Self::Stored(by) => by,
        }
    }

    /// Whether the candle replaces dropped ticks: its source is [`DOWNSAMPLED`](Self::DOWNSAMPLED).
    #[must_use]
    pub fn is_downsampled(&self) -> bool {
        matches!(self, Self::Stored(by) if by == Self::DOWNSAMPLED)
    }
}

/// The prices of a symbol within `[open_time, open_time + timeframe)`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Candle {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The timeframe, which is the length of the bucket.
    pub timeframe: Timeframe,
    /// The price from which it is computed.
    pub basis: PriceBasis,
    /// Start of the bucket, inclusive, aligned to UTC.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::time"))]
    pub open_time: DateTime<Utc>,
    /// Price of the first tick or trade by time, then sequence.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub open: Decimal,
    /// Highest price.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub high: Decimal,
    /// Lowest price.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub low: Decimal,
    /// Price of the last tick or trade by time, then sequence.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub close: Decimal,
    /// Of ticks: the sum of all quoted bid and ask volumes, which is the offered quantity, not the traded one. Of
    /// trades: the sum of all quantities. Exact with up to 28 significant digits, otherwise rounded to 28,
    /// half away from zero.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub volume: Decimal,
    /// The number of ticks or trades from which it is computed.
    pub tick_count: i64,
    /// Further sums of a candle of trades. `None` for every other basis, and for a stored candle whose writer
    /// did not know them.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub trade_volumes: Option<TradeVolumes>,
    /// Whether the bucket had ended when the candle was read. A candle that is not closed may still
    /// change.
    pub closed: bool,
    /// The origin of the candle.
    pub source: CandleSource,
}

setters!(Candle {
    set {
        /// Sets the sum of the volumes.
        volume: Decimal,
        /// Sets the number of ticks or trades.
        tick_count: i64,
        /// Sets whether the bucket has ended.
        closed: bool,
        /// Sets the origin.
        source: CandleSource,
    }
    into {
        /// Sets the further sums of a candle of trades.
        trade_volumes: Option<TradeVolumes>,
    }
});

impl Candle {
    /// Creates a closed candle of one tick or trade without volume. The prices are open, high, low and close.
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
            trade_volumes: None,
            closed: true,
            source: CandleSource::of(basis.input()),
        }
    }

    /// Returns the volume-weighted average price of a candle of trades: notional divided by volume, rounded to
    /// nine decimal places, half to even. Returns `None` without trades or [`trade_volumes`](Self::trade_volumes).
    #[must_use]
    pub fn vwap(&self) -> Option<Decimal> {
        self.trade_volumes.as_ref()?.vwap(self.volume)
    }

    /// End of the bucket, exclusive.
    #[must_use]
    pub fn close_time(&self) -> DateTime<Utc> {
        self.timeframe.bucket_end(self.open_time)
    }
}

impl Candle {
    /// Checks the rules that every store applies to a stored candle.
    ///
    /// # Errors
    /// A symbol id below 1; a timeframe that is not [stored](Timeframe::is_stored); an open time outside of 1970 to 2100 or not at the start of a bucket; a high that
    /// is not the highest or a low that is not the lowest price; a price that does not fit `NUMERIC(28,13)`
    /// exactly; a volume of more than 28 significant digits or of 10^25 or more; a negative volume or count;
    /// a buy volume that is negative or exceeds the volume; a notional of 10^34 or more or with more than 24 decimal
    /// places; trade volumes of a candle of ticks; a source that is not a stored one or has no name.
    pub fn validate(&self) -> Result<(), InvalidCandle> {
        let open_time = self.open_time;
        let invalid = |problem| InvalidCandle { open_time, problem };
        if self.symbol_id.get() < 1 {
            return Err(invalid(CandleProblem::SymbolId(self.symbol_id)));
        }
        let stored = self.timeframe.stored();
        stored.map_err(|source| invalid(CandleProblem::Timeframe(source)))?;
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
        if let Some(volumes) = self.trade_volumes {
            self.check_trade_volumes(volumes).map_err(invalid)?;
        }
        match &self.source {
            CandleSource::Stored(by) if (1..=50).contains(&by.chars().count()) => Ok(()),
            _ => Err(invalid(CandleProblem::Source)),
        }
    }

    fn check_trade_volumes(&self, volumes: TradeVolumes) -> Result<(), CandleProblem> {
        if self.basis.input() != CandleInput::Trades {
            return Err(CandleProblem::TradeVolumesOfTicks(self.basis));
        }
        let field = "buy_volume";
        check_candle_volume(volumes.buy_volume)
            .map_err(|source| CandleProblem::Number { field, source })?;
        if volumes.buy_volume < Decimal::ZERO || volumes.buy_volume > self.volume {
            return Err(CandleProblem::BuyVolume);
        }
        match volumes.notional.is_storable() {
            true => Ok(()),
            false => Err(CandleProblem::Notional(volumes.notional)),
        }
    }
}

/// Why a candle is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("candle at {open_time}: {problem}")]
#[non_exhaustive]
pub struct InvalidCandle {
    /// The open time of the candle.
    pub open_time: DateTime<Utc>,
    /// The problem.
    pub problem: CandleProblem,
}

/// The problem of an invalid candle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CandleProblem {
    /// The symbol id is below 1.
    #[error("invalid symbol_id {0}: expected the positive id of a symbol")]
    SymbolId(SymbolId),
    /// The timeframe is folded on read and cannot be stored.
    #[error("{0}")]
    Timeframe(UnknownTimeframe),
    /// The open time is not the start of a bucket within 1970 to 2100.
    #[error("invalid open time: expected the start of a {0} bucket in UTC between 1970 and 2100")]
    OpenTime(Timeframe),
    /// A number cannot be stored exactly.
    #[error("{field} {source}")]
    Number {
        /// The field.
        field: &'static str,
        /// The reason.
        source: DecimalError,
    },
    /// High or low contradicts another price.
    #[error("invalid prices: expected high to be the highest and low the lowest price")]
    HighLow,
    /// The volume or the number of ticks is negative.
    #[error("volume and tick count must not be negative: send 0 if they are unknown")]
    NegativeQuantity,
    /// A candle of ticks has no trades.
    #[error("invalid trade volumes: a candle of the basis {0} has none")]
    TradeVolumesOfTicks(PriceBasis),
    /// The buy volume is not a part of the volume.
    #[error("invalid buy_volume: expected a part of the volume")]
    BuyVolume,
    /// The notional has more digits than can be stored.
    #[error("invalid notional {0}: expected less than 10^34 and at most 24 decimal places")]
    Notional(Amount),
    /// A stored candle cannot have this source.
    #[error("invalid source: expected a stored source of 1 to 50 characters")]
    Source,
}
