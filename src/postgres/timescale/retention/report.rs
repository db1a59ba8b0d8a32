//! The report of a maintenance run.

use crate::domain::CandleInput;
use crate::retention::RefreshWindow;

use super::downsample::BlockedChunk;
use super::refresh::RefreshBacklog;

/// The state of a maintenance run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MaintenanceState {
    /// All work that was due is done.
    #[default]
    Done,
    /// Policies have never been applied, so nothing is due.
    NotApplied,
    /// Another process is running the maintenance.
    Busy,
}

/// A chunk that is old enough to be dropped and is left to the next run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftChunk {
    /// The table and the name of the chunk, or the time up to which candles or order books are left.
    pub chunk: String,
    /// The reason.
    pub reason: String,
}

/// The work that was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MaintenanceReport {
    /// The state of the run.
    pub state: MaintenanceState,
    /// Candles that were refreshed because of late ticks or trades.
    pub refreshed: Vec<RefreshWindow>,
    /// The number of candles that were stored before their ticks or trades were dropped.
    pub downsampled: u64,
    /// The number of dropped chunks of ticks.
    pub dropped_ticks: u64,
    /// The number of dropped chunks of trades.
    pub dropped_trades: u64,
    /// The number of dropped chunks of candles.
    pub dropped_candles: u64,
    /// The number of dropped chunks of snapshots and updates of order books.
    pub dropped_books: u64,
    /// Chunks that are left to the next run; later chunks of the same table are left as well.
    pub left: Vec<LeftChunk>,
    /// Chunks that could not be dropped, at most one each of ticks, trades and candles. They block all later chunks
    /// until the cause is removed.
    pub blocked: Vec<BlockedChunk>,
    /// Days that still wait for a refresh.
    pub backlog: RefreshBacklog,
    /// The number of changes of ticks and trades that wait for a refresh, old and new.
    pub waiting_changes: u64,
}

impl MaintenanceReport {
    pub(super) fn count_dropped(&mut self, input: CandleInput) {
        match input {
            CandleInput::Ticks => self.dropped_ticks += 1,
            CandleInput::Trades => self.dropped_trades += 1,
        }
    }
}
