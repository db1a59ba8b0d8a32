//! Deletion of candles without ticks: stored candles, and materialized candles of dropped ticks.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::{DbError, transaction};
use crate::domain::{PriceBasis, SortOrder, SymbolId, TimeRange, Timeframe};
use crate::error::RepositoryError;
use crate::postgres::candle_sql::CANDLES_OF_ROW;
use crate::postgres::ticks::first_tick_time;
use crate::postgres::timescale::{CandleRows, begin_deleting, mark_changed_day};
use crate::repository::{DeletedCandles, part_of_a_day, refuse_cut_candles};

/// The candles to delete.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doomed {
    symbol_id: SymbolId,
    timeframe: Option<Timeframe>,
    range: TimeRange,
}

impl Doomed {
    pub(super) fn new(
        symbol_id: SymbolId,
        timeframe: Option<Timeframe>,
        range: TimeRange,
    ) -> Result<Self, RepositoryError> {
        refuse_cut_candles(range, timeframe)?;
        Ok(Self {
            symbol_id,
            timeframe,
            range,
        })
    }

    /// Deletes the first part in one transaction.
    pub(super) fn delete(self, connection: &mut PgConnection) -> Result<DeletedCandles, DbError> {
        transaction(connection, |connection| {
            begin_deleting(connection)?;
            let rows = CandleRows::lock(connection)?;
            rows.allow_deleting_stored(connection)?;
            let Some((doomed, rest)) = self.first_part(connection, rows.minutes())? else {
                return Ok(DeletedCandles::default());
            };
            let mut deleted = doomed.counted(connection, DELETE_STORED)?;
            deleted.rest = rest;
            if let Some(retained) = doomed.retained_minutes(connection, rows.minutes())? {
                let minutes = retained.into_iter().map(|row| row.open_time).collect();
                let deleted_rows = rows.forget_minutes(connection, self.symbol_id, &minutes)?;
                rows.forget_larger(connection, self.symbol_id, &minutes)?;
                add_kept(
                    &mut deleted,
                    deleted_rows.iter().map(|row| row.candles).sum(),
                );
                if let Some(row) = deleted_rows.first() {
                    mark_changed_day(connection, row.open_time)?;
                }
            }
            Ok(deleted)
        })
    }

    /// Counts the candles that [`delete`](Self::delete) would delete.
    pub(super) fn count(self, connection: &mut PgConnection) -> Result<DeletedCandles, DbError> {
        let minutes = CandleRows::minutes_of(connection)?;
        let Some((doomed, rest)) = self.first_part(connection, minutes.as_deref())? else {
            return Ok(DeletedCandles::default());
        };
        let mut deleted = doomed.counted(connection, SELECT_STORED)?;
        deleted.rest = rest;
        if let Some(retained) = doomed.retained_minutes(connection, minutes.as_deref())? {
            add_kept(&mut deleted, retained.iter().map(|row| row.candles).sum());
        }
        Ok(deleted)
    }

    /// The first part and the rest; `None` without candles and ticks.
    fn first_part(
        self,
        connection: &mut PgConnection,
        minutes: Option<&str>,
    ) -> Result<Option<(Self, Option<TimeRange>)>, DbError> {
        let stored: First = sql_query(
            "SELECT min(edge.open_time) AS first FROM unnest($2) AS wanted (name) \
             CROSS JOIN unnest($3) AS of (basis) CROSS JOIN LATERAL (\
             SELECT open_time FROM ohlc_candles WHERE symbol_id = $1 AND timeframe = wanted.name \
             AND ohlc_candles.basis = of.basis AND open_time >= $4 AND open_time < $5 \
             ORDER BY open_time LIMIT 1) AS edge",
        )
        .bind::<BigInt, _>(self.symbol_id.get())
        .bind::<Array<Text>, _>(self.names())
        .bind::<Array<Text>, _>(Vec::from_iter(PriceBasis::ALL.iter().map(|it| it.as_str())))
        .bind::<Timestamptz, _>(self.range.start())
        .bind::<Timestamptz, _>(self.range.end())
        .get_result(connection)?;
        let retained = match minutes.filter(|_| self.has_retained()) {
            Some(table) => {
                let first: First = sql_query(format!(
                    "SELECT min(open_time) AS first FROM (SELECT open_time FROM {table} \
                     WHERE symbol_id = $1 AND open_time >= $2 AND open_time < $3 \
                     ORDER BY open_time LIMIT 1) AS edge"
                ))
                .bind::<BigInt, _>(self.symbol_id.get())
                .bind::<Timestamptz, _>(self.range.start())
                .bind::<Timestamptz, _>(self.range.end())
                .get_result(connection)?;
                first.first
            }
            None => None,
        };
        let (order, now) = (SortOrder::Ascending, self.range.end());
        let tick = first_tick_time(connection, self.symbol_id, self.range, order, now)?;
        let Some(first) = [stored.first, retained, tick].into_iter().flatten().min() else {
            return Ok(None);
        };
        let (range, rest) = part_of_a_day(self.range, first)?;
        Ok(Some((Self { range, ..self }, rest)))
    }

