//! Folds ticks into candles, and small candles into larger ones. This is the reference definition that every
//! backend is tested against.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::candle::{Candle, CandleSource, PriceBasis};
use super::exact_candle::ExactCandle;
use super::exact_sum::ExactSum;
use super::symbol_id::SymbolId;
use super::tick::Tick;
use super::timeframe::Timeframe;

/// Why a candle cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// A mid price does not fit a decimal, or a volume or count exceeds all that can be stored. Ticks that a
    /// store accepts never cause this error, and neither do such candles within a day.
    #[error("the candle of symbol {symbol_id} at {open_time} needs more digits than a decimal has")]
    Overflow {
        /// The symbol of the candle.
        symbol_id: SymbolId,
        /// The open time of the candle.
        open_time: DateTime<Utc>,
    },
    /// The timeframe of the source candles does not [divide](Timeframe::divides) the requested one.
    #[error("cannot compute {to} candles from {from} candles: use a timeframe that divides {to}")]
    NotDivisor {
        /// The timeframe of the source candles.
        from: Timeframe,
        /// The requested timeframe.
        to: Timeframe,
    },
}

/// A partial candle. Parts can be added and merged in any order with the same result.
///
/// The caller adds each tick once. The sequence orders ticks of the same time.
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
        let key = (tick.tick_time, tick.sequence);
        let mut volume = ExactSum::default();
        for known in [tick.bid_volume, tick.ask_volume].into_iter().flatten() {
            volume = volume.checked_add(known)?;
        }
        Some(Self {
            first: key,
            last: key,
            open: price,
            high: price,
            low: price,
            close: price,
            volume,
            tick_count: 1,
        })
    }

    /// Continues from `candle`. Everything merged into it must be later than all of its ticks.
    ///
    /// The sum starts with the volume of `candle`. A volume of more than 28 digits was rounded when it was
    /// read, so the result may differ from the exact sum in the last of 28 digits.
    #[must_use]
    pub fn of_candle(candle: &Candle) -> Self {
        Self::of_sum(candle, candle.volume.into())
    }

    fn of_sum(candle: &Candle, volume: ExactSum) -> Self {
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
        }
    }

    /// Returns the candle of the ticks of both. Returns `None` if it has more than 10^18 ticks, or a volume
    /// larger than that of 10^18 of the largest ticks.
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
        Some(Self {
            first,
            last,
            open,
            high: self.high.max(other.high),
            low: self.low.min(other.low),
            close,
            volume: self.volume.checked_merge(other.volume)?,
            tick_count: self.tick_count.checked_add(other.tick_count)?,
        })
    }

    /// Returns `shape` with the prices, volume and tick count of this candle, and with the source `Ticks`.
    /// `now` decides whether it is closed.
    ///
    /// A volume of more than 28 significant digits is rounded only here, half away from zero. Returns `None`
    /// if the volume exceeds a decimal, which cannot happen with ticks that can be stored.
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

    fn finish(&self, bucket: &Bucket, now: DateTime<Utc>) -> Option<ExactCandle> {
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
            closed: bucket.timeframe.bucket_end(bucket.open_time) <= now,
            source: CandleSource::Ticks,
        };
        Some(ExactCandle::new(candle, Some(self.volume)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bucket {
    symbol_id: SymbolId,
    basis: PriceBasis,
    timeframe: Timeframe,
    open_time: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Buckets {
    folds: BTreeMap<Bucket, CandleFold>,
    /// The buckets with a part that was not computed from ticks alone.
    rolled_up: BTreeSet<Bucket>,
}

impl Buckets {
    fn add(&mut self, bucket: Bucket, part: Option<CandleFold>) -> Result<(), FoldError> {
        let overflow = || FoldError::Overflow {
            symbol_id: bucket.symbol_id,
            open_time: bucket.open_time,
        };
        let part = part.ok_or_else(overflow)?;
        match self.folds.entry(bucket) {
            Entry::Vacant(vacant) => {
                vacant.insert(part);
            }
            Entry::Occupied(mut whole) => {
                let merged = whole.get().merge(part).ok_or_else(overflow)?;
                whole.insert(merged);
            }
        }
        Ok(())
    }

    fn add_candle(
        &mut self,
        candle: &Candle,
        volume: ExactSum,
        timeframe: Timeframe,
    ) -> Result<(), FoldError> {
        if !candle.timeframe.divides(timeframe) {
            return Err(FoldError::NotDivisor {
                from: candle.timeframe,
                to: timeframe,
            });
        }
        let bucket = Bucket {
            symbol_id: candle.symbol_id,
            basis: candle.basis,
            timeframe,
            open_time: timeframe.bucket_start(candle.open_time),
        };
        if candle.source != CandleSource::Ticks {
            self.rolled_up.insert(bucket);
        }
        self.add(bucket, Some(CandleFold::of_sum(candle, volume)))
    }

    fn finish(&self, now: DateTime<Utc>) -> Result<Vec<ExactCandle>, FoldError> {
        let candle = |(bucket, fold): (&Bucket, &CandleFold)| {
            let candle = fold.finish(bucket, now).ok_or(FoldError::Overflow {
                symbol_id: bucket.symbol_id,
                open_time: bucket.open_time,
            })?;
            Ok(match self.rolled_up.contains(bucket) {
                true => candle.rolled_up(),
                false => candle,
            })
        };
        self.folds.iter().map(candle).collect()
    }
}

/// Computes candles from ticks.
///
/// Only ticks that have the price of `basis` ([`Tick::has`]) count, with the known volumes of both sides.
/// `now` decides which candles are closed. A bucket without such ticks has no candle.
///
/// *Ordering*: by symbol, then by open time, for any order of the ticks.
/// *Duplicates*: the caller must pass each tick once.
///
/// # Errors
/// A mid price that does not fit a decimal. Ticks that can be stored never cause an error.
///
/// # Examples
///
/// ```
/// use chrono::{DateTime, TimeDelta, Utc};
/// use tickbook::domain::{PriceBasis, SymbolId, Tick, Timeframe, fold_ticks};
///
/// let time: DateTime<Utc> = "2024-05-01T12:00:00Z".parse()?;
/// let ticks = [10, 12, 9].map(|bid| Tick::quote(SymbolId::new(7), time, bid.into(), 20.into()));
/// let now = time + TimeDelta::minutes(1);
/// let candles = fold_ticks(&ticks, Timeframe::M1, PriceBasis::Bid, now)?;
/// assert_eq!((candles[0].high, candles[0].low), (12.into(), 9.into()));
/// assert!(candles[0].closed);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn fold_ticks<'a>(
    ticks: impl IntoIterator<Item = &'a Tick>,
    timeframe: Timeframe,
    basis: PriceBasis,
    now: DateTime<Utc>,
) -> Result<Vec<Candle>, FoldError> {
    let mut fold = TickFold::new(timeframe, basis);
    for tick in ticks {
        fold.add(tick)?;
    }
    Ok(as_read(fold.finish(now)?))
}

/// The incremental form of [`fold_ticks`].
#[derive(Debug)]
pub(crate) struct TickFold {
    timeframe: Timeframe,
    basis: PriceBasis,
    buckets: Buckets,
}

impl TickFold {
    pub(crate) fn new(timeframe: Timeframe, basis: PriceBasis) -> Self {
        Self {
            timeframe,
            basis,
            buckets: Buckets::default(),
        }
    }

    pub(crate) fn add(&mut self, tick: &Tick) -> Result<(), FoldError> {
        if !tick.has(self.basis) {
            return Ok(());
        }
        let bucket = Bucket {
            symbol_id: tick.symbol_id,
            basis: self.basis,
            timeframe: self.timeframe,
            open_time: self.timeframe.bucket_start(tick.tick_time),
        };
        self.buckets
            .add(bucket, CandleFold::of_tick(tick, self.basis))
    }

    pub(crate) fn finish(&self, now: DateTime<Utc>) -> Result<Vec<ExactCandle>, FoldError> {
        self.buckets.finish(now)
    }
}

/// Computes larger candles from smaller ones.
///
/// Symbols and bases are not mixed. `now` decides which candles are closed. Volumes are added as given, so a
/// volume that was rounded because it has more than 28 digits counts rounded. Stores compute candles from the
/// exact sums instead. The source of a candle is `Ticks` if that is the source of all its parts, otherwise
/// `RolledUp`.
///
/// *Ordering*: by symbol, basis, then open time, for any order of the candles.
/// *Duplicates*: the candles of one symbol and basis must not overlap.
///
/// # Errors
/// A candle whose timeframe does not [divide](Timeframe::divides) `timeframe`, or a sum of volumes above
/// 7.9 * 10^28. No day of candles that can be stored reaches such a sum.
pub fn fold_candles<'a>(
    candles: impl IntoIterator<Item = &'a Candle>,
    timeframe: Timeframe,
    now: DateTime<Utc>,
) -> Result<Vec<Candle>, FoldError> {
    let mut buckets = Buckets::default();
    for candle in candles {
        buckets.add_candle(candle, candle.volume.into(), timeframe)?;
    }
    Ok(as_read(buckets.finish(now)?))
}

/// The incremental form of [`fold_candles`], with exact sums.
#[derive(Debug)]
pub(crate) struct PartFold {
    timeframe: Timeframe,
    buckets: Buckets,
}

impl PartFold {
    pub(crate) fn new(timeframe: Timeframe) -> Self {
        Self {
            timeframe,
            buckets: Buckets::default(),
        }
    }

    pub(crate) fn add(&mut self, part: &ExactCandle) -> Result<(), FoldError> {
        self.buckets.add_candle(part, part.volume(), self.timeframe)
    }

    pub(crate) fn finish(&self, now: DateTime<Utc>) -> Result<Vec<ExactCandle>, FoldError> {
        self.buckets.finish(now)
    }
}

fn as_read(exact: Vec<ExactCandle>) -> Vec<Candle> {
    exact.into_iter().map(ExactCandle::into_candle).collect()
}

#[cfg(test)]
mod tests;
