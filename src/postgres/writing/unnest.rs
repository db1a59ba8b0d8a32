//! `INSERT … ON CONFLICT DO NOTHING` of rows as arrays: one prepared statement for any number of rows, and
//! one without arrays for a single row, which costs the server less.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use super::column::{Column, TableRow, push_names, push_recorded};
use super::values::{ColumnArray, ColumnValue, arrays, push_arrays, push_values, values};

/// Stores the `rows` whose keys are free and returns their number.
pub(in crate::postgres) fn insert_missing<R: TableRow>(
    connection: &mut PgConnection,
    rows: &[R],
) -> QueryResult<usize> {
    match rows {
        [row] => InsertOneMissing(InsertOne::new(row)).execute(connection),
        rows => InsertMissing(arrays(R::COLUMNS, rows)).execute(connection),
    }
}

/// Stores `row`, or fails if its key is taken. The server then does not look the key up first.
pub(super) fn insert_one<R: TableRow>(
    connection: &mut PgConnection,
    row: &R,
) -> QueryResult<usize> {
    InsertOne::new(row).execute(connection)
}

// diesel prepares each of these statements once on a connection, since its id is static; there is one id for
// each type of rows

/// Rows whose keys may be taken.
#[derive(Debug)]
struct InsertMissing<'a, R: 'static>(Vec<ColumnArray<'a, R>>);

impl<R: TableRow> QueryFragment<Pg> for InsertMissing<'_, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        push_recorded::<R>(&mut out);
        out.push_sql(R::TABLE);
        out.push_sql(" (");
        push_names(R::COLUMNS, &mut out);
        out.push_sql(") SELECT ");
        let is_cast = push_casts(R::COLUMNS, &mut out);
        out.push_sql(" FROM UNNEST(");
        push_arrays(&self.0, &mut out)?;
        out.push_sql(")");
        if is_cast {
            out.push_sql(" AS rows (");
            push_names(R::COLUMNS, &mut out);
            out.push_sql(")");
        }
        out.push_sql(" ON CONFLICT DO NOTHING");
        Ok(())
    }
}

/// Appends the columns of the unnested arrays, cast to the types of the table. Returns whether one is cast;
/// otherwise it appends `*`.
fn push_casts<R>(columns: &[Column<R>], out: &mut AstPass<'_, '_, Pg>) -> bool {
    if columns.iter().all(|column| column.cast().is_empty()) {
        out.push_sql("*");
        return false;
    }
    let mut comma = "";
    for column in columns {
        out.push_sql(comma);
        out.push_sql(column.name);
        out.push_sql(column.cast());
        comma = ", ";
    }
    true
}

impl<R: TableRow> QueryId for InsertMissing<'_, R> {
    type QueryId = InsertMissing<'static, R>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R: TableRow> Query for InsertMissing<'_, R> {
    type SqlType = ();
}

impl<R: TableRow> RunQueryDsl<PgConnection> for InsertMissing<'_, R> {}

/// One row whose key is free.
#[derive(Debug)]
struct InsertOne<'a, R: 'static>(Vec<ColumnValue<'a, R>>);

impl<'a, R: TableRow> InsertOne<'a, R> {
    fn new(row: &'a R) -> Self {
        Self(values(R::COLUMNS, row))
    }
}

impl<R: TableRow> QueryFragment<Pg> for InsertOne<'_, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        push_recorded::<R>(&mut out);
        out.push_sql(R::TABLE);
        out.push_sql(" (");
        push_names(R::COLUMNS, &mut out);
        out.push_sql(") VALUES (");
        push_values(&self.0, &mut out)?;
        out.push_sql(")");
        Ok(())
    }
}

impl<R: TableRow> QueryId for InsertOne<'_, R> {
    type QueryId = InsertOne<'static, R>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R: TableRow> Query for InsertOne<'_, R> {
    type SqlType = ();
}

impl<R: TableRow> RunQueryDsl<PgConnection> for InsertOne<'_, R> {}

/// One row whose key may be taken.
#[derive(Debug)]
struct InsertOneMissing<'a, R: 'static>(InsertOne<'a, R>);

impl<R: TableRow> QueryFragment<Pg> for InsertOneMissing<'_, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" ON CONFLICT DO NOTHING");
        Ok(())
    }
}

impl<R: TableRow> QueryId for InsertOneMissing<'_, R> {
    type QueryId = InsertOneMissing<'static, R>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R: TableRow> Query for InsertOneMissing<'_, R> {
    type SqlType = ();
}

impl<R: TableRow> RunQueryDsl<PgConnection> for InsertOneMissing<'_, R> {}
