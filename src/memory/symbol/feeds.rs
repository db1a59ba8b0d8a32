//! Identifiers of feeds.

use super::SymbolTables;
use crate::domain::{Symbol, SymbolId};
use crate::error::RepositoryError;
use crate::repository::FeedSymbol;

fn name_of(mapping: &FeedSymbol) -> (String, String) {
    (mapping.feed.clone(), mapping.feed_key.clone())
}

impl SymbolTables {
    /// Returns the other symbol that has the identifier.
    pub(super) fn add_feed_symbol(
        &mut self,
        mapping: &FeedSymbol,
    ) -> Result<Option<Symbol>, RepositoryError> {
        let symbol_id = mapping.symbol_id;
        self.get(symbol_id)?;
        let owner = self.feed_symbols.entry(name_of(mapping));
        let owner = *owner.or_insert(symbol_id);
        match owner == symbol_id {
            true => Ok(None),
            false => self.get(owner).cloned().map(Some),
        }
    }

    /// Returns whether there was such a mapping.
    pub(super) fn remove_feed_symbol(&mut self, mapping: &FeedSymbol) -> bool {
        let name = name_of(mapping);
        let exists = self.feed_symbols.get(&name) == Some(&mapping.symbol_id);
        if exists {
            self.unmap(&name);
        }
        exists
    }

    pub(super) fn feed_symbols_of(&self, symbol_id: SymbolId) -> Vec<FeedSymbol> {
        let names = self.feed_symbols.iter();
        let names = names.filter(|(_, id)| **id == symbol_id);
        names
            .map(|((feed, feed_key), _)| FeedSymbol {
                feed: feed.clone(),
                feed_key: feed_key.clone(),
                symbol_id,
            })
            .collect()
    }
}
