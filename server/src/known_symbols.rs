//! Whether a symbol exists, asked of the repository once for each.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use tickbook::domain::SymbolId;
use tickbook::repository::SymbolRepository;

use crate::problem::Problem;

/// Remembers which symbols exist. A symbol is never deleted, so that what was seen once stays
/// true; what is missing is asked for again, since it may be created at any time.
#[derive(Debug)]
pub struct KnownSymbols {
    symbols: Arc<dyn SymbolRepository>,
    seen: RwLock<HashSet<SymbolId>>,
}

impl KnownSymbols {
    /// Has seen nothing yet.
    #[must_use]
    pub fn new(symbols: Arc<dyn SymbolRepository>) -> Self {
        Self {
            symbols,
            seen: RwLock::default(),
        }
    }

    /// Checks that the symbol exists.
    ///
    /// # Errors
    /// 404 when it does not, and what the repository says.
    pub async fn require(&self, symbol_id: SymbolId) -> Result<(), Problem> {
        if self.has_seen(symbol_id) {
            return Ok(());
        }
        match self.symbols.get(symbol_id).await? {
            Some(_) => {
                let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
                seen.insert(symbol_id);
                Ok(())
            }
            None => Err(Problem::unknown_symbol(symbol_id)),
        }
    }

    fn has_seen(&self, symbol_id: SymbolId) -> bool {
        self.seen
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&symbol_id)
    }
}
