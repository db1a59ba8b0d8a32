//! `INSERT … ON CONFLICT DO NOTHING` of ticks as arrays: one prepared statement for any number, and
//! one for a single tick, which spares the server the arrays.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Numeric, Timestamptz};
use diesel::{ExpressionMethods as _, PgConnection, QueryResult, RunQueryDsl};

use chrono::{DateTime, Utc};

use crate::domain::Tick;
use crate::postgres::numeric::PgDecimal;
use crate::postgres::schema::timeseries::ticks;

/// Stores those of `rows` whose keys are free and returns how many that were.
pub(super) fn insert_missing(connection: &mut PgConnection, rows: &[Tick]) -> QueryResult<usize> {
    match rows {
        [tick] => insert_one(connection, tick),
        rows => InsertMissing::new(rows).execute(connection),
    }
}

fn insert_one(connection: &mut PgConnection, tick: &Tick) -> QueryResult<usize> {
    // diesel prepares it once as well, which it does not do for a list of rows
    diesel::insert_into(ticks::table)
        .values((
            ticks::symbol_id.eq(tick.symbol_id.get()),
            ticks::tick_time.eq(tick.tick_time),
            ticks::sequence.eq(tick.sequence),
            ticks::bid_price.eq(PgDecimal(tick.bid_price)),
            ticks::ask_price.eq(PgDecimal(tick.ask_price)),
            ticks::bid_volume.eq(PgDecimal(tick.bid_volume)),
            ticks::ask_volume.eq(PgDecimal(tick.ask_volume)),
            ticks::received_at.eq(tick.received_at),
        ))
        .on_conflict_do_nothing()
        .execute(connection)
}

/// The statement; diesel prepares it once on each connection because its id is static.
#[derive(Debug, Default)]
struct InsertMissing {
    symbol_ids: Vec<i64>,
    tick_times: Vec<DateTime<Utc>>,
    sequences: Vec<i32>,
    bid_prices: Vec<PgDecimal>,
    ask_prices: Vec<PgDecimal>,
    bid_volumes: Vec<PgDecimal>,
    ask_volumes: Vec<PgDecimal>,
    received_ats: Vec<Option<DateTime<Utc>>>,
}

impl InsertMissing {
    fn new(rows: &[Tick]) -> Self {
        Self {
            symbol_ids: rows.iter().map(|tick| tick.symbol_id.get()).collect(),
            tick_times: rows.iter().map(|tick| tick.tick_time).collect(),
            sequences: rows.iter().map(|tick| tick.sequence).collect(),
            bid_prices: rows.iter().map(|tick| PgDecimal(tick.bid_price)).collect(),
            ask_prices: rows.iter().map(|tick| PgDecimal(tick.ask_price)).collect(),
            bid_volumes: rows.iter().map(|tick| PgDecimal(tick.bid_volume)).collect(),
            ask_volumes: rows.iter().map(|tick| PgDecimal(tick.ask_volume)).collect(),
            received_ats: rows.iter().map(|tick| tick.received_at).collect(),
        }
    }
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
        out.push_bind_param::<Array<Integer>, _>(&self.sequences)?;
        for numbers in [
            &self.bid_prices,
            &self.ask_prices,
            &self.bid_volumes,
            &self.ask_volumes,
        ] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Numeric>, _>(numbers)?;
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
