//! Changes existing symbols and reports the changes.
//!
//! Each change locks the table first, so that the rows read are the rows changed.

use std::collections::BTreeMap;
use std::iter;

use diesel::PgConnection;

use crate::db::{DbError, transaction};
use crate::domain::{
    InvalidSymbol, MergedSymbol, StatedSymbol, Symbol, SymbolFacts, SymbolId, SymbolReference,
};
use crate::error::RepositoryError;
use crate::repository::{name_taken, name_taken_in_other_case, symbol_missing};

use super::known::{KnownSymbols, lock};
use super::reading;
use super::writing::{LastId, store};

pub(super) fn merge(
    connection: &mut PgConnection,
    stated: &[StatedSymbol],
    overwrite: bool,
) -> Result<Vec<Result<MergedSymbol, InvalidSymbol>>, DbError> {
    transaction(connection, |connection| {
        let names = stated.iter().map(|one| (&*one.exchange, &*one.name));
        let mut known = KnownSymbols::read(connection, names)?;
        let mut ids = LastId::read(connection)?;
        let mut changed = BTreeMap::new();
        let mut results = Vec::with_capacity(stated.len());
        for one in stated {
            let merged = match known.symbol(&one.exchange, &one.name) {
                Some(taker) if taker.name != one.name => {
                    Err(name_taken_in_other_case(&one.name, taker))
                }
                Some(symbol) => symbol.merged(&one.facts, overwrite),
                None => match spelled(one, &known).into_new() {
                    Ok(new) => Ok(MergedSymbol::created(new, ids.next()?)),
                    Err(invalid) => Err(invalid),
                },
            };
            if let Ok(merged) = &merged
                && (merged.created || !merged.changed.is_empty())
            {
                known.put(merged.symbol.clone());
                changed.insert(merged.symbol.symbol_id, merged.symbol.clone());
            }
            results.push(merged);
        }
        if !changed.is_empty() {
            store(connection, &Vec::from_iter(changed.values()))?;
        }
        Ok(results)
    })
}

fn spelled(stated: &StatedSymbol, known: &KnownSymbols) -> StatedSymbol {
    StatedSymbol {
        exchange: known.spelling(&stated.exchange),
        ..stated.clone()
    }
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
        let exchange = name.exchange.as_deref().unwrap_or(&symbol.exchange);
        let known = KnownSymbols::read(connection, iter::once((exchange, &*name.name)))?;
        let renamed = symbol.renamed(Some(&known.spelling(exchange)), &name.name);
        let renamed = renamed.map_err(RepositoryError::invalid)?;
        match known.symbol(exchange, &name.name) {
            Some(taker) if taker.symbol_id != symbol_id => return Err(name_taken(taker).into()),
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
