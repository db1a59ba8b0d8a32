//! The values of rows as parameters of a statement.

use std::fmt;
use std::io::Write as _;

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Array, BigInt, Bool, HasSqlType, Numeric, SmallInt, Text, Timestamptz};

use super::column::{Column, NULL, Value};

/// The values of some rows in one column: one parameter, an array.
pub(super) struct ColumnArray<'a, R: 'static> {
    column: &'static Column<R>,
    rows: &'a [R],
}

/// The arrays of each of `columns`.
pub(super) fn arrays<'a, R: 'static>(
    columns: &'static [Column<R>],
    rows: &'a [R],
) -> Vec<ColumnArray<'a, R>> {
    let array = |column| ColumnArray { column, rows };
    columns.iter().map(array).collect()
}

/// Appends `arrays` to a statement, separated by commas.
pub(super) fn push_arrays<'b, R: 'static>(
    arrays: &'b [ColumnArray<'_, R>],
    out: &mut AstPass<'_, 'b, Pg>,
) -> QueryResult<()> {
    let mut comma = "";
    for array in arrays {
        out.push_sql(comma);
        match array.column.value {
            Value::SmallInt(_) => out.push_bind_param::<Array<SmallInt>, _>(array)?,
            Value::BigInt(_) => out.push_bind_param::<Array<BigInt>, _>(array)?,
            Value::Bool(_) => out.push_bind_param::<Array<Bool>, _>(array)?,
            Value::Numeric(_) => out.push_bind_param::<Array<Numeric>, _>(array)?,
            Value::Text(_) | Value::NumericArray(..) => {
                out.push_bind_param::<Array<Text>, _>(array)?;
            }
            Value::Timestamptz(_) => out.push_bind_param::<Array<Timestamptz>, _>(array)?,
        }
        comma = ", ";
    }
    Ok(())
}

impl<R: 'static, ST> ToSql<Array<ST>, Pg> for ColumnArray<'_, R>
where
    Pg: HasSqlType<ST>,
    ST: 'static,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        const DIMENSIONS: i32 = 1;
        // the server detects NULL elements itself
        const FLAGS: i32 = 0;
        const FIRST_INDEX: i32 = 1;
        let type_of_elements = <Pg as HasSqlType<ST>>::metadata(out.metadata_lookup()).oid()?;
        let count = i32::try_from(self.rows.len())?;
        // most values have eight bytes, and a NUMERIC some more
        let mut bytes = Vec::with_capacity(20 + self.rows.len() * 20);
        bytes.extend_from_slice(&DIMENSIONS.to_be_bytes());
        bytes.extend_from_slice(&FLAGS.to_be_bytes());
        bytes.extend_from_slice(&type_of_elements.to_be_bytes());
        bytes.extend_from_slice(&count.to_be_bytes());
        bytes.extend_from_slice(&FIRST_INDEX.to_be_bytes());
        for row in self.rows {
            self.column.encode_element(row, &mut bytes);
        }
        out.write_all(&bytes)?;
        Ok(IsNull::No)
    }
}

impl<R: 'static> fmt::Debug for ColumnArray<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} rows", self.column.name, self.rows.len())
    }
}

/// The value of a row in one column: one parameter.
pub(super) struct ColumnValue<'a, R: 'static> {
    column: &'static Column<R>,
    row: &'a R,
}

/// The value of each of `columns`.
pub(super) fn values<'a, R: 'static>(
    columns: &'static [Column<R>],
    row: &'a R,
) -> Vec<ColumnValue<'a, R>> {
    let value = |column| ColumnValue { column, row };
    columns.iter().map(value).collect()
}

/// Appends `values` to a statement, separated by commas.
pub(super) fn push_values<'b, R: 'static>(
    values: &'b [ColumnValue<'_, R>],
    out: &mut AstPass<'_, 'b, Pg>,
) -> QueryResult<()> {
    let mut comma = "";
    for value in values {
        out.push_sql(comma);
        match value.column.value {
            Value::SmallInt(_) => out.push_bind_param::<SmallInt, _>(value)?,
            Value::BigInt(_) => out.push_bind_param::<BigInt, _>(value)?,
            Value::Bool(_) => out.push_bind_param::<Bool, _>(value)?,
            Value::Numeric(_) => out.push_bind_param::<Numeric, _>(value)?,
            Value::NumericArray(..) => out.push_bind_param::<Array<Numeric>, _>(value)?,
            Value::Text(_) => out.push_bind_param::<Text, _>(value)?,
            Value::Timestamptz(_) => out.push_bind_param::<Timestamptz, _>(value)?,
        }
        comma = ", ";
    }
    Ok(())
}

impl<R: 'static, ST> ToSql<ST, Pg> for ColumnValue<'_, R>
where
    Pg: HasSqlType<ST>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let mut bytes = Vec::with_capacity(32);
        self.column.encode(self.row, &mut bytes);
        // a parameter does not begin with its length
        match bytes.split_first_chunk() {
            Some((length, value)) if *length != NULL => {
                out.write_all(value)?;
                Ok(IsNull::No)
            }
            _ => Ok(IsNull::Yes),
        }
    }
}

impl<R: 'static> fmt::Debug for ColumnValue<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.column.name)
    }
}
