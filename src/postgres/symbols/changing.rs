//! Changes existing symbols and reports the changes.
//!
//! Each change locks the table first, so that the rows read are the rows changed.

use std::collections::BTreeMap;
use std::iter;

use chrono::{DateTime, Utc};
use diesel::PgConnection;

use crate::db::{DbError, transaction};
use crate::domain::{InvalidSymbol, MergedSymbol, StatedSymbol, Symbol, SymbolChange, SymbolId};
use crate::error::RepositoryError;
use crate::repository::{name_taken, name_taken_in_other_case, symbol_missing};

use super::known::{KnownSymbols, lock};
use super::reading;
use super::writing::{LastId, store};

pub(super) fn merge(
    connection: &mut PgConnection,
    stated: &[StatedSymbol],
    overwrite: bool,
    at: DateTime<Utc>,
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
            store(connection, &Vec::from_iter(changed.values()), at)?;
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

/// Renames and describes.
pub(super) fn amend(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    mut change: SymbolChange,
    at: DateTime<Utc>,
) -> Result<MergedSymbol, DbError> {
    transaction(connection, |connection| {
        lock(connection)?;
        let symbol = existing(connection, symbol_id)?;
        if let Some(name) = &mut change.name {
            let exchange = name.exchange.as_deref().unwrap_or(&symbol.exchange);
            let known = KnownSymbols::read(connection, iter::once((exchange, &*name.name)))?;
            match known.symbol(exchange, &name.name) {
                Some(taker) if taker.symbol_id != symbol_id => {
                    return Err(name_taken(taker).into());
                }
                _ => name.exchange = Some(known.spelling(exchange)),
            }
        }
        let amended = symbol.amended(&change);
        let amended = amended.map_err(RepositoryError::invalid)?;
        if !amended.changed.is_empty() {
            store(connection, &[&amended.symbol], at)?;
        }
        Ok(amended)
    })
}

fn existing(connection: &mut PgConnection, symbol_id: SymbolId) -> Result<Symbol, DbError> {
    let symbol = reading::by_id(connection, symbol_id)?;
    symbol.ok_or_else(|| symbol_missing(symbol_id).into())
}
