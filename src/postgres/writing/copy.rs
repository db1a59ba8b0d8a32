//! Binary `COPY`, the fastest write, which refuses the whole batch if one key is taken.

use std::io::Write;
use std::marker::PhantomData;

use diesel::pg::{CopyFormat, CopyTarget, Pg};
use diesel::prelude::ExecuteCopyFromDsl as _;
use diesel::query_builder::AstPass;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{PgConnection, QueryResult};

use crate::postgres::symbol_days::RECORDED;

use super::column::TableRow;
use super::table::KeyedRow;

/// Rows passed to libpq at once: some 50 KiB.
const ROWS_PER_WRITE: usize = 512;
/// Bytes of a field with a common price, including its length, rounded up.
const FIELD_BYTES: usize = 18;

/// The signature of the format, no flags, no header extension.
const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// Stores all of `rows`, or none if a key is taken or a row is refused.
pub(super) fn copy<R: KeyedRow>(connection: &mut PgConnection, rows: &[R]) -> QueryResult<usize> {
    let (first, rest) = rows.split_at(rows.len().min(ROWS_PER_WRITE));
    // encoded before the statement begins: the server waits for nothing
    let mut begin = Vec::with_capacity(R::COLUMNS.len() * FIELD_BYTES);
    begin.extend_from_slice(HEADER);
    encode_rows(first, &mut begin);
    if rest.is_empty() {
        begin.extend_from_slice(&TRAILER);
    }
    diesel::copy_from(R::Table::default())
        // all columns in the order of the schema, as in `R::COLUMNS`
        .from_raw_data(RecordedTarget(PhantomData::<R>), |out: &mut dyn Write| {
            write_rows(&begin, rest, out).map_err(|error| {
                // libpq takes bytes until it has lost the connection
                let text = Box::new(error.to_string());
                DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, text)
            })
        })
        .with_format(CopyFormat::Binary)
        .execute(connection)
}

/// The table and the columns of `R`, with the comment that its days are recorded, if they are.
struct RecordedTarget<R>(PhantomData<R>);

impl<R: TableRow> CopyTarget for RecordedTarget<R> {
    type Table = R::Table;
    type SqlType = <R::Table as CopyTarget>::SqlType;

    fn walk_target(mut out: AstPass<'_, '_, Pg>) -> QueryResult<()> {
        <R::Table as CopyTarget>::walk_target(out.reborrow())?;
        if R::DAYS.is_some() {
            out.push_sql(" ");
            out.push_sql(RECORDED);
        }
        Ok(())
    }
}

/// Writes the bytes `begin`, and the `rest` of the rows.
fn write_rows<R: KeyedRow>(begin: &[u8], rest: &[R], out: &mut dyn Write) -> std::io::Result<()> {
    out.write_all(begin)?;
    if rest.is_empty() {
        return Ok(());
    }
    let mut buffer = Vec::with_capacity(begin.len());
    for rows in rest.chunks(ROWS_PER_WRITE) {
        encode_rows(rows, &mut buffer);
        out.write_all(&buffer)?;
        buffer.clear();
    }
    out.write_all(&TRAILER)
}

fn encode_rows<R: KeyedRow>(rows: &[R], out: &mut Vec<u8>) {
    let before = out.len();
    for (done, row) in rows.iter().enumerate() {
        encode_row(row, out);
        if done == 0 {
            // the first row shows how long the others are
            out.reserve((out.len() - before) * (rows.len() - 1));
        }
    }
}

fn encode_row<R: KeyedRow>(row: &R, out: &mut Vec<u8>) {
    // a table has at most 1,600 columns
    let fields = const { R::COLUMNS.len() as i16 };
    out.extend_from_slice(&fields.to_be_bytes());
    for column in R::COLUMNS {
        column.encode(row, out);
    }
}
