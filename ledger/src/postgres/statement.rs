//! Statements with parameters of mixed types, each prepared once on a connection.

use std::io::Write as _;
use std::marker::PhantomData;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgRowByRowLoadingMode, PgValue};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::methods::LoadQuery;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{
    Array, BigInt, Binary, Bool, Date, Integer, Nullable, Numeric, Text, Timestamptz, Uuid,
};
use diesel::{PgConnection, QueryResult, RunQueryDsl};
use tickbook::RepositoryError;
use tickbook::db::DbError;
use tickbook::postgres::PgDecimal;

use super::amount::PgAmount;
use crate::domain::KeyDigest;

/// A statement of the ledger: its text, in which `?` stands for each parameter, and the type of its rows.
pub(super) trait StatementText: 'static {
    /// The text.
    const SQL: &'static str;
    /// The types of the columns of its rows.
    type Row: 'static;
}

/// A parameter.
#[derive(Debug)]
pub(super) enum Parameter {
    BigInt(i64),
    Time(DateTime<Utc>),
    Text(String),
    OptionalBool(Option<bool>),
    OptionalBigInt(Option<i64>),
    OptionalText(Option<String>),
    OptionalBigInts(Option<Vec<Option<i64>>>),
    Bytes(Vec<u8>),
    BigInts(Vec<Option<i64>>),
    Integers(Vec<i32>),
    Texts(Vec<Option<String>>),
    Bools(Vec<Option<bool>>),
    Times(Vec<Option<DateTime<Utc>>>),
    Dates(Vec<Option<NaiveDate>>),
    Decimals(Vec<Option<PgDecimal>>),
    Amounts(Vec<Option<PgAmount>>),
    Hashes(Vec<Option<Vec<u8>>>),
    Keys(Vec<PgKey>),
    Integer(i32),
    OptionalDate(Option<NaiveDate>),
    OptionalTime(Option<DateTime<Utc>>),
    OptionalDecimal(Option<PgDecimal>),
    OptionalAmount(Option<PgAmount>),
    OptionalBytes(Option<Vec<u8>>),
    Key(PgKey),
}

/// A digest of an event key in a UUID column or parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Uuid)]
pub(super) struct PgKey(pub(super) KeyDigest);

impl ToSql<Uuid, Pg> for PgKey {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&self.0)?;
        Ok(IsNull::No)
    }
}

impl FromSql<Uuid, Pg> for PgKey {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(value.as_bytes().try_into()?))
    }
}

/// A statement `S` with its parameters.
#[derive(Debug)]
pub(super) struct Statement<S> {
    parameters: Vec<Parameter>,
    text: PhantomData<S>,
}

impl<S: StatementText> Statement<S> {
    pub(super) fn new(parameters: impl Into<Vec<Parameter>>) -> Self {
        Self {
            parameters: parameters.into(),
            text: PhantomData,
        }
    }
}

