//! Materialized candle rows, compared with ticks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use async_trait::async_trait;

use super::difference::differing_fields;
use super::finding::Problem;
use super::fold::{CandleKey, DayCandles, asked};
use super::settings::AuditSettings;
use crate::domain::{Candle, CandleInput, SymbolId, TimeRange, Timeframe};
use crate::error::RepositoryError;

/// Reads the materialized rows of candles, for backends that store them.
///
/// Reads replace rows that wait for a refresh by candles computed from the ticks. A wrong row can therefore
/// stay hidden until the next refresh, which may leave it as it is.
///
/// # Examples
///
/// ```
/// use async_trait::async_trait;
/// use tickbook::RepositoryError;
/// use tickbook::audit::{MaterializedCandles, MaterializedRows};
/// use tickbook::domain::{Candle, CandleInput, SymbolId, TimeRange};
///
/// /// Candles that never wait for a refresh.
/// #[derive(Debug)]
/// struct Stored(Vec<Candle>);
///
/// #[async_trait]
/// impl MaterializedCandles for Stored {
///     async fn rows(
///         &self,
///         symbol_id: SymbolId,
///         input: CandleInput,
///         window: TimeRange,
///     ) -> Result<MaterializedRows, RepositoryError> {
///         let asked = |candle: &&Candle| {
///             candle.symbol_id == symbol_id
///                 && candle.basis.input() == input
///                 && window.contains(candle.open_time)
///         };
///         let mut rows = MaterializedRows::default();
///         rows.candles = self.0.iter().filter(asked).cloned().collect();
///         Ok(rows)
///     }
/// }
/// ```
#[async_trait]
pub trait MaterializedCandles: Debug + Send + Sync {
    /// Returns the rows of all timeframes and price bases of `input` whose open time is in `window`, and the
    /// ranges there that wait for a refresh, as of one instant.
    async fn rows(
        &self,
        symbol_id: SymbolId,
        input: CandleInput,
        window: TimeRange,
    ) -> Result<MaterializedRows, RepositoryError>;
}

/// Materialized candle rows, and the ranges that wait for a refresh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaterializedRows {
    /// The rows in any order; duplicate rows are included.
    pub candles: Vec<Candle>,
    /// The ranges that wait for a refresh of the timeframe or of a smaller one, in ascending order. A bucket
    /// that overlaps one of them waits.
    pub waiting: BTreeMap<Timeframe, Vec<TimeRange>>,
}

/// The rows of one symbol and day.
#[derive(Debug)]
pub(super) struct MaterializedDay {
    rows: DayCandles,
    waiting: BTreeMap<Timeframe, Vec<TimeRange>>,
}

impl MaterializedDay {
    pub(super) fn new(rows: MaterializedRows) -> Self {
        let mut by_key = DayCandles::new();
        for candle in rows.candles {
            let key = (candle.timeframe, candle.basis, candle.open_time);
            match by_key.get_mut(&key) {
                // larger candles count the ticks of both rows
                Some(first) => {
                    let first: &mut Candle = first;
                    first.tick_count += candle.tick_count.max(1);
                }
                None => {
                    by_key.insert(key, candle);
                }
            }
        }
        Self {
            rows: by_key,
            waiting: rows.waiting,
        }
    }

    pub(super) fn row(&self, key: &CandleKey) -> Option<&Candle> {
        self.rows.get(key)
    }

    pub(super) fn waits(&self, (timeframe, _, open_time): &CandleKey) -> bool {
        let Some(waiting) = self.waiting.get(timeframe) else {
            return false;
        };
        let after = waiting.partition_point(|range| range.end() <= *open_time);
        let end = *open_time + timeframe.duration();
        waiting.get(after).is_some_and(|range| range.start() < end)
    }

    /// The rows that differ from their ticks, including rows that wait. Omits rows that may include dropped
    /// ticks.
    pub(super) fn differences(
        &self,
        ticks: &DayCandles,
        window: TimeRange,
        settings: &AuditSettings,
    ) -> BTreeMap<CandleKey, Problem> {
        let keys: BTreeSet<_> = self.rows.keys().chain(ticks.keys()).copied().collect();
        let compared =
            |key: &CandleKey| asked(key, window, settings) && key.2 >= settings.complete_from;
        let mut differences = BTreeMap::new();
        for key in keys.into_iter().filter(compared) {
            let (row, ticks) = (self.rows.get(&key), ticks.get(&key));
            let count = |candle: Option<&Candle>| candle.map_or(0, |candle| candle.tick_count);
            if count(row) > count(ticks) && settings.is_incomplete(key.2, key.2 + key.0.duration())
            {
                continue;
            }
            let equal = match (row, ticks) {
                (Some(row), Some(ticks)) => differing_fields(row, ticks).is_empty(),
                (row, ticks) => row.is_none() && ticks.is_none(),
            };
            if !equal {
                let (found, ticks) = (row.cloned(), ticks.cloned());
                differences.insert(key, Problem::MaterializedDiffers { found, ticks });
            }
        }
        differences
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::{CandleSource, PriceBasis};

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn candle(minute: i64, price: i64) -> Candle {
        let price = Decimal::from(price);
        Candle {
            symbol_id: SymbolId::new(7),
            timeframe: Timeframe::M5,
            basis: PriceBasis::Bid,
            open_time: at(minute),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: price,
            tick_count: 2,
            trade_volumes: None,
            closed: true,
            source: CandleSource::Ticks,
        }
    }

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange::new(at(from), at(to)).expect("ordered")
    }

    #[test]
    fn buckets_wait_where_they_overlap_a_change() {
        let waiting = vec![range(3, 4), range(10, 12), range(19, 20)];
        let day = MaterializedDay::new(MaterializedRows {
            waiting: [(Timeframe::M5, waiting)].into(),
            ..MaterializedRows::default()
        });
        let waits = |timeframe, minute| day.waits(&(timeframe, PriceBasis::Mid, at(minute)));
        let buckets = (0..5).map(|number| waits(Timeframe::M5, number * 5));
        assert_eq!(
            buckets.collect::<Vec<_>>(),
            [true, false, true, true, false]
        );
        assert!(!waits(Timeframe::M1, 3), "of another timeframe");
    }

    #[test]
    fn wrong_missing_and_repeated_rows_differ() {
        let ticks: DayCandles = [5, 10, 15, 20]
            .map(|minute| {
                (
                    (Timeframe::M5, PriceBasis::Bid, at(minute)),
                    candle(minute, 1),
                )
            })
            .into();
        let candles = vec![
            candle(0, 1),
            candle(5, 2),
            candle(10, 1),
            candle(15, 1),
            candle(15, 1),
        ];
        let day = MaterializedDay::new(MaterializedRows {
            candles,
            ..MaterializedRows::default()
        });
        let differing = |settings: &AuditSettings| -> Vec<_> {
            let all = day.differences(&ticks, range(0, 1_440), settings);
            all.keys()
                .map(|key| (key.2 - at(0)).num_minutes())
                .collect()
        };
        let settings = AuditSettings::new(TimeRange::all(), at(30));
        assert_eq!(differing(&settings), [0, 5, 15, 20]);
        let kept = AuditSettings {
            complete_from: at(3),
            incomplete_ranges: vec![range(17, 18)],
            ..settings
        };
        assert_eq!(differing(&kept), [5, 20]);
    }
}
