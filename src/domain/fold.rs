//! Ticks to candles, and small candles to larger ones: the one definition every backend is tested
//! against.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::candle::{Candle, CandleSource, PriceBasis};
use super::decimal::ExactSum;
use super::symbol_id::SymbolId;
use super::tick::Tick;
use super::timeframe::Timeframe;

/// Why no candle can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// A price or the sum of the volumes needs more digits than a decimal has.
    #[error("the candle of symbol {symbol_id} at {open_time} needs more digits than a decimal has")]
    Overflow {
        /// Whose candle.
        symbol_id: SymbolId,
        /// Which one.
        open_time: DateTime<Utc>,
    },
    /// A candle was to be made of candles that are not smaller.
    #[error("{to} candles cannot be made of {from} candles: use a smaller timeframe")]
    NotSmaller {
        /// The timeframe given.
        from: Timeframe,
        /// The timeframe asked for.
        to: Timeframe,
    },
}

/// A candle in the making: an algebra whose parts may be added and merged in any order.
///
/// The caller adds each tick once; ties of time are decided by the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleFold {
    first: (DateTime<Utc>, i32),
    last: (DateTime<Utc>, i32),
    open: Decimal,
    high: Decimal,
    low: Decimal,
    close: Decimal,
    volume: ExactSum,
    tick_count: i64,
}

impl CandleFold {
    /// A candle of one tick; `None` when its numbers need more digits than a decimal has.
    #[must_use]
    pub fn of_tick(tick: &Tick, basis: PriceBasis) -> Option<Self> {
        let price = basis_price(tick, basis)?;
        let key = (tick.tick_time, tick.sequence);
        let volume = ExactSum::default()
            .checked_add(tick.bid_volume)?
            .checked_add(tick.ask_volume)?;
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

    /// A candle to go on with: what is merged with it must be later than all its ticks. `None` when
    /// its volume needs more digits than a decimal has.
    #[must_use]
    pub fn of_candle(candle: &Candle) -> Option<Self> {
        // buckets of one timeframe do not overlap, so that their starts order their ticks
        let key = (candle.open_time, 0);
        Some(Self {
            first: key,
            last: key,
            open: candle.open,
            high: candle.high,
            low: candle.low,
            close: candle.close,
            volume: ExactSum::default().checked_add(candle.volume)?,
            tick_count: candle.tick_count,
        })
    }

    /// The candle of the ticks of both; `None` when the volume needs more digits than a decimal has.
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

    /// `shape` with the prices, volume and number of ticks of this candle, made of ticks; `now`
    /// decides whether it is closed. `None` when the volume needs more digits than a decimal has.
    #[must_use]
    pub fn to_candle(&self, shape: &Candle, now: DateTime<Utc>) -> Option<Candle> {
        let bucket = Bucket {
            symbol_id: shape.symbol_id,
            basis: shape.basis,
            timeframe: shape.timeframe,
            open_time: shape.open_time,
        };
        self.finish(&bucket, now)
    }

    fn finish(&self, bucket: &Bucket, now: DateTime<Utc>) -> Option<Candle> {
        Some(Candle {
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
            closed: bucket.open_time + bucket.timeframe.duration() <= now,
            source: CandleSource::Ticks,
        })
    }
}

fn basis_price(tick: &Tick, basis: PriceBasis) -> Option<Decimal> {
    match basis {
        PriceBasis::Bid => Some(tick.bid_price),
        PriceBasis::Ask => Some(tick.ask_price),
        PriceBasis::Mid => mid_price(tick.bid_price, tick.ask_price),
    }
}

/// Half of the sum, exact.
fn mid_price(bid: Decimal, ask: Decimal) -> Option<Decimal> {
    let sum = ExactSum::default().checked_add(bid)?.checked_add(ask)?;
    // the sum has at most one decimal less than a candle's price, so that its half is exact
    sum.to_decimal()?.checked_div(Decimal::TWO)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bucket {
    symbol_id: SymbolId,
    basis: PriceBasis,
    timeframe: Timeframe,
    open_time: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Buckets(BTreeMap<Bucket, CandleFold>);

impl Buckets {
    fn add(&mut self, bucket: Bucket, part: Option<CandleFold>) -> Result<(), FoldError> {
        let overflow = || FoldError::Overflow {
            symbol_id: bucket.symbol_id,
            open_time: bucket.open_time,
        };
        let part = part.ok_or_else(overflow)?;
        match self.0.entry(bucket) {
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

    fn finish(&self, now: DateTime<Utc>) -> Result<Vec<Candle>, FoldError> {
        self.0
            .iter()
            .map(|(bucket, fold)| {
                fold.finish(bucket, now).ok_or(FoldError::Overflow {
                    symbol_id: bucket.symbol_id,
                    open_time: bucket.open_time,
                })
            })
            .collect()
    }
}

/// Makes candles of ticks.
///
/// `now` decides which of them are closed. A bucket without ticks has no candle.
///
/// *Ordering*: by symbol, then by open time, whatever the order of the ticks.
/// *Duplicates*: the caller gives each tick once.
///
/// # Errors
/// A sum of volumes with more digits than a decimal has.
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
    fold.finish(now)
}

/// What [`fold_ticks`] does, tick by tick.
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
        let bucket = Bucket {
            symbol_id: tick.symbol_id,
            basis: self.basis,
            timeframe: self.timeframe,
            open_time: self.timeframe.bucket_start(tick.tick_time),
        };
        self.buckets
            .add(bucket, CandleFold::of_tick(tick, self.basis))
    }

    pub(crate) fn finish(&self, now: DateTime<Utc>) -> Result<Vec<Candle>, FoldError> {
        self.buckets.finish(now)
    }
}

/// Makes larger candles of smaller ones.
///
/// Symbols and bases are kept apart. `now` decides which candles are closed.
///
/// *Ordering*: by symbol, basis, then open time, whatever the order of the candles.
/// *Duplicates*: the caller gives candles of one symbol and basis that do not overlap.
///
/// # Errors
/// A candle that is not smaller than `timeframe`, or a sum of volumes with more digits than a
/// decimal has.
pub fn fold_candles<'a>(
    candles: impl IntoIterator<Item = &'a Candle>,
    timeframe: Timeframe,
    now: DateTime<Utc>,
) -> Result<Vec<Candle>, FoldError> {
    let mut buckets = Buckets::default();
    for candle in candles {
        if candle.timeframe >= timeframe {
            return Err(FoldError::NotSmaller {
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
        buckets.add(bucket, CandleFold::of_candle(candle))?;
    }
    buckets.finish(now)
}

#[cfg(test)]
mod tests;
