//! Larger candles computed from stored smaller candles and the ticks between them.

use chrono::{DateTime, Utc};

use super::exact_candle::ExactCandle;
use super::fold::{FoldError, PartFold};
use super::timeframe::Timeframe;

/// Non-overlapping stored candles of one symbol and basis, of any timeframes.
///
/// Larger candles are computed from these and from the ticks of times that they do not cover.
#[derive(Debug, Clone, Default)]
pub struct Rollup(Vec<ExactCandle>);

impl Rollup {
    /// Keeps the candles that do not lie within a larger one of `candles`.
    #[must_use]
    pub fn new(mut candles: Vec<ExactCandle>) -> Self {
        // buckets are nested or disjoint; of two with the same start the larger comes first
        candles.sort_by(|one, other| {
            let by_time = one.open_time.cmp(&other.open_time);
            by_time.then(other.timeframe.cmp(&one.timeframe))
        });
        let mut end = DateTime::<Utc>::MIN_UTC;
        candles.retain(|candle| {
            let is_free = candle.open_time >= end;
            if is_free {
                end = candle.close_time();
            }
            is_free
        });
        Self(candles)
    }

    /// Whether a stored candle covers `time`, so that its ticks do not count.
    #[must_use]
    pub fn covers(&self, time: DateTime<Utc>) -> bool {
        let behind = self.0.partition_point(|part| part.open_time <= time);
        let before = behind.checked_sub(1).and_then(|index| self.0.get(index));
        before.is_some_and(|part| time < part.close_time())
    }

    /// Returns the candles of `timeframe` that contain at least one stored candle. `minutes` are the
    /// one-minute candles of ticks; covered ones do not count. `now` decides which candles are closed.
    /// Volumes are added exactly and rounded once, at the end.
    ///
    /// *Ordering*: by open time.
    ///
    /// # Errors
    /// A stored candle whose timeframe does not [divide](Timeframe::divides) `timeframe`, or a sum of volumes
    /// above 7.9 * 10^28, which no day of candles that can be stored reaches.
    pub fn fold_with(
        &self,
        minutes: &[ExactCandle],
        timeframe: Timeframe,
        now: DateTime<Utc>,
    ) -> Result<Vec<ExactCandle>, FoldError> {
        let bucket = |candle: &ExactCandle| timeframe.bucket_start(candle.open_time);
        let mut buckets: Vec<_> = self.0.iter().map(bucket).collect();
        buckets.dedup();
        let free = minutes.iter().filter(|minute| {
            buckets.binary_search(&bucket(minute)).is_ok() && !self.covers(minute.open_time)
        });
        let mut fold = PartFold::new(timeframe);
        for part in self.0.iter().chain(free) {
            fold.add(part)?;
        }
        fold.finish(now)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::{Candle, CandleSource, PriceBasis, SymbolId};

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn flat(timeframe: Timeframe, minute: i64, price: i64) -> ExactCandle {
        let price = Decimal::from(price);
        let candle = Candle {
            symbol_id: SymbolId::new(1),
            timeframe,
            basis: PriceBasis::Bid,
            open_time: at(minute),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::ONE,
            tick_count: 1,
            trade_volumes: None,
            closed: true,
            source: CandleSource::Stored("import".to_owned()),
        };
        candle.into()
    }

    #[test]
    fn largest_of_nested_candles_is_the_part() {
        let parts = Rollup::new(vec![
            flat(Timeframe::M1, 7, 1),
            flat(Timeframe::M1, 5, 2),
            flat(Timeframe::M5, 5, 3),
            flat(Timeframe::M1, 10, 4),
        ]);
        assert_eq!(
            parts.0,
            [flat(Timeframe::M5, 5, 3), flat(Timeframe::M1, 10, 4)]
        );
        let covered: Vec<_> = (0..15).filter(|minute| parts.covers(at(*minute))).collect();
        assert_eq!(covered, [5, 6, 7, 8, 9, 10]);
        assert!(parts.covers(at(11) - TimeDelta::microseconds(1)));
    }

    #[test]
    fn minutes_fill_only_buckets_with_a_stored_part() {
        let parts = Rollup::new(vec![flat(Timeframe::M5, 15, 5), flat(Timeframe::M1, 20, 6)]);
        let minutes: Vec<_> = (0..60)
            .map(|minute| flat(Timeframe::M1, minute, 100 + minute))
            .collect();
        let folded = parts
            .fold_with(&minutes, Timeframe::M15, at(30))
            .expect("fits");
        assert_eq!(folded.len(), 1);
        let whole = &folded[0];
        let prices = [whole.open, whole.high, whole.low, whole.close];
        assert_eq!(prices, [5, 129, 5, 129].map(Decimal::from));
        assert_eq!((whole.open_time, whole.tick_count), (at(15), 11));
        assert_eq!(
            (&whole.source, whole.closed),
            (&CandleSource::RolledUp, true)
        );
    }
}
