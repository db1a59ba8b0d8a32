//! Settings, databases and symbols, as every command opens them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use tickbook::config::{Config, InvalidConfig, Settings};
use tickbook::db::DatabasePools;
use tickbook::domain::{Symbol, SymbolReference};
use tickbook::repository::{SymbolRepository, find_symbol};
use tickbook::{Database, Repositories, RepositoryError};

/// A command that waits for a database for longer says so.
const PATIENCE: Duration = Duration::from_secs(1);

static SAID: AtomicBool = AtomicBool::new(false);

/// The settings.
pub(crate) fn settings() -> Result<Config, InvalidConfig> {
    let config = Settings::load()?.config;
    tracing::info!(
        metadata = %config.database.metadata_url,
        timeseries = %config.database.timeseries_url,
        "settings are read"
    );
    tracing::debug!(?config, "settings");
    Ok(config)
}

/// The repositories of both databases.
pub(crate) async fn connect(
    config: &Config,
) -> Result<(Repositories, DatabasePools), RepositoryError> {
    let begun = Instant::now();
    let both = [Database::Metadata, Database::Timeseries];
    let connected = patiently(config, &both, Repositories::connect(&config.database)).await?;
    tracing::info!(seconds = begun.elapsed().as_secs_f64(), "connected");
    Ok((connected.repositories, connected.pools))
}

/// The symbols of the metadata database alone.
pub(crate) async fn connect_symbols(
    config: &Config,
) -> Result<Arc<dyn SymbolRepository>, RepositoryError> {
    let symbols = Repositories::connect_symbols(&config.database);
    patiently(config, &[Database::Metadata], symbols).await
}

/// What `work` returns; says which databases are waited for when that takes long.
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
    if !SAID.swap(true, Ordering::Relaxed) {
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

/// The symbol that `reference` means.
pub(crate) async fn symbol(
    symbols: &dyn SymbolRepository,
    reference: &SymbolReference,
) -> anyhow::Result<Symbol> {
    match find_symbol(symbols, reference).await? {
        Some(symbol) => Ok(symbol),
        None => bail!("there is no symbol {}: correct --symbol", named(reference)),
    }
}

/// A reference as an error has it.
pub(crate) fn named(reference: &SymbolReference) -> String {
    match reference.id() {
        Some(id) => format!("with the id {id}"),
        None => reference.to_string(),
    }
}

/// `oanda:EURUSD`
pub(crate) fn full_name(symbol: &Symbol) -> String {
    format!("{}:{}", symbol.exchange, symbol.name)
}
