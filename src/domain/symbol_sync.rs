//! The comparison of the instruments that a feed lists with the stored symbols.
//!
//! [`SymbolList::compare`] is a pure function: a store reads a [`StoredFeed`], compares, and writes the
//! [`SyncPlan`].

mod compare;
mod names;
mod report;
mod terms;

use std::collections::BTreeMap;

use super::invalid_symbol::folded_name;
use super::setters::setters;
use super::symbol::Symbol;
use super::symbol_facts::{InstrumentFacts, SymbolFacts};
use super::symbol_id::SymbolId;

pub use report::{ChangedSymbol, RefusedListing, SyncReport};

/// An instrument as a feed lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedSymbol {
    /// The identifier that the feed never gives to another instrument, 1 to 100 characters: a number, or the name
    /// if the feed has no numbers. It becomes the name of the symbol in this feed (`feed_key`).
    pub key: String,
    /// The name of the symbol.
    pub name: String,
    /// Whether it is traded.
    pub active: bool,
    /// The statements of the feed. These values replace stored ones of symbols of the feed's exchange; `active` and
    /// `description` of the facts are ignored.
    pub stated: SymbolFacts,
    /// Values that the feed does not state. They are used only for symbols without an instrument.
    pub assumed: InstrumentFacts,
}

impl ListedSymbol {
    /// A traded instrument of which only the key and the name are known.
    #[must_use]
    pub fn new(key: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            name: name.into(),
            active: true,
            stated: SymbolFacts::default(),
            assumed: InstrumentFacts::default(),
        }
    }
}

setters!(ListedSymbol {
    set {
        /// Sets whether it is traded.
        active: bool,
        /// Sets what the feed states.
        stated: SymbolFacts,
        /// Sets values that the feed does not state.
        assumed: InstrumentFacts,
    }
});

/// The instruments of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SymbolList {
    /// The feed, 1 to 50 characters.
    pub feed: String,
    /// The exchange of its symbols. Symbols of other exchanges, to which an alias of the feed refers, only get values
    /// that are unknown.
    pub exchange: String,
    /// The instruments, in any order.
    pub symbols: Vec<ListedSymbol>,
    /// Instruments that cannot be used. They count as listed.
    pub refused: Vec<RefusedListing>,
    /// Whether the list has all instruments of the feed. Otherwise no symbol is missing.
    pub is_complete: bool,
    /// Whether symbols are deactivated however many are lost.
    pub accepts_loss: bool,
    /// Whether instruments without a symbol get one. Otherwise the list only changes symbols that exist.
    pub creates: bool,
}

impl SymbolList {
    /// A complete list of the feed `feed`, whose symbols are on the exchange of the same name.
    #[must_use]
    pub fn of(feed: impl Into<String>, symbols: Vec<ListedSymbol>) -> Self {
        let feed = feed.into();
        Self {
            exchange: feed.clone(),
            feed,
            symbols,
            refused: Vec::new(),
            is_complete: true,
            accepts_loss: false,
            creates: true,
        }
    }
}

setters!(SymbolList {
    set {
        /// Sets the instruments that cannot be used.
        refused: Vec<RefusedListing>,
        /// Sets whether the list has all instruments of the feed.
        is_complete: bool,
        /// Sets whether symbols are deactivated however many are lost.
        accepts_loss: bool,
        /// Sets whether instruments without a symbol get one.
        creates: bool,
    }
    into {
        /// Sets the exchange of the symbols.
        exchange: String,
    }
});

/// An identifier of a feed, with what its lists said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedKey {
    /// The identifier.
    pub key: String,
    /// The symbol that it identifies.
    pub symbol_id: SymbolId,
    /// The name in the last list that had it; `None` if no list had it.
    pub listed_name: Option<String>,
    /// `Some(true)` if the last list had it as traded. `Some(false)` if it was lost and this made the symbol inactive.
    /// `None` if no list had it, or if it was lost while the symbol was inactive.
    pub listed: Option<bool>,
}

impl ListedKey {
    /// An identifier that no list had.
    #[must_use]
    pub fn unlisted(key: impl Into<String>, symbol_id: SymbolId) -> Self {
        Self {
            key: key.into(),
            symbol_id,
            listed_name: None,
            listed: None,
        }
    }
}

/// The stored state of a feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredFeed {
    /// The stored spelling of the exchange.
    pub exchange: String,
    /// All symbols of the exchange, and all that the keys identify.
    pub symbols: Vec<Symbol>,
    /// All identifiers of the feed.
    pub keys: Vec<ListedKey>,
    /// The largest id of any symbol; 0 without symbols.
    pub largest_id: i64,
}

impl StoredFeed {
    /// An empty store.
    #[must_use]
    pub fn empty(exchange: impl Into<String>) -> Self {
        Self {
            exchange: exchange.into(),
            ..Self::default()
        }
    }

    fn is_own(&self, symbol: &Symbol) -> bool {
        folded_name(&symbol.exchange) == folded_name(&self.exchange)
    }

    /// The stored state after `plan`.
    #[must_use]
    pub fn after(&self, plan: &SyncPlan) -> Self {
        let mut symbols: BTreeMap<_, _> = (self.symbols.iter())
            .map(|symbol| (symbol.symbol_id, symbol.clone()))
            .collect();
        let put = plan.symbols.iter();
        symbols.extend(put.map(|symbol| (symbol.symbol_id, symbol.clone())));
        let mut keys: BTreeMap<_, _> = (self.keys.iter())
            .map(|key| (key.key.clone(), key.clone()))
            .collect();
        keys.extend(plan.keys.iter().map(|key| (key.key.clone(), key.clone())));
        keys.retain(|key, _| !plan.removed_keys.contains(key));
        let largest = plan.symbols.iter().map(|symbol| symbol.symbol_id.get());
        Self {
            exchange: self.exchange.clone(),
            symbols: symbols.into_values().collect(),
            keys: keys.into_values().collect(),
            largest_id: largest.max().unwrap_or(0).max(self.largest_id),
        }
    }
}

/// The changes that a store has to write.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncPlan {
    /// New and changed symbols, each once. Names may be swapped: first take away the names of `renamed`.
    pub symbols: Vec<Symbol>,
    /// Symbols that exist and get another name.
    pub renamed: Vec<SymbolId>,
    /// New and changed identifiers of the feed, each once.
    pub keys: Vec<ListedKey>,
    /// Identifiers of the feed that it no longer has, since it has another one for their symbol.
    pub removed_keys: Vec<String>,
    /// The effect of the plan.
    pub report: SyncReport,
}

impl SyncPlan {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty() && self.keys.is_empty() && self.removed_keys.is_empty()
    }
}

#[cfg(test)]
mod activity_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
