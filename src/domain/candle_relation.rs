//! The candle relations of the time-series database and their sources.

use super::price_basis::CandleInput;
use super::timeframe::Timeframe;

/// The source of the candles of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CandleOrigin {
    /// The rows of this table.
    Rows(CandleInput),
    /// The candles of this smaller timeframe, of the same rows.
    Candles(Timeframe),
}

/// The database relation with the candles of one timeframe: a continuous aggregate or a plain view.
///
/// A continuous aggregate reads from [`computed_from`](Self::computed_from). A plain view always reads from the table
/// of [`input`](Self::input).
///
/// ```
/// use tickbook::domain::{CandleInput, CandleOrigin, CandleRelation, Timeframe};
///
/// let minutes = CandleRelation::of(CandleInput::Trades, Timeframe::M1);
/// assert_eq!(minutes.name, "trade_ohlc_1m");
/// assert_eq!(minutes.computed_from, CandleOrigin::Rows(CandleInput::Trades));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CandleRelation {
    /// The table from whose rows its candles are computed, directly or through smaller candles.
    pub input: CandleInput,
    /// The width of its candles.
    pub timeframe: Timeframe,
    /// Its name, such as `ohlc_5m` or `trade_ohlc_5m`.
    pub name: &'static str,
    /// The source of its candles if it is a continuous aggregate.
    pub computed_from: CandleOrigin,
}

impl CandleRelation {
    /// Returns the relation of `input` and `timeframe`. This is the only list of relations in the code; tests
    /// compare the files of `manual_sql/` with it.
    ///
    /// A folded timeframe has none: returns the relation of its [source](Timeframe::source), or of one minute
    /// for seconds.
    #[must_use]
    pub const fn of(input: CandleInput, timeframe: Timeframe) -> Self {
        use CandleOrigin::{Candles, Rows};
        let ([of_ticks, of_trades], computed_from) = match timeframe {
            Timeframe::M1 => (["ohlc_1m", "trade_ohlc_1m"], Rows(input)),
            Timeframe::M5 => (["ohlc_5m", "trade_ohlc_5m"], Candles(Timeframe::M1)),
            Timeframe::M15 => (["ohlc_15m", "trade_ohlc_15m"], Candles(Timeframe::M5)),
            Timeframe::M30 => (["ohlc_30m", "trade_ohlc_30m"], Candles(Timeframe::M15)),
            Timeframe::H1 => (["ohlc_1h", "trade_ohlc_1h"], Candles(Timeframe::M30)),
            Timeframe::H4 => (["ohlc_4h", "trade_ohlc_4h"], Candles(Timeframe::H1)),
            Timeframe::D1 => (["ohlc_1d", "trade_ohlc_1d"], Candles(Timeframe::H4)),
            Timeframe::Folded(_) => {
                return match timeframe.source() {
                    Some(source) => Self::of(input, source),
                    None => Self::of(input, Timeframe::M1),
                };
            }
        };
        Self {
            input,
            timeframe,
            name: match input {
                CandleInput::Ticks => of_ticks,
                CandleInput::Trades => of_trades,
            },
            computed_from,
        }
    }

    /// Returns all relations: of ticks, then of trades, each with the smallest timeframe first. Each
    /// relation comes after its source.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        let inputs = CandleInput::ALL.iter().copied();
        inputs.flat_map(Self::all_of)
    }

    /// Returns the relations of `input`, smallest timeframe first. Each relation comes after its source.
    pub fn all_of(input: CandleInput) -> impl DoubleEndedIterator<Item = Self> {
        let timeframes = Timeframe::ALL.iter().copied();
        timeframes.map(move |timeframe| Self::of(input, timeframe))
    }

    /// Whether its candles change with the candles of `timeframe` of the same rows: either they are the same candles,
    /// or it is computed from them, directly or through other relations.
    #[must_use]
    pub fn depends_on(self, timeframe: Timeframe) -> bool {
        self.timeframe == timeframe
            || match self.computed_from {
                CandleOrigin::Rows(_) => false,
                CandleOrigin::Candles(source) => Self::of(self.input, source).depends_on(timeframe),
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
            let prefix = match relation.input {
                CandleInput::Ticks => "",
                CandleInput::Trades => "trade_",
            };
            let expected = format!("{prefix}ohlc_{}", relation.timeframe);
            assert_eq!(relation.name, expected);
        }
        assert_eq!(CandleRelation::all().count(), 2 * Timeframe::ALL.len());
    }

    #[test]
    fn dependencies_lead_down_to_the_minutes() {
        let of = |timeframe| CandleRelation::of(CandleInput::Trades, timeframe);
        for &timeframe in Timeframe::ALL {
            assert!(of(timeframe).depends_on(timeframe));
            assert!(of(timeframe).depends_on(Timeframe::M1));
        }
        assert!(of(Timeframe::D1).depends_on(Timeframe::M30));
        assert!(!of(Timeframe::M30).depends_on(Timeframe::D1));
    }
}
