//! The columns of a table, and the encoding of their values.
//!
//! `COPY`, the arrays of `UNNEST` and the parameters of a single row use the same encoding, so that one list
//! of columns serves all of them.

use chrono::{DateTime, Utc};
use diesel::pg::{CopyTarget, Pg};
use diesel::query_builder::AstPass;
use diesel::sql_types::{
    Array, BigInt, Bool, IntoNullable, Nullable, Numeric, SmallInt, Text, Timestamptz,
};
use rust_decimal::Decimal;

use crate::domain::book::PriceLevel;
use crate::postgres::numeric;
use crate::postgres::numeric_array;
use crate::postgres::symbol_days::{RECORDED, RecordedDays};

/// A row that can be written to a table.
pub(in crate::postgres) trait TableRow: Sized + 'static {
    /// The table in the schema module.
    type Table: diesel::Table + CopyTarget<Table = Self::Table> + Default;

    /// The name of the table in errors.
    const TABLE: &'static str;

    /// The columns to write, in the order in which they are sent. The column names of all statements and
    /// the values of a row come from this list.
    const COLUMNS: &'static [Column<Self>];

    /// The tables that record the days of each symbol; `None` if they are not recorded.
    const DAYS: Option<&'static RecordedDays> = None;
}

/// Marks a statement that writes rows whose days are recorded.
pub(super) fn push_recorded<R: TableRow>(out: &mut AstPass<'_, '_, Pg>) {
    if R::DAYS.is_some() {
        out.push_sql(RECORDED);
        out.push_sql(" ");
    }
}

/// A column of the rows `R`: its name and SQL type, from the schema module, and the value of a row.
#[derive(Debug)]
pub(in crate::postgres) struct Column<R> {
    pub(super) name: &'static str,
    pub(super) value: Value<R>,
}

/// Reads the value of a row, by the SQL type of the column; `None` is NULL.
///
/// A table with columns of another type needs a variant here, an encoding in [`Column::encode`], and a line
/// in the two matches of `values.rs`. `UNNEST` also expands nested arrays, so among many rows arrays are sent as
/// texts ([`Column::encode_element`]) and cast ([`Column::cast`]).
#[derive(Debug)]
pub(super) enum Value<R> {
    SmallInt(fn(&R) -> Option<i16>),
    BigInt(fn(&R) -> Option<i64>),
    Bool(fn(&R) -> Option<bool>),
    Numeric(fn(&R) -> Option<Decimal>),
    /// An array with one number of each level.
    NumericArray(fn(&R) -> &[PriceLevel], fn(&PriceLevel) -> Decimal),
    /// A text without the character NUL, which PostgreSQL texts cannot contain.
    Text(fn(&R) -> Option<&str>),
    Timestamptz(fn(&R) -> Option<DateTime<Utc>>),
}

impl<R> Column<R> {
    /// The name in statements.
    pub(in crate::postgres) const fn name(&self) -> &'static str {
        self.name
    }
}

impl<R: TableRow> Column<R> {
    pub(in crate::postgres) const fn small_int<C>(_: C, value: fn(&R) -> Option<i16>) -> Self
    where
        C: diesel::Column<Table = R::Table> + Copy,
        C::SqlType: IntoNullable<Nullable = Nullable<SmallInt>>,
    {
        let value = Value::SmallInt(value);
        Self {
            name: C::NAME,
            value,
        }
    }

    pub(in crate::postgres) const fn big_int<C>(_: C, value: fn(&R) -> Option<i64>) -> Self
    where
        C: diesel::Column<Table = R::Table> + Copy,
        C::SqlType: IntoNullable<Nullable = Nullable<BigInt>>,
    {
        let value = Value::BigInt(value);
        Self {
            name: C::NAME,
            value,
        }
    }

    pub(in crate::postgres) const fn bool<C>(_: C, value: fn(&R) -> Option<bool>) -> Self
    where
        C: diesel::Column<Table = R::Table> + Copy,
        C::SqlType: IntoNullable<Nullable = Nullable<Bool>>,
    {
        let value = Value::Bool(value);
        Self {
            name: C::NAME,
            value,
        }
    }

    pub(in crate::postgres) const fn numeric<C>(_: C, value: fn(&R) -> Option<Decimal>) -> Self
    where
        C: diesel::Column<Table = R::Table> + Copy,
        C::SqlType: IntoNullable<Nullable = Nullable<Numeric>>,
    {
        let value = Value::Numeric(value);
        Self {
            name: C::NAME,
            value,
        }
    }

