//! The findings of an audit.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::difference::{ComparedCandles, FieldDifference, differing_fields};
use super::kind::FindingKind;
use crate::domain::{Candle, CandleRelation, SymbolId, Tick, TickKey, TimeRange};

/// A problem and the result of its repair.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The problem.
    pub problem: Problem,
    /// The result of the repair.
    pub repair_outcome: RepairOutcome,
}

impl Finding {
    /// Creates a finding without an attempted repair.
    #[must_use]
    pub fn new(problem: Problem) -> Self {
        Self {
            problem,
            repair_outcome: RepairOutcome::NotTried,
        }
    }
}

/// The result of a repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepairOutcome {
    /// No repair was requested, or none exists for this kind.
    NotTried,
    /// The problem is repaired; a second comparison confirmed it.
    Repaired,
    /// The problem remains.
    NotRepaired {
        /// The reason and the remedy.
        reason: String,
    },
}

/// Consecutive ticks with the same problem.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TickStreak {
    /// The first tick.
    pub first: Tick,
    /// The key of the last tick.
    pub last: TickKey,
    /// The number of ticks.
    pub count: u64,
}

/// A problem of a table, chunk, aggregate or job.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateProblem {
    /// The kind of the problem.
    pub kind: FindingKind,
    /// The table, chunk, aggregate or job.
    pub object: String,
    /// The state that was found, the expected state, and the remedy.
    pub detail: String,
    /// Counts and measurements by name, such as `oldest_age_seconds`.
    pub numbers: Vec<Measurement>,
}

/// A named count or measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measurement {
    /// The name, such as `oldest_age_seconds`.
    pub name: &'static str,
    /// The value.
    pub value: i64,
}

impl Measurement {
    /// Creates a measurement.
    #[must_use]
    pub fn new(name: &'static str, value: i64) -> Self {
        Self { name, value }
    }
}

/// A problem with the values that show it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// [`FindingKind::CandleMissing`].
    CandleMissing {
        /// The candle computed from the ticks.
        ticks: Candle,
    },
    /// [`FindingKind::CandleWithoutTicks`].
    CandleWithoutTicks {
        /// The candle that was read.
        found: Candle,
    },
    /// [`FindingKind::CandleTicksGone`].
    CandleTicksGone {
        /// The candle that was read.
        found: Candle,
        /// The candle of the remaining ticks; `None` if no tick is left.
        ticks: Option<Candle>,
    },
    /// [`FindingKind::CandleDiffers`].
    CandleDiffers {
        /// The candle that was read.
        found: Candle,
        /// The candle computed from the ticks.
        ticks: Candle,
    },
    /// [`FindingKind::StoredCandleDiffers`].
    StoredCandleDiffers {
        /// The candle that was read; its source names who stored it.
        found: Candle,
        /// The candle computed from the ticks.
        ticks: Candle,
    },
    /// [`FindingKind::Unreadable`].
    Unreadable {
        /// The symbol of the rows.
        symbol_id: SymbolId,
        /// The range that was read; its candles are not compared.
        range: TimeRange,
        /// The candle or tick, its column, and the cause; only for the first row of the range.
        reason: String,
    },
    /// [`FindingKind::MaterializedDiffers`].
    MaterializedDiffers {
        /// The materialized row; `None` if it is missing.
        found: Option<Candle>,
        /// The candle computed from the ticks; `None` without ticks.
        ticks: Option<Candle>,
    },
    /// [`FindingKind::KeyOrder`].
    KeyOrder {
        /// The earlier key of the listing.
        before: TickKey,
        /// The next key, which is not greater.
        key: TickKey,
    },
    /// [`FindingKind::SequenceOrder`].
    SequenceOrder {
        /// The tick with the smaller sequence.
        before: Tick,
        /// The tick with the greater sequence, which was received earlier.
        tick: Tick,
    },
    /// [`FindingKind::CrossedQuotes`].
    CrossedQuotes(TickStreak),
    /// [`FindingKind::FrozenQuotes`].
    FrozenQuotes(TickStreak),
    /// [`FindingKind::NonPositivePrices`].
    NonPositivePrices(TickStreak),
    /// [`FindingKind::ReceivedEarly`].
    ReceivedEarly(TickStreak),
    /// [`FindingKind::TickGap`].
    TickGap {
        /// The symbol of the ticks.
        symbol_id: SymbolId,
        /// The time of the last tick before the gap.
        from: DateTime<Utc>,
        /// The time of the first tick after the gap.
        to: DateTime<Utc>,
        /// The length of the gap without the times in which the exchange is closed.
        length: TimeDelta,
    },
    /// A problem of a table, chunk, aggregate or job.
    State(StateProblem),
}

impl Problem {
    /// The kind of the problem.
    #[must_use]
    pub fn kind(&self) -> FindingKind {
        match self {
            Self::CandleMissing { .. } => FindingKind::CandleMissing,
            Self::CandleWithoutTicks { .. } => FindingKind::CandleWithoutTicks,
            Self::CandleTicksGone { .. } => FindingKind::CandleTicksGone,
            Self::CandleDiffers { .. } => FindingKind::CandleDiffers,
            Self::StoredCandleDiffers { .. } => FindingKind::StoredCandleDiffers,
            Self::Unreadable { .. } => FindingKind::Unreadable,
            Self::MaterializedDiffers { .. } => FindingKind::MaterializedDiffers,
            Self::KeyOrder { .. } => FindingKind::KeyOrder,
            Self::SequenceOrder { .. } => FindingKind::SequenceOrder,
            Self::CrossedQuotes(_) => FindingKind::CrossedQuotes,
            Self::FrozenQuotes(_) => FindingKind::FrozenQuotes,
            Self::NonPositivePrices(_) => FindingKind::NonPositivePrices,
            Self::ReceivedEarly(_) => FindingKind::ReceivedEarly,
            Self::TickGap { .. } => FindingKind::TickGap,
            Self::State(problem) => problem.kind,
        }
    }

