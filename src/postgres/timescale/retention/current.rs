//! The current policies of a database.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, define_sql_function, sql_query};

use crate::db::DbError;
use crate::domain::CandleInput;
use crate::postgres::candle_sql::quoted_relation_names;
use crate::postgres::schema::timeseries::applied_policies;
use crate::postgres::timescale::candle_relations::{CandleRelationState, candle_relations};
use crate::postgres::timescale::edition::{Edition, detect_edition};
use crate::retention::{
    PolicyDuration, PolicyKey, PolicyKind, PolicySet, PolicyValue, RetentionFloor, RetentionFloors,
};

/// The policies that were applied last, as writers and refreshes use them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppliedPolicies {
    /// The section `policies` of the settings; empty after policies were removed.
    pub settings: String,
    /// The time of the application.
    pub applied_at: DateTime<Utc>,
    /// The retention floor of ticks.
    pub floor: RetentionFloor,
    /// The age beyond which an arriving tick marks its day; `None` for never.
    pub late_after: Option<PolicyDuration>,
    /// The retention floor of candles.
    pub candles: RetentionFloor,
    /// The retention floor of order books.
    pub books: RetentionFloor,
    /// The retention floor of trades.
    pub trades: RetentionFloor,
}

impl AppliedPolicies {
    /// The retention floor of ticks or of trades.
    #[must_use]
    pub fn of_rows(&self, input: CandleInput) -> RetentionFloor {
        match input {
            CandleInput::Ticks => self.floor,
            CandleInput::Trades => self.trades,
        }
    }

    /// The times before which ticks, trades and candles were dropped.
    pub(super) fn floors(applied: Option<&Self>) -> RetentionFloors {
        RetentionFloors {
            ticks: applied.and_then(|applied| applied.floor.dropped_before),
            trades: applied.and_then(|applied| applied.trades.dropped_before),
            candles: applied.and_then(|applied| applied.candles.dropped_before),
        }
    }
}

/// The state of a database that concerns policies.
#[derive(Debug)]
pub(super) struct CurrentPolicies {
    pub(super) edition: Edition,
    /// Whether all candle relations are continuous aggregates.
    pub(super) has_aggregates: bool,
    pub(super) settings: PolicySet,
    pub(super) applied: Option<AppliedPolicies>,
    /// The database's clock, which decides the age of rows.
    pub(super) now: DateTime<Utc>,
}

impl CurrentPolicies {
    pub(super) fn read(connection: &mut PgConnection) -> Result<Self, DbError> {
        let edition = detect_edition(connection)?.edition;
        let has_aggregates = candle_relations(connection)?
            .iter()
            .all(CandleRelationState::is_aggregate);
        let applied = applied(connection)?;
        let mut settings = chunks(connection)?;
        // the library's maintenance drops according to this record
        settings.extend(recorded(applied.as_ref()));
        if edition == Edition::Community {
            settings.extend(compression(connection)?);
            jobs(connection, &mut settings)?;
        }
        Ok(Self {
            edition,
            has_aggregates,
            settings,
            applied,
            now: now(connection)?,
        })
    }

    pub(super) fn has_jobs(&self) -> bool {
        self.edition == Edition::Community
    }

    /// The shortest drop age of all jobs and policies that drop rows of `relation`.
    pub(super) fn min_drop_after(&self, relation: &str) -> Option<PolicyDuration> {
        let key = PolicyKey {
            relation: relation.to_owned(),
            kind: PolicyKind::DropAfter,
        };
        let lengths = self.settings.get(&key)?.iter().filter_map(|it| match it {
            PolicyValue::Length(duration) => Some(*duration),
            _ => None,
        });
        lengths.min()
    }
}

#[derive(QueryableByName)]
struct DatabaseTime {
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
}

pub(in crate::postgres::timescale) fn now(
    connection: &mut PgConnection,
) -> Result<DateTime<Utc>, DbError> {
    let now: DatabaseTime = sql_query("SELECT clock_timestamp() AS now").get_result(connection)?;
    Ok(now.now)
}

define_sql_function! {
    /// The time of the call, by the clock of the database.
    fn clock_timestamp() -> Timestamptz;
}

