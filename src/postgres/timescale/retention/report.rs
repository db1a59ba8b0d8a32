//! What maintenance did.

use crate::retention::RefreshWindow;

use super::refresh::DirtyWindows;
use super::seal::BlockedChunk;

/// Whether there was anything to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MaintenanceState {
    /// All that was due was done.
    #[default]
    Done,
    /// Policies have never been applied: nothing is ever due.
    NotApplied,
    /// Another process is at it.
    Busy,
}

/// What was old enough to go and stays until the next run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftChunk {
    /// The table and the name of its chunk, or up to which time.
    pub chunk: String,
    /// Why.
    pub reason: String,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MaintenanceReport {
    /// Whether there was anything to look for.
    pub state: MaintenanceState,
    /// Candles that were refreshed, since ticks came late.
    pub refreshed: Vec<RefreshWindow>,
    /// Candles that were stored before their ticks went.
    pub sealed: u64,
    /// Chunks of ticks that went.
    pub dropped_ticks: u64,
    /// Chunks of candles that went.
    pub dropped_candles: u64,
    /// What should have gone and is tried again by the next run; later chunks of the same table stay
    /// as well.
    pub left: Vec<LeftChunk>,
    /// Chunks that could not be dropped, at most one of ticks and one of candles: they keep all
    /// later ones from being dropped until somebody sees to it.
    pub blocked: Vec<BlockedChunk>,
    /// What still waits for a refresh.
    pub dirty: DirtyWindows,
    /// Changes of ticks that wait for a refresh, old and new.
    pub waiting_changes: u64,
}
