//! Creates and changes symbols.
//!
//! Each write locks the table first, so that the largest id stays the largest and writers cannot deadlock on
//! exchanges and symbols. Readers do not wait.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::dsl::{max, now};
use diesel::sql_types::{Array, BigInt, Bool, Date, Nullable, Numeric, SmallInt, Text};
use diesel::{
    ExpressionMethods as _, PgConnection, QueryDsl as _, QueryResult, RunQueryDsl as _, sql_query,
};

use crate::db::{DbError, transaction};
use crate::domain::{Instrument, NewSymbol, Symbol, SymbolId};
use crate::error::RepositoryError;
use crate::postgres::numeric::PgDecimal;
use crate::postgres::schema::metadata::{instruments, symbols};
use crate::repository::{name_taken, symbol_missing, symbol_taken};

use super::known::KnownSymbols;
use super::{reading, versions};

pub(super) fn create(
    connection: &mut PgConnection,
    symbol: NewSymbol,
    at: DateTime<Utc>,
) -> Result<Symbol, DbError> {
    transaction(connection, |connection| {
        let mut given = Given::read(connection, std::slice::from_ref(&symbol))?;
        if let Some(taker) = given.known.symbol(&symbol.exchange, &symbol.name) {
            return Err(name_taken(taker).into());
        }
        let symbol = given.assign(symbol)?;
        store(connection, &[&symbol], at)?;
        Ok(symbol)
    })
}

pub(super) fn upsert(
    connection: &mut PgConnection,
    symbols: &[NewSymbol],
    at: DateTime<Utc>,
) -> Result<Vec<Symbol>, DbError> {
    transaction(connection, |connection| {
        let mut given = Given::read(connection, symbols)?;
        let mut ids = Vec::with_capacity(symbols.len());
        // the last symbol with a name counts
        let mut stored = HashMap::new();
        for symbol in symbols {
            let symbol = given.assign(symbol.clone())?;
            ids.push(symbol.symbol_id);
            stored.insert(symbol.symbol_id, symbol);
        }
        store(connection, &Vec::from_iter(stored.values()), at)?;
        let symbols = ids.iter().filter_map(|id| stored.get(id).cloned());
        Ok(symbols.collect())
    })
}

pub(super) fn deactivate(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
) -> Result<Symbol, DbError> {
    transaction(connection, |connection| {
        diesel::update(symbols::table.find(symbol_id.get()))
            .set((symbols::active.eq(false), symbols::updated_at.eq(now)))
            .execute(connection)?;
        reading::by_id(connection, symbol_id)?.ok_or_else(|| symbol_missing(symbol_id).into())
    })
}

/// The stored symbols that the given ones affect.
struct Given {
    known: KnownSymbols,
    used: HashSet<i64>,
    last: LastId,
}

impl Given {
    /// Locks the table until the end of the transaction and reads.
    fn read(connection: &mut PgConnection, given: &[NewSymbol]) -> Result<Self, DbError> {
        let names = given.iter().map(|one| (&*one.exchange, &*one.name));
        let known = KnownSymbols::read(connection, names)?;
        let ids = given.iter().filter_map(|symbol| symbol.symbol_id);
        let ids: Vec<_> = ids.map(SymbolId::get).collect();
        let used: Vec<i64> = symbols::table
            .filter(symbols::symbol_id.eq_any(ids))
            .select(symbols::symbol_id)
            .load(connection)?;
        Ok(Self {
            known,
            used: used.into_iter().collect(),
            last: LastId::read(connection)?,
        })
    }

    /// The symbol to store for `symbol`, with its existing or new id.
    fn assign(&mut self, symbol: NewSymbol) -> Result<Symbol, RepositoryError> {
        let exchange = self.known.spelling(&symbol.exchange);
        let symbol = NewSymbol { exchange, ..symbol };
        let id = match self.known.symbol(&symbol.exchange, &symbol.name) {
            Some(stored) => {
                let is_other = symbol.symbol_id.is_some_and(|id| id != stored.symbol_id);
                if is_other || stored.name != symbol.name {
                    return Err(name_taken(stored));
                }
                stored.symbol_id
            }
            None => {
                let id = match symbol.symbol_id {
                    Some(given) => given,
                    None => self.last.next()?,
                };
                if !self.used.insert(id.get()) {
                    return Err(symbol_taken(id));
                }
                self.last.0 = self.last.0.max(id.get());
                id
            }
        };
        let symbol = symbol.into_symbol(id);
        self.known.put(symbol.clone());
        Ok(symbol)
    }
}

/// The largest id in use.
pub(super) struct LastId(i64);

impl LastId {
    /// Reads the largest id; requires the lock.
    pub(super) fn read(connection: &mut PgConnection) -> QueryResult<Self> {
        let largest: Option<i64> = symbols::table
            .select(max(symbols::symbol_id))
            .get_result(connection)?;
        Ok(Self(largest.unwrap_or(0)))
    }

    /// The id; 0 without symbols.
    pub(super) fn get(&self) -> i64 {
        self.0
    }

