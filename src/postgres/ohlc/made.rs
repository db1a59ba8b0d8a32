//! Candles made of ticks, by a continuous aggregate or by the query itself.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::DbError;
use crate::domain::{CandleSource, ExactCandle, PriceBasis, SortOrder, TimeRange, Timeframe};
use crate::repository::CandleQuery;

use super::freshness;
use super::row::{CandleRow, CandleSqlType};
use super::source::{Aggregates, Source, relation};

/// The first `limit` candles whose buckets are `buckets`, which start and end where a bucket does, and
/// perhaps some more.
pub(super) fn read(
    connection: &mut PgConnection,
    query: &CandleQuery,
    aggregates: &Aggregates,
    buckets: TimeRange,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<Vec<ExactCandle>, DbError> {
    if !aggregates.has(query.timeframe) {
        return select(connection, query, Source::Ticks, buckets, limit, now);
    }
    // before the candles: what becomes current in between is then read twice, and never not at all
    let stale = freshness::stale(connection, query, buckets)?;
    let mut read = |source, buckets| select(connection, query, source, buckets, limit, now);
    let candles = read(Source::Aggregate, buckets)?;
    let Some(stale) = stale else {
        return Ok(candles);
    };
    let mut best: BTreeMap<_, _> = by_open_time(candles).collect();
    // ticks only come and go with their chunk: whoever knows more of them knows all
    if query.timeframe > Timeframe::M1 && aggregates.has(Timeframe::M1) {
        for (open_time, candle) in by_open_time(read(Source::Minutes, stale)?) {
            let known = best.get(&open_time);
            if known.is_none_or(|known| known.tick_count < candle.tick_count) {
                best.insert(open_time, candle);
            }
        }
    }
    for (open_time, candle) in by_open_time(read(Source::Ticks, stale)?) {
        let known = best.get(&open_time);
        if known.is_none_or(|known| known.tick_count <= candle.tick_count) {
            best.insert(open_time, candle);
        }
    }
    Ok(best.into_values().collect())
}

fn by_open_time(candles: Vec<ExactCandle>) -> impl Iterator<Item = (DateTime<Utc>, ExactCandle)> {
    candles.into_iter().map(|one| (one.open_time, one))
}

/// The open time of the first candle of `buckets` that an aggregate has, fresh or not.
pub(super) fn edge(
    connection: &mut PgConnection,
    query: &CandleQuery,
    aggregates: &Aggregates,
    buckets: TimeRange,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let mut edges = Vec::new();
    for timeframe in [query.timeframe, Timeframe::M1] {
        if aggregates.has(timeframe) {
            let query = CandleQuery {
                timeframe,
                ..*query
            };
            edges.extend(select(
                connection,
                &query,
                Source::Aggregate,
                buckets,
                1,
                now,
            )?);
        }
    }
    let open_times = edges
        .into_iter()
        .map(|one| query.timeframe.bucket_start(one.open_time));
    Ok(match query.order {
        SortOrder::Ascending => open_times.min(),
        SortOrder::Descending => open_times.max(),
    })
}

fn select(
    connection: &mut PgConnection,
    query: &CandleQuery,
    source: Source,
    buckets: TimeRange,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<Vec<ExactCandle>, DbError> {
    let select = SelectMade {
        symbol_id: query.symbol_id.get(),
        timeframe: query.timeframe,
        basis: query.basis,
        order: query.order,
        source,
        from: buckets.from(),
        to: buckets.to(),
        // at most 10,081
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
        let minutes = self.timeframe.duration().num_minutes();
        match self.source {
            Source::Aggregate => {
                let (basis, relation) = (self.basis, relation(self.timeframe));
                let head = format!(
                    "SELECT open_time, {basis}_open, {basis}_high, {basis}_low, {basis}_close, \
                     volume, tick_count FROM {relation}"
                );
                (head, "open_time")
            }
            Source::Minutes => {
                let (basis, relation) = (self.basis, relation(Timeframe::M1));
                let head = format!(
                    "SELECT time_bucket(INTERVAL '{minutes} minutes', open_time) AS bucket, \
                     first({basis}_open, open_time), max({basis}_high), min({basis}_low), \
                     last({basis}_close, open_time), sum(volume), sum(tick_count)::bigint \
                     FROM {relation}"
                );
                (head, "open_time")
            }
            Source::Ticks => {
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
        if self.source != Source::Aggregate {
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
