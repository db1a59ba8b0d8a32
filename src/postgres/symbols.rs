//! The repository of symbols over PostgreSQL.

mod changing;
mod exchanges;
mod feeds;
mod known;
mod reading;
mod reference_data;
mod rows;
mod sessions;
mod syncing;
mod versions;
mod writing;

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Clock;
use crate::db::MetadataConnections;
use crate::domain::{
    Exchange, ExchangeFacts, InvalidSymbol, MergedReferenceData, MergedSymbol, NewSymbol, Page,
    ReferenceData, StatedSymbol, Symbol, SymbolChange, SymbolFacts, SymbolId, SymbolReference,
    truncate_to_micros,
};
use crate::error::RepositoryError;
use crate::repository::{
    ExchangeQuery, FeedSymbol, SymbolQuery, SymbolRepository, dedup_sorted_symbols,
};

/// [`SymbolRepository`] over PostgreSQL.
pub struct PgSymbolRepository {
    connections: Box<dyn MetadataConnections>,
    clock: Clock,
}

impl PgSymbolRepository {
    /// Reads and writes over `connections`; connects on first use.
    pub fn new(connections: impl MetadataConnections) -> Self {
        Self {
            connections: Box::new(connections),
            clock: Clock::system(),
        }
    }

    /// Uses `now` instead of the system clock for the times from which versions of instruments are valid.
    #[must_use]
    pub fn with_clock(mut self, now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
        self
    }

    fn now(&self) -> DateTime<Utc> {
        truncate_to_micros(self.clock.now())
    }
}

