//! Changes of ticks and trades that continuous aggregates have not yet processed, from TimescaleDB's invalidation logs.
//!
//! Three tables contain them: changes of a hypertable that no refresh has seen; changes that a refresh has
//! passed on to each aggregate of that hypertable; and, in some releases, ranges that a refresh is about to
//! materialize. A bucket of an aggregate equals its ticks if it overlaps no entry for this aggregate or a
//! smaller one. `docs/decisions/candle-reads.md` explains why, and lists the releases whose sources were
//! read.

use diesel::sql_types::{BigInt, Bool, Integer, Text};
use diesel::{OptionalExtension as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::CandleInput;
use crate::postgres::candle_sql::minutes;
use crate::postgres::timescale::candle_relations::{CandleRelationState, candle_relations};
use crate::postgres::timescale::thresholds::raise_thresholds;

/// The first release whose tables are unknown.
const FIRST_UNKNOWN: (u32, u32) = (2, 30);

/// The tables in which a release of TimescaleDB stores changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CatalogLayout {
    /// Two logs: releases 2.19 to 2.21.
    TwoLogs,
    /// Two logs and `continuous_aggs_materialization_ranges`: releases up to 2.29.
    WithRanges,
    /// Unknown: everything counts as changed.
    Unknown,
}

#[derive(QueryableByName)]
struct Release {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Bool)]
    has_ranges: bool,
}

pub(crate) fn catalog_layout(
    connection: &mut PgConnection,
) -> Result<(String, CatalogLayout), DbError> {
    let release: Option<Release> = sql_query(
        "SELECT extversion AS version, \
         to_regclass('_timescaledb_catalog.continuous_aggs_materialization_ranges') IS NOT NULL \
         AS has_ranges FROM pg_extension WHERE extname = 'timescaledb'",
    )
    .get_result(connection)
    .optional()?;
    let Some(Release {
        version,
        has_ranges,
    }) = release
    else {
        return Ok((String::new(), CatalogLayout::Unknown));
    };
    let layout = if !is_known(&version) {
        CatalogLayout::Unknown
    } else if has_ranges {
        CatalogLayout::WithRanges
    } else {
        CatalogLayout::TwoLogs
    };
    Ok((version, layout))
}

fn is_known(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => {
            (2, 19) <= (major, minor) && (major, minor) < FIRST_UNKNOWN
        }
        _ => false,
    }
}

/// The hypertables of a continuous aggregate: its materialization table, and its source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AggregateIds {
    pub(crate) materialization: i32,
    pub(crate) raw: i32,
}

/// A query of changes `(place, first, last)` that wait for a refresh of `aggregates`, which are given
/// with the smallest timeframe first. Both ends are inclusive, in microseconds since 1970, and clipped to
/// the relation `times (start, until)`. `place` is the position of the aggregate, from 1. Not for an
/// unknown layout.
///
/// The change of an aggregate that reaches the last possible tick, of 2099-12-31, covers everything above its
/// last refresh; changes of its hypertable that begin there are omitted, since they would add nothing.
///
/// The text contains the ids, so that the server plans the statement once.
pub(crate) fn pending_changes(layout: CatalogLayout, aggregates: &[AggregateIds]) -> String {
    const LOGS: &str = "_timescaledb_catalog.continuous_aggs";
    let mut parts = Vec::new();
    for (
        place,
        AggregateIds {
            materialization,
            raw,
        },
    ) in (1..).zip(aggregates)
    {
        let part = |log: &str, condition: String, until: &str| {
            format!(
                "SELECT {place} AS place, greatest(lowest_modified_value, start) AS first, \
                 least(greatest_modified_value, until - 1) AS last \
                 FROM {LOGS}_{log}, times WHERE {condition} \
                 AND lowest_modified_value < {until} AND greatest_modified_value >= start"
            )
        };
        let never_made = format!(
            "least(until, coalesce((SELECT min(lowest_modified_value) \
             FROM {LOGS}_materialization_invalidation_log \
             WHERE materialization_id = {materialization} \
             AND greatest_modified_value >= 4102444799999999), until))"
        );
        let of_source = format!("hypertable_id = {raw}");
        parts.push(part("hypertable_invalidation_log", of_source, &never_made));
        let own = || format!("materialization_id = {materialization}");
        parts.push(part("materialization_invalidation_log", own(), "until"));
        if layout == CatalogLayout::WithRanges {
            parts.push(part("materialization_ranges", own(), "until"));
        }
    }
    if parts.is_empty() {
        return "SELECT 1 AS place, start AS first, until AS last FROM times WHERE false"
            .to_owned();
    }
    parts.join(" UNION ALL ")
}