    /// The array of one number of each level.
    pub(in crate::postgres) const fn numeric_array<C>(
        _: C,
        levels: fn(&R) -> &[PriceLevel],
        number: fn(&PriceLevel) -> Decimal,
    ) -> Self
    where
        C: diesel::Column<Table = R::Table, SqlType = Array<Nullable<Numeric>>> + Copy,
    {
        let value = Value::NumericArray(levels, number);
        Self {
            name: C::NAME,
            value,
        }
    }

    pub(in crate::postgres) const fn text<C>(_: C, value: fn(&R) -> Option<&str>) -> Self
    where
        C: diesel::Column<Table = R::Table> + Copy,
        C::SqlType: IntoNullable<Nullable = Nullable<Text>>,
    {
        let value = Value::Text(value);
        Self {
            name: C::NAME,
            value,
        }
    }

    pub(in crate::postgres) const fn timestamptz<C>(
        _: C,
        value: fn(&R) -> Option<DateTime<Utc>>,
    ) -> Self
    where
        C: diesel::Column<Table = R::Table> + Copy,
        C::SqlType: IntoNullable<Nullable = Nullable<Timestamptz>>,
    {
        let value = Value::Timestamptz(value);
        Self {
            name: C::NAME,
            value,
        }
    }
}

/// The length of a NULL value.
pub(super) const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// Microseconds from 1970 to 2000, the server's epoch.
const SERVER_EPOCH_MICROS: i64 = 946_684_800_000_000;

impl<R> Column<R> {
    /// Appends the value of `row` in the server's format: the length in four bytes, or [`NULL`], and the
    /// bytes.
    #[inline]
    pub(super) fn encode(&self, row: &R, out: &mut Vec<u8>) {
        match self.value {
            Value::SmallInt(value) => fixed(value(row).map(i16::to_be_bytes), out),
            Value::BigInt(value) => fixed(value(row).map(i64::to_be_bytes), out),
            Value::Bool(value) => fixed(value(row).map(|it| [u8::from(it)]), out),
            Value::Numeric(value) => numeric(value(row), out),
            Value::NumericArray(levels, number) => {
                numeric_array::encode(levels(row).iter().map(number), out);
            }
            Value::Text(value) => text(value(row), out),
            Value::Timestamptz(value) => fixed(value(row).map(server_micros), out),
        }
    }
}

impl<R> Column<R> {
    /// Appends the value of `row` as an element of an array: like [`encode`](Self::encode), but an array as text.
    #[inline]
    pub(super) fn encode_element(&self, row: &R, out: &mut Vec<u8>) {
        match self.value {
            Value::NumericArray(levels, number) => {
                numeric_array::encode_text(levels(row).iter().map(number), out);
            }
            _ => self.encode(row, out),
        }
    }

    /// The type to which an element of an array is cast; empty if it has the type of the column.
    pub(super) fn cast(&self) -> &'static str {
        match self.value {
            Value::NumericArray(..) => "::numeric[]",
            _ => "",
        }
    }
}

fn server_micros(time: DateTime<Utc>) -> [u8; 8] {
    (time.timestamp_micros() - SERVER_EPOCH_MICROS).to_be_bytes()
}

fn fixed<const N: usize>(value: Option<[u8; N]>, out: &mut Vec<u8>) {
    const MAX_BYTES: usize = 8;
    match value {
        Some(value) => {
            // a single copy is faster
            let mut field = [0; NULL.len() + MAX_BYTES];
            let (length, bytes) = field.split_at_mut(NULL.len());
            length.copy_from_slice(&(N as i32).to_be_bytes());
            bytes[..N].copy_from_slice(&value);
            out.extend_from_slice(&field[..NULL.len() + N]);
        }
        None => out.extend_from_slice(&NULL),
    }
}

fn numeric(value: Option<Decimal>, out: &mut Vec<u8>) {
    match value {
        Some(value) => numeric::encode_field(value, out),
        None => out.extend_from_slice(&NULL),
    }
}

fn text(value: Option<&str>, out: &mut Vec<u8>) {
    match value {
        Some(value) => {
            // the domain allows far fewer than 2^31 bytes
            out.extend_from_slice(&(value.len() as i32).to_be_bytes());
            out.extend_from_slice(value.as_bytes());
        }
        None => out.extend_from_slice(&NULL),
    }
}

/// The names of `columns`, separated by commas.
pub(in crate::postgres) fn names<R>(columns: &[Column<R>]) -> String {
    let names: Vec<_> = columns.iter().map(|column| column.name).collect();
    names.join(", ")
}

/// Appends [`names`] to a statement.
pub(in crate::postgres) fn push_names<R>(columns: &[Column<R>], out: &mut AstPass<'_, '_, Pg>) {
    let mut comma = "";
    for column in columns {
        out.push_sql(comma);
        out.push_sql(column.name);
        comma = ", ";
    }
}
