//! Audits of ticks and candles: checks that candles equal their ticks, and that ticks are valid.
//!
//! [`audit_symbol`] processes one symbol day by day over any backend. It folds the ticks of a day once into
//! all timeframes and price bases, reads the candles of that day, and reports each difference with both
//! values to an [`AuditObserver`]. If the backend stores materialized rows, it compares those as well.
//! Optionally it repairs differences and compares again. Memory is bounded by one page of ticks and the
//! candles of one day, for any range.

mod candles;
mod difference;
mod finding;
mod fold;
mod kind;
mod materialized;
mod repair;
mod repair_day;
mod rows;
mod run;
mod settings;
mod summary;
mod symbol;
mod ticks;
mod unreadable;

pub use crate::retention::RefreshWindow;
pub use difference::{ComparedCandles, FieldDifference};
pub use finding::{Finding, Measurement, Problem, RepairOutcome, StateProblem, TickStreak};
pub use kind::{FindingKind, UnknownFindingKind};
pub use materialized::{MaterializedCandles, MaterializedRows};
pub use repair::{CandleRefresh, Repair};
pub use run::{audit_symbol, audit_trades};
pub use settings::{AuditSettings, TickLimits};
pub use summary::AuditSummary;
pub use symbol::AuditObserver;
