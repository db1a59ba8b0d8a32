//! The terms of a symbol at a time.

use chrono::{DateTime, Utc};

use super::instrument::Instrument;
use super::symbol::Symbol;
use super::symbol_id::SymbolId;

/// The digits and the instrument of a symbol from a time on, until its next version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct InstrumentVersion {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The first instant at which the version is valid, in whole microseconds; that at which it was stored.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::time"))]
    pub valid_from: DateTime<Utc>,
    /// See [`Symbol::digits`].
    pub digits: i16,
    /// See [`Symbol::instrument`].
    pub instrument: Option<Instrument>,
}

impl InstrumentVersion {
    /// The present terms of `symbol`, valid from `valid_from` on.
    #[must_use]
    pub fn of(symbol: &Symbol, valid_from: DateTime<Utc>) -> Self {
        Self {
            symbol_id: symbol.symbol_id,
            valid_from,
            digits: symbol.digits,
            instrument: symbol.instrument.clone(),
        }
    }

    /// Whether `symbol` has these terms.
    #[must_use]
    pub fn is_of(&self, symbol: &Symbol) -> bool {
        (self.digits, &self.instrument) == (symbol.digits, &symbol.instrument)
    }
}
