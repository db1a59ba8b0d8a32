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

use super::column::{Column, TableRow, names, push_names};
use super::parts::{is_dense, parts};
use super::table::{KeyedRow, key_columns};
use super::values::{ColumnArray, arrays, push_arrays};

/// The stored rows that have the key of one of `rows`.
pub(super) fn read_stored<R: KeyedRow>(
    connection: &mut PgConnection,
    rows: &[R],
) -> Result<HashMap<R::Key, R>, DbError> {
    let mut by_time = rows.to_vec();
    by_time.sort_by_key(R::time);
    let mut stored = HashMap::with_capacity(rows.len());
    read(connection, key_columns(), &by_time, |row: R| {
        stored.insert(row.key(), row);
    })?;
    Ok(stored)
}

/// All stored rows that have the symbol and the time of one of `rows`.
pub(super) fn read_instants<R: KeyedRow>(
    connection: &mut PgConnection,
    rows: &[R],
) -> Result<Vec<R>, DbError> {
    let mut instants = rows.to_vec();
    instants.sort_by_key(|row| (row.time(), row.symbol_id()));
    instants.dedup_by_key(|row| (row.time(), row.symbol_id()));
    let mut stored = Vec::new();
    read(connection, &key_columns()[..2], &instants, |row| {
        stored.push(row);
    })?;
    Ok(stored)
}

/// Passes each stored row to `found` that has the values of `columns`, the first key columns, of one of `rows`,
/// which are in time order and differ in these columns.
fn read<R: KeyedRow>(
    connection: &mut PgConnection,
    columns: &'static [Column<R>],
    rows: &[R],
    mut found: impl FnMut(R),
) -> Result<(), DbError> {
    for part in parts(rows) {
        let Some(query) = SelectByKeys::of(columns, part) else {
            continue;
        };
        for row in query.load_iter::<StoredRow<R>, PgRowByRowLoadingMode>(connection)? {
            found(R::of_stored(row?.0)?);
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
struct StoredRow<R: KeyedRow>(R::Stored);

impl<R: KeyedRow> QueryableByName<Pg> for StoredRow<R> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        type SqlTypes<R> = <<R as TableRow>::Table as AsQuery>::SqlType;
        let stored = <R::Stored as FromSqlRow<SqlTypes<R>, Pg>>::build_from_row(row);
        stored.map(Self)
    }
}

/// Selects rows by the values of their first key columns.
///
/// It is not prepared, so that the server plans for the given values; see `ticks/range.rs`. It is not a join
/// with the given keys: for a chunk without statistics the planner expects one row in any range, and may then
/// compare each row with each key.
pub(super) struct SelectByKeys<'a, R: 'static> {
    columns: &'static [Column<R>],
    keys: Vec<ColumnArray<'a, R>>,
    symbols: Vec<i64>,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    is_dense: bool,
}

impl<'a, R: KeyedRow> SelectByKeys<'a, R> {
    /// Returns `None` without `rows`, which are in time order.
    pub(super) fn of(columns: &'static [Column<R>], rows: &'a [R]) -> Option<Self> {
        let symbols: BTreeSet<_> = rows.iter().map(|row| row.symbol_id().get()).collect();
        Some(Self {
            columns,
            keys: arrays(columns, rows),
            first: rows.first()?.time(),
            last: rows.last()?.time(),
            is_dense: is_dense(rows, symbols.len()),
            symbols: symbols.into_iter().collect(),
        })
    }
}

impl<R: KeyedRow> QueryFragment<Pg> for SelectByKeys<'_, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        let key = self.columns;
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
        // the index then finds each time; many times cost more than reading the range, since the planner
        // estimates each of them, and repeats that for a compressed chunk
        if !self.is_dense {
            out.push_sql(" AND ");
            out.push_sql(time);
            out.push_sql(" = ANY(");
            push_arrays(&self.keys[1..2], &mut out)?;
            out.push_sql(")");
        }
        // IS TRUE prevents a join: the server builds a hash table of the keys, and filters the rows
        out.push_sql(" AND ((");
        push_names(key, &mut out);
        out.push_sql(") IN (SELECT * FROM UNNEST(");
        push_arrays(&self.keys, &mut out)?;
        out.push_sql("))) IS TRUE");
        Ok(())
    }
}

impl<R: KeyedRow> QueryId for SelectByKeys<'_, R> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<R: KeyedRow> Query for SelectByKeys<'_, R> {
    type SqlType = Untyped;
}

impl<R: KeyedRow> RunQueryDsl<PgConnection> for SelectByKeys<'_, R> {}
