//! Folds ticks or trades into candles, and small candles into larger ones. This is the reference definition that every
//! backend is tested against.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::candle::Candle;
use super::candle_fold::{Bucket, CandleFold};
use super::exact_candle::ExactCandle;
use super::market_event::MarketEvent;
use super::price_basis::PriceBasis;
use super::symbol_id::SymbolId;
use super::tick::Tick;
use super::timeframe::Timeframe;
use super::trade::Trade;

/// Why a candle cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// A price does not fit a decimal, or a volume, notional or count exceeds all that can be stored. Ticks and trades
    /// that a store accepts never cause this error, and neither do such candles within a day.
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

#[derive(Debug, Default)]
struct Buckets {
    folds: BTreeMap<Bucket, CandleFold>,
    /// The buckets with a part that was not computed from ticks or trades alone.
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
        part: CandleFold,
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
        if !candle.source.is_computed() {
            self.rolled_up.insert(bucket);
        }
        self.add(bucket, Some(part))
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
    let mut fold = EventFold::new(timeframe, basis);
    for tick in ticks {
        fold.add(tick)?;
    }
    Ok(as_read(fold.finish(now)?))
}

/// Computes candles of the basis `Trade` from trades.
///
/// `now` decides which candles are closed. A bucket without trades has no candle. Block trades count like all
/// others.
///
/// *Ordering*: by symbol, then by open time, for any order of the trades.
/// *Duplicates*: the caller must pass each trade once.
///
/// # Errors
/// A price or quantity that does not fit `NUMERIC(27,12)`. Trades that can be stored never cause an error.
///
/// # Examples
///
/// ```
/// use chrono::{DateTime, TimeDelta, Utc};
/// use tickbook::domain::{AggressorSide, SymbolId, Timeframe, Trade, fold_trades};
///
/// let time: DateTime<Utc> = "2024-05-01T12:00:00Z".parse()?;
/// let trade = |price: i64, quantity: i64| {
///     Trade::new(SymbolId::new(7), time, price.into(), quantity.into())
/// };
/// let trades = [
///     trade(10, 1).with_aggressor_side(AggressorSide::Buy),
///     trade(13, 2).with_sequence(1),
/// ];
/// let candles = fold_trades(&trades, Timeframe::M1, time + TimeDelta::minutes(1))?;
/// let sums = candles[0].trade_volumes.expect("a candle of trades");
/// assert_eq!((candles[0].volume, sums.buy_volume), (3.into(), 1.into()));
/// assert_eq!(sums.notional.to_string(), "36");
/// assert_eq!(candles[0].vwap(), Some(12.into()));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn fold_trades<'a>(
    trades: impl IntoIterator<Item = &'a Trade>,
    timeframe: Timeframe,
    now: DateTime<Utc>,
) -> Result<Vec<Candle>, FoldError> {
    let mut fold = EventFold::new(timeframe, PriceBasis::Trade);
    for trade in trades {
        fold.add(trade)?;
    }
    Ok(as_read(fold.finish(now)?))
}

/// A tick or a trade, from which candles are computed.
///
/// # Examples
///
/// ```
/// use chrono::Utc;
/// use tickbook::domain::{CandleEvent, PriceBasis, SymbolId, Trade};
///
/// let trade = Trade::new(SymbolId::new(7), Utc::now(), 450.into(), 2.into());
/// assert!(trade.counts_for(PriceBasis::Trade) && !trade.counts_for(PriceBasis::Bid));
/// assert!(trade.folded(PriceBasis::Bid).is_none());
/// ```
pub trait CandleEvent: MarketEvent {
    /// Whether it counts for the candles of `basis`.
    fn counts_for(&self, basis: PriceBasis) -> bool;

    /// Returns its candle. Returns `None` if it does not count for `basis`, or if a number of the candle has too
    /// many digits.
    fn folded(&self, basis: PriceBasis) -> Option<CandleFold>;
}

impl CandleEvent for Tick {
    fn counts_for(&self, basis: PriceBasis) -> bool {
        self.has(basis)
    }

    fn folded(&self, basis: PriceBasis) -> Option<CandleFold> {
        CandleFold::of_tick(self, basis)
    }
}

impl CandleEvent for Trade {
    fn counts_for(&self, basis: PriceBasis) -> bool {
        basis == PriceBasis::Trade
    }

    fn folded(&self, basis: PriceBasis) -> Option<CandleFold> {
        CandleFold::of_trade(self).filter(|_| self.counts_for(basis))
    }
}

/// The incremental form of [`fold_ticks`] and [`fold_trades`].
#[derive(Debug)]
pub(crate) struct EventFold {
    timeframe: Timeframe,
    basis: PriceBasis,
    buckets: Buckets,
}

impl EventFold {
    pub(crate) fn new(timeframe: Timeframe, basis: PriceBasis) -> Self {
        Self {
            timeframe,
            basis,
            buckets: Buckets::default(),
        }
    }

    pub(crate) fn add<E: CandleEvent>(&mut self, event: &E) -> Result<(), FoldError> {
        if !event.counts_for(self.basis) {
            return Ok(());
        }
        let bucket = Bucket {
            symbol_id: event.symbol_id(),
            basis: self.basis,
            timeframe: self.timeframe,
            open_time: self.timeframe.bucket_start(event.time()),
        };
        self.buckets.add(bucket, event.folded(self.basis))
    }

    pub(crate) fn finish(&self, now: DateTime<Utc>) -> Result<Vec<ExactCandle>, FoldError> {
        self.buckets.finish(now)
    }
}

/// Computes larger candles from smaller ones.
///
/// Symbols and bases are not mixed. `now` decides which candles are closed. Volumes are added as given, so a
/// volume that was rounded because it has more than 28 digits counts rounded. Stores compute candles from the
/// exact sums instead. The source of a candle is `Ticks` or `Trades` if that is the source of all its parts,
/// otherwise `RolledUp`. A candle of trades has `trade_volumes` if all its parts have them.
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
        buckets.add_candle(candle, CandleFold::of_candle(candle), timeframe)?;
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
        self.buckets
            .add_candle(part, CandleFold::of_exact(part), self.timeframe)
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
