//! Which symbols and exchanges to list.

use crate::domain::{PageLimit, SymbolId, setters};

/// Which symbols to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SymbolQuery {
    /// Only those of this name, in any case.
    pub name: Option<String>,
    /// Only those of this exchange, in any case.
    pub exchange: Option<String>,
    /// Only active or only inactive ones.
    pub active: Option<bool>,
    /// Only those with a larger id: where the page before ended.
    pub after: Option<SymbolId>,
    /// How many at most.
    pub limit: PageLimit,
}

setters!(SymbolQuery {
    set {
        /// Sets how many symbols a page holds at most.
        limit: PageLimit,
    }
    into {
        /// Continues after the page whose `next` is given.
        after: Option<SymbolId>,
    }
    some {
        /// Only symbols of this name.
        name: String,
        /// Only symbols of this exchange.
        exchange: String,
        /// Only active or only inactive symbols.
        active: bool,
    }
});

/// Which exchanges to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ExchangeQuery {
    /// Only those after this name, in any case: where the page before ended.
    pub after: Option<String>,
    /// How many at most.
    pub limit: PageLimit,
}

setters!(ExchangeQuery {
    set {
        /// Sets how many exchanges a page holds at most.
        limit: PageLimit,
    }
    into {
        /// Continues after the page whose `next` is given.
        after: Option<String>,
    }
});
