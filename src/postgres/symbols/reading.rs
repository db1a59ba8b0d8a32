//! Lookups of symbols.

use diesel::OptionalExtension as _;
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::sql_types::Text;
use diesel::{ExpressionMethods as _, PgConnection, QueryDsl as _, RunQueryDsl as _};

use crate::db::DbError;
use crate::domain::{Page, Symbol, SymbolId, SymbolReference, folded_name};
use crate::error::RepositoryError;
use crate::postgres::schema::metadata::symbols;
use crate::repository::{SymbolQuery, exactly_one_match};

use super::holds_nul;
use super::rows::{SymbolRow, symbols_with_instruments};

pub(super) fn by_id(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
) -> Result<Option<Symbol>, DbError> {
    let row: Option<SymbolRow> = symbols_with_instruments()
        .filter(symbols::symbol_id.eq(symbol_id.get()))
        .first(connection)
        .optional()?;
    Ok(row.map(SymbolRow::into_symbol).transpose()?)
}

pub(super) fn by_ids(
    connection: &mut PgConnection,
    symbol_ids: &[i64],
) -> Result<Vec<Symbol>, DbError> {
    let rows = symbols_with_instruments()
        .filter(symbols::symbol_id.eq_any(symbol_ids))
        .order(symbols::symbol_id)
        .load(connection)?;
    Ok(into_symbols(rows)?)
}

pub(super) fn by_name(
    connection: &mut PgConnection,
    reference: &SymbolReference,
) -> Result<Option<Symbol>, DbError> {
    let exchange = reference.exchange.as_deref();
    // no row contains such a name
    if holds_nul(&reference.name) || exchange.is_some_and(holds_nul) {
        return Ok(None);
    }
    let mut query = symbols_with_instruments()
        .filter(folded_symbol().eq(folded_name(&reference.name)))
        .order(symbols::symbol_id)
        .into_boxed();
    if let Some(exchange) = exchange {
        query = query.filter(folded_exchange().eq(folded_name(exchange)));
    }
    let found = into_symbols(query.load(connection)?)?;
    Ok(exactly_one_match(reference, found)?)
}

/// The folded name of a symbol, as its unique index has it.
fn folded_symbol() -> SqlLiteral<Text> {
    sql("lower(symbols.name COLLATE \"C\")")
}

fn folded_exchange() -> SqlLiteral<Text> {
    sql("lower(symbols.exchange COLLATE \"C\")")
}

pub(super) fn list(
    connection: &mut PgConnection,
    query: &SymbolQuery,
) -> Result<Page<Symbol, SymbolId>, DbError> {
    let texts = [query.name.as_deref(), query.exchange.as_deref()];
    if texts.into_iter().flatten().any(holds_nul) {
        return Ok(page(Vec::new(), query));
    }
    let mut select = symbols_with_instruments()
        .order(symbols::symbol_id)
        // at most 10,001
        .limit(query.limit.get() as i64 + 1)
        .into_boxed();
    if let Some(name) = &query.name {
        select = select.filter(folded_symbol().eq(folded_name(name)));
    }
    if let Some(exchange) = &query.exchange {
        select = select.filter(folded_exchange().eq(folded_name(exchange)));
    }
    if let Some(active) = query.active {
        select = select.filter(symbols::active.eq(active));
    }
    if let Some(after) = query.after {
        select = select.filter(symbols::symbol_id.gt(after.get()));
    }
    let symbols = into_symbols(select.load(connection)?)?;
    Ok(page(symbols, query))
}

fn page(symbols: Vec<Symbol>, query: &SymbolQuery) -> Page<Symbol, SymbolId> {
    Page::from_limit_plus_one(symbols, query.limit, |symbol| symbol.symbol_id)
}

pub(super) fn into_symbols(rows: Vec<SymbolRow>) -> Result<Vec<Symbol>, RepositoryError> {
    rows.into_iter().map(SymbolRow::into_symbol).collect()
}
