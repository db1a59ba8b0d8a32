//! Cache of existing symbols, so that the repository is queried once for each.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use tickbook::RepositoryError;
use tickbook::domain::{SymbolId, SymbolReference};
use tickbook::repository::SymbolRepository;

use crate::params::{invalid, symbol_id};
use crate::problem::Problem;

/// Remembers which symbols exist. Symbols are never deleted, so a symbol that was found stays known. A
/// missing symbol is looked up again each time, because it may be created at any time.
#[derive(Debug)]
pub struct KnownSymbols {
    symbols: Arc<dyn SymbolRepository>,
    seen: RwLock<HashSet<SymbolId>>,
}

impl KnownSymbols {
    /// Creates an empty cache.
    #[must_use]
    pub fn new(symbols: Arc<dyn SymbolRepository>) -> Self {
        Self {
            symbols,
            seen: RwLock::default(),
        }
    }

    /// Resolves the symbol in a path: an id, or a name as `EXCHANGE:NAME`, whose exchange may be left out if only one
    /// exchange has the name. Digits without an exchange are an id, which is not checked to exist. A name is looked up
    /// each time, since symbols may be renamed.
    ///
    /// # Errors
    /// 400 if the text is neither an id nor a name, or if several exchanges have the name; 404 if no symbol has the
    /// name; and the errors of the repository.
    pub async fn find(&self, text: &str) -> Result<SymbolId, Problem> {
        const NAME: &str = "symbol";
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return symbol_id(NAME, text);
        }
        let reference = text.parse::<SymbolReference>();
        let reference = reference.map_err(|error| invalid(NAME, &error))?;
        let found = match self.symbols.get_by_name(&reference).await {
            Ok(found) => found.ok_or_else(|| Problem::unknown_name(text))?,
            Err(RepositoryError::InvalidInput { reason }) => return Err(invalid(NAME, &reason)),
            Err(error) => return Err(error.into()),
        };
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        seen.insert(found.symbol_id);
        Ok(found.symbol_id)
    }

    /// Checks that the symbol exists.
    ///
    /// # Errors
    /// 404 if it does not exist, and the errors of the repository.
    pub async fn require(&self, symbol_id: SymbolId) -> Result<(), Problem> {
        self.require_all(&[symbol_id]).await
    }

    /// Checks that the symbols exist, with one look-up for all that are not known yet.
    ///
    /// # Errors
    /// 404 with the first symbol that does not exist, and the errors of the repository.
    pub async fn require_all(&self, symbol_ids: &[SymbolId]) -> Result<(), Problem> {
        let unknown = self.unknown(symbol_ids).await?;
        match symbol_ids.iter().find(|id| unknown.contains(id)) {
            Some(missing) => Err(Problem::unknown_symbol(*missing)),
            None => Ok(()),
        }
    }

    /// Returns the symbols that do not exist, with one look-up for all that are not known yet.
    ///
    /// # Errors
    /// The errors of the repository.
    pub async fn unknown(
        &self,
        symbol_ids: &[SymbolId],
    ) -> Result<HashSet<SymbolId>, RepositoryError> {
        let unseen = self.unseen(symbol_ids);
        if unseen.is_empty() {
            return Ok(HashSet::new());
        }
        let found = self.symbols.get_many(&unseen).await?;
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        seen.extend(found.iter().map(|symbol| symbol.symbol_id));
        Ok(unseen.into_iter().filter(|id| !seen.contains(id)).collect())
    }

    /// Returns the ids of the symbols with these ids or names, in the order given.
    ///
    /// # Errors
    /// 404 with the first symbol that does not exist, and the errors of the repository.
    pub async fn find_all(&self, references: &[SymbolReference]) -> Result<Vec<SymbolId>, Problem> {
        let ids: Vec<_> = references.iter().filter_map(SymbolReference::id).collect();
        self.require_all(&ids).await?;
        let mut found = Vec::with_capacity(references.len());
        for reference in references {
            let symbol_id = match reference.id() {
                Some(symbol_id) => symbol_id,
                None => {
                    let symbol = self.symbols.get_by_name(reference).await?;
                    let symbol =
                        symbol.ok_or_else(|| Problem::unknown_name(&reference.to_string()))?;
                    let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
                    seen.insert(symbol.symbol_id);
                    symbol.symbol_id
                }
            };
            found.push(symbol_id);
        }
        Ok(found)
    }

    /// The symbols that need a look-up, in the order given.
    #[must_use]
    pub fn unseen(&self, symbol_ids: &[SymbolId]) -> Vec<SymbolId> {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        let unseen = symbol_ids.iter().filter(|id| !seen.contains(id));
        unseen.copied().collect()
    }
}
