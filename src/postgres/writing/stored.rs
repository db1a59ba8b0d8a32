//! Reads the stored rows with the keys of a batch.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSqlRow, QueryableByName};
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::query_builder::{AsQuery, AstPass, Query, QueryFragment, QueryId};
use diesel::row::NamedRow;
use diesel::sql_types::{Array, BigInt, Timestamptz, Untyped};
use diesel::{PgConnection, QueryResult, RunQueryDsl, sql_query};

use crate::db::DbError;

use super::column::{Column, TableRow, names, push_names};
use super::table::{KeyedRow, key_columns};
use super::values::{ColumnArray, arrays, push_arrays};

/// The stored rows that have the key of one of `rows`.
pub(super) fn read_stored<R: KeyedRow>(
    connection: &mut PgConnection,
    rows: &[R],
) -> Result<HashMap<R::Key, R>, DbError> {
    let Some(query) = SelectByKeys::of(key_columns(), rows, rows.len() as i64) else {
        return Ok(HashMap::new());
    };
    let mut stored = HashMap::with_capacity(rows.len());
    for row in query.load_iter::<StoredRow<R>, PgRowByRowLoadingMode>(connection)? {
        let row = R::of_stored(row?.0)?;
        stored.insert(row.key(), row);
    }
    Ok(stored)
}

/// All stored rows that have the symbol and the time of one of `rows`.
pub(super) fn read_instants<R: KeyedRow>(
    connection: &mut PgConnection,
    rows: &[R],
) -> Result<Vec<R>, DbError> {
    let instants: BTreeMap<_, _> = rows
        .iter()
        .map(|row| ((row.symbol_id(), row.time()), row))
        .collect();
    let instants: Vec<_> = instants.into_values().cloned().collect();
    let Some(query) = SelectByKeys::of(&key_columns()[..2], &instants, i64::MAX) else {
        return Ok(Vec::new());
    };
    SelectInstants(query)
        .load_iter::<StoredRow<R>, PgRowByRowLoadingMode>(connection)?
        .map(|row| Ok(R::of_stored(row?.0)?))
        .collect()
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

/// Selects rows by the values of their first key columns.
struct SelectByKeys<'a, R: 'static> {
    columns: &'static [Column<R>],
    keys: Vec<ColumnArray<'a, R>>,
    symbols: Vec<i64>,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    limit: i64,
}

impl<'a, R: KeyedRow> SelectByKeys<'a, R> {
    /// Returns `None` without `rows`.
    fn of(columns: &'static [Column<R>], rows: &'a [R], limit: i64) -> Option<Self> {
        let times = rows.iter().map(R::time);
        let (first, last) = (times.clone().min()?, times.max()?);
        let symbols: BTreeSet<_> = rows.iter().map(|row| row.symbol_id().get()).collect();
        Some(Self {
            columns,
            keys: arrays(columns, rows),
            symbols: symbols.into_iter().collect(),
            first,
            last,
            limit,
        })
    }
}

impl<R: KeyedRow> QueryFragment<Pg> for SelectByKeys<'_, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let key = self.columns;
        let (symbol, time) = (key[0].name, key[1].name);
        out.push_sql("SELECT ");
        push_names(R::COLUMNS, &mut out);
        out.push_sql(" FROM UNNEST(");
        push_arrays(&self.keys, &mut out)?;
        out.push_sql(") AS given (");
        push_names(key, &mut out);
        out.push_sql(") JOIN ");
        out.push_sql(R::TABLE);
        out.push_sql(" USING (");
        push_names(key, &mut out);
        // a resent batch is most of the rows that its symbols have between its first and its last time; the
        // planner recognizes this, and reads that part of the index instead of every key
        out.push_sql(") WHERE ");
        push_qualified::<R>(symbol, &mut out);
        out.push_sql(" = ANY(");
        out.push_bind_param::<Array<BigInt>, _>(&self.symbols)?;
        out.push_sql(") AND ");
        push_qualified::<R>(time, &mut out);
        out.push_sql(" >= ");
        out.push_bind_param::<Timestamptz, _>(&self.first)?;
        out.push_sql(" AND ");
        push_qualified::<R>(time, &mut out);
        out.push_sql(" <= ");
        out.push_bind_param::<Timestamptz, _>(&self.last)?;
        // a parameter, so that the server plans for the given values; see `ticks/range.rs`
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        Ok(())
    }
}

/// Appends a column with its table, since the given keys have columns of the same names.
fn push_qualified<R: KeyedRow>(column: &str, out: &mut AstPass<'_, '_, Pg>) {
    out.push_sql(R::TABLE);
    out.push_sql(".");
    out.push_sql(column);
}

impl<R: KeyedRow> QueryId for SelectByKeys<'_, R> {
    type QueryId = SelectByKeys<'static, R>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R: KeyedRow> Query for SelectByKeys<'_, R> {
    type SqlType = Untyped;
}

impl<R: KeyedRow> RunQueryDsl<PgConnection> for SelectByKeys<'_, R> {}

/// Selects by symbol and time: another statement, with an id of its own.
struct SelectInstants<'a, R: 'static>(SelectByKeys<'a, R>);

impl<R: KeyedRow> QueryFragment<Pg> for SelectInstants<'_, R> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

impl<R: KeyedRow> QueryId for SelectInstants<'_, R> {
    type QueryId = SelectInstants<'static, R>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R: KeyedRow> Query for SelectInstants<'_, R> {
    type SqlType = Untyped;
}

impl<R: KeyedRow> RunQueryDsl<PgConnection> for SelectInstants<'_, R> {}
