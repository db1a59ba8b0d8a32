//! The symbol repository.

mod query;

use std::fmt::{self, Debug};

use async_trait::async_trait;

use crate::domain::{
    Exchange, ExchangeFacts, InvalidSymbol, MergedReferenceData, MergedSymbol, NewSymbol, Page,
    ReferenceData, StatedSymbol, Symbol, SymbolChange, SymbolFacts, SymbolId, SymbolReference,
    excerpt,
};
use crate::error::{Entity, RepositoryError};

pub use query::{ExchangeQuery, SymbolQuery};

/// The identifier by which a feed names a symbol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct FeedSymbol {
    /// The feed, such as `ctrader`; 1 to 50 characters.
    pub feed: String,
    /// The identifier that the feed sends, such as the number in FIX tag 55; 1 to 100 characters.
    pub feed_key: String,
    /// The symbol that it identifies.
    pub symbol_id: SymbolId,
}

/// Stores symbols, their instruments and the exchanges that quote them.
///
/// A symbol is never deleted, because ticks refer to its id. It can be deactivated.
///
/// Names of symbols and exchanges are stored in the case in which they are given. They are compared
/// without regard to case ([`folded_name`](crate::domain::folded_name)) and are unique in this sense. A
/// call may name a stored exchange in any case.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook::Repositories;
/// use tickbook::domain::NewSymbol;
///
/// let symbols = Repositories::in_memory().symbols;
/// let created = symbols.create(NewSymbol::named("oanda", "EURUSD")).await?;
/// let found = symbols.get_by_name(&"oanda:EURUSD".parse()?).await?;
/// assert_eq!(found, Some(created));
/// assert_eq!(symbols.get_by_name(&"GBPUSD".parse()?).await?, None);
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SymbolRepository: Debug + Send + Sync + 'static {
    /// Creates a symbol, and its exchange if it does not exist.
    ///
    /// A symbol without an id gets the largest existing id plus one.
    ///
    /// # Errors
    /// `AlreadyExists` if the id is taken, or the name on that exchange in any case; for a name the error
    /// says which symbol has it. `InvalidInput` if [`NewSymbol::validate`] refuses the symbol.
    async fn create(&self, symbol: NewSymbol) -> Result<Symbol, RepositoryError>;

    /// Creates missing symbols and overwrites existing ones, all or none.
    ///
    /// A symbol exists if its exchange has a symbol of that name; it retains its id. All other fields,
    /// including the instrument, are overwritten: `None` removes the instrument.
    ///
    /// *Ordering*: the result is in the given order. *Duplicates*: if a name is given twice, the last one
    /// counts, and the result contains it twice.
    ///
    /// # Errors
    /// `InvalidInput` names the first symbol that [`NewSymbol::validate`] refuses. `AlreadyExists` if a given
    /// id belongs to another symbol, an existing symbol was given with another id, or a name differs only in
    /// case from that of a symbol stored or given before.
    async fn upsert_batch(&self, symbols: &[NewSymbol]) -> Result<Vec<Symbol>, RepositoryError>;

    /// Creates missing symbols and merges the given fields into existing ones as [`Symbol::merged`] does:
    /// fields that are not given do not change, and known values are replaced only with `overwrite`.
    ///
    /// *Atomicity*: all or none, except that refused symbols do not prevent the others. The result reports
    /// the changes of this call only, regardless of concurrent changes. *Ordering*: the result is in the
    /// given order. *Duplicates*: as if the symbols were given one after the other. A name that differs only
    /// in case from that of an existing symbol is refused with [`InvalidSymbol::NameTaken`].
    async fn merge_batch(
        &self,
        stated: &[StatedSymbol],
        overwrite: bool,
    ) -> Result<Vec<Result<MergedSymbol, InvalidSymbol>>, RepositoryError>;

    /// Replaces the given fields of a symbol and returns the changes. Other fields do not change.
    ///
    /// # Errors
    /// `NotFound`; `InvalidInput` if [`Symbol::merged`] refuses the change.
    async fn describe(
        &self,
        symbol_id: SymbolId,
        facts: &SymbolFacts,
    ) -> Result<MergedSymbol, RepositoryError>;

    /// Renames a symbol, and moves it to another exchange if `name` has one, which is created if it does not
    /// exist. The symbol retains its id and therefore its ticks and candles.
    ///
    /// # Errors
    /// `NotFound`; `AlreadyExists` names another symbol that has the name on that exchange, in any case;
    /// `InvalidInput` for an invalid name.
    async fn rename(
        &self,
        symbol_id: SymbolId,
        name: &SymbolReference,
    ) -> Result<MergedSymbol, RepositoryError>;

    /// Renames and describes a symbol as [`rename`](Self::rename) and [`describe`](Self::describe) do, both or
    /// neither.
    ///
    /// # Errors
    /// Those of both methods.
    async fn amend(
        &self,
        symbol_id: SymbolId,
        change: &SymbolChange,
    ) -> Result<MergedSymbol, RepositoryError>;

    /// Returns the symbol with that id.
    async fn get(&self, symbol_id: SymbolId) -> Result<Option<Symbol>, RepositoryError>;

    /// Returns the symbols with these ids, by ascending id, in one query. Duplicate ids count once; unknown
    /// ids are omitted.
    ///
    /// # Errors
    /// `InvalidInput` for more than 10,000 different ids.
    async fn get_many(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Symbol>, RepositoryError>;

    /// Returns the symbol with that name: the one of the same spelling, otherwise the one whose name and
    /// exchange differ only in case.
    ///
    /// # Errors
    /// `InvalidInput` if no exchange is given and several have the name; the message lists them.
    async fn get_by_name(
        &self,
        reference: &SymbolReference,
    ) -> Result<Option<Symbol>, RepositoryError>;

    /// Returns the matching symbols, by ascending id. `next` is the id to pass as `after`.
    async fn list(&self, query: &SymbolQuery) -> Result<Page<Symbol, SymbolId>, RepositoryError>;

    /// Creates an exchange. The exchange of a symbol exists already; use [`describe_exchange`] to change it.
    ///
    /// # Errors
    /// `AlreadyExists` names the exchange that has the name, in any case; `InvalidInput` if
    /// [`Exchange::validate`] refuses it.
    ///
    /// [`describe_exchange`]: Self::describe_exchange
    async fn create_exchange(&self, exchange: &Exchange) -> Result<(), RepositoryError>;

    /// Replaces the given fields of the exchange with that name, in any case, and returns the exchange. Other
    /// fields do not change. An empty code, time zone or list of sessions clears the field.
    ///
    /// # Errors
    /// `NotFound`; `InvalidInput` if [`Exchange::described`] refuses the change.
    async fn describe_exchange(
        &self,
        name: &str,
        facts: &ExchangeFacts,
    ) -> Result<Exchange, RepositoryError>;

    /// Returns the exchange with that name, in any case.
    async fn get_exchange(&self, name: &str) -> Result<Option<Exchange>, RepositoryError>;

    /// Returns the exchanges, by ascending name without regard to case. `next` is the name to pass as
    /// `after`.
    async fn list_exchanges(
        &self,
        query: &ExchangeQuery,
    ) -> Result<Page<Exchange, String>, RepositoryError>;

    /// Creates missing exchanges and symbols and sets unknown values of existing ones, as [`Exchange::merged`]
    /// and [`Symbol::merged`] do; known values do not change. A repetition changes nothing.
    ///
    /// *Atomicity*: all or none, except that refused symbols do not prevent the others, as in
    /// [`merge_batch`](Self::merge_batch). *Ordering*: the results are in the given order. *Duplicates*: as if
    /// the exchanges and symbols were given one after the other.
    ///
    /// # Errors
    /// `InvalidInput` for the first exchange that [`Exchange::validate`] refuses.
    async fn merge_reference_data(
        &self,
        data: &ReferenceData,
    ) -> Result<MergedReferenceData, RepositoryError>;

    /// Marks a symbol as no longer quoted and returns it. Repeating the call is not an error.
    ///
    /// # Errors
    /// `NotFound`.
    async fn deactivate(&self, symbol_id: SymbolId) -> Result<Symbol, RepositoryError>;

    /// Maps identifiers of feeds to symbols, all or none. An existing `(feed, feed_key)` is mapped to the
    /// given symbol. If a pair is given twice, the last one counts.
    ///
    /// # Errors
    /// `NotFound` names the first symbol that does not exist; `InvalidInput` if a feed or a key is empty or
    /// too long.
    async fn map_feed_symbols(&self, mappings: &[FeedSymbol]) -> Result<(), RepositoryError>;

    /// Maps an identifier of a feed to a symbol, unless it is mapped to another one. Then nothing changes, and the
    /// result is that symbol. Repeating the call is not an error.
    ///
    /// *Concurrency*: of two calls with one identifier and different symbols, one gets the symbol of the other.
    ///
    /// # Errors
    /// `NotFound` if the symbol does not exist; `InvalidInput` if the feed or the key is empty or too long.
    async fn add_feed_symbol(
        &self,
        mapping: &FeedSymbol,
    ) -> Result<Option<Symbol>, RepositoryError>;

    /// Removes the mapping of a feed's identifier. Repeating the call is not an error.
    async fn unmap_feed_symbol(&self, feed: &str, feed_key: &str) -> Result<(), RepositoryError>;

    /// Removes a mapping, unless the identifier is mapped to another symbol. Returns whether the mapping existed.
    async fn remove_feed_symbol(&self, mapping: &FeedSymbol) -> Result<bool, RepositoryError>;

    /// Returns the mappings of a symbol, by ascending feed and key. A symbol that does not exist has none.
    async fn feed_symbols(&self, symbol_id: SymbolId) -> Result<Vec<FeedSymbol>, RepositoryError>;

    /// Returns the symbol to which the feed's identifier is mapped.
    async fn get_by_feed_key(
        &self,
        feed: &str,
        feed_key: &str,
    ) -> Result<Option<Symbol>, RepositoryError>;
}