    /// Runs `statement` on the stored candles, and counts the buckets that have ticks.
    fn counted(
        self,
        connection: &mut PgConnection,
        statement: &str,
    ) -> Result<DeletedCandles, DbError> {
        let rows: Vec<OfTimeframe> = sql_query(statement)
            .bind::<BigInt, _>(self.symbol_id.get())
            .bind::<Array<Text>, _>(self.names())
            .bind::<Timestamptz, _>(self.range.start())
            .bind::<Timestamptz, _>(self.range.end())
            .load(connection)?;
        let mut deleted = DeletedCandles::default();
        for row in rows {
            let timeframe = row.timeframe.parse().map_err(RepositoryError::invalid)?;
            deleted.candles.add(timeframe, 1);
        }
        let bucket = self.timeframe.unwrap_or(Timeframe::M1);
        let width = bucket.duration().num_minutes();
        let count: Count = sql_query(format!(
            "SELECT count(DISTINCT time_bucket(INTERVAL '{width} minutes', tick_time)) AS count \
             FROM ticks WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3"
        ))
        .bind::<BigInt, _>(self.symbol_id.get())
        .bind::<Timestamptz, _>(self.range.start())
        .bind::<Timestamptz, _>(self.range.end())
        .get_result(connection)?;
        deleted.of_ticks = count.count.unsigned_abs();
        Ok(deleted)
    }

    /// The one-minute candles of the table `minutes` whose ticks are not stored.
    fn retained_minutes(
        self,
        connection: &mut PgConnection,
        minutes: Option<&str>,
    ) -> Result<Option<Vec<RetainedMinute>>, DbError> {
        let Some(table) = minutes.filter(|_| self.has_retained()) else {
            return Ok(None);
        };
        let retained = sql_query(format!(
            "SELECT retained.open_time, {CANDLES_OF_ROW} AS candles FROM {table} AS retained LEFT JOIN (\
             SELECT DISTINCT time_bucket(INTERVAL '1 minute', tick_time) AS open_time FROM ticks \
             WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3) AS computed USING (open_time) \
             WHERE symbol_id = $1 AND retained.open_time >= $2 AND retained.open_time < $3 \
             AND computed.open_time IS NULL"
        ))
        .bind::<BigInt, _>(self.symbol_id.get())
        .bind::<Timestamptz, _>(self.range.start())
        .bind::<Timestamptz, _>(self.range.end())
        .load(connection)?;
        Ok(Some(retained))
    }

    fn has_retained(self) -> bool {
        matches!(self.timeframe, None | Some(Timeframe::M1))
    }

    fn names(self) -> Vec<&'static str> {
        let wanted = Timeframe::ALL.iter().copied();
        let wanted = wanted.filter(|one| self.timeframe.is_none_or(|timeframe| timeframe == *one));
        wanted.map(Timeframe::as_str).collect()
    }
}

const DELETE_STORED: &str = "DELETE FROM ohlc_candles WHERE symbol_id = $1 \
    AND timeframe = ANY($2) AND open_time >= $3 AND open_time < $4 RETURNING timeframe";

const SELECT_STORED: &str = "SELECT timeframe FROM ohlc_candles WHERE symbol_id = $1 \
    AND timeframe = ANY($2) AND open_time >= $3 AND open_time < $4";

fn add_kept(deleted: &mut DeletedCandles, candles: i64) {
    deleted.candles.add(Timeframe::M1, candles.unsigned_abs());
}

#[derive(QueryableByName)]
struct First {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct RetainedMinute {
    #[diesel(sql_type = Timestamptz)]
    open_time: DateTime<Utc>,
    /// The number of bases that have a candle in the row.
    #[diesel(sql_type = BigInt)]
    candles: i64,
}

#[derive(QueryableByName)]
struct OfTimeframe {
    #[diesel(sql_type = Text)]
    timeframe: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}
