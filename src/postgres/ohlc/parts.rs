//! Candles of which smaller parts are stored as candles.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Text, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::DbError;
use crate::domain::{
    Candle, CandleSource, ExactCandle, SortOrder, StoredParts, TimeRange, Timeframe,
};
use crate::error::RepositoryError;
use crate::postgres::stored_time::StoredTime;
use crate::repository::CandleQuery;

use super::row::{CandleRow, CandleSqlType, open_time};
use super::source::Aggregates;
use super::{made, stored};

/// How much time is folded at once, so that a page takes bounded memory: 10,080 minutes.
const SPAN: TimeDelta = TimeDelta::days(7);

/// Makes candles of stored smaller ones.
pub(super) struct Parts<'a> {
    pub(super) connection: &'a mut PgConnection,
    pub(super) query: &'a CandleQuery,
    pub(super) aggregates: &'a Aggregates,
    pub(super) now: DateTime<Utc>,
}

impl Parts<'_> {
    /// The candles of `window` of which smaller parts are stored: of all buckets the first `limit`,
    /// without those that are `stored` whole. `made` are the candles of the window that are made of
    /// ticks alone.
    pub(super) fn read(
        &mut self,
        window: TimeRange,
        limit: usize,
        made: &[ExactCandle],
        stored: &[ExactCandle],
    ) -> Result<Vec<Candle>, DbError> {
        if self.query.timeframe == Timeframe::M1 {
            return Ok(Vec::new());
        }
        let open_times = |candles: &[ExactCandle]| -> BTreeSet<_> {
            candles.iter().map(|candle| candle.open_time).collect()
        };
        let (made, stored) = (open_times(made), open_times(stored));
        let mut candles = Vec::new();
        let mut mixed = Vec::new();
        for (open_time, mut folded) in self.folded(window, limit)? {
            if stored.contains(&open_time) {
                continue;
            }
            // parts of one timeframe and no ticks: what the server made of them is the candle
            match folded.pop() {
                Some(whole) if folded.is_empty() && !made.contains(&open_time) => {
                    candles.push(whole.into_candle());
                }
                _ => mixed.push(open_time),
            }
        }
        let width = self.query.timeframe.duration();
        let mut rest = mixed.as_slice();
        while let Some(first) = rest.first() {
            let end = *first + SPAN.max(width);
            let (together, behind) = rest.split_at(rest.partition_point(|one| *one + width <= end));
            candles.extend(self.fold(together)?);
            rest = behind;
        }
        Ok(candles)
    }

    /// What the stored candles of each smaller timeframe fold to, of at least the first `limit`
    /// buckets of `window` that have some, by ascending open time.
    fn folded(
        &mut self,
        window: TimeRange,
        limit: usize,
    ) -> Result<BTreeMap<DateTime<Utc>, Vec<ExactCandle>>, DbError> {
        let minutes = self.query.timeframe.duration().num_minutes();
        let direction = direction(self.query.order);
        let timeframes = names(|one| one < self.query.timeframe);
        let select: Select<(CandleSqlType, Text)> = Select::new(
            format!(
                "SELECT time_bucket(INTERVAL '{minutes} minutes', open_time), \
                 first(open_price, open_time), max(high_price), min(low_price), \
                 last(close_price, open_time), sum(volume), sum(tick_count)::bigint, timeframe \
                 FROM ohlc_candles WHERE timeframe = ANY(?) AND symbol_id = ? AND basis = ? \
                 AND open_time >= ? AND open_time < ? \
                 GROUP BY 1, timeframe ORDER BY 1 {direction} LIMIT ?"
            ),
            self.query,
            window,
            // one row for each timeframe of a bucket at most
            limit * timeframes.len(),
            timeframes,
        );
        let rows: Vec<(CandleRow, String)> = select.load(self.connection)?;
        let mut folded: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (row, _) in rows {
            let candle = row.into_candle(self.query, CandleSource::Smaller, self.now)?;
            folded.entry(candle.open_time).or_default().push(candle);
        }
        Ok(folded)
    }

    /// The candles of `buckets`, which are within one span, made of all their parts one by one.
    fn fold(&mut self, buckets: &[DateTime<Utc>]) -> Result<Vec<Candle>, DbError> {
        let (query, now) = (self.query, self.now);
        let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
            return Ok(Vec::new());
        };
        let span = TimeRange::new(*first, *last + query.timeframe.duration())
            .map_err(RepositoryError::invalid)?;
        let mut parts = stored::read_smaller(self.connection, query, span, now)?;
        parts.retain(|part| {
            let bucket = query.timeframe.bucket_start(part.open_time);
            buckets.binary_search(&bucket).is_ok()
        });
        let of_minutes = CandleQuery {
            timeframe: Timeframe::M1,
            ..*query
        };
        // every minute of the span
        let most = (span.to() - span.from()).num_minutes() as usize;
        let minutes = made::read(
            self.connection,
            &of_minutes,
            self.aggregates,
            span,
            most,
            now,
        )?;
        StoredParts::new(parts)
            .fold_with(&minutes, query.timeframe, now)
            .map_err(|error| RepositoryError::from(error).into())
    }
}

/// The start of the first bucket of `range` in which a candle of its width or a smaller one is stored.
pub(super) fn edge(
    connection: &mut PgConnection,
    query: &CandleQuery,
    range: TimeRange,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let direction = direction(query.order);
    let select: Select<Timestamptz> = Select::new(
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

/// A statement over stored candles whose rows are of the type `R`.
struct Select<R> {
    /// With a question mark for each parameter, which are, in this order: timeframes, symbol, basis,
    /// start and end of the range, limit.
    text: String,
    timeframes: Vec<&'static str>,
    symbol_id: i64,
    basis: &'static str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    limit: i64,
    rows: PhantomData<R>,
}

impl<R> Select<R> {
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
            from: range.from(),
            to: range.to(),
            // at most 6 times 10,001
            limit: limit as i64,
            rows: PhantomData,
        }
    }
}

impl<R> QueryFragment<Pg> for Select<R> {
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

// diesel tells prepared statements apart by their text, of which there are some
impl<R> QueryId for Select<R> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<R> Query for Select<R> {
    type SqlType = R;
}

impl<R> RunQueryDsl<PgConnection> for Select<R> {}

fn names(which: impl Fn(Timeframe) -> bool) -> Vec<&'static str> {
    let chosen = Timeframe::ALL.into_iter().filter(|one| which(*one));
    chosen.map(Timeframe::as_str).collect()
}

fn direction(order: SortOrder) -> &'static str {
    match order {
        SortOrder::Ascending => "ASC",
        SortOrder::Descending => "DESC",
    }
}
