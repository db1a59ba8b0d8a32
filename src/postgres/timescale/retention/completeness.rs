//! Checks whether the candles of a range include all of its ticks or trades.

use std::fmt;

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Integer, Text, Timestamptz};
use diesel::{OptionalExtension as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::{CandleInput, CandleRelation};
use crate::postgres::candle_sql::{ROW_COUNT, count_of_row};
use crate::postgres::timescale::bool_row::BoolRow;
use crate::postgres::timescale::invalidations::{
    AggregateIds, CatalogLayout, catalog_layout, pending_changes,
};
use crate::postgres::timescale::refresh::row_chunks::Times;

#[derive(QueryableByName)]
struct LevelRow {
    #[diesel(sql_type = Text)]
    view: String,
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Integer)]
    mat: i32,
    #[diesel(sql_type = Integer)]
    raw: i32,
}

/// The continuous aggregates of one input, and the tables that list their pending changes.
#[derive(Debug)]
pub(super) struct Levels {
    pub(super) input: CandleInput,
    /// The table of one-minute candles, quoted.
    pub(super) minutes: String,
    /// The tables of all aggregates, quoted.
    pub(super) tables: Vec<String>,
    /// The numbers of the tables.
    pub(super) mats: Vec<i32>,
    ids: Vec<AggregateIds>,
    layout: CatalogLayout,
}

/// A minute whose candle differs from its ticks or trades.
#[derive(Debug)]
pub(super) struct Difference {
    input: CandleInput,
    first: DifferenceRow,
}

#[derive(Debug, QueryableByName)]
struct DifferenceRow {
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
    #[diesel(sql_type = Timestamptz)]
    minute: DateTime<Utc>,
    /// The last such minute.
    #[diesel(sql_type = Timestamptz)]
    last: DateTime<Utc>,
}

impl Difference {
    /// The starts of the first and the last such minute.
    pub(super) fn minutes(&self) -> Times {
        (self.first.minute, self.first.last)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minute, rows) = (self.first.minute.to_rfc3339(), self.input.table());
        write!(
            f,
            "the count of the candle of symbol {} at {minute} differs from the number of stored {rows}: \
             see `tickbook verify`",
            self.first.symbol_id
        )
    }
}

impl Levels {
    /// Returns `None` unless every candle relation of `input` is an aggregate.
    pub(super) fn read(
        connection: &mut PgConnection,
        input: CandleInput,
    ) -> Result<Option<Self>, DbError> {
        let rows: Vec<LevelRow> = sql_query(
            "SELECT user_view_name::text AS view, format('%I.%I', \
             i.materialization_hypertable_schema, i.materialization_hypertable_name) AS table, \
             mat_hypertable_id AS mat, raw_hypertable_id AS raw \
             FROM _timescaledb_catalog.continuous_agg \
             JOIN timescaledb_information.continuous_aggregates AS i \
             ON (user_view_schema, user_view_name) = (view_schema, view_name) \
             WHERE view_schema = current_schema()",
        )
        .load(connection)?;
        let mut levels = Vec::new();
        for relation in CandleRelation::all_of(input) {
            let Some(level) = rows.iter().find(|row| row.view == relation.name) else {
                return Ok(None);
            };
            levels.push(level);
        }
        let ids = levels.iter().map(|level| AggregateIds {
            materialization: level.mat,
            raw: level.raw,
        });
        Ok(Some(Self {
            input,
            minutes: levels[0].table.clone(),
            tables: levels.iter().map(|level| level.table.clone()).collect(),
            mats: levels.iter().map(|level| level.mat).collect(),
            ids: ids.collect(),
            layout: catalog_layout(connection)?.1,
        }))
    }

    /// Whether the location of this release's pending changes is known.
    pub(super) fn are_known(&self) -> bool {
        self.layout != CatalogLayout::Unknown
    }

    /// Whether a candle of `[from, to)`, of any timeframe, waits for a refresh.
    pub(super) fn is_pending(
        &self,
        connection: &mut PgConnection,
        (from, to): Times,
    ) -> Result<bool, DbError> {
        if !self.are_known() {
            return Ok(true);
        }
        let row: BoolRow = sql_query(format!(
            "WITH times AS (SELECT $1::bigint AS start, $2::bigint AS until) \
             SELECT EXISTS ({}) AS answer",
            pending_changes(self.layout, &self.ids)
        ))
        .bind::<BigInt, _>(from.timestamp_micros())
        .bind::<BigInt, _>(to.timestamp_micros())
        .get_result(connection)?;
        Ok(row.answer)
    }

    /// The first minute of `[from, to)` whose candle has another count than the stored ticks or trades.
    pub(super) fn difference(
        &self,
        connection: &mut PgConnection,
        (from, to): Times,
    ) -> Result<Option<Difference>, DbError> {
        let (minutes, counted) = (&self.minutes, count_of_row(self.input));
        let (rows, time) = (self.input.table(), self.input.time_column());
        let first: Option<DifferenceRow> = sql_query(format!(
            "WITH computed AS (SELECT symbol_id, open_time, {counted}::bigint AS row_count \
               FROM {minutes} WHERE open_time >= $1 AND open_time < $2), \
             stored AS (SELECT symbol_id, time_bucket(INTERVAL '1 minute', {time}) AS open_time, \
               {ROW_COUNT} AS row_count FROM {rows} WHERE {time} >= $1 AND {time} < $2 \
               GROUP BY 1, 2) \
             SELECT symbol_id, open_time AS minute, max(open_time) OVER () AS last \
             FROM ((TABLE computed EXCEPT TABLE stored) UNION (TABLE stored EXCEPT TABLE computed)) AS d \
             ORDER BY open_time, symbol_id LIMIT 1"
        ))
        .bind::<Timestamptz, _>(from)
        .bind::<Timestamptz, _>(to)
        .get_result(connection)
        .optional()?;
        let input = self.input;
        Ok(first.map(|first| Difference { input, first }))
    }
}
