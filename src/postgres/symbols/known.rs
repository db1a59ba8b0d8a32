//! Stored symbols that have given names, read under the lock.

use std::collections::{BTreeSet, HashMap};

use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::sql_types::{Array, Bool, Text};
use diesel::{PgConnection, QueryDsl as _, QueryResult, RunQueryDsl as _};

use crate::db::DbError;
use crate::domain::{Symbol, folded_name};
use crate::postgres::schema::metadata::exchanges;

use super::holds_nul;
use super::reading::into_symbols;
use super::rows::symbols_with_instruments;

/// Symbols by exchange and name, both case-folded, and the spelling of exchanges.
#[derive(Debug)]
pub(super) struct KnownSymbols {
    exchanges: HashMap<String, String>,
    symbols: HashMap<(String, String), Symbol>,
}

impl KnownSymbols {
    /// Locks the table until the end of the transaction and reads the symbols with the given pairs of
    /// exchange and name.
    pub(super) fn read<'a>(
        connection: &mut PgConnection,
        given: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, DbError> {
        lock(connection)?;
        let (mut exchanges, mut names) = (BTreeSet::new(), BTreeSet::new());
        // no row contains a NUL
        for (exchange, name) in given.filter(|(_, name)| !holds_nul(name)) {
            names.insert(folded_name(name));
            if !holds_nul(exchange) {
                exchanges.insert(folded_name(exchange));
            }
        }
        let rows = symbols_with_instruments()
            .filter(
                sql::<Bool>("lower(symbols.name COLLATE \"C\") = ANY(")
                    .bind::<Array<Text>, _>(Vec::from_iter(names))
                    .sql(")"),
            )
            .load(connection)?;
        let mut known = Self {
            exchanges: HashMap::new(),
            symbols: HashMap::new(),
        };
        for name in spellings(connection, Vec::from_iter(exchanges))? {
            known.exchanges.insert(folded_name(&name), name);
        }
        for symbol in into_symbols(rows)? {
            known.put(symbol);
        }
        Ok(known)
    }

    /// The stored spelling of an exchange.
    pub(super) fn spelling(&self, exchange: &str) -> String {
        let stored = self.exchanges.get(&folded_name(exchange));
        stored.map_or(exchange, String::as_str).to_owned()
    }

    /// The symbol with that name, ignoring case.
    pub(super) fn symbol(&self, exchange: &str, name: &str) -> Option<&Symbol> {
        self.symbols
            .get(&(folded_name(exchange), folded_name(name)))
    }

    /// Adds a symbol that will be stored, and its exchange.
    pub(super) fn put(&mut self, symbol: Symbol) {
        let exchange = folded_name(&symbol.exchange);
        let spelling = self.exchanges.entry(exchange.clone());
        spelling.or_insert_with(|| symbol.exchange.clone());
        self.symbols
            .insert((exchange, folded_name(&symbol.name)), symbol);
    }
}

/// Blocks other writers until the end of the transaction.
pub(super) fn lock(connection: &mut PgConnection) -> QueryResult<()> {
    connection.batch_execute("LOCK TABLE symbols IN SHARE ROW EXCLUSIVE MODE")
}

/// The names of stored exchanges whose folded name is one of `folded`.
fn spellings(connection: &mut PgConnection, folded: Vec<String>) -> QueryResult<Vec<String>> {
    exchanges::table
        .filter(
            sql::<Bool>("lower(name COLLATE \"C\") = ANY(")
                .bind::<Array<Text>, _>(folded)
                .sql(")"),
        )
        .select(exchanges::name)
        .load(connection)
}

/// The folded name of an exchange, as its index has it.
pub(super) fn folded_exchange() -> SqlLiteral<Text> {
    sql("lower(exchanges.name COLLATE \"C\")")
}
