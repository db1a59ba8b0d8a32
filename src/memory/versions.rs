//! Versions of instruments in memory.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::Clock;
use crate::domain::{InstrumentVersion, Symbol, SymbolId, truncate_to_micros};

/// The versions of all symbols, by ascending time.
#[derive(Clone)]
pub(super) struct Versions {
    clock: Clock,
    of_symbols: BTreeMap<SymbolId, Vec<InstrumentVersion>>,
}

impl Default for Versions {
    fn default() -> Self {
        Self::by(Clock::system())
    }
}

impl Versions {
    /// No versions. `clock` gives the times from which they are valid.
    pub(super) fn by(clock: Clock) -> Self {
        Self {
            clock,
            of_symbols: BTreeMap::new(),
        }
    }

    /// Adds a version if the terms of `symbol` differ from its last one.
    pub(super) fn record(&mut self, symbol: &Symbol) {
        let versions = self.of_symbols.entry(symbol.symbol_id).or_default();
        let now = truncate_to_micros(self.clock.now());
        let valid_from = match versions.last() {
            Some(last) if last.is_of(symbol) => return,
            Some(last) => now.max(last.valid_from + TimeDelta::microseconds(1)),
            None => now,
        };
        versions.push(InstrumentVersion::of(symbol, valid_from));
    }

    pub(super) fn of_symbol(&self, symbol_id: SymbolId) -> &[InstrumentVersion] {
        self.of_symbols.get(&symbol_id).map_or(&[], Vec::as_slice)
    }

    pub(super) fn as_of(
        &self,
        symbol_id: SymbolId,
        time: DateTime<Utc>,
    ) -> Option<&InstrumentVersion> {
        let versions = self.of_symbol(symbol_id).iter();
        versions.rev().find(|version| version.valid_from <= time)
    }
}
