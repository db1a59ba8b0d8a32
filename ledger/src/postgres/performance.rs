//! Equity points and daily performance in TimescaleDB.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Array, BigInt, Numeric, Text, Timestamptz};
use diesel::{PgConnection, RunQueryDsl as _, sql_query};
use tickbook::RepositoryError;
use tickbook::db::{DbError, TimeseriesConnections, transaction};
use tickbook::domain::{Page, TimeRange};

use super::amount::PgAmount;
use super::performance_rows::{ActivityRow, EquityBucketRow, EquityRow, InsertedRow};
use crate::domain::AccountId;
use crate::domain::performance::{
    ActivityBucket, DailyPerformance, EquityBucket, EquityMark, EquityPoint, PerformanceReport,
    daily_performance,
};
use crate::repository::{
    DailyQuery, EquityQuery, EquityReceipt, PerformanceRepository, distinct_points, sum_error,
};

/// [`PerformanceRepository`] over TimescaleDB, either edition.
pub struct PgPerformanceRepository {
    connections: Box<dyn TimeseriesConnections>,
}

impl PgPerformanceRepository {
    /// Reads and writes over `connections`; connects on first use.
    pub fn new(connections: impl TimeseriesConnections) -> Self {
        Self {
            connections: Box::new(connections),
        }
    }
}

impl fmt::Debug for PgPerformanceRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgPerformanceRepository")
            .field("database", &self.connections.timeseries())
            .finish_non_exhaustive()
    }
}

/// Inserts the points whose instant has none, and returns the keys of these.
fn insert(
    connection: &mut PgConnection,
    points: &[EquityPoint],
) -> Result<Vec<InsertedRow>, DbError> {
    let rows = sql_query(
        "INSERT INTO equity_points (account_id, as_of, equity, cash, flows, source) \
         SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING \
         RETURNING account_id, as_of",
    )
    .bind::<Array<BigInt>, _>(column(points, |it| it.account_id.get()))
    .bind::<Array<Timestamptz>, _>(column(points, |it| it.as_of))
    .bind::<Array<Numeric>, _>(column(points, |it| PgAmount(it.equity)))
    .bind::<Array<Numeric>, _>(column(points, |it| PgAmount(it.cash)))
    .bind::<Array<Numeric>, _>(column(points, |it| PgAmount(it.flows)))
    .bind::<Array<Text>, _>(column(points, |it| it.source.clone()))
    .load(connection)?;
    Ok(rows)
}

/// One value of each point.
fn column<T>(points: &[EquityPoint], value: impl Fn(&EquityPoint) -> T) -> Vec<T> {
    points.iter().map(value).collect()
}

/// The recorded points of the instants of `points`.
fn recorded(
    connection: &mut PgConnection,
    points: &[EquityPoint],
) -> Result<Vec<EquityPoint>, DbError> {
    let times = points.iter().map(|point| point.as_of);
    let (Some(first), Some(last)) = (times.clone().min(), times.max()) else {
        return Ok(Vec::new());
    };
    // the bounds exclude chunks
    let rows: Vec<EquityRow> = sql_query(
        "SELECT account_id, as_of, equity, cash, flows, source FROM equity_points \
         WHERE (account_id, as_of) IN (SELECT * FROM UNNEST($1, $2)) AND as_of >= $3 AND as_of <= $4",
    )
    .bind::<Array<BigInt>, _>(column(points, |it| it.account_id.get()))
    .bind::<Array<Timestamptz>, _>(column(points, |it| it.as_of))
    .bind::<Timestamptz, _>(first)
    .bind::<Timestamptz, _>(last)
    .load(connection)?;
    Ok(rows.into_iter().map(EquityRow::into_point).collect())
}

/// The rows of a query with the parameters account, start and end.
fn of_account<R>(
    connection: &mut PgConnection,
    sql: &str,
    account_id: AccountId,
    range: TimeRange,
) -> Result<Vec<R>, DbError>
where
    R: diesel::QueryableByName<diesel::pg::Pg> + 'static,
{
    let rows = sql_query(sql)
        .bind::<BigInt, _>(account_id.get())
        .bind::<Timestamptz, _>(range.start())
        .bind::<Timestamptz, _>(range.end())
        .load(connection)?;
    Ok(rows)
}

/// The sums of a range, of one state of the database.
struct Sums {
    opening: Option<EquityMark>,
    equity: Vec<EquityBucket>,
    flows: Vec<EquityPoint>,
    activity: Vec<ActivityBucket>,
}

