//! Creating and changing symbols.
//!
//! All of it locks the table first, so that the largest id stays the largest and no two writers
//! wait for each other's exchange and symbol. Readers are not held up.

use std::collections::{BTreeSet, HashMap, HashSet};

use diesel::connection::SimpleConnection as _;
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
use crate::repository::{symbol_missing, symbol_taken};

use super::reading;

pub(super) fn create(connection: &mut PgConnection, symbol: NewSymbol) -> Result<Symbol, DbError> {
    transaction(connection, |connection| {
        let mut ids = Ids::read(connection, std::slice::from_ref(&symbol))?;
        if ids.by_name.contains_key(&name_of(&symbol)) {
            return Err(symbol_taken(full_name(&symbol)).into());
        }
        let symbol_id = ids.assign(&symbol)?;
        let symbol = symbol.into_symbol(symbol_id);
        store(connection, &[&symbol])?;
        Ok(symbol)
    })
}

pub(super) fn upsert(
    connection: &mut PgConnection,
    given: &[NewSymbol],
) -> Result<Vec<Symbol>, DbError> {
    let mut last: HashMap<Name<'_>, usize> = HashMap::new();
    for (index, symbol) in given.iter().enumerate() {
        last.insert(name_of(symbol), index);
    }
    transaction(connection, |connection| {
        let mut ids = Ids::read(connection, given)?;
        let mut stored: HashMap<Name<'_>, Symbol> = HashMap::new();
        for (index, symbol) in given.iter().enumerate() {
            if last.get(&name_of(symbol)) == Some(&index) {
                let symbol_id = ids.assign(symbol)?;
                stored.insert(name_of(symbol), symbol.clone().into_symbol(symbol_id));
            }
        }
        let different: Vec<_> = stored.values().collect();
        store(connection, &different)?;
        // each name given was stored under its last index
        Ok(given
            .iter()
            .filter_map(|symbol| stored.get(&name_of(symbol)).cloned())
            .collect())
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

/// Exchange and name.
type Name<'a> = (&'a str, &'a str);

fn name_of(symbol: &NewSymbol) -> Name<'_> {
    (&symbol.exchange, &symbol.name)
}

fn full_name(symbol: &NewSymbol) -> String {
    format!("{}:{}", symbol.exchange, symbol.name)
}

/// The ids that are in use, as far as the symbols given touch them.
struct Ids<'a> {
    by_name: HashMap<Name<'a>, i64>,
    used: HashSet<i64>,
    last: LastId,
}

impl<'a> Ids<'a> {
    /// Locks the table for the rest of the transaction and looks.
    fn read(connection: &mut PgConnection, given: &'a [NewSymbol]) -> QueryResult<Self> {
        lock(connection)?;
        let last = LastId::read(connection)?;
        let names: HashSet<_> = given.iter().map(|symbol| symbol.name.as_str()).collect();
        let ids = given.iter().filter_map(|symbol| symbol.symbol_id);
        let ids: Vec<_> = ids.map(SymbolId::get).collect();
        let of_names: Vec<(String, String, i64)> = symbols::table
            .filter(symbols::name.eq_any(names))
            .select((symbols::exchange, symbols::name, symbols::symbol_id))
            .load(connection)?;
        let of_ids: Vec<i64> = symbols::table
            .filter(symbols::symbol_id.eq_any(ids))
            .select(symbols::symbol_id)
            .load(connection)?;
        let of_names: HashMap<_, _> = of_names
            .iter()
            .map(|(exchange, name, id)| ((exchange.as_str(), name.as_str()), *id))
            .collect();
        Ok(Self {
            by_name: given
                .iter()
                .filter_map(|symbol| Some((name_of(symbol), *of_names.get(&name_of(symbol))?)))
                .collect(),
            used: of_ids.into_iter().collect(),
            last,
        })
    }

    /// The id `symbol` has, or gets.
    fn assign(&mut self, symbol: &NewSymbol) -> Result<SymbolId, RepositoryError> {
        if let Some(id) = self.by_name.get(&name_of(symbol)) {
            let id = SymbolId::new(*id);
            return match symbol.symbol_id {
                Some(given) if given != id => Err(symbol_taken(full_name(symbol))),
                _ => Ok(id),
            };
        }
        let id = match symbol.symbol_id {
            Some(given) => given.get(),
            None => self.last.next()?.get(),
        };
        if !self.used.insert(id) {
            return Err(symbol_taken(id));
        }
        self.last.0 = self.last.0.max(id);
        Ok(SymbolId::new(id))
    }
}

/// The largest id in use.
pub(super) struct LastId(i64);

impl LastId {
    /// For use under the lock.
    pub(super) fn read(connection: &mut PgConnection) -> QueryResult<Self> {
        let largest: Option<i64> = symbols::table
            .select(max(symbols::symbol_id))
            .get_result(connection)?;
        Ok(Self(largest.unwrap_or(0)))
    }

    /// The id of the next symbol.
    pub(super) fn next(&mut self) -> Result<SymbolId, RepositoryError> {
        self.0 = self.0.checked_add(1).ok_or_else(|| {
            RepositoryError::invalid("no symbol_id follows the largest one: say which one to use")
        })?;
        Ok(SymbolId::new(self.0))
    }
}

/// Keeps other writers out for the rest of the transaction.
pub(super) fn lock(connection: &mut PgConnection) -> QueryResult<()> {
    connection.batch_execute("LOCK TABLE symbols IN SHARE ROW EXCLUSIVE MODE")
}

/// Creates or overwrites symbols with their exchanges and instruments, in four statements.
pub(super) fn store(connection: &mut PgConnection, given: &[&Symbol]) -> QueryResult<()> {
    let names: BTreeSet<_> = given
        .iter()
        .map(|symbol| symbol.exchange.as_str())
        .collect();
    let names: Vec<_> = names.into_iter().collect();
    sql_query("INSERT INTO exchanges (exchange) SELECT * FROM UNNEST($1) ON CONFLICT DO NOTHING")
        .bind::<Array<Text>, _>(names)
        .execute(connection)?;
    store_symbols(connection, given)?;
    let ids = given.iter().filter(|symbol| symbol.instrument.is_none());
    let ids: Vec<_> = ids.map(|symbol| symbol.symbol_id.get()).collect();
    diesel::delete(instruments::table.filter(instruments::symbol_id.eq_any(ids)))
        .execute(connection)?;
    let given: Vec<_> = given
        .iter()
        .filter_map(|symbol| Some((symbol.symbol_id.get(), symbol.instrument.as_ref()?)))
        .collect();
    store_instruments(connection, &given)
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
