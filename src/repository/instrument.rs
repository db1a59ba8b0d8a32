//! The repository of instruments: syncs with the lists of feeds, and versions.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::symbol::FeedSymbol;
use crate::domain::{InstrumentVersion, NewSymbol, SymbolId, SymbolList, SyncReport};
use crate::error::RepositoryError;

/// Stores the instruments that feeds list, and the versions of instruments.
///
/// The symbols are those of [`SymbolRepository`](super::SymbolRepository). Every write of either trait that changes
/// the digits or the instrument of a symbol adds a version, and so does the creation of a symbol.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook::Repositories;
/// use tickbook::domain::{ListedSymbol, SymbolList};
///
/// let repositories = Repositories::in_memory();
/// let list = SymbolList::of("broker", vec![ListedSymbol::new("41", "XAUUSD")]);
/// let report = repositories.instruments.sync(&list).await?;
/// assert_eq!(report.added.len(), 1);
/// let gold = repositories.symbols.get_by_feed_key("broker", "41").await?;
/// assert_eq!(gold.as_ref(), report.added.first());
/// assert!(repositories.instruments.sync(&list).await?.is_quiet());
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait InstrumentRepository: Debug + Send + Sync + 'static {
    /// Compares the list of a feed with its stored symbols ([`SymbolList::compare`]) and stores the differences.
    ///
    /// Symbols are created, changed, renamed, activated and deactivated, and never deleted. Two symbols may swap
    /// their names. The exchange is created with its first symbol.
    ///
    /// *Atomicity*: all or none; entries that cannot be used do not prevent the others. *Concurrency*: calls run
    /// one after the other, also those of several servers, so that one of two equal calls changes nothing.
    ///
    /// # Errors
    /// `InvalidInput` if the feed or the exchange is empty or too long.
    async fn sync(&self, list: &SymbolList) -> Result<SyncReport, RepositoryError>;

    /// Returns the version of a symbol at an instant: the last one that is valid from then or before. `None` before
    /// the first version, and for symbols that do not exist.
    async fn instrument_as_of(
        &self,
        symbol_id: SymbolId,
        time: DateTime<Utc>,
    ) -> Result<Option<InstrumentVersion>, RepositoryError>;

    /// Returns the versions of a symbol, by ascending `valid_from`. The last one has the present terms. A symbol
    /// that does not exist has none.
    ///
    /// No two versions are valid from the same instant, and consecutive ones differ.
    async fn instrument_versions(
        &self,
        symbol_id: SymbolId,
    ) -> Result<Vec<InstrumentVersion>, RepositoryError>;
}

/// Checks the names of a list.
pub(crate) fn check_symbol_list(list: &SymbolList) -> Result<(), RepositoryError> {
    FeedSymbol::new(&*list.feed, "1", SymbolId::new(1)).validate()?;
    let named = NewSymbol::named(&*list.exchange, "1");
    named.validate().map_err(RepositoryError::invalid)
}
