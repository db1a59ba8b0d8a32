//! The days in which a symbol has, or had, ticks: the table `symbol_days`.
//!
//! The planner opens every chunk of the range of a statement, so a search through the whole history costs
//! more with every day that is stored. This table lists the days to search.
//!
//! Invariant: in every committed state, `symbol_days` has the day of each stored tick and of each candle of
//! an aggregate, or `unrecorded_ticks` has a row. The table may list more days. The writer of this library
//! commits the days before it writes the ticks ([`KnownDays`]). A trigger notes every other statement that
//! writes ticks, and the maintenance then records the days ([`record_missing`]).

mod known;
mod missing;
mod recorded;
mod windows;

pub(super) use known::KnownDays;
pub(super) use missing::{record_missing, unrecorded_days};
pub(super) use recorded::{NewestDays, newest_days};
pub(super) use windows::SearchWindows;

/// A comment in each statement that writes ticks whose days are recorded. The trigger on `ticks` searches for
/// it.
pub(super) const RECORDED: &str = "/* symbol_days recorded */";
