//! Checks whether the candles of a range include all of its ticks.

use std::fmt;

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Integer, Text, Timestamptz};
use diesel::{OptionalExtension as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::CandleRelation;
use crate::postgres::candle_sql::{TICK_COUNT, TICKS_OF_ROW};
use crate::postgres::timescale::bool_row::BoolRow;
use crate::postgres::timescale::invalidations::{
    AggregateIds, CatalogLayout, catalog_layout, pending_changes,
};
use crate::postgres::timescale::refresh::tick_chunks::Times;

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

/// The continuous aggregates, and the tables that list their pending changes.
#[derive(Debug)]
pub(super) struct Levels {
    /// The table of `ohlc_1m`, quoted.
    pub(super) minutes: String,
    /// The tables of all aggregates, quoted.
    pub(super) tables: Vec<String>,
    /// The numbers of the tables.
    pub(super) mats: Vec<i32>,
    ids: Vec<AggregateIds>,
    layout: CatalogLayout,
}

/// A minute whose candle differs from its ticks.
#[derive(Debug, QueryableByName)]
pub(super) struct Difference {
    #[diesel(sql_type = BigInt)]
    pub(super) symbol_id: i64,
    #[diesel(sql_type = Timestamptz)]
    pub(super) minute: DateTime<Utc>,
    /// The last such minute.
    #[diesel(sql_type = Timestamptz)]
    pub(super) last: DateTime<Utc>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minute = self.minute.to_rfc3339();
        write!(
            f,
            "the tick count of the candle of symbol {} at {minute} differs from the number of \
             stored ticks: see `tickbook verify`",
            self.symbol_id
        )
    }
}

impl Levels {
    /// Returns `None` unless every candle relation is an aggregate.
    pub(super) fn read(connection: &mut PgConnection) -> Result<Option<Self>, DbError> {
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
        for relation in CandleRelation::all() {
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

    /// The first minute of `[from, to)` whose candle has another tick count than the stored ticks.
    pub(super) fn difference(
        &self,
        connection: &mut PgConnection,
        (from, to): Times,
    ) -> Result<Option<Difference>, DbError> {
        let minutes = &self.minutes;
        let first = sql_query(format!(
            "WITH computed AS (SELECT symbol_id, open_time, {TICKS_OF_ROW}::bigint AS tick_count \
               FROM {minutes} WHERE open_time >= $1 AND open_time < $2), \
             stored AS (SELECT symbol_id, time_bucket(INTERVAL '1 minute', tick_time) AS open_time, \
               {TICK_COUNT} AS tick_count FROM ticks WHERE tick_time >= $1 AND tick_time < $2 \
               GROUP BY 1, 2) \
             SELECT symbol_id, open_time AS minute, max(open_time) OVER () AS last \
             FROM ((TABLE computed EXCEPT TABLE stored) UNION (TABLE stored EXCEPT TABLE computed)) AS d \
             ORDER BY open_time, symbol_id LIMIT 1"
        ))
        .bind::<Timestamptz, _>(from)
        .bind::<Timestamptz, _>(to)
        .get_result(connection)
        .optional()?;
        Ok(first)
    }
}
