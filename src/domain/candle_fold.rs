//! A partial candle, to which ticks, trades and smaller candles are added.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::amount::Amount;
use super::candle::{Candle, CandleSource};
use super::exact_candle::ExactCandle;
use super::exact_sum::ExactSum;
use super::price_basis::PriceBasis;
use super::symbol_id::SymbolId;
use super::tick::Tick;
use super::timeframe::Timeframe;
use super::trade::{AggressorSide, Trade};
use super::trade_volumes::TradeSums;

/// A partial candle. Parts can be added and merged in any order with the same result.
///
/// The caller adds each tick or trade once. The sequence orders ticks and trades of the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleFold {
    first: (DateTime<Utc>, i64),
    last: (DateTime<Utc>, i64),
    open: Decimal,
    high: Decimal,
    low: Decimal,
    close: Decimal,
    volume: ExactSum,
    tick_count: i64,
    /// `None` if a part has none.
    trade_sums: Option<TradeSums>,
}

impl CandleFold {
    /// Creates a candle of one tick. Its volume is the sum of the known volumes of both sides for any basis,
    /// or 0 if none is known.
    ///
    /// Returns `None` if the tick does not have the price of `basis` ([`Tick::has`]), or if its mid price
    /// does not fit a decimal. The mid price of a tick that can be stored always fits.
    #[must_use]
    pub fn of_tick(tick: &Tick, basis: PriceBasis) -> Option<Self> {
        let price = tick.price(basis)?;
        let mut volume = ExactSum::default();
        for known in [tick.bid_volume, tick.ask_volume].into_iter().flatten() {
            volume = volume.checked_add(known)?;
        }
        Some(Self::of_price(
            (tick.tick_time, tick.sequence),
            price,
            volume,
        ))
    }

    /// Creates a candle of one trade, of the basis `Trade`.
    ///
    /// Returns `None` if its price or quantity does not fit `NUMERIC(27,12)`.
    #[must_use]
    pub fn of_trade(trade: &Trade) -> Option<Self> {
        let volume = ExactSum::from(trade.quantity);
        let sums = TradeSums {
            buy_volume: match trade.aggressor_side {
                Some(AggressorSide::Buy) => volume,
                Some(AggressorSide::Sell) | None => ExactSum::ZERO,
            },
            notional: Amount::of(trade.price, trade.quantity)?,
        };
        Some(Self {
            trade_sums: Some(sums),
            ..Self::of_price((trade.trade_time, trade.sequence), trade.price, volume)
        })
    }

    fn of_price(key: (DateTime<Utc>, i64), price: Decimal, volume: ExactSum) -> Self {
        Self {
            first: key,
            last: key,
            open: price,
            high: price,
            low: price,
            close: price,
            volume,
            tick_count: 1,
            trade_sums: None,
        }
    }

    /// Continues from `candle`. Everything merged into it must be later than all of its ticks or trades.
    ///
    /// The sums start with the volumes of `candle`. A volume of more than 28 digits was rounded when it was
    /// read, so the result may differ from the exact sum in the last of 28 digits.
    #[must_use]
    pub fn of_candle(candle: &Candle) -> Self {
        Self::of_sums(
            candle,
            candle.volume.into(),
            candle.trade_volumes.map(TradeSums::from),
        )
    }

    /// Continues from the exact sums of `candle`.
    pub(crate) fn of_exact(candle: &ExactCandle) -> Self {
        Self::of_sums(candle, candle.volume(), candle.trade_sums())
    }

    fn of_sums(candle: &Candle, volume: ExactSum, trade_sums: Option<TradeSums>) -> Self {
        // buckets of one timeframe do not overlap, so their start times order their ticks
        let key = (candle.open_time, 0);
        Self {
            first: key,
            last: key,
            open: candle.open,
            high: candle.high,
            low: candle.low,
            close: candle.close,
            volume,
            tick_count: candle.tick_count,
            trade_sums,
        }
    }

    /// Returns the candle of the ticks or trades of both. Returns `None` if it has more than 10^18 of them, or
    /// a volume or notional of 1.7 * 10^38 or more.
    #[must_use]
    pub fn merge(self, other: Self) -> Option<Self> {
        let (first, open) = if other.first < self.first {
            (other.first, other.open)
        } else {
            (self.first, self.open)
        };
        let (last, close) = if other.last > self.last {
            (other.last, other.close)
        } else {
            (self.last, self.close)
        };
        let trade_sums = match self.trade_sums.zip(other.trade_sums) {
            Some((one, other)) => Some(one.checked_merge(other)?),
            None => None,
        };
        Some(Self {
            first,
            last,
            open,
            high: self.high.max(other.high),
            low: self.low.min(other.low),
            close,
            volume: self.volume.checked_merge(other.volume)?,
            tick_count: self.tick_count.checked_add(other.tick_count)?,
            trade_sums,
        })
    }

    /// Returns `shape` with the prices, volumes and count of this candle, and with the source `Ticks` or
    /// `Trades`. `now` decides whether it is closed.
    ///
    /// A volume of more than 28 significant digits is rounded only here, half away from zero. Returns `None`
    /// if a volume exceeds a decimal, which cannot happen with ticks and trades that can be stored.
    #[must_use]
    pub fn to_candle(&self, shape: &Candle, now: DateTime<Utc>) -> Option<Candle> {
        let bucket = Bucket {
            symbol_id: shape.symbol_id,
            basis: shape.basis,
            timeframe: shape.timeframe,
            open_time: shape.open_time,
        };
        Some(self.finish(&bucket, now)?.into_candle())
    }

    pub(super) fn finish(&self, bucket: &Bucket, now: DateTime<Utc>) -> Option<ExactCandle> {
        let trade_volumes = match self.trade_sums {
            Some(sums) => Some(sums.to_volumes()?),
            None => None,
        };
        let candle = Candle {
            symbol_id: bucket.symbol_id,
            timeframe: bucket.timeframe,
            basis: bucket.basis,
            open_time: bucket.open_time,
            open: self.open.normalize(),
            high: self.high.normalize(),
            low: self.low.normalize(),
            close: self.close.normalize(),
            volume: self.volume.to_decimal()?,
            tick_count: self.tick_count,
            trade_volumes,
            closed: bucket.timeframe.bucket_end(bucket.open_time) <= now,
            source: CandleSource::of(bucket.basis.input()),
        };
        let buy_volume = self.trade_sums.map(|sums| sums.buy_volume);
        Some(ExactCandle::new(candle, Some(self.volume), buy_volume))
    }
}

/// The place of a candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bucket {
    pub(super) symbol_id: SymbolId,
    pub(super) basis: PriceBasis,
    pub(super) timeframe: Timeframe,
    pub(super) open_time: DateTime<Utc>,
}
