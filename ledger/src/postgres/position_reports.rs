//! Positions as venues report them.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Numeric, Text, Timestamptz};
use diesel::{PgConnection, Queryable, RunQueryDsl as _};
use tickbook::db::DbError;
use tickbook::domain::SymbolId;
use tickbook::postgres::PgDecimal;

use super::statement::{Parameter, Selection, Statement, StatementText};
use crate::domain::{AccountId, PositionReport};

struct Put;

impl StatementText for Put {
    const SQL: &'static str = "INSERT INTO position_reports (account_id, symbol_id, position_name, reported_at, quantity, \
         average_price, margin, leverage, liquidation_price, received_at) \
         SELECT ?::bigint, * FROM UNNEST(?::bigint[], ?::text[], ?::timestamptz[], ?::numeric[], ?::numeric[], \
         ?::numeric[], ?::numeric[], ?::numeric[], ?::timestamptz[]) \
         ON CONFLICT (account_id, symbol_id, position_name, reported_at) DO UPDATE SET \
         quantity = excluded.quantity, average_price = excluded.average_price, margin = excluded.margin, \
         leverage = excluded.leverage, liquidation_price = excluded.liquidation_price, \
         received_at = excluded.received_at";
    type Row = BigInt;
}

/// Stores reports, of which no two are about the same position and time.
pub(super) fn put(
    connection: &mut PgConnection,
    account_id: AccountId,
    reports: &[PositionReport],
) -> Result<(), DbError> {
    let decimals = |value: &dyn Fn(&PositionReport) -> Option<rust_decimal::Decimal>| {
        Parameter::Decimals(reports.iter().map(|it| value(it).map(PgDecimal)).collect())
    };
    let statement = Statement::<Put>::new([
        Parameter::BigInt(account_id.get()),
        Parameter::BigInts(reports.iter().map(|it| Some(it.symbol_id.get())).collect()),
        Parameter::Texts(
            reports
                .iter()
                .map(|it| Some(it.position_name.clone()))
                .collect(),
        ),
        Parameter::Times(reports.iter().map(|it| Some(it.reported_at)).collect()),
        decimals(&|it| Some(it.quantity)),
        decimals(&|it| it.average_price),
        decimals(&|it| it.margin),
        decimals(&|it| it.leverage),
        decimals(&|it| it.liquidation_price),
        Parameter::Times(reports.iter().map(|it| it.received_at).collect()),
    ]);
    statement.execute(connection)?;
    Ok(())
}

type Columns = (
    BigInt,
    Text,
    Timestamptz,
    Numeric,
    Nullable<Numeric>,
    Nullable<Numeric>,
    Nullable<Numeric>,
    Nullable<Numeric>,
    Timestamptz,
);

#[derive(Debug, Queryable)]
struct Row {
    symbol_id: i64,
    position_name: String,
    reported_at: DateTime<Utc>,
    quantity: PgDecimal,
    average_price: Option<PgDecimal>,
    margin: Option<PgDecimal>,
    leverage: Option<PgDecimal>,
    liquidation_price: Option<PgDecimal>,
    received_at: DateTime<Utc>,
}

impl Row {
    fn into_report(self) -> PositionReport {
        let decimal = |value: Option<PgDecimal>| value.map(|value| value.0);
        let symbol_id = SymbolId::new(self.symbol_id);
        PositionReport::new(
            symbol_id,
            self.position_name,
            self.quantity.0,
            self.reported_at,
        )
        .with_average_price(decimal(self.average_price))
        .with_margin(decimal(self.margin))
        .with_leverage(decimal(self.leverage))
        .with_liquidation_price(decimal(self.liquidation_price))
        .with_received_at(self.received_at)
    }
}

/// The latest report of each position.
pub(super) fn latest(
    connection: &mut PgConnection,
    account_id: AccountId,
    as_of: Option<DateTime<Utc>>,
) -> Result<Vec<PositionReport>, DbError> {
    let mut select = Selection::<Columns>::new(
        "SELECT DISTINCT ON (symbol_id, position_name COLLATE \"C\") symbol_id, position_name, reported_at, \
         quantity, average_price, margin, leverage, liquidation_price, received_at",
    );
    let id = Parameter::BigInt(account_id.get());
    select.push(" FROM position_reports WHERE account_id = ?", [id]);
    if let Some(time) = as_of {
        select.push(" AND reported_at <= ?", [Parameter::Time(time)]);
    }
    select.push(
        " ORDER BY symbol_id, position_name COLLATE \"C\", reported_at DESC",
        [],
    );
    let rows: Vec<Row> = select.load(connection)?;
    Ok(rows.into_iter().map(Row::into_report).collect())
}
