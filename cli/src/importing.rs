//! The symbol, the limit of future times and the files of an import.

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

/// The symbol of the rows of a file.
#[derive(Debug)]
pub(crate) enum Owner {
    Known(SymbolId),
    /// Created with the first stored row, so that a refused import leaves no symbol.
    New(Box<NewSymbol>),
}

/// A placeholder id for rows of a new symbol; no symbol gets this id.
const NOT_YET: SymbolId = SymbolId::new(i64::MAX);

impl Owner {
    /// Looks up the symbol of `reference`; if it does not exist and `create` is set, it will be created.
    pub(crate) async fn find(
        symbols: &dyn SymbolRepository,
        reference: &SymbolReference,
        create: bool,
    ) -> anyhow::Result<Self> {
        if let Some(symbol) = find(symbols, reference).await? {
            return Ok(Self::Known(symbol.symbol_id));
        }
        if create && reference.id().is_some() {
            bail!(
                "there is no symbol {}: to create one, give its name, such as oanda:EURUSD",
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
        let new = NewSymbol::named(exchange, reference.name.as_str());
        new.validate()?;
        Ok(Self::New(Box::new(new)))
    }

    /// Whether the symbol does not exist yet.
    pub(crate) fn is_new(&self) -> bool {
        matches!(self, Self::New(_))
    }

    /// The id of rows when they are read.
    pub(crate) fn id(&self) -> SymbolId {
        match self {
            Self::Known(id) => *id,
            Self::New(_) => NOT_YET,
        }
    }

    /// The id of rows when they are stored; creates a new symbol.
    pub(crate) async fn find_or_create(
        &mut self,
        symbols: &dyn SymbolRepository,
    ) -> Result<SymbolId, RepositoryError> {
        let new = match self {
            Self::Known(id) => return Ok(*id),
            Self::New(new) => NewSymbol::clone(new),
        };
        let reference = SymbolReference::on(&new.exchange, &new.name);
        let made = match symbols.create(new).await {
            // another process has created it first
            Err(error @ RepositoryError::AlreadyExists { .. }) => {
                symbols.get_by_name(&reference).await?.ok_or(error)
            }
            made => made,
        };
        let id = made?.symbol_id;
        *self = Self::Known(id);
        Ok(id)
    }

    fn is_named(&self, name: &str) -> bool {
        let (Self::New(new), Ok(reference)) = (self, name.parse::<SymbolReference>()) else {
            return false;
        };
        let is_there =
            (reference.exchange).is_none_or(|given| given.eq_ignore_ascii_case(&new.exchange));
        is_there && reference.name.eq_ignore_ascii_case(&new.name)
    }
}

/// Decides which times of a file are too far ahead of the clock.
#[derive(Debug, Clone)]
pub(crate) struct FutureTimes {
    /// `None` accepts all times.
    rules: Option<Arc<QualityRules>>,
    /// The start time of the import.
    now: DateTime<Utc>,
}

impl FutureTimes {
    /// The limits of the settings for the symbol; no limit if `allow` is set.
    pub(crate) async fn refused(
        config: &QualityConfig,
        symbols: &dyn SymbolRepository,
        owner: &Owner,
        allow: bool,
        now: DateTime<Utc>,
    ) -> Result<Self, RepositoryError> {
        let found = SymbolRules::find(&config.rules, &config.symbols, symbols).await?;
        // the settings may have rules for a symbol that does not exist yet
        let named = found.unknown.iter().find(|name| owner.is_named(name));
        let rules = match named.and_then(|name| config.symbols.get(name)) {
            Some(rules) => Arc::new(rules.clone()),
            None => Arc::clone(found.rules.of(owner.id())),
        };
        Ok(Self {
            rules: (!allow).then_some(rules),
            now,
        })
    }

    /// Returns why a line with `time` in the column `name` is rejected.
    pub(crate) fn problem(&self, name: &str, time: DateTime<Utc>) -> Option<String> {
        let verdict = self.rules.as_ref()?.refuses_time(time, self.now)?;
        let (ahead, limit) = (verdict.observed, verdict.limit);
        Some(format!(
            "{name} {} is {ahead} s ahead of this machine's clock, and {limit} s are allowed: \
             correct it, or use --allow-future",
            time_text(time)
        ))
    }
}

/// Refuses a file that is given twice, even in different spellings.
pub(crate) fn refuse_twice(files: &[PathBuf]) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    for file in files {
        let whole = file.canonicalize().unwrap_or_else(|_| file.clone());
        if !seen.insert(whole) {
            bail!("{}: is given twice: give it once", file.display());
        }
    }
    Ok(())
}
