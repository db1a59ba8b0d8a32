//! Exchanges.

use diesel::dsl::{insert_into, sql};
use diesel::expression::SqlLiteral;
use diesel::sql_types::{Array, Bool, Text};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, PgConnection, QueryDsl as _, QueryResult,
    Queryable, RunQueryDsl as _,
};

use crate::db::{DbError, transaction};
use crate::domain::{Exchange, ExchangeFacts, Page, folded_name};
use crate::error::RepositoryError;
use crate::postgres::schema::metadata::exchanges;
use crate::repository::{ExchangeQuery, exchange_missing, exchange_taken};

use super::known::{folded_exchange, lock};
use super::{holds_nul, sessions};

type ExchangeColumns = (
    exchanges::name,
    exchanges::description,
    exchanges::code,
    exchanges::time_zone,
    SqlLiteral<Array<Text>>,
);

/// The columns of an [`ExchangeRow`], in its order.
fn columns() -> ExchangeColumns {
    (
        exchanges::name,
        exchanges::description,
        exchanges::code,
        exchanges::time_zone,
        sessions::session_texts(),
    )
}

#[derive(Debug, Queryable)]
struct ExchangeRow {
    name: String,
    description: String,
    code: Option<String>,
    time_zone: Option<String>,
    sessions: Vec<String>,
}

impl ExchangeRow {
    fn into_exchange(self) -> Result<Exchange, RepositoryError> {
        let sessions = self.sessions.iter();
        let sessions = sessions.map(|text| sessions::session(&self.name, text));
        Ok(Exchange {
            sessions: sessions.collect::<Result<_, _>>()?,
            name: self.name,
            description: self.description,
            code: self.code,
            time_zone: self.time_zone,
        })
    }
}

fn into_exchanges(rows: Vec<ExchangeRow>) -> Result<Vec<Exchange>, RepositoryError> {
    rows.into_iter().map(ExchangeRow::into_exchange).collect()
}

pub(super) fn create(connection: &mut PgConnection, exchange: &Exchange) -> Result<(), DbError> {
    transaction(connection, |connection| {
        lock(connection)?;
        if let Some(taker) = by_name(connection, &exchange.name)? {
            return Err(exchange_taken(&taker).into());
        }
        Ok(insert(connection, exchange)?)
    })
}

/// Stores a new exchange with its sessions.
pub(super) fn insert(connection: &mut PgConnection, exchange: &Exchange) -> QueryResult<()> {
    insert_into(exchanges::table)
        .values((
            exchanges::name.eq(&exchange.name),
            exchanges::description.eq(&exchange.description),
            exchanges::code.eq(&exchange.code),
            exchanges::time_zone.eq(&exchange.time_zone),
        ))
        .execute(connection)?;
    sessions::store(connection, [exchange])
}

pub(super) fn describe(
    connection: &mut PgConnection,
    name: &str,
    facts: &ExchangeFacts,
) -> Result<Exchange, DbError> {
    transaction(connection, |connection| {
        lock(connection)?;
        let known = by_name(connection, name)?;
        let known = known.ok_or_else(|| exchange_missing(name))?;
        let exchange = known.described(facts);
        let exchange = exchange.map_err(RepositoryError::invalid)?;
        update(connection, &known, &exchange)?;
        Ok(exchange)
    })
}

/// Replaces `known` by `exchange`, which has the same name.
pub(super) fn update(
    connection: &mut PgConnection,
    known: &Exchange,
    exchange: &Exchange,
) -> QueryResult<()> {
    diesel::update(exchanges::table.find(&exchange.name))
        .set((
            exchanges::description.eq(&exchange.description),
            exchanges::code.eq(&exchange.code),
            exchanges::time_zone.eq(&exchange.time_zone),
        ))
        .execute(connection)?;
    if known.sessions != exchange.sessions {
        sessions::replace(connection, exchange)?;
    }
    Ok(())
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
        .select(columns())
        .first(connection)
        .optional()?;
    Ok(row.map(ExchangeRow::into_exchange).transpose()?)
}

/// The exchanges with one of these folded names, which contain no NUL.
pub(super) fn by_folded_names(
    connection: &mut PgConnection,
    names: Vec<String>,
) -> Result<Vec<Exchange>, DbError> {
    let rows = exchanges::table
        .filter(
            sql::<Bool>("lower(exchanges.name COLLATE \"C\") = ANY(")
                .bind::<Array<Text>, _>(names)
                .sql(")"),
        )
        .select(columns())
        .load(connection)?;
    Ok(into_exchanges(rows)?)
}

pub(super) fn list(
    connection: &mut PgConnection,
    query: &ExchangeQuery,
) -> Result<Page<Exchange, String>, DbError> {
    let mut select = exchanges::table
        .select(columns())
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
    let exchanges = into_exchanges(rows)?;
    let name = |exchange: &Exchange| exchange.name.clone();
    Ok(Page::from_limit_plus_one(exchanges, query.limit, name))
}