    /// The candle that was read, or the materialized row, and the candle computed from the ticks.
    #[must_use]
    pub fn candles(&self) -> ComparedCandles<'_> {
        let compared = ComparedCandles::new;
        match self {
            Self::CandleMissing { ticks } => compared(None, Some(ticks)),
            Self::CandleWithoutTicks { found } => compared(Some(found), None),
            Self::CandleTicksGone { found, ticks } => compared(Some(found), ticks.as_ref()),
            Self::CandleDiffers { found, ticks } | Self::StoredCandleDiffers { found, ticks } => {
                compared(Some(found), Some(ticks))
            }
            Self::MaterializedDiffers { found, ticks } => compared(found.as_ref(), ticks.as_ref()),
            _ => ComparedCandles::default(),
        }
    }

    /// The streak of ticks, for kinds of problems that consecutive ticks can share.
    #[must_use]
    pub fn streak(&self) -> Option<&TickStreak> {
        match self {
            Self::CrossedQuotes(streak)
            | Self::FrozenQuotes(streak)
            | Self::NonPositivePrices(streak)
            | Self::ReceivedEarly(streak) => Some(streak),
            _ => None,
        }
    }

    /// The fields in which the two candles differ.
    #[must_use]
    pub fn differences(&self) -> Vec<FieldDifference> {
        let ComparedCandles { found, expected } = self.candles();
        let both = found.zip(expected);
        both.map_or(Vec::new(), |(found, ticks)| differing_fields(found, ticks))
    }
}

impl fmt::Display for Problem {
    /// Formats the problem as one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.kind())?;
        if let Some(streak) = self.streak() {
            return describe_streak(f, streak);
        }
        match self {
            Self::Unreadable {
                symbol_id,
                range,
                reason,
            } => write!(
                f,
                "symbol {symbol_id} from {} to {}, whose candles are not compared: {reason}",
                time(range.start()),
                time(range.end())
            ),
            Self::KeyOrder { before, key } => write!(
                f,
                "symbol {}: {} sequence {} is followed by {} sequence {}",
                before.symbol_id,
                time(before.tick_time),
                before.sequence,
                time(key.tick_time),
                key.sequence
            ),
            Self::SequenceOrder { before, tick } => write!(
                f,
                "symbol {} at {}: sequence {} was received before sequence {}",
                tick.symbol_id,
                time(tick.tick_time),
                tick.sequence,
                before.sequence
            ),
            Self::TickGap {
                symbol_id,
                from,
                to,
                length,
            } => write!(
                f,
                "symbol {symbol_id}: no tick from {} to {}, length {} s",
                time(*from),
                time(*to),
                length.num_seconds()
            ),
            Self::State(StateProblem { object, detail, .. }) => write!(f, "{object}: {detail}"),
            _ => describe_candles(f, self),
        }
    }
}

fn describe_streak(f: &mut fmt::Formatter<'_>, streak: &TickStreak) -> fmt::Result {
    let TickStreak { first, last, count } = streak;
    write!(
        f,
        "symbol {} from {} sequence {} to {} sequence {}, {count} ticks, the first with bid {} ask {}",
        first.symbol_id,
        time(first.tick_time),
        first.sequence,
        time(last.tick_time),
        last.sequence,
        price(first.bid_price),
        price(first.ask_price)
    )?;
    match first.received_at {
        Some(received_at) => write!(f, ", received {}", time(received_at)),
        None => Ok(()),
    }
}

fn describe_candles(f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
    let compared = problem.candles();
    let Some(candle) = compared.either() else {
        return Ok(());
    };
    write!(
        f,
        "symbol {} {} {} {}:",
        candle.symbol_id,
        candle.timeframe,
        candle.basis,
        time(candle.open_time)
    )?;
    if problem.kind() == FindingKind::MaterializedDiffers {
        let relation = CandleRelation::of(candle.basis.input(), candle.timeframe).name;
        write!(f, " in the table of {relation},")?;
    }
    let rows = candle.basis.input().table();
    match (compared.found, compared.expected) {
        (Some(found), ticks) if problem.kind() == FindingKind::CandleTicksGone => {
            let stored = ticks.map_or(0, |ticks| ticks.tick_count);
            let known = values(found);
            write!(
                f,
                " its {rows} were dropped, {stored} are left; it has{known}"
            )
        }
        (Some(_), Some(_)) => {
            for (index, it) in problem.differences().iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                let (field, found, ticks) = (it.field, &it.found, &it.expected);
                write!(f, "{comma} {field} is {found}, its {rows} give {ticks}")?;
            }
            Ok(())
        }
        (Some(found), None) => write!(f, " there are no {rows} for{}", values(found)),
        (_, Some(ticks)) => write!(f, " its {rows} give{}", values(ticks)),
        (None, None) => Ok(()),
    }
}

fn values(candle: &Candle) -> String {
    format!(
        " open {} high {} low {} close {} volume {} tick_count {}",
        candle.open, candle.high, candle.low, candle.close, candle.volume, candle.tick_count
    )
}

/// The price, or `none` for an absent side.
fn price(price: Option<Decimal>) -> String {
    price.map_or_else(|| "none".to_owned(), |price| price.to_string())
}

fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string()
}
