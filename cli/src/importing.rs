//! What imports share.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::config::QualityConfig;
use tickbook::domain::{NewSymbol, SymbolId, SymbolReference};
use tickbook::ingest::quality::{QualityRules, SymbolRules};
use tickbook::repository::{SymbolRepository, find_symbol as find};

use crate::opening::named;
use crate::times::time_text;

/// The exchange of a symbol that is created without one.
const DEFAULT_EXCHANGE: &str = "default";

/// The symbol that `reference` names, made where there is none and `create` says so.
pub(crate) async fn find_symbol(
    symbols: &dyn SymbolRepository,
    reference: &SymbolReference,
    create: bool,
) -> anyhow::Result<SymbolId> {
    if let Some(symbol) = find(symbols, reference).await? {
        return Ok(symbol.symbol_id);
    }
    if create && reference.id().is_some() {
        bail!(
            "there is no symbol {}: name the one to create, such as oanda:EURUSD",
            named(reference)
        );
    }
    if !create {
        bail!(
            "there is no symbol {}: create it with --create-symbol, \
             or import the symbols of its exchange with `tickbook import symbols`",
            named(reference)
        );
    }
    let exchange = reference.exchange.as_deref().unwrap_or(DEFAULT_EXCHANGE);
    let symbol = NewSymbol::named(exchange, reference.name.as_str());
    Ok(symbols.create(symbol).await?.symbol_id)
}

/// Which times of a file are too far ahead of the clock.
#[derive(Debug, Clone)]
pub(crate) struct TimesToCome {
    /// None refuse none.
    rules: Option<Arc<QualityRules>>,
    /// When the import began.
    now: DateTime<Utc>,
}

impl TimesToCome {
    /// Those that the settings refuse for the symbol, unless `allow` says to take all.
    pub(crate) async fn refused(
        config: &QualityConfig,
        symbols: &dyn SymbolRepository,
        symbol_id: SymbolId,
        allow: bool,
        now: DateTime<Utc>,
    ) -> Result<Self, RepositoryError> {
        // names of no symbol are not those of this one
        let (rules, _) = SymbolRules::find(&config.rules, &config.symbols, symbols).await?;
        let rules = (!allow).then(|| Arc::clone(rules.of(symbol_id)));
        Ok(Self { rules, now })
    }

    /// Why a line with `time` in the column `name` is rejected.
    pub(crate) fn problem(&self, name: &str, time: DateTime<Utc>) -> Option<String> {
        let verdict = self.rules.as_ref()?.refuses_time(time, self.now)?;
        let (ahead, limit) = (verdict.observed, verdict.limit);
        Some(format!(
            "{name} {} is {ahead} s ahead of this machine's clock, and {limit} s are taken: \
             correct it, or use --allow-future",
            time_text(time)
        ))
    }
}

/// Refuses a file that is given twice, whichever way it is written.
pub(crate) fn refuse_twice(files: &[PathBuf]) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    for file in files {
        let whole = file.canonicalize().unwrap_or_else(|_| file.clone());
        if !seen.insert(whole) {
            bail!("{}: is given twice: name it once", file.display());
        }
    }
    Ok(())
}