/// In the order of the select.
#[derive(Queryable)]
struct AppliedRow {
    settings: String,
    applied_at: DateTime<Utc>,
    ticks_drop_after_seconds: Option<i64>,
    candles_drop_after_seconds: Option<i64>,
    late_after_seconds: Option<i64>,
    ticks_refused_before: Option<DateTime<Utc>>,
    ticks_dropped_before: Option<DateTime<Utc>>,
    candles_dropped_before: Option<DateTime<Utc>>,
    books_drop_after_seconds: Option<i64>,
    books_dropped_before: Option<DateTime<Utc>>,
    trades_drop_after_seconds: Option<i64>,
    trades_refused_before: Option<DateTime<Utc>>,
    trades_dropped_before: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
}

/// The policies that were applied last, if any.
pub(super) fn applied(connection: &mut PgConnection) -> Result<Option<AppliedPolicies>, DbError> {
    Ok(applied_now(connection)?.map(|(applied, _)| applied))
}

/// The policies that were applied last, if any, and the database's time, in one round trip. In a transaction
/// that holds the lock of the floor, the result stays valid until the transaction ends.
pub(crate) fn applied_now(
    connection: &mut PgConnection,
) -> Result<Option<(AppliedPolicies, DateTime<Utc>)>, DbError> {
    // a prepared statement, since every batch with old rows begins with it
    let row: Option<AppliedRow> = applied_policies::table
        .select((
            applied_policies::settings,
            applied_policies::applied_at,
            applied_policies::ticks_drop_after_seconds,
            applied_policies::candles_drop_after_seconds,
            applied_policies::late_after_seconds,
            applied_policies::ticks_refused_before,
            applied_policies::ticks_dropped_before,
            applied_policies::candles_dropped_before,
            applied_policies::books_drop_after_seconds,
            applied_policies::books_dropped_before,
            applied_policies::trades_drop_after_seconds,
            applied_policies::trades_refused_before,
            applied_policies::trades_dropped_before,
            clock_timestamp(),
        ))
        .get_result(connection)
        .optional()?;
    Ok(row.map(|row| {
        let applied = AppliedPolicies {
            settings: row.settings,
            applied_at: row.applied_at,
            floor: RetentionFloor {
                drop_after: row.ticks_drop_after_seconds.map(PolicyDuration::seconds),
                refused_before: row.ticks_refused_before,
                dropped_before: row.ticks_dropped_before,
            },
            late_after: row.late_after_seconds.map(PolicyDuration::seconds),
            candles: RetentionFloor {
                drop_after: row.candles_drop_after_seconds.map(PolicyDuration::seconds),
                refused_before: None,
                dropped_before: row.candles_dropped_before,
            },
            books: RetentionFloor {
                drop_after: row.books_drop_after_seconds.map(PolicyDuration::seconds),
                refused_before: None,
                dropped_before: row.books_dropped_before,
            },
            trades: RetentionFloor {
                drop_after: row.trades_drop_after_seconds.map(PolicyDuration::seconds),
                refused_before: row.trades_refused_before,
                dropped_before: row.trades_dropped_before,
            },
        };
        (applied, row.now)
    }))
}

/// The hypertables of the current schema, by the name of their aggregate if they belong to one.
fn relations() -> String {
    format!(
        "WITH relations AS (\
         SELECT hypertable_schema, hypertable_name, hypertable_name AS relation \
         FROM timescaledb_information.hypertables WHERE hypertable_schema = current_schema() \
         AND hypertable_name IN ('ticks', 'trades', 'ohlc_candles', 'order_book_snapshots', \
         'order_book_updates') \
         UNION ALL SELECT materialization_hypertable_schema, materialization_hypertable_name, \
         view_name FROM timescaledb_information.continuous_aggregates \
         WHERE view_schema = current_schema() AND view_name IN ({}))",
        quoted_relation_names()
    )
}

fn key(relation: String, kind: PolicyKind) -> PolicyKey {
    PolicyKey { relation, kind }
}

#[derive(QueryableByName)]
struct ChunkIntervalRow {
    #[diesel(sql_type = Text)]
    relation: String,
    #[diesel(sql_type = BigInt)]
    seconds: i64,
}

fn chunks(connection: &mut PgConnection) -> Result<PolicySet, DbError> {
    let rows: Vec<ChunkIntervalRow> = sql_query(format!(
        "{} SELECT relation::text, extract(epoch FROM time_interval)::bigint AS seconds \
         FROM relations JOIN timescaledb_information.dimensions \
         USING (hypertable_schema, hypertable_name) WHERE dimension_number = 1",
        relations()
    ))
    .load(connection)?;
    let chunk = |row: ChunkIntervalRow| {
        let value = PolicyValue::Length(PolicyDuration::seconds(row.seconds));
        (key(row.relation, PolicyKind::Chunk), vec![value])
    };
    Ok(rows.into_iter().map(chunk).collect())
}

