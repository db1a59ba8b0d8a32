//! The findings and changes of a sync.

use crate::domain::symbol::Symbol;
use crate::domain::symbol_facts::FieldChange;

/// The findings and changes of a sync.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SyncReport {
    /// The feed.
    pub feed: String,
    /// The number of listed instruments, usable or not.
    pub listed: u64,
    /// Symbols that the feed did not name before: new ones, and existing ones of the exchange.
    pub added: Vec<Symbol>,
    /// Symbols of which names, digits or instruments changed.
    pub changed: Vec<ChangedSymbol>,
    /// Symbols that are active again.
    pub reappeared: Vec<Symbol>,
    /// Symbols that the list does not have, or has as not traded. They are inactive now.
    pub missing: Vec<Symbol>,
    /// Symbols that the list does not have or has as not traded, and that stay active, since too many are lost.
    pub kept_active: Vec<Symbol>,
    /// The number of instruments that have no symbol and get none, since the list creates none.
    pub left_out: u64,
    /// Instruments that were not stored.
    pub refused: Vec<RefusedListing>,
    /// Whether the list has all instruments of the feed.
    pub is_complete: bool,
}

impl SyncReport {
    /// Whether nothing was stored and nothing needs attention. An incomplete list needs it.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let symbols = [
            &self.added,
            &self.reappeared,
            &self.missing,
            &self.kept_active,
        ];
        self.is_complete
            && self.changed.is_empty()
            && self.refused.is_empty()
            && symbols.iter().all(|symbols| symbols.is_empty())
    }
}

/// A symbol with its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ChangedSymbol {
    /// The symbol as it is stored now.
    pub symbol: Symbol,
    /// The changed fields, at least one.
    pub changes: Vec<FieldChange>,
}

/// An instrument of a list that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RefusedListing {
    /// The identifier of the feed.
    pub key: String,
    /// The name in the list.
    pub name: String,
    /// The reason.
    pub reason: String,
}

impl RefusedListing {
    /// An instrument that cannot be used because of `reason`.
    #[must_use]
    pub fn new(key: impl Into<String>, name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            name: name.into(),
            reason: reason.into(),
        }
    }
}
