//! Stores the instruments that a feed lists, and reads versions of instruments.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, PgConnection, QueryDsl as _, QueryResult,
    RunQueryDsl as _, sql_query,
};

use crate::db::{DbError, transaction};
use crate::domain::{
    InstrumentVersion, ListedKey, StoredFeed, SymbolId, SymbolList, SyncPlan, SyncReport,
    earliest_time, folded_name, latest_time, truncate_to_micros,
};
use crate::error::RepositoryError;
use crate::postgres::schema::metadata::{exchanges, feed_symbols, symbols};
use crate::repository::{InstrumentRepository, check_symbol_list};

use super::known::{folded_exchange, lock};
use super::reading::into_symbols;
use super::rows::symbols_with_instruments;
use super::writing::{LastId, store};
use super::{PgSymbolRepository, refuse_nul, versions};

#[async_trait]
impl InstrumentRepository for PgSymbolRepository {
    async fn sync(&self, list: &SymbolList) -> Result<SyncReport, RepositoryError> {
        check_symbol_list(list)?;
        refuse_nul("feed", &list.feed)?;
        let (list, at) = (list.clone(), self.now());
        // a second run would report that nothing was changed
        self.connections
            .metadata()
            .run_once("sync_symbols", move |connection| {
                sync(connection, &list, at)
            })
            .await
    }

    async fn instrument_as_of(
        &self,
        symbol_id: SymbolId,
        time: DateTime<Utc>,
    ) -> Result<Option<InstrumentVersion>, RepositoryError> {
        // no version is outside of this range, which the database can store
        let time = truncate_to_micros(time).clamp(earliest_time(), latest_time());
        self.connections
            .metadata()
            .read("instrument_as_of", move |connection| {
                versions::as_of(connection, symbol_id, time)
            })
            .await
    }

    async fn instrument_versions(
        &self,
        symbol_id: SymbolId,
    ) -> Result<Vec<InstrumentVersion>, RepositoryError> {
        self.connections
            .metadata()
            .read("instrument_versions", move |connection| {
                versions::of_symbol(connection, symbol_id)
            })
            .await
    }
}

/// Waits for the syncs of other servers, which then find the symbols of this one.
const LOCK: &str = "SELECT pg_advisory_xact_lock(\
     hashtextextended('tickbook symbol sync ' || current_schema(), 0))";

/// Blocks writers of identifiers, such as an operator's alias, which the comparison has to see.
const LOCK_KEYS: &str = "LOCK TABLE feed_symbols IN SHARE ROW EXCLUSIVE MODE";

fn sync(
    connection: &mut PgConnection,
    list: &SymbolList,
    at: DateTime<Utc>,
) -> Result<SyncReport, DbError> {
    transaction(connection, |connection| {
        connection.batch_execute(LOCK)?;
        // most syncs change nothing, and then no other writer waits for them
        let plan = list.compare(&stored(connection, list)?);
        if plan.is_empty() {
            return Ok(plan.report);
        }
        lock(connection)?;
        connection.batch_execute(LOCK_KEYS)?;
        let plan = list.compare(&stored(connection, list)?);
        apply(connection, &list.feed, &plan, at)?;
        Ok(plan.report)
    })
}

fn stored(connection: &mut PgConnection, list: &SymbolList) -> Result<StoredFeed, DbError> {
    let spelling: Vec<String> = exchanges::table
        .filter(folded_exchange().eq(folded_name(&list.exchange)))
        .select(exchanges::name)
        .load(connection)?;
    let spelling = spelling.into_iter().next();
    let mut stored = StoredFeed::empty(spelling.unwrap_or_else(|| list.exchange.clone()));
    let rows: Vec<(String, i64, Option<String>, Option<bool>)> = feed_symbols::table
        .filter(feed_symbols::feed.eq(&list.feed))
        .select((
            feed_symbols::feed_key,
            feed_symbols::symbol_id,
            feed_symbols::listed_name,
            feed_symbols::listed,
        ))
        .load(connection)?;
    stored.keys = rows
        .into_iter()
        .map(|(key, symbol_id, listed_name, listed)| ListedKey {
            key,
            symbol_id: SymbolId::new(symbol_id),
            listed_name,
            listed,
        })
        .collect();
    let ids: BTreeSet<_> = stored.keys.iter().map(|key| key.symbol_id.get()).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let is_known = sql::<Bool>("symbols.symbol_id = ANY(")
        .bind::<Array<BigInt>, _>(ids)
        .sql(")");
    let rows = symbols_with_instruments()
        .filter(symbols::exchange.eq(&stored.exchange).or(is_known))
        .load(connection)?;
    stored.symbols = into_symbols(rows)?;
    stored.largest_id = LastId::read(connection)?.get();
    Ok(stored)
}

fn apply(
    connection: &mut PgConnection,
    feed: &str,
    plan: &SyncPlan,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    let renamed: Vec<_> = plan.renamed.iter().map(|id| id.get()).collect();
    if !renamed.is_empty() {
        // symbols may swap their names, and each row has to be unique at once. No symbol has a name with this character
        sql_query("UPDATE symbols SET name = E'\\x01' || symbol_id WHERE symbol_id = ANY($1)")
            .bind::<Array<BigInt>, _>(renamed)
            .execute(connection)?;
    }
    if !plan.symbols.is_empty() {
        store(connection, &Vec::from_iter(&plan.symbols), at)?;
    }
    if !plan.removed_keys.is_empty() {
        let removed = feed_symbols::table
            .filter(feed_symbols::feed.eq(feed))
            .filter(feed_symbols::feed_key.eq_any(&plan.removed_keys));
        diesel::delete(removed).execute(connection)?;
    }
    if plan.keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = plan.keys.iter().map(|key| &key.key).collect();
    let ids: Vec<_> = plan.keys.iter().map(|key| key.symbol_id.get()).collect();
    let names: Vec<_> = plan.keys.iter().map(|key| &key.listed_name).collect();
    let listed: Vec<_> = plan.keys.iter().map(|key| key.listed).collect();
    sql_query(
        "INSERT INTO feed_symbols (feed, feed_key, symbol_id, listed_name, listed) \
         SELECT $1, * FROM UNNEST($2, $3, $4, $5) \
         ON CONFLICT (feed, feed_key) DO UPDATE SET symbol_id = EXCLUDED.symbol_id, \
         listed_name = EXCLUDED.listed_name, listed = EXCLUDED.listed",
    )
    .bind::<Text, _>(feed)
    .bind::<Array<Text>, _>(keys)
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<Nullable<Text>>, _>(names)
    .bind::<Array<Nullable<Bool>>, _>(listed)
    .execute(connection)
    .map(|_| ())
}
