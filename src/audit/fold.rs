//! Folds the ticks or trades of one or more days into the candles of all timeframes and bases in one pass.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::settings::AuditSettings;
use crate::domain::{
    Candle, CandleEvent, CandleFold, CandleInput, FoldError, PriceBasis, SymbolId, TimeRange,
    Timeframe,
};

/// The largest number of price bases of a tick or trade.
const BASES: usize = CandleInput::Ticks.bases().len();

/// The key of a candle within one symbol.
pub(super) type CandleKey = (Timeframe, PriceBasis, DateTime<Utc>);

/// The candles of one symbol and day.
pub(super) type DayCandles = BTreeMap<CandleKey, Candle>;

/// Whether to compare a candle: its bucket lies within `window` and has ended.
pub(super) fn asked(key: &CandleKey, window: TimeRange, settings: &AuditSettings) -> bool {
    let (timeframe, _, open_time) = *key;
    let end = window.end().min(settings.now);
    let is_whole = open_time >= window.start() && open_time + timeframe.duration() <= end;
    is_whole && settings.timeframes.contains(&timeframe)
}

/// Folds ticks or trades into candles.
///
/// Adds each tick to its minute, once for each basis that it has, and adds completed minutes to the larger
/// candles that contain them. Folds may be merged in any order, so the result equals
/// [`fold_ticks`](crate::domain::fold_ticks) of the same ticks, and likewise for trades.
#[derive(Debug)]
pub(super) struct AllFolds {
    symbol_id: SymbolId,
    bases: &'static [PriceBasis],
    minute: Option<(DateTime<Utc>, [Option<CandleFold>; BASES])>,
    folds: BTreeMap<CandleKey, CandleFold>,
}

impl AllFolds {
    pub(super) fn new(symbol_id: SymbolId, input: CandleInput) -> Self {
        Self {
            symbol_id,
            bases: input.bases(),
            minute: None,
            folds: BTreeMap::new(),
        }
    }

    pub(super) fn add<E: CandleEvent>(&mut self, event: &E) -> Result<(), FoldError> {
        let open_time = Timeframe::M1.bucket_start(event.time());
        let overflow = || overflow(event.symbol_id(), open_time);
        let mut parts = [None; BASES];
        for (part, &basis) in parts.iter_mut().zip(self.bases) {
            if event.counts_for(basis) {
                *part = Some(event.folded(basis).ok_or_else(overflow)?);
            }
        }
        match &mut self.minute {
            Some((minute, wholes)) if *minute == open_time => {
                for (whole, part) in wholes.iter_mut().zip(parts) {
                    *whole = match (*whole, part) {
                        (Some(whole), Some(part)) => Some(whole.merge(part).ok_or_else(overflow)?),
                        (whole, part) => whole.or(part),
                    };
                }
                Ok(())
            }
            _ => {
                self.end_minute()?;
                self.minute = Some((open_time, parts));
                Ok(())
            }
        }
    }

    fn end_minute(&mut self) -> Result<(), FoldError> {
        let Some((minute, parts)) = self.minute.take() else {
            return Ok(());
        };
        for (&basis, part) in self.bases.iter().zip(parts) {
            let Some(part) = part else {
                continue;
            };
            for &timeframe in Timeframe::ALL {
                let open_time = timeframe.bucket_start(minute);
                let key = (timeframe, basis, open_time);
                let whole = match self.folds.get(&key) {
                    Some(whole) => whole.merge(part),
                    None => Some(part),
                };
                let whole = whole.ok_or_else(|| overflow(self.symbol_id, open_time))?;
                self.folds.insert(key, whole);
            }
        }
        Ok(())
    }

    /// All candles by key; `now` decides which of them are closed.
    pub(super) fn finish(
        mut self,
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<CandleKey, Candle>, FoldError> {
        self.end_minute()?;
        let symbol_id = self.symbol_id;
        let candle = |(key, fold): (CandleKey, CandleFold)| {
            let candle = fold.to_candle(&shape(symbol_id, key), now);
            let candle = candle.ok_or_else(|| overflow(symbol_id, key.2))?;
            Ok((key, candle))
        };
        self.folds.into_iter().map(candle).collect()
    }
}

fn shape(symbol_id: SymbolId, (timeframe, basis, open_time): CandleKey) -> Candle {
    let zero = rust_decimal::Decimal::ZERO;
    Candle::new(symbol_id, timeframe, basis, open_time, [zero; 4])
        .tick_count(0)
        .closed(false)
}

fn overflow(symbol_id: SymbolId, open_time: DateTime<Utc>) -> FoldError {
    FoldError::Overflow {
        symbol_id,
        open_time,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::{Tick, fold_ticks};

    proptest! {
        #[test]
        fn pass_over_ticks_equals_the_fold_of_each_timeframe(
            rows in prop::collection::vec((0_i64..100_000_000, 0_i64..3, 1_i64..1_000_000, 0_i64..1_000, 0..6), 1..200),
            shuffled in any::<bool>(),
        ) {
            let mut ticks: Vec<_> = rows.into_iter().map(|(millis, sequence, price, volume, sides)| {
                let both = Tick::quote(
                    SymbolId::new(7),
                    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis),
                    Decimal::new(price, 12),
                    Decimal::new(price + volume, 11),
                )
                .with_sequence(sequence)
                .with_bid_volume(Decimal::new(volume, 3));
                match sides {
                    0 => both.with_bid(None),
                    1 => both.with_ask(None),
                    _ => both,
                }
            }).collect();
            ticks.sort_by_key(Tick::key);
            ticks.dedup_by_key(|tick| tick.key());
            if shuffled {
                ticks.reverse();
            }
            let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
            let mut folds = AllFolds::new(SymbolId::new(7), CandleInput::Ticks);
            for tick in &ticks {
                folds.add(tick).expect("fits");
            }
            let all = folds.finish(now).expect("fits");
            for &timeframe in Timeframe::ALL {
                for &basis in CandleInput::Ticks.bases() {
                    let expected = fold_ticks(&ticks, timeframe, basis, now).expect("fits");
                    let made: Vec<_> = all.iter()
                        .filter(|((one, other, _), _)| (*one, *other) == (timeframe, basis))
                        .map(|(_, candle)| candle.clone())
                        .collect();
                    prop_assert_eq!(made, expected);
                }
            }
        }
    }
}
