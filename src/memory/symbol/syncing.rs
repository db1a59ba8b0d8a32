//! Stores the instruments that a feed lists, and reads versions of instruments.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{InMemorySymbolRepository, SymbolTables};
use crate::domain::{InstrumentVersion, ListedKey, StoredFeed, SymbolId, SymbolList, SyncReport};
use crate::error::RepositoryError;
use crate::memory::{read, write};
use crate::repository::{InstrumentRepository, check_symbol_list};

impl SymbolTables {
    pub(super) fn unmap(&mut self, name: &(String, String)) {
        self.feed_symbols.remove(name);
        self.listings.remove(name);
    }

    fn stored_feed(&self, list: &SymbolList) -> StoredFeed {
        let keys = self.feed_symbols.iter();
        let keys = keys.filter(|((feed, _), _)| *feed == list.feed);
        let keys: Vec<_> = keys
            .map(|(name, symbol_id)| {
                let mut key = ListedKey::unlisted(&*name.1, *symbol_id);
                if let Some((name, listed)) = self.listings.get(name) {
                    (key.listed_name, key.listed) = (name.clone(), *listed);
                }
                key
            })
            .collect();
        let known: BTreeSet<_> = keys.iter().map(|key| key.symbol_id).collect();
        let exchange = self.spelling(&list.exchange);
        let symbols = self.symbols.values();
        let symbols = symbols
            .filter(|symbol| symbol.exchange == exchange || known.contains(&symbol.symbol_id));
        let largest = self.symbols.keys().next_back();
        StoredFeed {
            symbols: symbols.cloned().collect(),
            keys,
            largest_id: largest.map_or(0, |id| id.get()),
            ..StoredFeed::empty(exchange)
        }
    }
}

#[async_trait]
impl InstrumentRepository for InMemorySymbolRepository {
    async fn sync(&self, list: &SymbolList) -> Result<SyncReport, RepositoryError> {
        check_symbol_list(list)?;
        let mut tables = write(&self.tables);
        let plan = list.compare(&tables.stored_feed(list));
        for symbol in plan.symbols {
            tables.put(symbol);
        }
        for key in plan.removed_keys {
            let name = (list.feed.clone(), key);
            tables.unmap(&name);
        }
        for key in plan.keys {
            let name = (list.feed.clone(), key.key);
            tables.feed_symbols.insert(name.clone(), key.symbol_id);
            tables.listings.insert(name, (key.listed_name, key.listed));
        }
        Ok(plan.report)
    }

    async fn instrument_as_of(
        &self,
        symbol_id: SymbolId,
        time: DateTime<Utc>,
    ) -> Result<Option<InstrumentVersion>, RepositoryError> {
        Ok(read(&self.tables).versions.as_of(symbol_id, time).cloned())
    }

    async fn instrument_versions(
        &self,
        symbol_id: SymbolId,
    ) -> Result<Vec<InstrumentVersion>, RepositoryError> {
        Ok(read(&self.tables).versions.of_symbol(symbol_id).to_vec())
    }
}