#[derive(QueryableByName)]
struct AggregateIdRow {
    #[diesel(sql_type = Integer)]
    materialization: i32,
    #[diesel(sql_type = Integer)]
    raw: i32,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// The number of changes in the log of ticks or trades above which they are moved to the logs of the aggregates.
const MAX_CHANGES: i64 = 10_000;

/// A minute that never has a tick: [`latest_time`](crate::domain::latest_time) is its start.
const EMPTY_MINUTE: (&str, &str) = ("2100-01-01 00:00:00Z", "2100-01-01 00:01:00Z");

/// Keeps the logs of single changes of ticks and trades short, since reads scan it. Every refresh, such as that of a job,
/// moves the changes to a log where they are merged; without applied policies there is no such job.
pub(super) fn empty_change_log(connection: &mut PgConnection) -> Result<(), DbError> {
    let aggregates = candle_relations(connection)?;
    if !aggregates.iter().all(CandleRelationState::is_aggregate) {
        return Ok(());
    }
    // includes aggregates that were created by hand since
    raise_thresholds(connection)?;
    for &input in CandleInput::ALL {
        empty_log_of(connection, minutes(input).name)?;
    }
    Ok(())
}

/// Moves the changes of the rows of the one-minute relation `minutes`, if there are many.
fn empty_log_of(connection: &mut PgConnection, minutes: &str) -> Result<(), DbError> {
    let row: Count = sql_query(
        "SELECT count(*) AS count FROM (SELECT \
         FROM _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log \
         JOIN _timescaledb_catalog.continuous_agg ON hypertable_id = raw_hypertable_id \
         WHERE user_view_schema = current_schema() AND user_view_name = $2 LIMIT $1) AS changes",
    )
    .bind::<BigInt, _>(MAX_CHANGES + 1)
    .bind::<Text, _>(minutes)
    .get_result(connection)?;
    if row.count > MAX_CHANGES {
        let (from, to) = EMPTY_MINUTE;
        sql_query(format!(
            "CALL refresh_continuous_aggregate('{minutes}', timestamptz '{from}', \
             timestamptz '{to}')"
        ))
        .execute(connection)?;
    }
    Ok(())
}

/// The number of changes that reads scan; 0 without aggregates, and for a release that stores its log
/// elsewhere.
pub(super) fn waiting_changes(connection: &mut PgConnection) -> Result<u64, DbError> {
    let (_, layout) = catalog_layout(connection)?;
    if layout == CatalogLayout::Unknown {
        return Ok(0);
    }
    let ids: Vec<AggregateIdRow> = sql_query(
        "SELECT mat_hypertable_id AS materialization, raw_hypertable_id AS raw \
         FROM _timescaledb_catalog.continuous_agg WHERE user_view_schema = current_schema()",
    )
    .load(connection)?;
    let ids = ids.into_iter().map(|row| AggregateIds {
        materialization: row.materialization,
        raw: row.raw,
    });
    let changes = pending_changes(layout, &ids.collect::<Vec<_>>());
    // a range that begins before all time, or reaches the last possible tick, was never refreshed and does
    // not count
    let row: Count = sql_query(format!(
        "WITH times AS (SELECT '{0}'::bigint AS start, {1} AS until) \
         SELECT count(*) AS count FROM ({changes}) AS changes \
         WHERE first > '{0}'::bigint AND last < 4102444799999999",
        -i64::MAX,
        i64::MAX
    ))
    .get_result(connection)?;
    Ok(row.count.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_known_up_to_the_newest_release_read() {
        for version in ["2.19.3", "2.22.1", "2.29.2", "2.29.0-dev"] {
            assert!(is_known(version), "{version}");
        }
        for version in ["2.18.0", "2.30.0", "3.0.0", "", "two"] {
            assert!(!is_known(version), "{version}");
        }
    }
}
