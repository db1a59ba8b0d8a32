//! In-memory symbols, in a map ordered by id.

mod changing;
mod feeds;
mod reference_data;
mod syncing;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::ops::Bound;
use std::sync::RwLock;

use async_trait::async_trait;

use super::versions::Versions;
use super::{read, write};
use crate::Clock;
use crate::domain::{
    Exchange, ExchangeFacts, InvalidSymbol, MergedReferenceData, MergedSymbol, NewSymbol, Page,
    ReferenceData, StatedSymbol, Symbol, SymbolChange, SymbolFacts, SymbolId, SymbolReference,
    folded_name,
};
use crate::error::RepositoryError;
use crate::repository::{
    ExchangeQuery, FeedSymbol, SymbolQuery, SymbolRepository, dedup_sorted_symbols,
    exactly_one_match, exchange_missing, exchange_taken, name_taken, symbol_missing, symbol_taken,
};

/// Symbols in memory.
#[derive(Default)]
pub struct InMemorySymbolRepository {
    tables: RwLock<SymbolTables>,
}

#[derive(Clone, Default)]
struct SymbolTables {
    symbols: BTreeMap<SymbolId, Symbol>,
    /// By folded name.
    exchanges: BTreeMap<String, Exchange>,
    /// By feed and feed key.
    feed_symbols: BTreeMap<(String, String), SymbolId>,
    /// What lists of feeds said: the name, and whether it is listed.
    listings: BTreeMap<(String, String), (Option<String>, Option<bool>)>,
    versions: Versions,
}

impl InMemorySymbolRepository {
    /// Creates an empty repository.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty repository whose versions of instruments have the times of `clock`.
    #[must_use]
    pub fn by(clock: Clock) -> Self {
        let versions = Versions::by(clock);
        let tables = SymbolTables {
            versions,
            ..SymbolTables::default()
        };
        Self {
            tables: RwLock::new(tables),
        }
    }
}

impl SymbolTables {
    /// Returns the symbol with that name, compared without regard to case.
    fn named(&self, exchange: &str, name: &str) -> Option<&Symbol> {
        self.symbols.values().find(|symbol| {
            symbol.exchange.eq_ignore_ascii_case(exchange) && symbol.name.eq_ignore_ascii_case(name)
        })
    }

    /// Returns the stored spelling of the name of an exchange.
    fn spelling(&self, exchange: &str) -> String {
        let stored = self.exchanges.get(&folded_name(exchange));
        stored.map_or(exchange, |stored| &stored.name).to_owned()
    }

    /// Stores a symbol, and creates its exchange if it does not exist.
    fn put(&mut self, symbol: Symbol) {
        let exchange = self.exchanges.entry(folded_name(&symbol.exchange));
        exchange.or_insert_with(|| Exchange::named(&symbol.exchange));
        self.versions.record(&symbol);
        self.symbols.insert(symbol.symbol_id, symbol);
    }

    /// Adds a symbol whose name is not taken.
    fn add(&mut self, symbol: NewSymbol) -> Result<Symbol, RepositoryError> {
        let symbol_id = match symbol.symbol_id {
            Some(id) if self.symbols.contains_key(&id) => return Err(symbol_taken(id)),
            Some(id) => id,
            None => self.next_id()?,
        };
        let symbol = symbol.into_symbol(symbol_id);
        self.put(symbol.clone());
        Ok(symbol)
    }

    fn next_id(&self) -> Result<SymbolId, RepositoryError> {
        let largest = self.symbols.keys().next_back().map_or(0, |id| id.get());
        largest.checked_add(1).map(SymbolId::new).ok_or_else(|| {
            RepositoryError::invalid("the largest symbol_id is in use: choose a free one")
        })
    }

    fn get(&self, symbol_id: SymbolId) -> Result<&Symbol, RepositoryError> {
        let symbol = self.symbols.get(&symbol_id);
        symbol.ok_or_else(|| symbol_missing(symbol_id))
    }

    fn upsert(&mut self, symbol: NewSymbol) -> Result<(), RepositoryError> {
        let symbol = NewSymbol {
            exchange: self.spelling(&symbol.exchange),
            ..symbol
        };
        let Some(existing) = self.named(&symbol.exchange, &symbol.name) else {
            return self.add(symbol).map(|_| ());
        };
        let symbol_id = existing.symbol_id;
        let is_other = symbol.symbol_id.is_some_and(|given| given != symbol_id);
        if is_other || existing.name != symbol.name {
            return Err(name_taken(existing));
        }
        self.put(symbol.into_symbol(symbol_id));
        Ok(())
    }
}

