//! The rules of each symbol.

use std::collections::HashMap;
use std::sync::Arc;

use super::rules::QualityRules;
use crate::domain::{SymbolId, SymbolReference};
use crate::error::RepositoryError;
use crate::repository::{SymbolRepository, find_symbol};

/// The common rules, and the rules of symbols that have their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SymbolRules {
    of_all: Arc<QualityRules>,
    of_symbols: HashMap<SymbolId, Arc<QualityRules>>,
}

/// Rules whose symbols were looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundRules {
    /// The rules of all symbols that exist.
    pub rules: SymbolRules,
    /// Names that no symbol has; their rules are skipped.
    pub unknown: Vec<String>,
}

impl SymbolRules {
    /// Creates the same rules for every symbol.
    #[must_use]
    pub fn new(rules: QualityRules) -> Self {
        Self {
            of_all: Arc::new(rules),
            of_symbols: HashMap::new(),
        }
    }

    /// Sets other rules for one symbol.
    #[must_use]
    pub fn with_symbol(mut self, symbol_id: SymbolId, rules: QualityRules) -> Self {
        self.of_symbols.insert(symbol_id, Arc::new(rules));
        self
    }

    /// Combines the rules `of_all` with the rules of the symbols in `named`, which are given by id, by
    /// `oanda:EURUSD`, or by `EURUSD` if only one symbol has that name.
    ///
    /// # Errors
    /// Returns errors of the repository.
    pub async fn find<'a>(
        of_all: &QualityRules,
        named: impl IntoIterator<Item = (&'a String, &'a QualityRules)>,
        symbols: &dyn SymbolRepository,
    ) -> Result<FoundRules, RepositoryError> {
        let mut rules = Self::new(of_all.clone());
        let mut unknown = Vec::new();
        for (name, own) in named {
            let symbol = match name.parse::<SymbolReference>() {
                Ok(reference) => find_symbol(symbols, &reference).await?,
                Err(_) => None,
            };
            match symbol {
                Some(symbol) => rules = rules.with_symbol(symbol.symbol_id, own.clone()),
                None => unknown.push(name.clone()),
            }
        }
        Ok(FoundRules { rules, unknown })
    }

    /// The rules of `symbol_id`.
    #[must_use]
    pub fn of(&self, symbol_id: SymbolId) -> &Arc<QualityRules> {
        self.of_symbols.get(&symbol_id).unwrap_or(&self.of_all)
    }
}
