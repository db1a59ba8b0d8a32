//! `INSERT … ON CONFLICT DO NOTHING` of ticks as arrays: one prepared statement for any number, and
//! one for a single tick, which spares the server the arrays.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, Numeric, Timestamptz};
use diesel::{Insertable, PgConnection, QueryResult, RunQueryDsl};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::Tick;
use crate::postgres::numeric::PgDecimal;
use crate::postgres::schema::timeseries::ticks;

/// Stores those of `rows` whose keys are free and returns how many that were.
pub(super) fn insert_missing(connection: &mut PgConnection, rows: &[Tick]) -> QueryResult<usize> {
    match rows {
        [tick] => insert_one_missing(connection, tick),
        rows => InsertMissing::new(rows).execute(connection),
    }
}

fn insert_one_missing(connection: &mut PgConnection, tick: &Tick) -> QueryResult<usize> {
    diesel::insert_into(ticks::table)
        .values(NewTick::from(tick))
        .on_conflict_do_nothing()
        .execute(connection)
}

/// Stores `tick`, or fails where its key is taken, which spares the server to look for it first.
pub(super) fn insert_one(connection: &mut PgConnection, tick: &Tick) -> QueryResult<usize> {
    diesel::insert_into(ticks::table)
        .values(NewTick::from(tick))
        .execute(connection)
}

/// A row of its own, whose statement diesel prepares once; that of a list of rows it never does.
#[derive(Debug, Insertable)]
#[diesel(table_name = ticks, treat_none_as_default_value = false)]
struct NewTick {
    symbol_id: i64,
    tick_time: DateTime<Utc>,
    sequence: i64,
    bid_price: Option<PgDecimal>,
    ask_price: Option<PgDecimal>,
    bid_volume: Option<PgDecimal>,
    ask_volume: Option<PgDecimal>,
    received_at: Option<DateTime<Utc>>,
}

impl From<&Tick> for NewTick {
    fn from(tick: &Tick) -> Self {
        Self {
            symbol_id: tick.symbol_id.get(),
            tick_time: tick.tick_time,
            sequence: tick.sequence,
            bid_price: tick.bid_price.map(PgDecimal),
            ask_price: tick.ask_price.map(PgDecimal),
            bid_volume: tick.bid_volume.map(PgDecimal),
            ask_volume: tick.ask_volume.map(PgDecimal),
            received_at: tick.received_at,
        }
    }
}

/// The statement; diesel prepares it once on each connection because its id is static.
#[derive(Debug, Default)]
struct InsertMissing {
    symbol_ids: Vec<i64>,
    tick_times: Vec<DateTime<Utc>>,
    sequences: Vec<i64>,
    bid_prices: Vec<Option<PgDecimal>>,
    ask_prices: Vec<Option<PgDecimal>>,
    bid_volumes: Vec<Option<PgDecimal>>,
    ask_volumes: Vec<Option<PgDecimal>>,
    received_ats: Vec<Option<DateTime<Utc>>>,
}

impl InsertMissing {
    fn new(rows: &[Tick]) -> Self {
        Self {
            symbol_ids: rows.iter().map(|tick| tick.symbol_id.get()).collect(),
            tick_times: rows.iter().map(|tick| tick.tick_time).collect(),
            sequences: rows.iter().map(|tick| tick.sequence).collect(),
            bid_prices: numbers(rows, |tick| tick.bid_price),
            ask_prices: numbers(rows, |tick| tick.ask_price),
            bid_volumes: numbers(rows, |tick| tick.bid_volume),
            ask_volumes: numbers(rows, |tick| tick.ask_volume),
            received_ats: rows.iter().map(|tick| tick.received_at).collect(),
        }
    }
}

fn numbers(rows: &[Tick], number: fn(&Tick) -> Option<Decimal>) -> Vec<Option<PgDecimal>> {
    rows.iter()
        .map(|tick| number(tick).map(PgDecimal))
        .collect()
}

impl QueryFragment<Pg> for InsertMissing {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, \
             bid_volume, ask_volume, received_at) SELECT * FROM UNNEST(",
        );
        out.push_bind_param::<Array<BigInt>, _>(&self.symbol_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.tick_times)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.sequences)?;
        for numbers in [
            &self.bid_prices,
            &self.ask_prices,
            &self.bid_volumes,
            &self.ask_volumes,
        ] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<Numeric>>, _>(numbers)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Timestamptz>>, _>(&self.received_ats)?;
        out.push_sql(") ON CONFLICT DO NOTHING");
        Ok(())
    }
}

impl QueryId for InsertMissing {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for InsertMissing {
    type SqlType = ();
}

impl RunQueryDsl<PgConnection> for InsertMissing {}