impl Parameter {
    /// The only element of an array; `None` if it has none. A value is its own element.
    pub(super) fn into_single(self) -> Option<Self> {
        let single = match self {
            Self::BigInts(values) => Self::OptionalBigInt(values.into_iter().next()?),
            Self::Integers(values) => Self::Integer(values.into_iter().next()?),
            Self::Texts(values) => Self::OptionalText(values.into_iter().next()?),
            Self::Bools(values) => Self::OptionalBool(values.into_iter().next()?),
            Self::Times(values) => Self::OptionalTime(values.into_iter().next()?),
            Self::Dates(values) => Self::OptionalDate(values.into_iter().next()?),
            Self::Decimals(values) => Self::OptionalDecimal(values.into_iter().next()?),
            Self::Amounts(values) => Self::OptionalAmount(values.into_iter().next()?),
            Self::Hashes(values) => Self::OptionalBytes(values.into_iter().next()?),
            Self::Keys(values) => Self::Key(values.into_iter().next()?),
            value => value,
        };
        Some(single)
    }

    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::BigInt(value) => out.push_bind_param::<BigInt, _>(value),
            Self::Time(value) => out.push_bind_param::<Timestamptz, _>(value),
            Self::Text(value) => out.push_bind_param::<Text, _>(value),
            Self::OptionalBool(value) => out.push_bind_param::<Nullable<Bool>, _>(value),
            Self::OptionalBigInt(value) => out.push_bind_param::<Nullable<BigInt>, _>(value),
            Self::OptionalText(value) => out.push_bind_param::<Nullable<Text>, _>(value),
            Self::OptionalBigInts(values) => {
                out.push_bind_param::<Nullable<Array<Nullable<BigInt>>>, _>(values)
            }
            Self::Bytes(value) => out.push_bind_param::<Binary, _>(value),
            Self::BigInts(values) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(values),
            Self::Integers(values) => out.push_bind_param::<Array<Integer>, _>(values),
            Self::Texts(values) => out.push_bind_param::<Array<Nullable<Text>>, _>(values),
            Self::Bools(values) => out.push_bind_param::<Array<Nullable<Bool>>, _>(values),
            Self::Times(values) => out.push_bind_param::<Array<Nullable<Timestamptz>>, _>(values),
            Self::Dates(values) => out.push_bind_param::<Array<Nullable<Date>>, _>(values),
            Self::Decimals(values) => out.push_bind_param::<Array<Nullable<Numeric>>, _>(values),
            Self::Amounts(values) => out.push_bind_param::<Array<Nullable<Numeric>>, _>(values),
            Self::Hashes(values) => out.push_bind_param::<Array<Nullable<Binary>>, _>(values),
            Self::Keys(values) => out.push_bind_param::<Array<Uuid>, _>(values),
            Self::Integer(value) => out.push_bind_param::<Integer, _>(value),
            Self::OptionalDate(value) => out.push_bind_param::<Nullable<Date>, _>(value),
            Self::OptionalTime(value) => out.push_bind_param::<Nullable<Timestamptz>, _>(value),
            Self::OptionalDecimal(value) => out.push_bind_param::<Nullable<Numeric>, _>(value),
            Self::OptionalAmount(value) => out.push_bind_param::<Nullable<Numeric>, _>(value),
            Self::OptionalBytes(value) => out.push_bind_param::<Nullable<Binary>, _>(value),
            Self::Key(value) => out.push_bind_param::<Uuid, _>(value),
        }
    }
}

impl<S: StatementText> QueryFragment<Pg> for Statement<S> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push(S::SQL, &self.parameters, &mut out)
    }
}

// diesel prepares each statement once on a connection, since its id is static
impl<S: StatementText> QueryId for Statement<S> {
    type QueryId = Statement<S>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

/// A statement whose text depends on the call, with rows of the type `R`. `?` stands for each parameter.
#[derive(Debug)]
pub(super) struct Selection<R> {
    text: String,
    parameters: Vec<Parameter>,
    row: PhantomData<R>,
}

impl<R> Selection<R> {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            parameters: Vec::new(),
            row: PhantomData,
        }
    }

    /// Reads the rows and makes each an item, while the server sends the next ones.
    pub(super) fn collect<Row, T>(
        self,
        connection: &mut PgConnection,
        into_item: impl Fn(Row) -> Result<T, RepositoryError>,
    ) -> Result<Vec<T>, DbError>
    where
        R: 'static,
        Row: 'static,
        Self: LoadQuery<'static, PgConnection, Row, PgRowByRowLoadingMode>,
    {
        let rows = self.load_iter::<Row, PgRowByRowLoadingMode>(connection)?;
        rows.map(|row| Ok(into_item(row?)?)).collect()
    }

    /// Appends text with one `?` for each parameter.
    pub(super) fn push(&mut self, text: &str, parameters: impl IntoIterator<Item = Parameter>) {
        self.text.push_str(text);
        self.parameters.extend(parameters);
    }
}

// diesel prepares each text once on a connection; there are as many as combinations of filters
impl<R> QueryFragment<Pg> for Selection<R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push(&self.text, &self.parameters, &mut out)
    }
}

impl<R: 'static> QueryId for Selection<R> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<R: 'static> Query for Selection<R> {
    type SqlType = R;
}

impl<R> RunQueryDsl<PgConnection> for Selection<R> {}

fn push<'b>(
    text: &'b str,
    parameters: &'b [Parameter],
    out: &mut AstPass<'_, 'b, Pg>,
) -> QueryResult<()> {
    let mut parts = text.split('?');
    out.push_sql(parts.next().unwrap_or_default());
    for (parameter, part) in parameters.iter().zip(parts) {
        parameter.push(out)?;
        out.push_sql(part);
    }
    Ok(())
}

impl<S: StatementText> Query for Statement<S> {
    type SqlType = S::Row;
}

impl<S: StatementText> RunQueryDsl<PgConnection> for Statement<S> {}