impl fmt::Debug for InMemorySymbolRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemorySymbolRepository")
            .field("symbols", &read(&self.tables).symbols.len())
            .finish()
    }
}

#[async_trait]
impl SymbolRepository for InMemorySymbolRepository {
    async fn create(&self, symbol: NewSymbol) -> Result<Symbol, RepositoryError> {
        symbol.validate().map_err(RepositoryError::invalid)?;
        let mut tables = write(&self.tables);
        if let Some(taker) = tables.named(&symbol.exchange, &symbol.name) {
            return Err(name_taken(taker));
        }
        let exchange = tables.spelling(&symbol.exchange);
        tables.add(NewSymbol { exchange, ..symbol })
    }

    async fn upsert_batch(&self, symbols: &[NewSymbol]) -> Result<Vec<Symbol>, RepositoryError> {
        for symbol in symbols {
            symbol.validate().map_err(RepositoryError::invalid)?;
        }
        let mut tables = write(&self.tables);
        let mut changed = tables.clone();
        for symbol in symbols {
            changed.upsert(symbol.clone())?;
        }
        *tables = changed;
        Ok(symbols
            .iter()
            .filter_map(|symbol| tables.named(&symbol.exchange, &symbol.name).cloned())
            .collect())
    }

    async fn merge_batch(
        &self,
        stated: &[StatedSymbol],
        overwrite: bool,
    ) -> Result<Vec<Result<MergedSymbol, InvalidSymbol>>, RepositoryError> {
        let mut tables = write(&self.tables);
        let mut changed = tables.clone();
        let merged = stated.iter().map(|one| changed.merge(one, overwrite));
        let merged = merged.collect::<Result<_, _>>()?;
        *tables = changed;
        Ok(merged)
    }

    async fn describe(
        &self,
        symbol_id: SymbolId,
        facts: &SymbolFacts,
    ) -> Result<MergedSymbol, RepositoryError> {
        let change = SymbolChange::default().facts(facts.clone());
        write(&self.tables).amend(symbol_id, change)
    }

    async fn rename(
        &self,
        symbol_id: SymbolId,
        name: &SymbolReference,
    ) -> Result<MergedSymbol, RepositoryError> {
        let change = SymbolChange::default().name(name.clone());
        write(&self.tables).amend(symbol_id, change)
    }

    async fn amend(
        &self,
        symbol_id: SymbolId,
        change: &SymbolChange,
    ) -> Result<MergedSymbol, RepositoryError> {
        write(&self.tables).amend(symbol_id, change.clone())
    }

    async fn get(&self, symbol_id: SymbolId) -> Result<Option<Symbol>, RepositoryError> {
        Ok(read(&self.tables).symbols.get(&symbol_id).cloned())
    }

