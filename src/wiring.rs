//! The three repositories of a server, from one place: the only file where backends meet traits.

use std::sync::Arc;

use crate::memory::{InMemoryOhlcRepository, InMemorySymbolRepository, InMemoryTickRepository};
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

impl Repositories {
    /// Empty ones that live in memory, whose candles are made of their own ticks.
    #[must_use]
    pub fn in_memory() -> Self {
        let ticks = InMemoryTickRepository::new();
        Self {
            symbols: Arc::new(InMemorySymbolRepository::new()),
            ticks: Arc::new(ticks.clone()),
            ohlc: Arc::new(InMemoryOhlcRepository::new(ticks)),
        }
    }
}
