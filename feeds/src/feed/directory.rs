//! The symbols of a venue.

use std::collections::BTreeMap;

use tickbook::RepositoryError;
use tickbook::domain::{
    Instrument, InstrumentFacts, NewSymbol, Symbol, SymbolFacts, SymbolId, SymbolReference,
};
use tickbook::repository::{FeedSymbol, SymbolRepository};

use crate::instrument::ListedInstrument;

/// Why a symbol of a venue has no id.
#[derive(Debug, thiserror::Error)]
#[error("symbol {symbol} of {feed}: {source}")]
#[non_exhaustive]
pub struct DirectoryError {
    /// The feed.
    pub feed: String,
    /// The symbol, as the venue names it.
    pub symbol: String,
    /// The reason.
    pub source: RepositoryError,
}

/// The ids of the symbols of a feed, by the names of the venue.
///
/// # Examples
/// ```
/// use tickbook::Repositories;
/// use tickbook_feeds::feed::SymbolDirectory;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let symbols = Repositories::in_memory().symbols;
/// let directory = SymbolDirectory::open(&*symbols, "kraken", ["BTC/USD"], &[]).await?;
/// let bitcoin = symbols.get_by_name(&"kraken:BTC/USD".parse()?).await?.ok_or("no symbol")?;
/// assert_eq!(directory.get("BTC/USD"), Some(bitcoin.symbol_id));
/// assert_eq!(directory.get("ETH/USD"), None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SymbolDirectory {
    ids: BTreeMap<String, SymbolId>,
}

impl SymbolDirectory {
    /// The names of symbols that do not exist or have no instrument, which `instruments` of
    /// [`open`](Self::open) should have.
    ///
    /// # Errors
    /// The errors of the repository.
    pub async fn undescribed(
        symbols: &dyn SymbolRepository,
        feed: &str,
        names: &[String],
    ) -> Result<Vec<String>, DirectoryError> {
        let mut undescribed = Vec::new();
        for name in names {
            let found = known(symbols, feed, name).await;
            let found = found.map_err(|source| DirectoryError {
                feed: feed.to_owned(),
                symbol: name.clone(),
                source,
            })?;
            if found.is_none_or(|(symbol, _)| symbol.instrument.is_none()) {
                undescribed.push(name.clone());
            }
        }
        Ok(undescribed)
    }

    /// Finds the symbols that `feed` names so. A name that is not mapped is mapped to the symbol of this name on the
    /// exchange `feed`, which is created if it does not exist. A symbol without an instrument gets that of
    /// `instruments`.
    ///
    /// # Errors
    /// The errors of the repository.
    pub async fn open<S: Into<String>>(
        symbols: &dyn SymbolRepository,
        feed: &str,
        names: impl IntoIterator<Item = S>,
        instruments: &[ListedInstrument],
    ) -> Result<Self, DirectoryError> {
        let mut ids = BTreeMap::new();
        for name in names {
            let name = name.into();
            let listed = instruments.iter().find(|listed| listed.symbol == name);
            let found = find(symbols, feed, &name, listed).await;
            let id = found.map_err(|source| DirectoryError {
                feed: feed.to_owned(),
                symbol: name.clone(),
                source,
            })?;
            ids.insert(name, id);
        }
        Ok(Self { ids })
    }

    /// The id of a symbol.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<SymbolId> {
        self.ids.get(name).copied()
    }
}

/// The symbol that a name is mapped to, or that has this name; and whether it is mapped.
async fn known(
    symbols: &dyn SymbolRepository,
    feed: &str,
    name: &str,
) -> Result<Option<(Symbol, bool)>, RepositoryError> {
    if let Some(symbol) = symbols.get_by_feed_key(feed, name).await? {
        return Ok(Some((symbol, true)));
    }
    let found = symbols
        .get_by_name(&SymbolReference::on(feed, name))
        .await?;
    Ok(found.map(|symbol| (symbol, false)))
}

async fn find(
    symbols: &dyn SymbolRepository,
    feed: &str,
    name: &str,
    listed: Option<&ListedInstrument>,
) -> Result<SymbolId, RepositoryError> {
    let (symbol, is_mapped) = match known(symbols, feed, name).await? {
        Some(known) => known,
        None => (create(symbols, feed, name).await?, false),
    };
    if let (None, Some(listed)) = (&symbol.instrument, listed) {
        symbols.describe(symbol.symbol_id, &facts(listed)).await?;
    }
    if !is_mapped {
        let mapping = FeedSymbol::new(feed, name, symbol.symbol_id);
        symbols.map_feed_symbols(&[mapping]).await?;
    }
    Ok(symbol.symbol_id)
}

async fn create(
    symbols: &dyn SymbolRepository,
    exchange: &str,
    name: &str,
) -> Result<Symbol, RepositoryError> {
    match symbols.create(NewSymbol::named(exchange, name)).await {
        // another process has created it first
        Err(error @ RepositoryError::AlreadyExists { .. }) => {
            let reference = SymbolReference::on(exchange, name);
            symbols.get_by_name(&reference).await?.ok_or(error)
        }
        created => created,
    }
}

/// The entry of a symbol in a list of instruments.
pub(super) fn facts(listed: &ListedInstrument) -> SymbolFacts {
    let Instrument {
        instrument_type,
        base_currency,
        quote_currency,
        tick_size,
        lot_size,
        contract_multiplier,
        expiry,
        strike,
        ..
    } = listed.instrument.clone();
    let mut instrument = InstrumentFacts::default();
    instrument.instrument_type = Some(instrument_type);
    instrument.base_currency = base_currency;
    instrument.quote_currency = Some(quote_currency);
    instrument.tick_size = Some(tick_size);
    instrument.lot_size = Some(lot_size);
    instrument.contract_multiplier = Some(contract_multiplier);
    (instrument.expiry, instrument.strike) = (expiry, strike);
    let digits = i16::try_from(tick_size.normalize().scale()).ok();
    SymbolFacts::default().digits(digits).instrument(instrument)
}
