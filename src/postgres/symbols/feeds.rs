//! Mappings of feed keys to symbols.

use std::collections::{BTreeMap, HashSet};

use diesel::sql_types::{Array, BigInt, Text};
use diesel::{
    ExpressionMethods as _, JoinOnDsl as _, OptionalExtension as _, PgConnection, QueryDsl as _,
    QueryableByName, RunQueryDsl as _, sql_query,
};

use crate::db::{DbError, transaction};
use crate::domain::{Symbol, SymbolId};
use crate::postgres::schema::metadata::{feed_symbols, instruments, symbols};
use crate::repository::{FeedSymbol, symbol_missing};

use super::holds_nul;
use super::rows::{SymbolRow, columns};

pub(super) fn map(connection: &mut PgConnection, mappings: &[FeedSymbol]) -> Result<(), DbError> {
    // the last mapping counts; all writers lock rows in this order, so they cannot deadlock
    let different: BTreeMap<_, _> = mappings
        .iter()
        .map(|mapping| ((&mapping.feed, &mapping.feed_key), mapping.symbol_id.get()))
        .collect();
    transaction(connection, |connection| {
        let ids: HashSet<_> = mappings.iter().map(|one| one.symbol_id.get()).collect();
        let existing: Vec<i64> = symbols::table
            .filter(symbols::symbol_id.eq_any(ids))
            .select(symbols::symbol_id)
            .load(connection)?;
        let existing: HashSet<_> = existing.into_iter().collect();
        let absent = |one: &&FeedSymbol| !existing.contains(&one.symbol_id.get());
        if let Some(mapping) = mappings.iter().find(absent) {
            return Err(symbol_missing(mapping.symbol_id).into());
        }
        let feeds: Vec<_> = different.keys().map(|(feed, _)| *feed).collect();
        let keys: Vec<_> = different.keys().map(|(_, key)| *key).collect();
        let ids: Vec<_> = different.values().copied().collect();
        sql_query(
            "INSERT INTO feed_symbols (feed, feed_key, symbol_id) \
             SELECT * FROM UNNEST($1, $2, $3) \
             ON CONFLICT (feed, feed_key) DO UPDATE SET symbol_id = EXCLUDED.symbol_id",
        )
        .bind::<Array<Text>, _>(feeds)
        .bind::<Array<Text>, _>(keys)
        .bind::<Array<BigInt>, _>(ids)
        .execute(connection)?;
        Ok(())
    })
}

/// Returns the other symbol that has the identifier.
pub(super) fn add(
    connection: &mut PgConnection,
    mapping: &FeedSymbol,
) -> Result<Option<Symbol>, DbError> {
    transaction(connection, |connection| {
        let symbol_id = mapping.symbol_id.get();
        let existing: Option<i64> = symbols::table
            .find(symbol_id)
            .select(symbols::symbol_id)
            .first(connection)
            .optional()?;
        if existing.is_none() {
            return Err(symbol_missing(mapping.symbol_id).into());
        }
        // an existing row is locked, so that the owner stays the same until the end of the transaction
        let owner: Owner = sql_query(
            "INSERT INTO feed_symbols (feed, feed_key, symbol_id) VALUES ($1, $2, $3) \
             ON CONFLICT (feed, feed_key) DO UPDATE SET symbol_id = feed_symbols.symbol_id \
             RETURNING symbol_id",
        )
        .bind::<Text, _>(&mapping.feed)
        .bind::<Text, _>(&mapping.feed_key)
        .bind::<BigInt, _>(symbol_id)
        .get_result(connection)?;
        match owner.symbol_id == symbol_id {
            true => Ok(None),
            false => symbol_of(connection, &mapping.feed, &mapping.feed_key),
        }
    })
}

/// The symbol of an identifier.
#[derive(QueryableByName)]
struct Owner {
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
}

/// Returns whether there was such a row.
pub(super) fn remove(connection: &mut PgConnection, mapping: &FeedSymbol) -> Result<bool, DbError> {
    if holds_nul(&mapping.feed) || holds_nul(&mapping.feed_key) {
        return Ok(false);
    }
    let row = feed_symbols::table.find((&mapping.feed, &mapping.feed_key));
    let row = row.filter(feed_symbols::symbol_id.eq(mapping.symbol_id.get()));
    Ok(diesel::delete(row).execute(connection)? > 0)
}

pub(super) fn unmap(
    connection: &mut PgConnection,
    feed: &str,
    feed_key: &str,
) -> Result<(), DbError> {
    // no row contains such a text
    if holds_nul(feed) || holds_nul(feed_key) {
        return Ok(());
    }
    diesel::delete(feed_symbols::table.find((feed, feed_key))).execute(connection)?;
    Ok(())
}

pub(super) fn of_symbol(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
) -> Result<Vec<FeedSymbol>, DbError> {
    let mut rows: Vec<(String, String)> = feed_symbols::table
        .filter(feed_symbols::symbol_id.eq(symbol_id.get()))
        .select((feed_symbols::feed, feed_symbols::feed_key))
        .load(connection)?;
    // in character order, regardless of the database's collation
    rows.sort_unstable();
    Ok(rows
        .into_iter()
        .map(|(feed, feed_key)| FeedSymbol {
            feed,
            feed_key,
            symbol_id,
        })
        .collect())
}

pub(super) fn symbol_of(
    connection: &mut PgConnection,
    feed: &str,
    feed_key: &str,
) -> Result<Option<Symbol>, DbError> {
    // no row contains such a text
    if holds_nul(feed) || holds_nul(feed_key) {
        return Ok(None);
    }
    let row: Option<SymbolRow> = symbols::table
        .inner_join(feed_symbols::table)
        .left_join(instruments::table.on(instruments::symbol_id.eq(symbols::symbol_id)))
        .filter(feed_symbols::feed.eq(feed))
        .filter(feed_symbols::feed_key.eq(feed_key))
        .select(columns())
        .first(connection)
        .optional()?;
    Ok(row.map(SymbolRow::into_symbol).transpose()?)
}