    /// The id of the next symbol.
    pub(super) fn next(&mut self) -> Result<SymbolId, RepositoryError> {
        self.0 = self.0.checked_add(1).ok_or_else(|| {
            RepositoryError::invalid("the largest symbol_id is in use: choose a free one")
        })?;
        Ok(SymbolId::new(self.0))
    }
}

/// Creates or overwrites symbols with their exchanges and instruments, in five statements. Changed terms are a new
/// version, valid from `at` on.
pub(super) fn store(
    connection: &mut PgConnection,
    given: &[&Symbol],
    at: DateTime<Utc>,
) -> QueryResult<()> {
    let names: BTreeSet<_> = given
        .iter()
        .map(|symbol| symbol.exchange.as_str())
        .collect();
    let names: Vec<_> = names.into_iter().collect();
    sql_query("INSERT INTO exchanges (name) SELECT * FROM UNNEST($1) ON CONFLICT DO NOTHING")
        .bind::<Array<Text>, _>(names)
        .execute(connection)?;
    store_symbols(connection, given)?;
    let ids = given.iter().filter(|symbol| symbol.instrument.is_none());
    let ids: Vec<_> = ids.map(|symbol| symbol.symbol_id.get()).collect();
    diesel::delete(instruments::table.filter(instruments::symbol_id.eq_any(ids)))
        .execute(connection)?;
    let instruments: Vec<_> = given
        .iter()
        .filter_map(|symbol| Some((symbol.symbol_id.get(), symbol.instrument.as_ref()?)))
        .collect();
    store_instruments(connection, &instruments)?;
    let ids = given.iter().map(|symbol| symbol.symbol_id.get());
    versions::record(connection, ids.collect(), at)
}

fn store_symbols(connection: &mut PgConnection, given: &[&Symbol]) -> QueryResult<()> {
    let ids: Vec<_> = given.iter().map(|symbol| symbol.symbol_id.get()).collect();
    let exchanges: Vec<_> = given.iter().map(|symbol| &symbol.exchange).collect();
    let names: Vec<_> = given.iter().map(|symbol| &symbol.name).collect();
    let descriptions: Vec<_> = given.iter().map(|symbol| &symbol.description).collect();
    let digits: Vec<_> = given.iter().map(|symbol| symbol.digits).collect();
    let active: Vec<_> = given.iter().map(|symbol| symbol.active).collect();
    sql_query(
        "INSERT INTO symbols (symbol_id, exchange, name, description, digits, active) \
         SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (symbol_id) DO UPDATE SET exchange = EXCLUDED.exchange, \
         name = EXCLUDED.name, description = EXCLUDED.description, \
         digits = EXCLUDED.digits, active = EXCLUDED.active, updated_at = now()",
    )
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<Text>, _>(exchanges)
    .bind::<Array<Text>, _>(names)
    .bind::<Array<Text>, _>(descriptions)
    .bind::<Array<SmallInt>, _>(digits)
    .bind::<Array<Bool>, _>(active)
    .execute(connection)
    .map(|_| ())
}

fn store_instruments(
    connection: &mut PgConnection,
    given: &[(i64, &Instrument)],
) -> QueryResult<()> {
    let ids: Vec<_> = given.iter().map(|(id, _)| *id).collect();
    let given: Vec<_> = given.iter().map(|(_, instrument)| *instrument).collect();
    let kinds: Vec<_> = given
        .iter()
        .map(|one| one.instrument_type.as_str())
        .collect();
    let bases: Vec<_> = given.iter().map(|one| &one.base_currency).collect();
    let quotes: Vec<_> = given.iter().map(|one| &one.quote_currency).collect();
    let tick_sizes: Vec<_> = given.iter().map(|one| PgDecimal(one.tick_size)).collect();
    let lot_sizes: Vec<_> = given.iter().map(|one| PgDecimal(one.lot_size)).collect();
    let multipliers: Vec<_> = given
        .iter()
        .map(|one| PgDecimal(one.contract_multiplier))
        .collect();
    let expiries: Vec<_> = given.iter().map(|one| one.expiry).collect();
    let strikes: Vec<_> = given.iter().map(|one| one.strike.map(PgDecimal)).collect();
    sql_query(
        "INSERT INTO instruments (symbol_id, instrument_type, base_currency, quote_currency, \
         tick_size, lot_size, contract_multiplier, expiry, strike) \
         SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (symbol_id) DO UPDATE SET instrument_type = EXCLUDED.instrument_type, \
         base_currency = EXCLUDED.base_currency, quote_currency = EXCLUDED.quote_currency, \
         tick_size = EXCLUDED.tick_size, lot_size = EXCLUDED.lot_size, \
         contract_multiplier = EXCLUDED.contract_multiplier, expiry = EXCLUDED.expiry, \
         strike = EXCLUDED.strike",
    )
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<Text>, _>(kinds)
    .bind::<Array<Nullable<Text>>, _>(bases)
    .bind::<Array<Text>, _>(quotes)
    .bind::<Array<Numeric>, _>(tick_sizes)
    .bind::<Array<Numeric>, _>(lot_sizes)
    .bind::<Array<Numeric>, _>(multipliers)
    .bind::<Array<Nullable<Date>>, _>(expiries)
    .bind::<Array<Nullable<Numeric>>, _>(strikes)
    .execute(connection)
    .map(|_| ())
}