impl FeedSymbol {
    /// Maps `feed_key` of `feed` to a symbol.
    #[must_use]
    pub fn new(feed: impl Into<String>, feed_key: impl Into<String>, symbol_id: SymbolId) -> Self {
        Self {
            feed: feed.into(),
            feed_key: feed_key.into(),
            symbol_id,
        }
    }

    /// Checks the rules that every store applies to a mapping.
    ///
    /// # Errors
    /// `InvalidInput` if the feed does not have 1 to 50, or the key not 1 to 100 characters.
    pub fn validate(&self) -> Result<(), RepositoryError> {
        for (field, text, max_length) in
            [("feed", &self.feed, 50), ("feed_key", &self.feed_key, 100)]
        {
            let length = text.chars().count();
            if length == 0 || length > max_length {
                return Err(RepositoryError::invalid(format!(
                    "invalid {field} {}: expected 1 to {max_length} characters",
                    excerpt(text)
                )));
            }
        }
        Ok(())
    }
}

/// Returns the ids to look up in one query, ascending and without duplicates.
pub(crate) fn dedup_sorted_symbols(
    symbol_ids: &[SymbolId],
) -> Result<Vec<SymbolId>, RepositoryError> {
    const MAX_SYMBOLS: usize = 10_000;
    let mut ids = symbol_ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > MAX_SYMBOLS {
        return Err(RepositoryError::invalid(format!(
            "too many symbols ({}): request at most {MAX_SYMBOLS} per call",
            ids.len()
        )));
    }
    Ok(ids)
}

