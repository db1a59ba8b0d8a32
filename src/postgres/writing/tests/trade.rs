//! A second table for the write path, which no migration creates. Its columns differ from the columns of
//! ticks, and some are nullable.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, PgConnection, QueryDsl as _, Queryable,
    QueryableByName, RunQueryDsl as _, sql_query,
};
use rust_decimal::Decimal;

use crate::db::{DatabasePools, DbError, ScratchSchemas};
use crate::domain::{SymbolId, truncate_to_micros};
use crate::error::{Database, Entity, RepositoryError};
use crate::postgres::migrate_timeseries;
use crate::postgres::numeric::StoredNumeric;
use crate::postgres::timescale::AppliedPolicies;
use crate::postgres::writing::{Column, KeyedRow, TableRow};
use crate::retention::RetentionFloor;

diesel::table! {
    made_up_trades (symbol_id, trade_time, sequence) {
        symbol_id -> Int8,
        trade_time -> Timestamptz,
        sequence -> Int8,
        price -> Numeric,
        quantity -> Nullable<Numeric>,
        side -> Int2,
        trade_id -> Nullable<Text>,
        received_at -> Nullable<Timestamptz>,
    }
}

const CREATE: &str = "\
    CREATE TABLE made_up_trades (\
        symbol_id bigint NOT NULL, trade_time timestamptz NOT NULL, sequence bigint NOT NULL, \
        price numeric NOT NULL, quantity numeric, side smallint NOT NULL, trade_id text, \
        received_at timestamptz, PRIMARY KEY (symbol_id, trade_time, sequence)); \
    SELECT create_hypertable('made_up_trades', by_range('trade_time', INTERVAL '1 day'), \
        create_default_indexes => false); \
    CREATE TABLE made_up_late_days (day timestamptz NOT NULL)";

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trade {
    pub(super) symbol_id: SymbolId,
    pub(super) trade_time: DateTime<Utc>,
    pub(super) sequence: i64,
    pub(super) price: Decimal,
    pub(super) quantity: Option<Decimal>,
    pub(super) side: i16,
    pub(super) trade_id: Option<String>,
    pub(super) received_at: Option<DateTime<Utc>>,
}

impl TableRow for Trade {
    type Table = made_up_trades::table;

    const TABLE: &'static str = "made_up_trades";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::big_int(made_up_trades::symbol_id, |it| Some(it.symbol_id.get())),
        Column::timestamptz(made_up_trades::trade_time, |it| Some(it.trade_time)),
        Column::big_int(made_up_trades::sequence, |it| Some(it.sequence)),
        Column::numeric(made_up_trades::price, |it| Some(it.price)),
        Column::numeric(made_up_trades::quantity, |it| it.quantity),
        Column::small_int(made_up_trades::side, |it| Some(it.side)),
        Column::text(made_up_trades::trade_id, |it| it.trade_id.as_deref()),
        Column::timestamptz(made_up_trades::received_at, |it| it.received_at),
    ];
}

/// The row as it is read, in the order of the columns.
#[derive(Debug, Queryable)]
pub(super) struct StoredTrade {
    symbol_id: i64,
    trade_time: DateTime<Utc>,
    sequence: i64,
    price: StoredNumeric,
    quantity: Option<StoredNumeric>,
    side: i16,
    trade_id: Option<String>,
    received_at: Option<DateTime<Utc>>,
}

impl KeyedRow for Trade {
    type Key = (SymbolId, DateTime<Utc>, i64);
    type Stored = StoredTrade;

    const KEY_COLUMNS: usize = 3;
    const OPERATION: &'static str = "insert_trades";
    const NAME: &'static str = "trade";
    const LATE_DAYS: Option<&'static str> = Some("made_up_late_days");

    fn key(&self) -> Self::Key {
        (self.symbol_id, self.trade_time, self.sequence)
    }

    fn symbol_id(&self) -> SymbolId {
        self.symbol_id
    }

    fn time(&self) -> DateTime<Utc> {
        self.trade_time
    }

    fn normalized(&self) -> Result<Self, String> {
        if self.quantity.is_some_and(|it| it.is_sign_negative()) {
            return Err("the quantity is negative".to_owned());
        }
        Ok(Self {
            trade_time: truncate_to_micros(self.trade_time),
            received_at: self.received_at.map(truncate_to_micros),
            ..self.clone()
        })
    }

