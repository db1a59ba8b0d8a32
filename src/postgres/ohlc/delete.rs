//! Deletion of candles without ticks and trades: stored candles, and materialized candles of dropped rows.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::{DbError, transaction};
use crate::domain::{
    CandleInput, PriceBasis, SortOrder, SymbolId, Tick, TimeRange, Timeframe, Trade,
};
use crate::error::RepositoryError;
use crate::postgres::candle_sql::candles_of_row;
use crate::postgres::reading::first_time;
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
            let mut tables = Vec::new();
            for &input in CandleInput::ALL {
                tables.push(CandleRows::lock(connection, input)?);
            }
            let minutes = tables.iter().map(CandleRows::minutes).collect::<Vec<_>>();
            let Some((doomed, rest)) = self.first_part(connection, &minutes)? else {
                return Ok(DeletedCandles::default());
            };
            let mut deleted = doomed.counted(connection, DELETE_STORED)?;
            deleted.rest = rest;
            for rows in &tables {
                rows.allow_deleting_stored(connection)?;
                let retained = doomed.retained_minutes(connection, rows.input(), rows.minutes())?;
                let Some(retained) = retained else {
                    continue;
                };
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
        let mut tables = Vec::new();
        for &input in CandleInput::ALL {
            tables.push((input, CandleRows::minutes_of(connection, input)?));
        }
        let minutes: Vec<_> = tables.iter().map(|(_, table)| table.as_deref()).collect();
        let Some((doomed, rest)) = self.first_part(connection, &minutes)? else {
            return Ok(DeletedCandles::default());
        };
        let mut deleted = doomed.counted(connection, SELECT_STORED)?;
        deleted.rest = rest;
        for (input, table) in &tables {
            let retained = doomed.retained_minutes(connection, *input, table.as_deref())?;
            if let Some(retained) = retained {
                add_kept(&mut deleted, retained.iter().map(|row| row.candles).sum());
            }
        }
        Ok(deleted)
    }

    /// The first part and the rest; `None` without candles, ticks and trades. `minutes` are the tables of
    /// one-minute candles.
    fn first_part(
        self,
        connection: &mut PgConnection,
        minutes: &[Option<&str>],
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
        let mut edges = vec![stored.first];
        for table in minutes.iter().flatten().filter(|_| self.has_retained()) {
            let first: First = sql_query(format!(
                "SELECT min(open_time) AS first FROM (SELECT open_time FROM {table} \
                 WHERE symbol_id = $1 AND open_time >= $2 AND open_time < $3 \
                 ORDER BY open_time LIMIT 1) AS edge"
            ))
            .bind::<BigInt, _>(self.symbol_id.get())
            .bind::<Timestamptz, _>(self.range.start())
            .bind::<Timestamptz, _>(self.range.end())
            .get_result(connection)?;
            edges.push(first.first);
        }
        let (of, order, now) = (self.symbol_id, SortOrder::Ascending, self.range.end());
        edges.push(first_time::<Tick>(connection, of, self.range, order, now)?);
        edges.push(first_time::<Trade>(connection, of, self.range, order, now)?);
        let Some(first) = edges.into_iter().flatten().min() else {
            return Ok(None);
        };
        let (range, rest) = part_of_a_day(self.range, first)?;
        Ok(Some((Self { range, ..self }, rest)))
    }

    /// Runs `statement` on the stored candles, and counts the buckets that have ticks or trades.
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
        let starts = CandleInput::ALL.iter().map(|input| {
            let (table, time) = (input.table(), input.time_column());
            format!(
                "SELECT time_bucket(INTERVAL '{width} minutes', {time}) FROM {table} \
                 WHERE symbol_id = $1 AND {time} >= $2 AND {time} < $3"
            )
        });
        let count: Count = sql_query(format!(
            "SELECT count(*) AS count FROM ({}) AS buckets",
            Vec::from_iter(starts).join(" UNION ")
        ))
        .bind::<BigInt, _>(self.symbol_id.get())
        .bind::<Timestamptz, _>(self.range.start())
        .bind::<Timestamptz, _>(self.range.end())
        .get_result(connection)?;
        deleted.of_ticks = count.count.unsigned_abs();
        Ok(deleted)
    }

    /// The one-minute candles of the table `minutes` whose rows of `input` are not stored.
    fn retained_minutes(
        self,
        connection: &mut PgConnection,
        input: CandleInput,
        minutes: Option<&str>,
    ) -> Result<Option<Vec<RetainedMinute>>, DbError> {
        let Some(table) = minutes.filter(|_| self.has_retained()) else {
            return Ok(None);
        };
        let (candles, rows, time) = (candles_of_row(input), input.table(), input.time_column());
        let retained = sql_query(format!(
            "SELECT retained.open_time, {candles} AS candles FROM {table} AS retained LEFT JOIN (\
             SELECT DISTINCT time_bucket(INTERVAL '1 minute', {time}) AS open_time FROM {rows} \
             WHERE symbol_id = $1 AND {time} >= $2 AND {time} < $3) AS computed USING (open_time) \
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
