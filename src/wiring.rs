//! The three repositories of a server, from one place: the only file where backends meet traits.

use std::sync::Arc;

use crate::repository::{OhlcRepository, SymbolRepository, TickRepository};

/// What a server gets injected.
#[derive(Debug, Clone)]
pub struct Repositories {
    /// Symbols and instruments.
    pub symbols: Arc<dyn SymbolRepository>,
    /// Ticks.
    pub ticks: Arc<dyn TickRepository>,
    /// Candles.
    pub ohlc: Arc<dyn OhlcRepository>,
}
