//! Queries for symbols and exchanges.

use crate::domain::{PageLimit, SymbolId, setters};

/// A query for symbols.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SymbolQuery {
    /// Only symbols with this name, in any case.
    pub name: Option<String>,
    /// Only symbols of this exchange, in any case.
    pub exchange: Option<String>,
    /// Only active or only inactive symbols.
    pub active: Option<bool>,
    /// Only symbols with a larger id: the last id of the previous page.
    pub after: Option<SymbolId>,
    /// The largest number of symbols to return.
    pub limit: PageLimit,
}

setters!(SymbolQuery {
    set {
        /// Sets the largest number of symbols of a page.
        limit: PageLimit,
    }
    into {
        /// Continues after the page that had this `next`.
        after: Option<SymbolId>,
    }
    some {
        /// Returns only symbols with this name.
        name: String,
        /// Returns only symbols of this exchange.
        exchange: String,
        /// Returns only active or only inactive symbols.
        active: bool,
    }
});

/// A query for exchanges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ExchangeQuery {
    /// Only exchanges after this name, in any case: the last name of the previous page.
    pub after: Option<String>,
    /// The largest number of exchanges to return.
    pub limit: PageLimit,
}

setters!(ExchangeQuery {
    set {
        /// Sets the largest number of exchanges of a page.
        limit: PageLimit,
    }
    into {
        /// Continues after the page that had this `next`.
        after: Option<String>,
    }
});
