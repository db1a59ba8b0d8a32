//! The candle relations of the time-series database and their sources.

use super::timeframe::Timeframe;

/// The source of the candles of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CandleOrigin {
    /// The ticks.
    Ticks,
    /// The candles of this smaller timeframe.
    Candles(Timeframe),
}

/// The database relation with the candles of one timeframe: a continuous aggregate or a plain view.
///
/// A continuous aggregate reads from [`computed_from`](Self::computed_from). A plain view always reads from the ticks.
///
/// ```
/// use tickbook::domain::{CandleOrigin, CandleRelation, Timeframe};
///
/// let minutes = CandleRelation::of(Timeframe::M1);
/// assert_eq!((minutes.name, minutes.computed_from), ("ohlc_1m", CandleOrigin::Ticks));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CandleRelation {
    /// The width of its candles.
    pub timeframe: Timeframe,
    /// Its name, such as `ohlc_5m`.
    pub name: &'static str,
    /// The source of its candles if it is a continuous aggregate.
    pub computed_from: CandleOrigin,
}

impl CandleRelation {
    /// Returns the relation of `timeframe`. This is the only list of relations in the code; tests compare
    /// the files of `manual_sql/` with it.
    ///
    /// A folded timeframe has none: returns the relation of its [source](Timeframe::source), or of one minute
    /// for seconds.
    #[must_use]
    pub const fn of(timeframe: Timeframe) -> Self {
        use CandleOrigin::{Candles, Ticks};
        let (name, computed_from) = match timeframe {
            Timeframe::M1 => ("ohlc_1m", Ticks),
            Timeframe::M5 => ("ohlc_5m", Candles(Timeframe::M1)),
            Timeframe::M15 => ("ohlc_15m", Candles(Timeframe::M5)),
            Timeframe::M30 => ("ohlc_30m", Candles(Timeframe::M15)),
            Timeframe::H1 => ("ohlc_1h", Candles(Timeframe::M30)),
            Timeframe::H4 => ("ohlc_4h", Candles(Timeframe::H1)),
            Timeframe::D1 => ("ohlc_1d", Candles(Timeframe::H4)),
            Timeframe::Folded(_) => {
                return match timeframe.source() {
                    Some(source) => Self::of(source),
                    None => Self::of(Timeframe::M1),
                };
            }
        };
        Self {
            timeframe,
            name,
            computed_from,
        }
    }

    /// Returns all relations, smallest timeframe first. Each relation comes after its source.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        Timeframe::ALL.iter().copied().map(Self::of)
    }

    /// Whether its candles change with the candles of `timeframe`: either they are the same candles, or it is
    /// computed from them, directly or through other relations.
    #[must_use]
    pub fn depends_on(self, timeframe: Timeframe) -> bool {
        self.timeframe == timeframe
            || match self.computed_from {
                CandleOrigin::Ticks => false,
                CandleOrigin::Candles(source) => Self::of(source).depends_on(timeframe),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_smaller_and_divide() {
        for relation in CandleRelation::all() {
            let CandleOrigin::Candles(source) = relation.computed_from else {
                continue;
            };
            assert!(source < relation.timeframe, "{relation:?}");
            let minutes = |timeframe: Timeframe| timeframe.duration().num_minutes();
            assert_eq!(minutes(relation.timeframe) % minutes(source), 0);
        }
    }

    #[test]
    fn relation_names_follow_the_timeframes() {
        for relation in CandleRelation::all() {
            assert_eq!(relation.name, format!("ohlc_{}", relation.timeframe));
        }
        assert_eq!(CandleRelation::all().count(), Timeframe::ALL.len());
    }

    #[test]
    fn dependencies_lead_down_to_the_ticks() {
        let of = |timeframe| CandleRelation::of(timeframe);
        for &timeframe in Timeframe::ALL {
            assert!(of(timeframe).depends_on(timeframe));
            assert!(of(timeframe).depends_on(Timeframe::M1));
        }
        assert!(of(Timeframe::D1).depends_on(Timeframe::M30));
        assert!(!of(Timeframe::M30).depends_on(Timeframe::D1));
    }
}
