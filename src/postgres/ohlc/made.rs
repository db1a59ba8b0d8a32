//! Candles made of ticks, by a continuous aggregate or by the query itself.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::DbError;
use crate::domain::{Candle, CandleSource, PriceBasis, SortOrder, TimeRange, Timeframe};
use crate::repository::CandleQuery;

use super::row::{CandleRow, CandleSqlType};
use super::source::{Source, relation};

/// The first `limit` candles whose buckets are `buckets`, which start and end where a bucket does.
pub(super) fn read(
    connection: &mut PgConnection,
    query: &CandleQuery,
    source: Source,
    buckets: TimeRange,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<Vec<Candle>, DbError> {
    let select = SelectMade {
        symbol_id: query.symbol_id.get(),
        timeframe: query.timeframe,
        basis: query.basis,
        order: query.order,
        source,
        from: buckets.from(),
        to: buckets.to(),
        // at most 10,001
        limit: limit as i64,
    };
    let rows: Vec<CandleRow> = select.load(connection)?;
    rows.into_iter()
        .map(|row| Ok(row.into_candle(query, CandleSource::Ticks, now)?))
        .collect()
}

struct SelectMade {
    symbol_id: i64,
    timeframe: Timeframe,
    basis: PriceBasis,
    order: SortOrder,
    source: Source,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    limit: i64,
}

impl SelectMade {
    /// Everything up to the condition, and the column of time that it is about.
    fn head(&self) -> (String, &'static str) {
        match self.source {
            Source::Aggregate => {
                let (basis, relation) = (self.basis, relation(self.timeframe));
                let head = format!(
                    "SELECT open_time, {basis}_open, {basis}_high, {basis}_low, {basis}_close, \
                     volume, tick_count FROM {relation}"
                );
                (head, "open_time")
            }
            Source::Ticks => {
                let minutes = self.timeframe.duration().num_minutes();
                let price = match self.basis {
                    PriceBasis::Bid => "bid_price",
                    PriceBasis::Ask => "ask_price",
                    PriceBasis::Mid => "(bid_price + ask_price) * 0.5",
                };
                // ties of time are decided by the sequence
                let key = "tick_order_key(tick_time, sequence)";
                let head = format!(
                    "SELECT time_bucket(INTERVAL '{minutes} minutes', tick_time) AS bucket, \
                     first({price}, {key}), max({price}), min({price}), last({price}, {key}), \
                     sum(bid_volume + ask_volume), count(*) FROM ticks"
                );
                (head, "tick_time")
            }
        }
    }
}

impl QueryFragment<Pg> for SelectMade {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let (head, time) = self.head();
        out.push_sql(&head);
        out.push_sql(" WHERE symbol_id = ");
        out.push_bind_param::<BigInt, _>(&self.symbol_id)?;
        for (condition, bound) in [(" >= ", &self.from), (" < ", &self.to)] {
            out.push_sql(" AND ");
            out.push_sql(time);
            out.push_sql(condition);
            out.push_bind_param::<Timestamptz, _>(bound)?;
        }
        if self.source == Source::Ticks {
            out.push_sql(" GROUP BY 1");
        }
        out.push_sql(match self.order {
            SortOrder::Ascending => " ORDER BY 1 ASC LIMIT ",
            SortOrder::Descending => " ORDER BY 1 DESC LIMIT ",
        });
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

// diesel tells prepared statements apart by their text, of which there are some dozens
impl QueryId for SelectMade {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for SelectMade {
    type SqlType = CandleSqlType;
}

impl RunQueryDsl<PgConnection> for SelectMade {}