fn sums(
    connection: &mut PgConnection,
    account_id: AccountId,
    range: TimeRange,
) -> Result<Sums, DbError> {
    let opening: Vec<EquityRow> = sql_query(
        "SELECT account_id, as_of, equity, cash, flows, source FROM equity_points \
         WHERE account_id = $1 AND as_of < $2 ORDER BY as_of DESC LIMIT 1",
    )
    .bind::<BigInt, _>(account_id.get())
    .bind::<Timestamptz, _>(range.start())
    .load(connection)?;
    let equity: Vec<EquityBucketRow> = of_account(
        connection,
        "SELECT time_bucket(INTERVAL '15 minutes', as_of) AS open_time, count(*) AS points, \
         max(as_of) AS last_as_of, last(equity, as_of) AS last_equity, min(equity) AS low, \
         sum(flows) AS flows FROM equity_points \
         WHERE account_id = $1 AND as_of >= $2 AND as_of < $3 GROUP BY 1 ORDER BY 1",
        account_id,
        range,
    )?;
    let flows: Vec<EquityRow> = of_account(
        connection,
        "SELECT account_id, as_of, equity, cash, flows, source FROM equity_points \
         WHERE account_id = $1 AND as_of >= $2 AND as_of < $3 AND flows <> 0 ORDER BY as_of",
        account_id,
        range,
    )?;
    let activity: Vec<ActivityRow> = of_account(
        connection,
        "SELECT time_bucket(INTERVAL '15 minutes', trade_time) AS open_time, strategy_id, symbol_id, \
         fee_currency, count(*) FILTER (WHERE kind = 'filled') AS fills, \
         count(*) FILTER (WHERE kind = 'fill_busted') AS busts, \
         count(*) FILTER (WHERE kind = 'fill_corrected') AS corrections, \
         coalesce(sum(price * quantity) FILTER (WHERE kind = 'filled' AND side = 'buy'), 0) AS bought, \
         coalesce(sum(price * quantity) FILTER (WHERE kind = 'filled' AND side = 'sell'), 0) AS sold, \
         coalesce(sum(fee_amount) FILTER (WHERE kind = 'filled'), 0) AS fees FROM fill_history \
         WHERE account_id = $1 AND trade_time >= $2 AND trade_time < $3 \
         GROUP BY 1, 2, 3, 4 ORDER BY 1, 2 NULLS FIRST, 3, 4 NULLS FIRST",
        account_id,
        range,
    )?;
    let opening = opening.into_iter().next().map(EquityRow::into_point);
    let activity = activity.into_iter().map(ActivityRow::into_bucket);
    Ok(Sums {
        opening: opening.map(|point| EquityMark::new(point.as_of, point.equity)),
        equity: equity
            .into_iter()
            .map(EquityBucketRow::into_bucket)
            .collect(),
        flows: flows.into_iter().map(EquityRow::into_point).collect(),
        activity: activity.collect::<Result<_, _>>()?,
    })
}

#[async_trait]
impl PerformanceRepository for PgPerformanceRepository {
    async fn record_equity(
        &self,
        points: &[EquityPoint],
    ) -> Result<EquityReceipt, RepositoryError> {
        // by key, so that two writers take the locks of rows in one order
        let (distinct, receipt) = distinct_points(points)?;
        if distinct.is_empty() {
            return Ok(receipt);
        }
        let timeseries = self.connections.timeseries();
        timeseries
            .run_idempotent("record_equity", move |connection| {
                transaction(connection, |connection| {
                    let mut receipt = receipt.clone();
                    let inserted = insert(connection, &distinct)?;
                    receipt.inserted = inserted.len() as u64;
                    if inserted.len() == distinct.len() {
                        return Ok(receipt);
                    }
                    let inserted: Vec<_> = inserted.iter().map(InsertedRow::key).collect();
                    let mut others = distinct.clone();
                    others.retain(|it| !inserted.contains(&(it.account_id, it.as_of)));
                    let recorded = recorded(connection, &others)?.into_iter();
                    let recorded: BTreeMap<_, _> = recorded
                        .map(|point| ((point.account_id, point.as_of), point))
                        .collect();
                    for point in others {
                        // a point that was deleted meanwhile counts as a conflict
                        match recorded.get(&(point.account_id, point.as_of)) {
                            Some(first) => receipt.repeat(first, point),
                            None => receipt.conflicts.push(point),
                        }
                    }
                    Ok(receipt)
                })
            })
            .await
    }

    async fn equity(
        &self,
        query: &EquityQuery,
    ) -> Result<Page<EquityPoint, DateTime<Utc>>, RepositoryError> {
        let (timeseries, wanted) = (self.connections.timeseries(), query.clone());
        let items = timeseries
            .read("equity", move |connection| {
                let rows: Vec<EquityRow> = sql_query(
                    "SELECT account_id, as_of, equity, cash, flows, source FROM equity_points \
                     WHERE account_id = $1 AND as_of >= $2 AND as_of < $3 AND as_of > $4 \
                     ORDER BY as_of LIMIT $5",
                )
                .bind::<BigInt, _>(wanted.account_id.get())
                .bind::<Timestamptz, _>(wanted.range.start().max(wanted.after.unwrap_or_default()))
                .bind::<Timestamptz, _>(wanted.range.end())
                .bind::<Timestamptz, _>(wanted.after.unwrap_or(BEFORE_ALL))
                // at most 10,001
                .bind::<BigInt, _>(wanted.limit.get() as i64 + 1)
                .load(connection)?;
                Ok(rows.into_iter().map(EquityRow::into_point).collect())
            })
            .await?;
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            |point: &EquityPoint| point.as_of,
        ))
    }

    async fn daily(&self, query: &DailyQuery) -> Result<Vec<DailyPerformance>, RepositoryError> {
        let (account_id, range) = (query.account_id, query.range());
        let timeseries = self.connections.timeseries();
        let found = timeseries
            .read("daily_performance", move |connection| {
                transaction(connection, |connection| {
                    // all sums are of one state
                    connection.batch_execute(
                        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
                    )?;
                    sums(connection, account_id, range)
                })
            })
            .await?;
        let days = daily_performance(
            query.days(),
            found.opening,
            &found.equity,
            &found.flows,
            &found.activity,
        );
        days.map_err(|error| sum_error(account_id, error))
    }

    async fn report(&self, query: &DailyQuery) -> Result<PerformanceReport, RepositoryError> {
        let days = self.daily(query).await?;
        PerformanceReport::of(&days).map_err(|error| sum_error(query.account_id, error))
    }
}

/// Before all points.
const BEFORE_ALL: DateTime<Utc> = match DateTime::from_timestamp(-1, 0) {
    Some(time) => time,
    None => DateTime::<Utc>::UNIX_EPOCH,
};