impl fmt::Debug for PgSymbolRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgSymbolRepository")
            .field("database", &self.connections.metadata())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl SymbolRepository for PgSymbolRepository {
    async fn create(&self, symbol: NewSymbol) -> Result<Symbol, RepositoryError> {
        check(&symbol)?;
        let at = self.now();
        self.connections
            .metadata()
            .run_once("create", move |connection| {
                writing::create(connection, symbol.clone(), at)
            })
            .await
    }

    async fn upsert_batch(&self, symbols: &[NewSymbol]) -> Result<Vec<Symbol>, RepositoryError> {
        symbols.iter().try_for_each(check)?;
        if symbols.is_empty() {
            return Ok(Vec::new());
        }
        let (symbols, at) = (symbols.to_vec(), self.now());
        self.connections
            .metadata()
            .run_idempotent("upsert_batch", move |connection| {
                writing::upsert(connection, &symbols, at)
            })
            .await
    }

    async fn merge_batch(
        &self,
        stated: &[StatedSymbol],
        overwrite: bool,
    ) -> Result<Vec<Result<MergedSymbol, InvalidSymbol>>, RepositoryError> {
        if stated.is_empty() {
            return Ok(Vec::new());
        }
        let (stated, at) = (stated.to_vec(), self.now());
        // a second run would report that nothing was changed
        self.connections
            .metadata()
            .run_once("merge_batch", move |connection| {
                changing::merge(connection, &stated, overwrite, at)
            })
            .await
    }

    async fn describe(
        &self,
        symbol_id: SymbolId,
        facts: &SymbolFacts,
    ) -> Result<MergedSymbol, RepositoryError> {
        let change = SymbolChange::default().facts(facts.clone());
        let at = self.now();
        self.connections
            .metadata()
            .run_once("describe", move |connection| {
                changing::amend(connection, symbol_id, change.clone(), at)
            })
            .await
    }

    async fn rename(
        &self,
        symbol_id: SymbolId,
        name: &SymbolReference,
    ) -> Result<MergedSymbol, RepositoryError> {
        let change = SymbolChange::default().name(name.clone());
        let at = self.now();
        self.connections
            .metadata()
            .run_once("rename", move |connection| {
                changing::amend(connection, symbol_id, change.clone(), at)
            })
            .await
    }

    async fn amend(
        &self,
        symbol_id: SymbolId,
        change: &SymbolChange,
    ) -> Result<MergedSymbol, RepositoryError> {
        let (change, at) = (change.clone(), self.now());
        self.connections
            .metadata()
            .run_once("amend", move |connection| {
                changing::amend(connection, symbol_id, change.clone(), at)
            })
            .await
    }

    async fn get(&self, symbol_id: SymbolId) -> Result<Option<Symbol>, RepositoryError> {
        self.connections
            .metadata()
            .read("get", move |connection| {
                reading::by_id(connection, symbol_id)
            })
            .await
    }

    async fn get_many(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Symbol>, RepositoryError> {
        let ids = dedup_sorted_symbols(symbol_ids)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = ids.into_iter().map(SymbolId::get).collect();
        self.connections
            .metadata()
            .read("get_many", move |connection| {
                reading::by_ids(connection, &ids)
            })
            .await
    }

    async fn get_by_name(
        &self,
        reference: &SymbolReference,
    ) -> Result<Option<Symbol>, RepositoryError> {
        let reference = reference.clone();
        self.connections
            .metadata()
            .read("get_by_name", move |connection| {
                reading::by_name(connection, &reference)
            })
            .await
    }

    async fn list(&self, query: &SymbolQuery) -> Result<Page<Symbol, SymbolId>, RepositoryError> {
        let query = query.clone();
        self.connections
            .metadata()
            .read("list", move |connection| reading::list(connection, &query))
            .await
    }

    async fn create_exchange(&self, exchange: &Exchange) -> Result<(), RepositoryError> {
        exchange.validate().map_err(RepositoryError::invalid)?;
        let exchange = exchange.clone().normalized();
        self.connections
            .metadata()
            .run_once("create_exchange", move |connection| {
                exchanges::create(connection, &exchange)
            })
            .await
    }

    async fn describe_exchange(
        &self,
        name: &str,
        facts: &ExchangeFacts,
    ) -> Result<Exchange, RepositoryError> {
        let (name, facts) = (name.to_owned(), facts.clone());
        self.connections
            .metadata()
            .run_idempotent("describe_exchange", move |connection| {
                exchanges::describe(connection, &name, &facts)
            })
            .await
    }

    async fn get_exchange(&self, name: &str) -> Result<Option<Exchange>, RepositoryError> {
        let name = name.to_owned();
        self.connections
            .metadata()
            .read("get_exchange", move |connection| {
                exchanges::by_name(connection, &name)
            })
            .await
    }

    async fn list_exchanges(
        &self,
        query: &ExchangeQuery,
    ) -> Result<Page<Exchange, String>, RepositoryError> {
        let query = query.clone();
        self.connections
            .metadata()
            .read("list_exchanges", move |connection| {
                exchanges::list(connection, &query)
            })
            .await
    }

    async fn merge_reference_data(
        &self,
        data: &ReferenceData,
    ) -> Result<MergedReferenceData, RepositoryError> {
        for exchange in &data.exchanges {
            exchange.validate().map_err(RepositoryError::invalid)?;
        }
        let (data, at) = (data.clone(), self.now());
        // a second run would report that nothing was changed
        self.connections
            .metadata()
            .run_once("merge_reference_data", move |connection| {
                reference_data::merge(connection, &data, at)
            })
            .await
    }

    async fn deactivate(&self, symbol_id: SymbolId) -> Result<Symbol, RepositoryError> {
        self.connections
            .metadata()
            .run_idempotent("deactivate", move |connection| {
                writing::deactivate(connection, symbol_id)
            })
            .await
    }

    async fn map_feed_symbols(&self, mappings: &[FeedSymbol]) -> Result<(), RepositoryError> {
        for mapping in mappings {
            mapping.validate()?;
            refuse_nul("feed", &mapping.feed)?;
            refuse_nul("feed_key", &mapping.feed_key)?;
        }
        if mappings.is_empty() {
            return Ok(());
        }
        let mappings = mappings.to_vec();
        self.connections
            .metadata()
            .run_idempotent("map_feed_symbols", move |connection| {
                feeds::map(connection, &mappings)
            })
            .await
    }

    async fn add_feed_symbol(
        &self,
        mapping: &FeedSymbol,
    ) -> Result<Option<Symbol>, RepositoryError> {
        mapping.validate()?;
        refuse_nul("feed", &mapping.feed)?;
        refuse_nul("feed_key", &mapping.feed_key)?;
        let mapping = mapping.clone();
        self.connections
            .metadata()
            .run_idempotent("add_feed_symbol", move |connection| {
                feeds::add(connection, &mapping)
            })
            .await
    }

    async fn unmap_feed_symbol(&self, feed: &str, feed_key: &str) -> Result<(), RepositoryError> {
        let (feed, feed_key) = (feed.to_owned(), feed_key.to_owned());
        self.connections
            .metadata()
            .run_idempotent("unmap_feed_symbol", move |connection| {
                feeds::unmap(connection, &feed, &feed_key)
            })
            .await
    }

    async fn remove_feed_symbol(&self, mapping: &FeedSymbol) -> Result<bool, RepositoryError> {
        let mapping = mapping.clone();
        // a second run would report that there was none
        self.connections
            .metadata()
            .run_once("remove_feed_symbol", move |connection| {
                feeds::remove(connection, &mapping)
            })
            .await
    }

    async fn feed_symbols(&self, symbol_id: SymbolId) -> Result<Vec<FeedSymbol>, RepositoryError> {
        self.connections
            .metadata()
            .read("feed_symbols", move |connection| {
                feeds::of_symbol(connection, symbol_id)
            })
            .await
    }

    async fn get_by_feed_key(
        &self,
        feed: &str,
        feed_key: &str,
    ) -> Result<Option<Symbol>, RepositoryError> {
        let (feed, feed_key) = (feed.to_owned(), feed_key.to_owned());
        self.connections
            .metadata()
            .read("get_by_feed_key", move |connection| {
                feeds::symbol_of(connection, &feed, &feed_key)
            })
            .await
    }
}

fn check(symbol: &NewSymbol) -> Result<(), RepositoryError> {
    symbol.validate().map_err(RepositoryError::invalid)
}

/// Refuses the NUL character, the only one that a PostgreSQL text cannot contain.
fn refuse_nul(field: &str, text: &str) -> Result<(), RepositoryError> {
    if holds_nul(text) {
        return Err(RepositoryError::invalid(format!(
            "{field} {text:?} contains a NUL character: remove it"
        )));
    }
    Ok(())
}

fn holds_nul(text: &str) -> bool {
    text.contains('\0')
}
