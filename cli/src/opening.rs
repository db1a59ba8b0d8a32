//! Opens settings, databases and symbols for all commands.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use tickbook::config::{Config, InvalidConfig, Settings};
use tickbook::db::DatabasePools;
use tickbook::domain::{Symbol, SymbolReference};
use tickbook::repository::{InstrumentRepository, SymbolRepository, find_symbol};
use tickbook::{Database, Repositories, RepositoryError};
use tickbook_ledger::{LedgerRepositories, OversightRepositories, RelayRepositories};

/// A command that waits longer for a database prints a note.
const PATIENCE: Duration = Duration::from_secs(1);

static IS_REPORTED: AtomicBool = AtomicBool::new(false);

/// Loads the settings.
pub(crate) fn settings() -> Result<Config, InvalidConfig> {
    let config = Settings::load()?.config;
    tracing::info!(
        metadata = %config.database.metadata_url,
        timeseries = %config.database.timeseries_url,
        "loaded the settings"
    );
    tracing::debug!(?config, "settings");
    Ok(config)
}

/// Connects both databases.
pub(crate) async fn connect(
    config: &Config,
) -> Result<(Repositories, DatabasePools), RepositoryError> {
    let begun = Instant::now();
    let both = [Database::Metadata, Database::Timeseries];
    let connected = patiently(config, &both, Repositories::connect(&config.database)).await?;
    tracing::info!(seconds = begun.elapsed().as_secs_f64(), "connected");
    Ok((connected.repositories, connected.pools))
}

/// Connects only the metadata database, for its symbols.
pub(crate) async fn connect_symbols(
    config: &Config,
) -> Result<Arc<dyn SymbolRepository>, RepositoryError> {
    let symbols = Repositories::connect_symbols(&config.database);
    patiently(config, &[Database::Metadata], symbols).await
}

/// Connects only the metadata database, for syncs of its symbols.
pub(crate) async fn connect_instruments(
    config: &Config,
) -> Result<Arc<dyn InstrumentRepository>, RepositoryError> {
    let instruments = Repositories::connect_instruments(&config.database);
    patiently(config, &[Database::Metadata], instruments).await
}

/// Connects the metadata database, for the ledger and the symbols.
pub(crate) async fn connect_ledger(
    config: &Config,
) -> Result<(LedgerRepositories, Arc<dyn SymbolRepository>), RepositoryError> {
    let symbols = connect_symbols(config).await?;
    let pools = DatabasePools::new(&config.database);
    Ok((LedgerRepositories::postgres(pools.metadata()), symbols))
}

/// Connects the metadata database, for oversight and the accounts.
pub(crate) async fn connect_oversight(
    config: &Config,
) -> Result<(OversightRepositories, LedgerRepositories), RepositoryError> {
    // waits for the database, and prints a note
    connect_symbols(config).await?;
    let pools = DatabasePools::new(&config.database);
    let ledger = LedgerRepositories::postgres(pools.metadata());
    Ok((OversightRepositories::postgres(pools), ledger))
}

/// Connects both databases, for the ledger and its relay.
pub(crate) async fn connect_relay(
    config: &Config,
) -> Result<(LedgerRepositories, RelayRepositories), RepositoryError> {
    let (_, pools) = connect(config).await?;
    let ledger = LedgerRepositories::postgres(pools.metadata());
    Ok((ledger, RelayRepositories::postgres(&pools)))
}

/// Runs `work`; prints the names of the databases if it takes long.
pub(crate) async fn patiently<T>(
    config: &Config,
    databases: &[Database],
    work: impl Future<Output = T>,
) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return done,
        () = tokio::time::sleep(PATIENCE) => {}
    }
    if !IS_REPORTED.swap(true, Ordering::Relaxed) {
        let names = databases.iter().map(|database| {
            let url = match database {
                Database::Metadata => &config.database.metadata_url,
                _ => &config.database.timeseries_url,
            };
            format!("the {database} database, {url}")
        });
        let names: Vec<_> = names.collect();
        eprintln!("waiting for {}", names.join(", and "));
    }
    work.await
}

/// Looks up the symbol of `reference`.
pub(crate) async fn symbol(
    symbols: &dyn SymbolRepository,
    reference: &SymbolReference,
) -> anyhow::Result<Symbol> {
    match find_symbol(symbols, reference).await? {
        Some(symbol) => Ok(symbol),
        None => bail!("there is no symbol {}: correct --symbol", named(reference)),
    }
}

/// A reference as shown in errors.
pub(crate) fn named(reference: &SymbolReference) -> String {
    match reference.id() {
        Some(id) => format!("with the id {id}"),
        None => reference.to_string(),
    }
}

/// Full name, such as `oanda:EURUSD`.
pub(crate) fn full_name(symbol: &Symbol) -> String {
    format!("{}:{}", symbol.exchange, symbol.name)
}
