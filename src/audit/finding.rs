//! What an audit tells.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::difference::{ComparedCandles, FieldDifference, differing_fields};
use super::kind::FindingKind;
use crate::domain::{Candle, CandleRelation, SymbolId, Tick, TickKey, TimeRange};

/// Something that is not as it should be, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What is wrong.
    pub problem: Problem,
    /// Whether it still is.
    pub mending: Mending,
}

impl Finding {
    /// A problem that no repair was tried on.
    #[must_use]
    pub fn new(problem: Problem) -> Self {
        Self {
            problem,
            mending: Mending::NotTried,
        }
    }
}

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mending {
    /// Nothing: no repair was asked for, or there is none of this kind.
    NotTried,
    /// It is right now, as another comparison showed.
    Mended,
    /// It is still wrong.
    NotMended {
        /// Why, and what to do.
        reason: String,
    },
}

/// Ticks that follow each other and have the same problem.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TickRun {
    /// The first of them.
    pub first: Tick,
    /// The key of the last of them.
    pub last: TickKey,
    /// How many.
    pub count: u64,
}

/// Something about tables, chunks, aggregates or jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateProblem {
    /// What is wrong.
    pub kind: FindingKind,
    /// Of what: a table, chunk, aggregate or job.
    pub object: String,
    /// What was found, what was expected, and what to do.
    pub detail: String,
    /// What was counted or measured, by name, such as `oldest_age_seconds`.
    pub numbers: Vec<Measurement>,
}

/// Something that was counted or measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measurement {
    /// Its name, such as `oldest_age_seconds`.
    pub name: &'static str,
    /// How much it was.
    pub value: i64,
}

impl Measurement {
    /// `name` was `value`.
    #[must_use]
    pub fn new(name: &'static str, value: i64) -> Self {
        Self { name, value }
    }
}

/// What is wrong, with the values that show it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// [`FindingKind::CandleMissing`].
    CandleMissing {
        /// What its ticks make.
        ticks: Candle,
    },
    /// [`FindingKind::CandleWithoutTicks`].
    CandleWithoutTicks {
        /// What is read.
        found: Candle,
    },
    /// [`FindingKind::CandleTicksGone`].
    CandleTicksGone {
        /// What is read.
        found: Candle,
        /// What those of its ticks make that are stored.
        ticks: Option<Candle>,
    },
    /// [`FindingKind::CandleDiffers`].
    CandleDiffers {
        /// What is read.
        found: Candle,
        /// What its ticks make.
        ticks: Candle,
    },
    /// [`FindingKind::StoredCandleDiffers`].
    StoredCandleDiffers {
        /// What is read; its source says who stored it.
        found: Candle,
        /// What its ticks make.
        ticks: Candle,
    },
    /// [`FindingKind::Unreadable`].
    Unreadable {
        /// Whose rows.
        symbol_id: SymbolId,
        /// The time that was read, whose candles are not compared.
        range: TimeRange,
        /// Which candle or tick, which column, and why; only the first of the range.
        reason: String,
    },
    /// [`FindingKind::MaterializedDiffers`].
    MaterializedDiffers {
        /// The row; `None`: there is none.
        found: Option<Candle>,
        /// What its ticks make; `None`: there are none.
        ticks: Option<Candle>,
    },
    /// [`FindingKind::KeyOrder`].
    KeyOrder {
        /// The key that came first.
        before: TickKey,
        /// The key that followed, which is not greater.
        key: TickKey,
    },
    /// [`FindingKind::SequenceOrder`].
    SequenceOrder {
        /// The tick of the smaller sequence.
        before: Tick,
        /// The tick of the greater one, which was received before.
        tick: Tick,
    },
    /// [`FindingKind::CrossedQuotes`].
    CrossedQuotes(TickRun),
    /// [`FindingKind::StaleQuotes`].
    StaleQuotes(TickRun),
    /// [`FindingKind::NonPositivePrices`].
    NonPositivePrices(TickRun),
    /// [`FindingKind::ReceivedEarly`].
    ReceivedEarly(TickRun),
    /// [`FindingKind::Gap`].
    Gap {
        /// Whose ticks.
        symbol_id: SymbolId,
        /// The last tick before it.
        from: DateTime<Utc>,
        /// The first tick after it.
        to: DateTime<Utc>,
        /// How long it is, without the time that does not count.
        length: TimeDelta,
    },
    /// Tables, chunks, aggregates, jobs.
    State(StateProblem),
}