    async fn get_many(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Symbol>, RepositoryError> {
        let ids = dedup_sorted_symbols(symbol_ids)?;
        let tables = read(&self.tables);
        Ok(ids
            .iter()
            .filter_map(|id| tables.symbols.get(id).cloned())
            .collect())
    }

    async fn get_by_name(
        &self,
        reference: &SymbolReference,
    ) -> Result<Option<Symbol>, RepositoryError> {
        let tables = read(&self.tables);
        let fitting = tables
            .symbols
            .values()
            .filter(|symbol| symbol.name.eq_ignore_ascii_case(&reference.name))
            .filter(|symbol| match &reference.exchange {
                Some(exchange) => symbol.exchange.eq_ignore_ascii_case(exchange),
                None => true,
            })
            .cloned()
            .collect();
        exactly_one_match(reference, fitting)
    }

    async fn list(&self, query: &SymbolQuery) -> Result<Page<Symbol, SymbolId>, RepositoryError> {
        let after = query.after.map_or(Bound::Unbounded, Bound::Excluded);
        let fits = |symbol: &&Symbol| {
            let is = |wanted: &Option<String>, found: &str| {
                (wanted.as_ref()).is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
            };
            is(&query.name, &symbol.name)
                && is(&query.exchange, &symbol.exchange)
                && query.active.is_none_or(|active| symbol.active == active)
        };
        let items = read(&self.tables)
            .symbols
            .range((after, Bound::Unbounded))
            .map(|(_, symbol)| symbol)
            .filter(fits)
            .take(query.limit.get() + 1)
            .cloned()
            .collect();
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            |symbol: &Symbol| symbol.symbol_id,
        ))
    }

    async fn create_exchange(&self, exchange: &Exchange) -> Result<(), RepositoryError> {
        exchange.validate().map_err(RepositoryError::invalid)?;
        let mut tables = write(&self.tables);
        match tables.exchanges.entry(folded_name(&exchange.name)) {
            Entry::Occupied(taker) => Err(exchange_taken(taker.get())),
            Entry::Vacant(place) => {
                place.insert(exchange.clone().normalized());
                Ok(())
            }
        }
    }

    async fn describe_exchange(
        &self,
        name: &str,
        facts: &ExchangeFacts,
    ) -> Result<Exchange, RepositoryError> {
        let mut tables = write(&self.tables);
        let exchange = tables.exchanges.get_mut(&folded_name(name));
        let exchange = exchange.ok_or_else(|| exchange_missing(name))?;
        *exchange = exchange
            .described(facts)
            .map_err(RepositoryError::invalid)?;
        Ok(exchange.clone())
    }

    async fn get_exchange(&self, name: &str) -> Result<Option<Exchange>, RepositoryError> {
        Ok(read(&self.tables)
            .exchanges
            .get(&folded_name(name))
            .cloned())
    }

    async fn list_exchanges(
        &self,
        query: &ExchangeQuery,
    ) -> Result<Page<Exchange, String>, RepositoryError> {
        let after = query.after.as_deref().map(folded_name);
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let tables = read(&self.tables);
        let behind = tables.exchanges.range((after, Bound::Unbounded));
        let items = behind.map(|(_, exchange)| exchange.clone());
        let items = items.take(query.limit.get() + 1).collect();
        let name = |exchange: &Exchange| exchange.name.clone();
        Ok(Page::from_limit_plus_one(items, query.limit, name))
    }

    async fn merge_reference_data(
        &self,
        data: &ReferenceData,
    ) -> Result<MergedReferenceData, RepositoryError> {
        let mut tables = write(&self.tables);
        let mut changed = tables.clone();
        let merged = changed.merge_reference_data(data)?;
        *tables = changed;
        Ok(merged)
    }

    async fn deactivate(&self, symbol_id: SymbolId) -> Result<Symbol, RepositoryError> {
        let mut tables = write(&self.tables);
        let symbol = tables
            .symbols
            .get_mut(&symbol_id)
            .ok_or_else(|| symbol_missing(symbol_id))?;
        symbol.active = false;
        Ok(symbol.clone())
    }

    async fn map_feed_symbols(&self, mappings: &[FeedSymbol]) -> Result<(), RepositoryError> {
        for mapping in mappings {
            mapping.validate()?;
        }
        let mut tables = write(&self.tables);
        for mapping in mappings {
            if !tables.symbols.contains_key(&mapping.symbol_id) {
                return Err(symbol_missing(mapping.symbol_id));
            }
        }
        for mapping in mappings {
            let key = (mapping.feed.clone(), mapping.feed_key.clone());
            tables.feed_symbols.insert(key, mapping.symbol_id);
        }
        Ok(())
    }

    async fn add_feed_symbol(
        &self,
        mapping: &FeedSymbol,
    ) -> Result<Option<Symbol>, RepositoryError> {
        mapping.validate()?;
        write(&self.tables).add_feed_symbol(mapping)
    }

    async fn unmap_feed_symbol(&self, feed: &str, feed_key: &str) -> Result<(), RepositoryError> {
        let key = (feed.to_owned(), feed_key.to_owned());
        write(&self.tables).unmap(&key);
        Ok(())
    }

    async fn remove_feed_symbol(&self, mapping: &FeedSymbol) -> Result<bool, RepositoryError> {
        Ok(write(&self.tables).remove_feed_symbol(mapping))
    }

    async fn feed_symbols(&self, symbol_id: SymbolId) -> Result<Vec<FeedSymbol>, RepositoryError> {
        Ok(read(&self.tables).feed_symbols_of(symbol_id))
    }

    async fn get_by_feed_key(
        &self,
        feed: &str,
        feed_key: &str,
    ) -> Result<Option<Symbol>, RepositoryError> {
        let tables = read(&self.tables);
        let key = (feed.to_owned(), feed_key.to_owned());
        let symbol_id = tables.feed_symbols.get(&key);
        Ok(symbol_id.and_then(|id| tables.symbols.get(id)).cloned())
    }
}