/// Resolves a reference to a symbol, by id or by name.
///
/// # Errors
/// The errors of [`SymbolRepository::get`] and [`SymbolRepository::get_by_name`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook::Repositories;
/// use tickbook::domain::NewSymbol;
/// use tickbook::repository::find_symbol;
///
/// let symbols = Repositories::in_memory().symbols;
/// let created = symbols.create(NewSymbol::named("oanda", "EURUSD")).await?;
/// for reference in ["1", "EURUSD", "OANDA:eurusd"] {
///     let found = find_symbol(&*symbols, &reference.parse()?).await?;
///     assert_eq!(found.as_ref(), Some(&created));
/// }
/// # Ok(())
/// # }
/// ```
pub async fn find_symbol(
    symbols: &dyn SymbolRepository,
    reference: &SymbolReference,
) -> Result<Option<Symbol>, RepositoryError> {
    match reference.id() {
        Some(id) => symbols.get(id).await,
        None => symbols.get_by_name(reference).await,
    }
}

/// Selects the symbol that `reference` refers to from `found`, the symbols whose names differ only in
/// case.
pub(crate) fn exactly_one_match(
    reference: &SymbolReference,
    found: Vec<Symbol>,
) -> Result<Option<Symbol>, RepositoryError> {
    let is_exact = |symbol: &Symbol| {
        let exchange = reference.exchange.as_ref();
        symbol.name == reference.name && exchange.is_none_or(|given| symbol.exchange == *given)
    };
    let (exact, others): (Vec<_>, Vec<_>) = found.into_iter().partition(is_exact);
    let mut found = if exact.is_empty() { others } else { exact };
    if found.len() > 1 {
        let names: Vec<_> = found
            .iter()
            .map(|symbol| format!("{}:{}", symbol.exchange, symbol.name))
            .collect();
        return Err(RepositoryError::invalid(format!(
            "{} is quoted on several exchanges: use {}",
            reference.name,
            names.join(" or ")
        )));
    }
    Ok(found.pop())
}

/// The error for a taken id or name of a symbol.
pub(crate) fn symbol_taken(key: impl fmt::Display) -> RepositoryError {
    RepositoryError::AlreadyExists {
        entity: Entity::Symbol,
        key: key.to_string(),
    }
}

/// The error for a name that `taker` has.
pub(crate) fn name_taken(taker: &Symbol) -> RepositoryError {
    symbol_taken(name_and_id(taker))
}

/// The error for a name that differs only in case from the name of `taker`.
pub(crate) fn name_taken_in_other_case(name: &str, taker: &Symbol) -> InvalidSymbol {
    InvalidSymbol::NameTaken {
        name: name.to_owned(),
        taker: name_and_id(taker),
    }
}

fn name_and_id(symbol: &Symbol) -> String {
    let Symbol {
        symbol_id,
        exchange,
        name,
        ..
    } = symbol;
    format!("{exchange}:{name} (symbol_id {symbol_id})")
}

/// The error for a name of an exchange that `taker` has.
pub(crate) fn exchange_taken(taker: &Exchange) -> RepositoryError {
    RepositoryError::AlreadyExists {
        entity: Entity::Exchange,
        key: taker.name.clone(),
    }
}

/// The error for an exchange that does not exist.
pub(crate) fn exchange_missing(name: &str) -> RepositoryError {
    RepositoryError::NotFound {
        entity: Entity::Exchange,
        key: excerpt(name),
    }
}

/// The error for a symbol that does not exist.
pub(crate) fn symbol_missing(symbol_id: SymbolId) -> RepositoryError {
    RepositoryError::NotFound {
        entity: Entity::Symbol,
        key: symbol_id.to_string(),
    }
}
