//! Candles computed from stored smaller candles.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Text, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::DbError;
use crate::domain::{ExactCandle, Rollup, SortOrder, TimeRange, Timeframe};
use crate::error::RepositoryError;
use crate::postgres::stored_time::StoredTime;
use crate::repository::CandleQuery;

use super::catalog::Catalog;
use super::row::open_time;
use super::select::WindowCandles;
use super::statement::SelectWindow;
use super::stored;

/// The time folded at once, 10,080 minutes, which bounds the memory of a page.
const FOLD_STEP: TimeDelta = TimeDelta::days(7);

/// Candles by open time.
type Candles = BTreeMap<DateTime<Utc>, ExactCandle>;

/// Computes candles from stored smaller ones.
pub(super) struct RollupReader<'a> {
    pub(super) connection: &'a mut PgConnection,
    pub(super) query: &'a CandleQuery,
    /// The catalog of a range that covers all buckets.
    pub(super) catalog: &'a Catalog,
    pub(super) now: DateTime<Utc>,
}

impl RollupReader<'_> {
    /// The candles of buckets that have stored parts, except buckets with a stored candle of their own.
    pub(super) fn read(&mut self, found: &WindowCandles) -> Result<Candles, DbError> {
        let mut candles = Candles::new();
        let mut mixed = Vec::new();
        if found.folded.is_empty() {
            return Ok(candles);
        }
        let computed = found.computed.iter().map(|candle| candle.open_time);
        let computed: BTreeSet<_> = computed.collect();
        for (open_time, folded) in &found.folded {
            if found.stored.contains_key(open_time) {
                continue;
            }
            // parts of a single timeframe and no ticks: the result of the server is the candle
            match folded.as_slice() {
                [whole] if !computed.contains(open_time) => {
                    candles.insert(*open_time, whole.clone());
                }
                _ => mixed.push(*open_time),
            }
        }
        let width = self.query.timeframe.duration();
        let mut rest = mixed.as_slice();
        while let Some(first) = rest.first() {
            let end = *first + FOLD_STEP.max(width);
            let (together, behind) = rest.split_at(rest.partition_point(|one| *one + width <= end));
            let folded = self.fold(together)?.into_iter();
            candles.extend(folded.map(|candle| (candle.open_time, candle)));
            rest = behind;
        }
        Ok(candles)
    }

    /// Computes the candles of `buckets`, which lie within one span, from all their parts.
    fn fold(&mut self, buckets: &[DateTime<Utc>]) -> Result<Vec<ExactCandle>, DbError> {
        let (query, now) = (self.query, self.now);
        let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
            return Ok(Vec::new());
        };
        let fold_range = TimeRange::new(*first, *last + query.timeframe.duration())
            .map_err(RepositoryError::invalid)?;
        let mut parts = stored::read_smaller(self.connection, query, fold_range, now)?;
        parts.retain(|part| {
            let bucket = query.timeframe.bucket_start(part.open_time);
            buckets.binary_search(&bucket).is_ok()
        });
        let of_minutes = CandleQuery {
            timeframe: Timeframe::M1,
            ..*query
        };
        let minutes = SelectWindow {
            query: &of_minutes,
            catalog: self.catalog,
            window: fold_range,
            // every minute of the span
            limit: (fold_range.end() - fold_range.start()).num_minutes() as usize,
            with_stored: false,
        }
        .run(self.connection, now)?;
        Rollup::new(parts)
            .fold_with(&minutes.computed, query.timeframe, now)
            .map_err(|error| RepositoryError::from(error).into())
    }
}

/// The start of the first bucket of `range` with a stored candle of the query's timeframe or a smaller one.
pub(super) fn first_stored_bucket(
    connection: &mut PgConnection,
    query: &CandleQuery,
    range: TimeRange,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let direction = direction(query.order);
    let select: SelectStored<Timestamptz> = SelectStored::new(
        format!(
            "SELECT edge.open_time FROM UNNEST(?) AS wanted (name) CROSS JOIN LATERAL (\
             SELECT open_time FROM ohlc_candles WHERE timeframe = wanted.name AND symbol_id = ? \
             AND basis = ? AND open_time >= ? AND open_time < ? \
             ORDER BY open_time {direction} LIMIT ?) AS edge ORDER BY 1 {direction}"
        ),
        query,
        range,
        1,
        names(|one| one <= query.timeframe),
    );
    let edges: Vec<StoredTime> = select.load(connection)?;
    let Some(edge) = edges.into_iter().next() else {
        return Ok(None);
    };
    Ok(Some(query.timeframe.bucket_start(open_time(query, edge)?)))
}

/// A statement over stored candles with rows of type `R`.
struct SelectStored<R> {
    /// SQL with a question mark for each parameter, in this order: timeframes, symbol, basis, start and end
    /// of the range, limit.
    text: String,
    timeframes: Vec<&'static str>,
    symbol_id: i64,
    basis: &'static str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    limit: i64,
    rows: PhantomData<R>,
}

impl<R> SelectStored<R> {
    fn new(
        text: String,
        query: &CandleQuery,
        range: TimeRange,
        limit: usize,
        timeframes: Vec<&'static str>,
    ) -> Self {
        Self {
            text,
            timeframes,
            symbol_id: query.symbol_id.get(),
            basis: query.basis.as_str(),
            from: range.start(),
            to: range.end(),
            // at most 6 times 10,001
            limit: limit as i64,
            rows: PhantomData,
        }
    }
}

impl<R> QueryFragment<Pg> for SelectStored<R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut pieces = self.text.split('?');
        let mut push = |out: &mut AstPass<'_, 'b, Pg>| {
            out.push_sql(pieces.next().unwrap_or_default());
        };
        push(&mut out);
        out.push_bind_param::<Array<Text>, _>(&self.timeframes)?;
        push(&mut out);
        out.push_bind_param::<BigInt, _>(&self.symbol_id)?;
        push(&mut out);
        out.push_bind_param::<Text, _>(self.basis)?;
        push(&mut out);
        out.push_bind_param::<Timestamptz, _>(&self.from)?;
        push(&mut out);
        out.push_bind_param::<Timestamptz, _>(&self.to)?;
        push(&mut out);
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        push(&mut out);
        Ok(())
    }
}

// diesel identifies prepared statements by their text, of which there are several
impl<R> QueryId for SelectStored<R> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<R> Query for SelectStored<R> {
    type SqlType = R;
}

impl<R> RunQueryDsl<PgConnection> for SelectStored<R> {}

fn names(which: impl Fn(Timeframe) -> bool) -> Vec<&'static str> {
    let chosen = Timeframe::ALL.iter().copied().filter(|one| which(*one));
    chosen.map(Timeframe::as_str).collect()
}

fn direction(order: SortOrder) -> &'static str {
    match order {
        SortOrder::Ascending => "ASC",
        SortOrder::Descending => "DESC",
    }
}