impl Problem {
    /// Its kind.
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
            Self::StaleQuotes(_) => FindingKind::StaleQuotes,
            Self::NonPositivePrices(_) => FindingKind::NonPositivePrices,
            Self::ReceivedEarly(_) => FindingKind::ReceivedEarly,
            Self::Gap { .. } => FindingKind::Gap,
            Self::State(problem) => problem.kind,
        }
    }

    /// The candle that is read, or kept as a row, and the one that its ticks make.
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

    /// The ticks that have the problem, where several can have it together.
    #[must_use]
    pub fn run(&self) -> Option<&TickRun> {
        match self {
            Self::CrossedQuotes(run)
            | Self::StaleQuotes(run)
            | Self::NonPositivePrices(run)
            | Self::ReceivedEarly(run) => Some(run),
            _ => None,
        }
    }

    /// The fields in which two candles differ.
    #[must_use]
    pub fn differences(&self) -> Vec<FieldDifference> {
        let ComparedCandles { found, expected } = self.candles();
        let both = found.zip(expected);
        both.map_or(Vec::new(), |(found, ticks)| differing_fields(found, ticks))
    }
}

impl fmt::Display for Problem {
    /// One line for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.kind())?;
        if let Some(run) = self.run() {
            return describe_run(f, run);
        }
        match self {
            Self::Unreadable {
                symbol_id,
                range,
                reason,
            } => write!(
                f,
                "symbol {symbol_id} from {} to {}, whose candles are not compared: {reason}",
                time(range.from()),
                time(range.to())
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
            Self::Gap {
                symbol_id,
                from,
                to,
                length,
            } => write!(
                f,
                "symbol {symbol_id}: no tick from {} to {}, {} s that count",
                time(*from),
                time(*to),
                length.num_seconds()
            ),
            Self::State(StateProblem { object, detail, .. }) => write!(f, "{object}: {detail}"),
            _ => describe_candles(f, self),
        }
    }
}

fn describe_run(f: &mut fmt::Formatter<'_>, run: &TickRun) -> fmt::Result {
    let TickRun { first, last, count } = run;
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
        let relation = CandleRelation::of(candle.timeframe).name;
        write!(f, " in the table of {relation},")?;
    }
    match (compared.found, compared.expected) {
        (Some(found), ticks) if problem.kind() == FindingKind::CandleTicksGone => {
            let stored = ticks.map_or(0, |ticks| ticks.tick_count);
            let known = values(found);
            write!(f, " its ticks are gone, {stored} are left; it has{known}")
        }
        (Some(_), Some(_)) => {
            for (index, it) in problem.differences().iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                let (field, found, ticks) = (it.field, &it.found, &it.expected);
                write!(f, "{comma} {field} is {found}, by its ticks {ticks}")?;
            }
            Ok(())
        }
        (Some(found), None) => write!(f, " there are no ticks for{}", values(found)),
        (_, Some(ticks)) => write!(f, " its ticks make{}", values(ticks)),
        (None, None) => Ok(()),
    }
}

fn values(candle: &Candle) -> String {
    format!(
        " open {} high {} low {} close {} volume {} tick_count {}",
        candle.open, candle.high, candle.low, candle.close, candle.volume, candle.tick_count
    )
}

/// `none` where the side is absent.
fn price(price: Option<Decimal>) -> String {
    price.map_or_else(|| "none".to_owned(), |price| price.to_string())
}

fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string()
}
