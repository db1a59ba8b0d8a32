//! Changing symbols that exist, and saying what was changed.
//!
//! All of it locks the table first, so that what is read is what is changed.

use std::collections::{BTreeSet, HashMap};

use diesel::{ExpressionMethods as _, PgConnection, QueryDsl as _, RunQueryDsl as _};

use crate::db::{DbError, transaction};
use crate::domain::{
    InvalidSymbol, MergedSymbol, StatedSymbol, Symbol, SymbolFacts, SymbolId, SymbolReference,
};
use crate::error::RepositoryError;
use crate::postgres::schema::metadata::symbols;
use crate::repository::{name_taken, symbol_missing};

use super::reading;
use super::rows::symbols_with_instruments;
use super::writing::{LastId, lock, store};
use super::{holds_nul, reading::into_symbols};

pub(super) fn merge(
    connection: &mut PgConnection,
    stated: &[StatedSymbol],
    overwrite: bool,
) -> Result<Vec<Result<MergedSymbol, InvalidSymbol>>, DbError> {
    transaction(connection, |connection| {
        lock(connection)?;
        let mut known = by_name(connection, stated)?;
        let mut ids = LastId::read(connection)?;
        let mut changed = BTreeSet::new();
        let mut results = Vec::with_capacity(stated.len());
        for one in stated {
            let name = (one.exchange.clone(), one.name.clone());
            let merged = match known.get(&name) {
                Some(symbol) => symbol.merged(&one.facts, overwrite),
                None => match one.clone().into_new() {
                    Ok(new) => Ok(MergedSymbol::created(new, ids.next()?)),
                    Err(invalid) => Err(invalid),
                },
            };
            if let Ok(merged) = &merged
                && (merged.created || !merged.changed.is_empty())
            {
                known.insert(name.clone(), merged.symbol.clone());
                changed.insert(name);
            }
            results.push(merged);
        }
        let changed: Vec<_> = changed.iter().filter_map(|name| known.get(name)).collect();
        if !changed.is_empty() {
            store(connection, &changed)?;
        }
        Ok(results)
    })
}

/// The symbols that have one of the names given, by exchange and name.
fn by_name(
    connection: &mut PgConnection,
    stated: &[StatedSymbol],
) -> Result<HashMap<(String, String), Symbol>, DbError> {
    let names = stated.iter().map(|one| one.name.as_str());
    let names: BTreeSet<_> = names.filter(|name| !holds_nul(name)).collect();
    let rows = symbols_with_instruments()
        .filter(symbols::name.eq_any(names))
        .load(connection)?;
    let named = |symbol: Symbol| ((symbol.exchange.clone(), symbol.name.clone()), symbol);
    Ok(into_symbols(rows)?.into_iter().map(named).collect())
}

pub(super) fn describe(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    facts: &SymbolFacts,
) -> Result<MergedSymbol, DbError> {
    transaction(connection, |connection| {
        lock(connection)?;
        let merged = existing(connection, symbol_id)?.merged(facts, true);
        let merged = merged.map_err(RepositoryError::invalid)?;
        if !merged.changed.is_empty() {
            store(connection, &[&merged.symbol])?;
        }
        Ok(merged)
    })
}

pub(super) fn rename(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    name: &SymbolReference,
) -> Result<MergedSymbol, DbError> {
    transaction(connection, |connection| {
        lock(connection)?;
        let symbol = existing(connection, symbol_id)?;
        let renamed = symbol.renamed(name.exchange.as_deref(), &name.name);
        let renamed = renamed.map_err(RepositoryError::invalid)?;
        let whole = SymbolReference {
            exchange: Some(renamed.symbol.exchange.clone()),
            name: renamed.symbol.name.clone(),
        };
        match reading::by_name(connection, &whole)? {
            Some(taker) if taker.symbol_id != symbol_id => return Err(name_taken(&taker).into()),
            _ => {}
        }
        if !renamed.changed.is_empty() {
            store(connection, &[&renamed.symbol])?;
        }
        Ok(renamed)
    })
}

fn existing(connection: &mut PgConnection, symbol_id: SymbolId) -> Result<Symbol, DbError> {
    let symbol = reading::by_id(connection, symbol_id)?;
    symbol.ok_or_else(|| symbol_missing(symbol_id).into())
}
