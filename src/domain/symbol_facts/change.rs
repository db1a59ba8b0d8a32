//! Changes of a symbol that belong together.

use super::{MergedSymbol, SymbolFacts};
use crate::domain::invalid_symbol::InvalidSymbol;
use crate::domain::setters::setters;
use crate::domain::symbol::{Symbol, SymbolReference};

/// A new name and other new values of a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SymbolChange {
    /// The new name, and the new exchange if it has one; `None` keeps both.
    pub name: Option<SymbolReference>,
    /// The other values; an omitted value stays.
    pub facts: SymbolFacts,
}

setters!(SymbolChange {
    set {
        /// Sets the other values.
        facts: SymbolFacts,
    }
    some {
        /// Sets the new name.
        name: SymbolReference,
    }
});

impl Symbol {
    /// Returns this symbol with the given name and values, as [`renamed`](Self::renamed) and
    /// [`merged`](Self::merged) with `overwrite` do. The changes of the name come first.
    ///
    /// # Errors
    /// An invalid name, everything that [`NewSymbol::validate`](crate::domain::NewSymbol::validate) refuses, and an
    /// incomplete instrument.
    pub fn amended(&self, change: &SymbolChange) -> Result<MergedSymbol, InvalidSymbol> {
        let renamed = match &change.name {
            Some(name) => self.renamed(name.exchange.as_deref(), &name.name)?,
            None => self.renamed(None, &self.name)?,
        };
        let mut amended = renamed.symbol.merged(&change.facts, true)?;
        amended.changed.splice(0..0, renamed.changed);
        Ok(amended)
    }
}
