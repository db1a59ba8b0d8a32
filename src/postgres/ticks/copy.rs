//! Binary `COPY` of ticks: the fastest way in, which refuses the whole batch for one taken key.

use std::io::Write;

use chrono::{DateTime, Utc};
use diesel::pg::CopyFormat;
use diesel::prelude::ExecuteCopyFromDsl as _;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{PgConnection, QueryResult};
use rust_decimal::Decimal;

use crate::domain::Tick;
use crate::postgres::numeric;
use crate::postgres::schema::timeseries::ticks;

/// Rows handed to libpq at once: some 50 KiB.
const ROWS_PER_WRITE: usize = 512;
/// Bytes of a row of common prices, a little rounded up.
const ROW_BYTES: usize = 140;

/// The signature of the format, no flags, no header extension.
const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
const FIELDS: [u8; 2] = 8_i16.to_be_bytes();
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// Microseconds from 1970 to 2000, where the server starts to count.
const SERVER_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Stores all of `rows` or, when a key is taken or a row is refused, none.
pub(super) fn copy(connection: &mut PgConnection, rows: &[Tick]) -> QueryResult<usize> {
    let columns = (
        ticks::symbol_id,
        ticks::tick_time,
        ticks::sequence,
        ticks::bid_price,
        ticks::ask_price,
        ticks::bid_volume,
        ticks::ask_volume,
        ticks::received_at,
    );
    diesel::copy_from(ticks::table)
        .from_raw_data(columns, |out: &mut dyn Write| {
            write_rows(rows, out).map_err(|error| {
                // libpq takes bytes until it has lost the connection
                let text = Box::new(error.to_string());
                DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, text)
            })
        })
        .with_format(CopyFormat::Binary)
        .execute(connection)
}

fn write_rows(rows: &[Tick], out: &mut dyn Write) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(rows.len().min(ROWS_PER_WRITE) * ROW_BYTES);
    buffer.extend_from_slice(HEADER);
    for rows in rows.chunks(ROWS_PER_WRITE) {
        for tick in rows {
            encode_row(tick, &mut buffer);
        }
        out.write_all(&buffer)?;
        buffer.clear();
    }
    out.write_all(&TRAILER)
}

fn encode_row(tick: &Tick, out: &mut Vec<u8>) {
    out.extend_from_slice(&FIELDS);
    field(out, tick.symbol_id.get().to_be_bytes());
    field(out, server_micros(tick.tick_time));
    field(out, tick.sequence.to_be_bytes());
    numeric_field(out, tick.bid_price);
    numeric_field(out, tick.ask_price);
    numeric_field(out, tick.bid_volume);
    numeric_field(out, tick.ask_volume);
    match tick.received_at {
        Some(time) => field(out, server_micros(time)),
        None => out.extend_from_slice(&NULL),
    }
}

fn server_micros(time: DateTime<Utc>) -> [u8; 8] {
    (time.timestamp_micros() - SERVER_EPOCH_MICROS).to_be_bytes()
}

fn field<const N: usize>(out: &mut Vec<u8>, value: [u8; N]) {
    // no field is longer than eight bytes
    out.extend_from_slice(&(N as i32).to_be_bytes());
    out.extend_from_slice(&value);
}

fn numeric_field(out: &mut Vec<u8>, value: Option<Decimal>) {
    let start = out.len();
    out.extend_from_slice(&NULL);
    let Some(value) = value else {
        return;
    };
    numeric::encode(value, out);
    // a NUMERIC of a decimal has at most 24 bytes
    let length = (out.len() - start - NULL.len()) as i32;
    out[start..start + NULL.len()].copy_from_slice(&length.to_be_bytes());
}
