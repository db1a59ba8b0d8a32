//! Where symbols are kept.

mod query;

use std::fmt::{self, Debug};

use async_trait::async_trait;

use crate::domain::{
    Exchange, ExchangeFacts, InvalidSymbol, MergedSymbol, NewSymbol, Page, StatedSymbol, Symbol,
    SymbolFacts, SymbolId, SymbolReference, excerpt,
};
use crate::error::{Entity, RepositoryError};

pub use query::{ExchangeQuery, SymbolQuery};

/// What a feed calls a symbol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct FeedSymbol {
    /// The feed, such as `ctrader`; 1 to 50 characters.
    pub feed: String,
    /// What the feed sends, such as the number in FIX tag 55; 1 to 100 characters.
    pub feed_key: String,
    /// Whose ticks these are.
    pub symbol_id: SymbolId,
}

/// Symbols, the instruments they stand for and the exchanges that quote them.
///
/// A symbol is never deleted, since ticks carry its id; it is deactivated.
///
/// Names of symbols and exchanges keep the case in which they are given, and are unique and compared without
/// regard to it ([`folded_name`](crate::domain::folded_name)). An exchange that a call names in another
/// case is the stored one.
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
    /// Creates a symbol, and its exchange if that is new.
    ///
    /// Without an id it gets the largest id so far plus one.
    ///
    /// # Errors
    /// `AlreadyExists` when the id, or the name on that exchange in any case, is taken; for a name it
    /// says which symbol has it. `InvalidInput` when [`NewSymbol::validate`] refuses the symbol.
    async fn create(&self, symbol: NewSymbol) -> Result<Symbol, RepositoryError>;

    /// Creates the symbols that are missing and overwrites those that exist, all or none.
    ///
    /// A symbol exists when its exchange has one of its name; it keeps its id. Everything else,
    /// the instrument too, becomes what is given: `None` removes the instrument.
    ///
    /// *Ordering*: the result is in the order given. *Duplicates*: of one name given twice the last
    /// counts, and the result has it twice.
    ///
    /// # Errors
    /// `InvalidInput` names the first symbol that [`NewSymbol::validate`] refuses; `AlreadyExists`
    /// when an id given belongs to another symbol, an existing symbol was given another id, or a name
    /// differs in case alone from that of a symbol stored or given before.
    async fn upsert_batch(&self, symbols: &[NewSymbol]) -> Result<Vec<Symbol>, RepositoryError>;

    /// Creates the symbols that are missing, and takes what is stated of those that exist as
    /// [`Symbol::merged`] does: what is not stated stays, and what is known is replaced with `overwrite`
    /// alone.
    ///
    /// *Atomicity*: all or none; a symbol that is refused keeps no other out. What is reported is what the
    /// call changed, whatever others change meanwhile. *Ordering*: the result is in the order given.
    /// *Duplicates*: as if the symbols came one after the other; a name that differs in case alone from
    /// that of a symbol there is, is refused with [`InvalidSymbol::NameTaken`].
    async fn merge_batch(
        &self,
        stated: &[StatedSymbol],
        overwrite: bool,
    ) -> Result<Vec<Result<MergedSymbol, InvalidSymbol>>, RepositoryError>;

    /// Replaces what is stated of a symbol, which keeps all else, and says what that changed.
    ///
    /// # Errors
    /// `NotFound`; `InvalidInput` when [`Symbol::merged`] refuses it.
    async fn describe(
        &self,
        symbol_id: SymbolId,
        facts: &SymbolFacts,
    ) -> Result<MergedSymbol, RepositoryError>;

    /// Gives a symbol another name, and moves it to another exchange where `name` has one, which is
    /// created if it is new. The symbol keeps its id, and with it ticks and candles.
    ///
    /// # Errors
    /// `NotFound`; `AlreadyExists` names another symbol that has the name on that exchange, in any case;
    /// `InvalidInput` for a name that no symbol can have.
    async fn rename(
        &self,
        symbol_id: SymbolId,
        name: &SymbolReference,
    ) -> Result<MergedSymbol, RepositoryError>;

    /// The symbol of that id.
    async fn get(&self, symbol_id: SymbolId) -> Result<Option<Symbol>, RepositoryError>;

    /// The symbols of those ids, by ascending id, in one look-up. An id that is given twice counts
    /// once; one that no symbol has is left out.
    ///
    /// # Errors
    /// `InvalidInput` when there are more than 10,000 different ids.
    async fn get_many(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Symbol>, RepositoryError>;

    /// The symbol of that name: the one of the same spelling, or else the one that differs in the case of
    /// letters alone, in name and exchange.
    ///
    /// # Errors
    /// `InvalidInput` when no exchange is given and several have the name; the text lists them.
    async fn get_by_name(
        &self,
        reference: &SymbolReference,
    ) -> Result<Option<Symbol>, RepositoryError>;

    /// The symbols that fit, by ascending id. `next` is the id to pass as `after`.
    async fn list(&self, query: &SymbolQuery) -> Result<Page<Symbol, SymbolId>, RepositoryError>;

    /// Creates an exchange. That of a symbol exists already; [`describe_exchange`] changes it.
    ///
    /// # Errors
    /// `AlreadyExists` names the exchange that has the name, in any case; `InvalidInput` when
    /// [`Exchange::validate`] refuses it.
    ///
    /// [`describe_exchange`]: Self::describe_exchange
    async fn create_exchange(&self, exchange: &Exchange) -> Result<(), RepositoryError>;

    /// Replaces what is stated of the exchange of that name, in any case, keeps all else, and returns the
    /// exchange. An empty code or time zone removes what was known.
    ///
    /// # Errors
    /// `NotFound`; `InvalidInput` when [`Exchange::described`] refuses it.
    async fn describe_exchange(
        &self,
        name: &str,
        facts: &ExchangeFacts,
    ) -> Result<Exchange, RepositoryError>;

    /// The exchange of that name, in any case.
    async fn get_exchange(&self, name: &str) -> Result<Option<Exchange>, RepositoryError>;

    /// The exchanges, by ascending name without regard to case. `next` is the name to pass as `after`.
    async fn list_exchanges(
        &self,
        query: &ExchangeQuery,
    ) -> Result<Page<Exchange, String>, RepositoryError>;

    /// Marks a symbol as no longer quoted and returns it. Doing so twice is no error.
    ///
    /// # Errors
    /// `NotFound`.
    async fn deactivate(&self, symbol_id: SymbolId) -> Result<Symbol, RepositoryError>;

    /// Says what feeds call symbols, all or none; an existing `(feed, feed_key)` is pointed to the
    /// symbol given. Of one pair given twice the last counts.
    ///
    /// # Errors
    /// `NotFound` names the first symbol that does not exist; `InvalidInput` when a feed or a key
    /// is empty or too long.
    async fn map_feed_symbols(&self, mappings: &[FeedSymbol]) -> Result<(), RepositoryError>;

    /// Forgets that the feed calls a symbol so. Doing so twice is no error.
    async fn unmap_feed_symbol(&self, feed: &str, feed_key: &str) -> Result<(), RepositoryError>;

    /// What feeds call a symbol, by ascending feed and key. A symbol that does not exist has no such
    /// names.
    async fn feed_symbols(&self, symbol_id: SymbolId) -> Result<Vec<FeedSymbol>, RepositoryError>;

    /// The symbol that the feed calls so.
    async fn get_by_feed_key(
        &self,
        feed: &str,
        feed_key: &str,
    ) -> Result<Option<Symbol>, RepositoryError>;
}

