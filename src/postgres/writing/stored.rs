//! Reads the stored rows with the keys of a batch.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSqlRow, QueryableByName};
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::query_builder::{AsQuery, AstPass, Query, QueryFragment, QueryId};
use diesel::row::NamedRow;
use diesel::sql_types::{Array, BigInt, Timestamptz, Untyped};
use diesel::{PgConnection, QueryResult, RunQueryDsl, sql_query};

use crate::db::DbError;

use super::column::{TableRow, names, push_names};
use super::parts::{is_dense, parts};
use super::table::{KeyedRow, key_columns};
use super::values::{ColumnArray, arrays, push_arrays};

/// The stored rows that have the key of one of `rows`.
pub(super) fn read_stored<R: KeyedRow>(
    connection: &mut PgConnection,
    rows: &[R],
) -> Result<HashMap<R::Key, R>, DbError> {
    let by_time = |row: &R| (row.time(), row.key());
    let mut rows = rows.to_vec();
    rows.sort_by_key(by_time);
    let mut stored = HashMap::with_capacity(rows.len());
    read(connection, &rows, by_time, |row| {
        stored.insert(row.key(), row);
    })?;
    Ok(stored)
}

/// All stored rows that have the symbol and the time of one of `rows`.
pub(in crate::postgres) fn read_instants<R: KeyedRow>(
    connection: &mut PgConnection,
    rows: &[R],
) -> Result<Vec<R>, DbError> {
    let instant = |row: &R| (row.time(), row.symbol_id());
    let mut rows = rows.to_vec();
    rows.sort_by_key(instant);
    // so that no two parts have an instant
    rows.dedup_by_key(|row| instant(row));
    let mut stored = Vec::new();
    read(connection, &rows, instant, |row| stored.push(row))?;
    Ok(stored)
}

/// Passes each stored row to `found` that has the `key` of one of `rows`. A key begins with the time, and `rows`
/// are in its order.
fn read<R: KeyedRow, K: Ord>(
    connection: &mut PgConnection,
    rows: &[R],
    key: impl Fn(&R) -> K,
    mut found: impl FnMut(R),
) -> Result<(), DbError> {
    for part in parts(rows) {
        let Some(query) = SelectTimes::of(part) else {
            continue;
        };
        for row in query.load_iter::<StoredRow<R>, PgRowByRowLoadingMode>(connection)? {
            let row = R::of_stored(row?.0)?;
            if part.binary_search_by_key(&key(&row), &key).is_ok() {
                found(row);
            }
        }
    }
    Ok(())
}

/// Any row of the table.
pub(super) fn read_any<R: KeyedRow>(connection: &mut PgConnection) -> Result<Option<R>, DbError> {
    let select = format!("SELECT {} FROM {} LIMIT 1", names(R::COLUMNS), R::TABLE);
    let rows: Vec<StoredRow<R>> = sql_query(select).load(connection)?;
    let row = rows.into_iter().next();
    Ok(row.map(|row| R::of_stored(row.0)).transpose()?)
}

/// A row whose columns are read by position, as in `R::COLUMNS`.
pub(in crate::postgres) struct StoredRow<R: KeyedRow>(pub(in crate::postgres) R::Stored);

impl<R: KeyedRow> QueryableByName<Pg> for StoredRow<R> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        type SqlTypes<R> = <<R as TableRow>::Table as AsQuery>::SqlType;
        let stored = <R::Stored as FromSqlRow<SqlTypes<R>, Pg>>::build_from_row(row);
        stored.map(Self)
    }
}

/// Selects the rows of some symbols at some times, and more of these symbols.
///
/// The server plans it for the given values; see `reading/range.rs`. It is not a join with the given keys: for a chunk
/// without statistics the planner expects one row in any range, and may then compare each row with each key.
pub(super) struct SelectTimes<'a, R: 'static> {
    symbols: Vec<i64>,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    /// `None` to select the whole range.
    times: Option<Vec<ColumnArray<'a, R>>>,
}

impl<'a, R: KeyedRow> SelectTimes<'a, R> {
    /// Returns `None` without `rows`, which are in time order.
    pub(super) fn of(rows: &'a [R]) -> Option<Self> {
        let symbols: BTreeSet<_> = rows.iter().map(|row| row.symbol_id().get()).collect();
        // the index finds each time, but the planner estimates each time, and repeats that for a compressed
        // chunk
        let times = (!is_dense(rows, symbols.len())).then(|| arrays(&key_columns()[1..2], rows));
        Some(Self {
            symbols: symbols.into_iter().collect(),
            first: rows.first()?.time(),
            last: rows.last()?.time(),
            times,
        })
    }
}

impl<R: KeyedRow> QueryFragment<Pg> for SelectTimes<'_, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let key = key_columns::<R>();
        let (symbol, time) = (key[0].name, key[1].name);
        out.push_sql("SELECT ");
        push_names(R::COLUMNS, &mut out);
        out.push_sql(" FROM ");
        out.push_sql(R::TABLE);
        out.push_sql(" WHERE ");
        out.push_sql(symbol);
        out.push_sql(" = ANY(");
        out.push_bind_param::<Array<BigInt>, _>(&self.symbols)?;
        out.push_sql(") AND ");
        out.push_sql(time);
        out.push_sql(" >= ");
        out.push_bind_param::<Timestamptz, _>(&self.first)?;
        out.push_sql(" AND ");
        out.push_sql(time);
        out.push_sql(" <= ");
        out.push_bind_param::<Timestamptz, _>(&self.last)?;
        if let Some(times) = &self.times {
            out.push_sql(" AND ");
            out.push_sql(time);
            out.push_sql(" = ANY(");
            push_arrays(times, &mut out)?;
            out.push_sql(")");
        }
        Ok(())
    }
}

impl<R: KeyedRow> QueryId for SelectTimes<'_, R> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<R: KeyedRow> Query for SelectTimes<'_, R> {
    type SqlType = Untyped;
}

impl<R: KeyedRow> RunQueryDsl<PgConnection> for SelectTimes<'_, R> {}