    fn has_content_of(&self, other: &Self) -> bool {
        let content = |it: &Self| (it.price, it.quantity, it.side, it.trade_id.clone());
        content(self) == content(other)
    }

    fn of_stored(stored: StoredTrade) -> Result<Self, RepositoryError> {
        let number = |value: StoredNumeric| {
            value.0.map_err(|error| RepositoryError::Data {
                entity: Entity::Tick,
                key: format!("made-up trade {}", stored.sequence),
                reason: error.to_string(),
            })
        };
        Ok(Self {
            symbol_id: SymbolId::new(stored.symbol_id),
            trade_time: stored.trade_time,
            sequence: stored.sequence,
            price: number(stored.price)?,
            quantity: stored.quantity.map(number).transpose()?,
            side: stored.side,
            trade_id: stored.trade_id,
            received_at: stored.received_at,
        })
    }

    fn newest(
        connection: &mut PgConnection,
        symbol_id: SymbolId,
        _: DateTime<Utc>,
    ) -> Result<Option<Self>, DbError> {
        let newest: Option<StoredTrade> = made_up_trades::table
            .filter(made_up_trades::symbol_id.eq(symbol_id.get()))
            .order(made_up_trades::trade_time.desc())
            .first(connection)
            .optional()?;
        Ok(newest.map(Self::of_stored).transpose()?)
    }

    fn under_another_key(self) -> Self {
        let sequence = self.sequence + 1;
        Self { sequence, ..self }
    }

    /// Another floor than that of ticks.
    fn floor(applied: &AppliedPolicies) -> RetentionFloor {
        applied.candles
    }
}

/// A database with the table.
pub(super) async fn with_trades() -> (ScratchSchemas, PgConnection) {
    let schemas = ScratchSchemas::create();
    let db = DatabasePools::new(&schemas.config()).timeseries();
    migrate_timeseries(&db).await.expect("up");
    let mut connection = schemas.connection(Database::Timeseries);
    connection.batch_execute(CREATE).expect("created");
    (schemas, connection)
}

/// Trades of symbol 7 with the sequences from `from` to `to`, a millisecond apart, the last at `end`. Two
/// columns alternate between NULL and a value, and no two rows have the same content.
pub(super) fn trades(from: i64, to: i64, end: DateTime<Utc>) -> Vec<Trade> {
    let trade = |sequence: i64| Trade {
        symbol_id: SymbolId::new(7),
        trade_time: truncate_to_micros(end - TimeDelta::milliseconds(to - 1 - sequence)),
        sequence,
        price: Decimal::new(1_000_000 + sequence, 4),
        quantity: (sequence % 3 != 0).then(|| Decimal::new(sequence, 2)),
        side: if sequence % 2 == 0 { 1 } else { -1 },
        trade_id: match sequence % 4 {
            0 => None,
            1 => Some(String::new()),
            _ => Some(format!("№ {sequence}")),
        },
        received_at: (sequence % 5 == 0).then_some(truncate_to_micros(end)),
    };
    (from..to).map(trade).collect()
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The rows of the table in the database's text form, by sequence.
pub(super) fn lines(connection: &mut PgConnection) -> Vec<String> {
    let select = "SELECT format('%s %s %s price=%s quantity=%L side=%s id=%L at=%L', symbol_id, \
                  (extract(epoch FROM trade_time) * 1000000)::bigint, sequence, price, quantity, \
                  side, trade_id, (extract(epoch FROM received_at) * 1000000)::bigint) AS line \
                  FROM made_up_trades ORDER BY sequence";
    let lines: Vec<Line> = sql_query(select).load(connection).expect("read");
    lines.into_iter().map(|line| line.line).collect()
}

/// The line of a trade as [`lines`] returns it.
pub(super) fn line_of(trade: &Trade) -> String {
    let literal = |text: Option<String>| text.map_or("NULL".to_owned(), |text| format!("'{text}'"));
    let micros = |time: DateTime<Utc>| time.timestamp_micros().to_string();
    format!(
        "{} {} {} price={} quantity={} side={} id={} at={}",
        trade.symbol_id,
        micros(trade.trade_time),
        trade.sequence,
        trade.price,
        literal(trade.quantity.map(|it| it.to_string())),
        trade.side,
        literal(trade.trade_id.clone()),
        literal(trade.received_at.map(micros)),
    )
}

/// Runs a query that returns a single number.
pub(super) fn number(connection: &mut PgConnection, query: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    let row: Row = sql_query(query).get_result(connection).expect("a number");
    row.number
}