#[derive(QueryableByName)]
struct CompressionRow {
    #[diesel(sql_type = Text)]
    relation: String,
    #[diesel(sql_type = Text)]
    segment_by: String,
    #[diesel(sql_type = Text)]
    order_by: String,
}

fn compression(connection: &mut PgConnection) -> Result<PolicySet, DbError> {
    // the view of these settings fails if another schema is dropped while it is read
    let rows: Vec<CompressionRow> = sql_query(format!(
        "{} SELECT relation::text, \
         coalesce(array_to_string(segmentby, ','), '') AS segment_by, \
         coalesce((SELECT string_agg(format('%I', name) || CASE WHEN descending THEN ' DESC' ELSE '' END \
             || CASE WHEN nulls_first AND NOT descending THEN ' NULLS FIRST' \
                WHEN descending AND NOT nulls_first THEN ' NULLS LAST' ELSE '' END, ',' ORDER BY place) \
           FROM unnest(orderby, orderby_desc, orderby_nullsfirst) WITH ORDINALITY \
             AS columns(name, descending, nulls_first, place)), '') AS order_by \
         FROM relations LEFT JOIN _timescaledb_catalog.compression_settings \
         ON relid = to_regclass(format('%I.%I', hypertable_schema, hypertable_name))",
        relations()
    ))
    .load(connection)?;
    let columns = |row: CompressionRow| {
        let value = PolicyValue::Columns {
            segment_by: row.segment_by,
            order_by: row.order_by,
        };
        (key(row.relation, PolicyKind::Compression), vec![value])
    };
    Ok(rows.into_iter().map(columns).collect())
}

#[derive(QueryableByName)]
struct JobRow {
    #[diesel(sql_type = Text)]
    relation: String,
    #[diesel(sql_type = Text)]
    procedure: String,
    #[diesel(sql_type = BigInt)]
    every: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    length: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    start_offset: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    end_offset: Option<i64>,
}

/// Stopped jobs do nothing and are ignored.
fn jobs(connection: &mut PgConnection, settings: &mut PolicySet) -> Result<(), DbError> {
    // depending on the version, a job of an aggregate names the view or its materialization table
    let rows: Vec<JobRow> = sql_query(format!(
        "{} SELECT relation::text, proc_name::text AS procedure, \
         extract(epoch FROM schedule_interval)::bigint AS every, \
         extract(epoch FROM coalesce(config ->> 'drop_after', config ->> 'compress_after')::interval)::bigint AS length, \
         extract(epoch FROM (config ->> 'start_offset')::interval)::bigint AS start_offset, \
         extract(epoch FROM (config ->> 'end_offset')::interval)::bigint AS end_offset \
         FROM timescaledb_information.jobs AS j JOIN relations AS r \
         ON (j.hypertable_schema, j.hypertable_name) = (r.hypertable_schema, r.hypertable_name) \
         OR (j.hypertable_schema, j.hypertable_name) = (current_schema(), relation) \
         WHERE scheduled ORDER BY job_id",
        relations()
    ))
    .load(connection)?;
    for job in rows {
        let length = PolicyValue::Length(PolicyDuration::seconds(job.length.unwrap_or_default()));
        let (kind, value) = match job.procedure.as_str() {
            "policy_retention" => (PolicyKind::DropAfter, length),
            "policy_compression" => (PolicyKind::CompressAfter, length),
            "policy_refresh_continuous_aggregate" => {
                let refresh = PolicyValue::Refresh {
                    start_offset: job.start_offset.map(PolicyDuration::seconds),
                    end_offset: job.end_offset.map(PolicyDuration::seconds),
                    every: PolicyDuration::seconds(job.every),
                };
                (PolicyKind::Refresh, refresh)
            }
            _ => continue,
        };
        let values = settings.entry(key(job.relation, kind)).or_default();
        values.push(value);
    }
    Ok(())
}

fn recorded(applied: Option<&AppliedPolicies>) -> PolicySet {
    let Some(applied) = applied else {
        return PolicySet::new();
    };
    [
        ("ticks", applied.floor),
        ("trades", applied.trades),
        ("ohlc_candles", applied.candles),
        ("order_book_snapshots", applied.books),
        ("order_book_updates", applied.books),
    ]
    .into_iter()
    .filter_map(|(relation, floor)| {
        let value = PolicyValue::Length(floor.drop_after?);
        Some((key(relation.to_owned(), PolicyKind::DropAfter), vec![value]))
    })
    .collect()
}
