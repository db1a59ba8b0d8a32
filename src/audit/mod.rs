//! Whether candles equal their ticks, and whether ticks are as they should be.
//!
//! [`audit_symbol`] walks the days of one symbol over any backend: it folds the ticks of a day once
//! into all timeframes and price bases, reads the candles of that day, and tells an
//! [`AuditObserver`] of each difference with both values; it compares the rows of made candles as
//! well where a backend keeps them. It can have them mended at once and compares again. Memory is bounded by one page of ticks and the candles of one day, whatever the
//! range.

mod candles;
mod difference;
mod finding;
mod fold;
mod kind;
mod materialized;
mod mend;
mod repair;
mod settings;
mod summary;
mod symbol;
mod ticks;
mod unreadable;
mod weekend;

pub use crate::retention::RefreshWindow;
pub use difference::{ComparedCandles, FieldDifference};
pub use finding::{Finding, Measurement, Mending, Problem, StateProblem, TickRun};
pub use kind::{FindingKind, UnknownFindingKind};
pub use materialized::{MaterializedCandles, MaterializedRows};
pub use repair::{CandleRefresh, Repair};
pub use settings::{AuditSettings, TickLimits};
pub use summary::AuditSummary;
pub use symbol::{AuditObserver, audit_symbol};