impl FeedSymbol {
    /// `feed` calls the symbol `feed_key`.
    #[must_use]
    pub fn new(feed: impl Into<String>, feed_key: impl Into<String>, symbol_id: SymbolId) -> Self {
        Self {
            feed: feed.into(),
            feed_key: feed_key.into(),
            symbol_id,
        }
    }

    /// Checks what every store asks of a mapping.
    ///
    /// # Errors
    /// `InvalidInput` when the feed has not 1 to 50 or the key not 1 to 100 characters.
    pub fn validate(&self) -> Result<(), RepositoryError> {
        for (field, text, longest) in [("feed", &self.feed, 50), ("feed_key", &self.feed_key, 100)]
        {
            let length = text.chars().count();
            if length == 0 || length > longest {
                return Err(RepositoryError::invalid(format!(
                    "{field} {} must have 1 to {longest} characters: shorten or fill it",
                    excerpt(text)
                )));
            }
        }
        Ok(())
    }
}

/// The ids to look up at once, ascending and each once.
pub(crate) fn different_symbols(symbol_ids: &[SymbolId]) -> Result<Vec<SymbolId>, RepositoryError> {
    const MOST: usize = 10_000;
    let mut ids = symbol_ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > MOST {
        return Err(RepositoryError::invalid(format!(
            "{} symbols are too many: ask for at most {MOST} at once",
            ids.len()
        )));
    }
    Ok(ids)
}

/// The symbol that `reference` means: the one of an id, or else of a name.
///
/// # Errors
/// Those of [`SymbolRepository::get`] and [`SymbolRepository::get_by_name`].
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

/// The one symbol of `found`, whose names differ in case at most, that `reference` means.
pub(crate) fn only_one(
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
            "{} is quoted on several exchanges: say which, {}",
            reference.name,
            names.join(" or ")
        )));
    }
    Ok(found.pop())
}

/// The error of a symbol whose id or name is taken.
pub(crate) fn symbol_taken(key: impl fmt::Display) -> RepositoryError {
    RepositoryError::AlreadyExists {
        entity: Entity::Symbol,
        key: key.to_string(),
    }
}

/// The error of a symbol whose name `taker` has.
pub(crate) fn name_taken(taker: &Symbol) -> RepositoryError {
    symbol_taken(name_and_id(taker))
}

/// The refusal of a symbol whose name differs in case alone from that of `taker`.
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

/// The error of an exchange whose name that of `taker` is.
pub(crate) fn exchange_taken(taker: &Exchange) -> RepositoryError {
    RepositoryError::AlreadyExists {
        entity: Entity::Exchange,
        key: taker.name.clone(),
    }
}

/// The error of an exchange that has to exist.
pub(crate) fn exchange_missing(name: &str) -> RepositoryError {
    RepositoryError::NotFound {
        entity: Entity::Exchange,
        key: excerpt(name),
    }
}

/// The error of a symbol that has to exist.
pub(crate) fn symbol_missing(symbol_id: SymbolId) -> RepositoryError {
    RepositoryError::NotFound {
        entity: Entity::Symbol,
        key: symbol_id.to_string(),
    }
}
