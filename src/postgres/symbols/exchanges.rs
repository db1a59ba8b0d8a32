//! Exchanges.

use diesel::dsl::insert_into;
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, PgConnection, QueryDsl as _, Queryable,
    RunQueryDsl as _,
};

use crate::db::{DbError, transaction};
use crate::domain::{Exchange, ExchangeFacts, Page, folded_name};
use crate::error::RepositoryError;
use crate::postgres::schema::metadata::exchanges;
use crate::repository::{ExchangeQuery, exchange_missing, exchange_taken};

use super::holds_nul;
use super::known::{folded_exchange, lock};

type ExchangeColumns = (
    exchanges::name,
    exchanges::description,
    exchanges::code,
    exchanges::time_zone,
);

const COLUMNS: ExchangeColumns = (
    exchanges::name,
    exchanges::description,
    exchanges::code,
    exchanges::time_zone,
);

#[derive(Debug, Queryable)]
struct ExchangeRow {
    name: String,
    description: String,
    code: Option<String>,
    time_zone: Option<String>,
}

impl From<ExchangeRow> for Exchange {
    fn from(row: ExchangeRow) -> Self {
        Self {
            name: row.name,
            description: row.description,
            code: row.code,
            time_zone: row.time_zone,
        }
    }
}

pub(super) fn create(connection: &mut PgConnection, exchange: &Exchange) -> Result<(), DbError> {
    transaction(connection, |connection| {
        lock(connection)?;
        if let Some(taker) = by_name(connection, &exchange.name)? {
            return Err(exchange_taken(&taker).into());
        }
        insert_into(exchanges::table)
            .values((
                exchanges::name.eq(&exchange.name),
                exchanges::description.eq(&exchange.description),
                exchanges::code.eq(&exchange.code),
                exchanges::time_zone.eq(&exchange.time_zone),
            ))
            .execute(connection)?;
        Ok(())
    })
}

pub(super) fn describe(
    connection: &mut PgConnection,
    name: &str,
    facts: &ExchangeFacts,
) -> Result<Exchange, DbError> {
    transaction(connection, |connection| {
        lock(connection)?;
        let exchange = by_name(connection, name)?;
        let exchange = exchange.ok_or_else(|| exchange_missing(name))?;
        let exchange = exchange.described(facts);
        let exchange = exchange.map_err(RepositoryError::invalid)?;
        diesel::update(exchanges::table.find(&exchange.name))
            .set((
                exchanges::description.eq(&exchange.description),
                exchanges::code.eq(&exchange.code),
                exchanges::time_zone.eq(&exchange.time_zone),
            ))
            .execute(connection)?;
        Ok(exchange)
    })
}

pub(super) fn by_name(
    connection: &mut PgConnection,
    name: &str,
) -> Result<Option<Exchange>, DbError> {
    // no row contains such a name
    if holds_nul(name) {
        return Ok(None);
    }
    let row: Option<ExchangeRow> = exchanges::table
        .filter(folded_exchange().eq(folded_name(name)))
        .select(COLUMNS)
        .first(connection)
        .optional()?;
    Ok(row.map(Exchange::from))
}

pub(super) fn list(
    connection: &mut PgConnection,
    query: &ExchangeQuery,
) -> Result<Page<Exchange, String>, DbError> {
    let mut select = exchanges::table
        .select(COLUMNS)
        .order(folded_exchange())
        // at most 10,001
        .limit(query.limit.get() as i64 + 1)
        .into_boxed();
    if let Some(after) = &query.after {
        // names contain no control characters, so the part before a NUL has the same position
        let after = after.split('\0').next().unwrap_or_default();
        select = select.filter(folded_exchange().gt(folded_name(after)));
    }
    let rows: Vec<ExchangeRow> = select.load(connection)?;
    let exchanges = rows.into_iter().map(Exchange::from).collect();
    let name = |exchange: &Exchange| exchange.name.clone();
    Ok(Page::from_limit_plus_one(exchanges, query.limit, name))
}
