//! Changes of ticks that continuous aggregates have not yet learned of, by TimescaleDB's own logs.
//!
//! Three tables hold them: changes of a hypertable that no refresh has seen; changes that a refresh
//! has handed on to each aggregate of that hypertable; and, in some releases, what a refresh is about
//! to make. A bucket of an aggregate that meets no entry for this aggregate or a smaller one equals
//! its ticks. `docs/decisions/candle-reads.md` says why, and names the releases whose sources were
//! read.

use std::sync::{Mutex, PoisonError};

use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel::{OptionalExtension as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::domain::Timeframe;

use super::aggregates::{CandleRelationKind, candle_relations};
use super::failure::DbError;
use super::thresholds::raise_thresholds;

/// The first release whose tables are not known.
const FIRST_UNKNOWN: (u32, u32) = (2, 30);

/// Which tables a release of TimescaleDB keeps changes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CatalogLayout {
    /// Two logs: 2.19 to 2.21.
    TwoLogs,
    /// Besides, `continuous_aggs_materialization_ranges`: up to 2.29.
    WithRanges,
    /// None that is known: everything counts as changed.
    Unknown,
}

/// Remembers the layout of each release that was met.
#[derive(Debug, Default)]
pub(crate) struct CatalogLayouts(Mutex<Vec<(String, CatalogLayout)>>);

impl CatalogLayouts {
    /// The release that was met last, and its layout; asks for it the first time.
    pub(crate) fn last(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(String, CatalogLayout), DbError> {
        if let Some(last) = self.known().last() {
            return Ok(last.clone());
        }
        self.look(connection)
    }

    /// Asks which release it is by now.
    pub(crate) fn look(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(String, CatalogLayout), DbError> {
        let found = catalog_layout(connection)?;
        if found.1 == CatalogLayout::Unknown {
            tracing::warn!(
                version = found.0,
                "candles are made of ticks and of one-minute candles at every read, since this \
                 release of TimescaleDB is newer than this library"
            );
        }
        let mut known = self.known();
        known.clear();
        known.push(found.clone());
        Ok(found)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<(String, CatalogLayout)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

/// Parts of a `WITH`: `changes (place, first, last)`, ends inclusive, in microseconds since 1970.
///
/// They stand on a part `names (names, first, until)`: the relations, smallest first, and the times
/// that changes have to meet. `aggregates (place, mat, raw)` are those of the relations that are
/// continuous aggregates: place in the list, hypertable of the aggregate, hypertable it is made of;
/// that part is missing where the layout is not known.
///
/// The change of an aggregate that reaches the last possible tick, of 2099-12-31, stands for everything
/// above its last refresh; changes of its hypertable that begin there are left out, since they would
/// add nothing.
pub(crate) fn pending_changes(layout: CatalogLayout) -> String {
    let ranges = match layout {
        CatalogLayout::TwoLogs => "",
        CatalogLayout::WithRanges => BEING_MADE,
        CatalogLayout::Unknown => {
            return "changes AS (SELECT 1 AS place, first, until - 1 AS last FROM names)".into();
        }
    };
    format!("{AGGREGATES}, changes AS ({LOGGED}{HANDED_ON}{ranges})")
}

const AGGREGATES: &str = "aggregates AS MATERIALIZED (\
    SELECT array_position(names, user_view_name) AS place, \
      mat_hypertable_id AS mat, raw_hypertable_id AS raw, \
      (SELECT min(lowest_modified_value) \
       FROM _timescaledb_catalog.continuous_aggs_materialization_invalidation_log \
       WHERE materialization_id = mat_hypertable_id \
       AND greatest_modified_value >= 4102444799999999) AS open_from \
    FROM _timescaledb_catalog.continuous_agg, names \
    WHERE user_view_schema = current_schema() AND user_view_name = ANY(names))";

const LOGGED: &str = "SELECT place, lowest_modified_value AS first, greatest_modified_value AS last \
    FROM aggregates, names, LATERAL (\
      SELECT lowest_modified_value, greatest_modified_value \
      FROM _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log \
      WHERE hypertable_id = raw \
      AND lowest_modified_value < least(until, coalesce(open_from, until)) \
      AND greatest_modified_value >= names.first) AS logged";

const HANDED_ON: &str = " UNION ALL SELECT place, lowest_modified_value, greatest_modified_value \
    FROM _timescaledb_catalog.continuous_aggs_materialization_invalidation_log \
    JOIN aggregates ON materialization_id = mat, names \
    WHERE lowest_modified_value < until AND greatest_modified_value >= names.first";

const BEING_MADE: &str = " UNION ALL SELECT place, lowest_modified_value, greatest_modified_value \
    FROM _timescaledb_catalog.continuous_aggs_materialization_ranges \
    JOIN aggregates ON materialization_id = mat, names \
    WHERE lowest_modified_value < until AND greatest_modified_value >= names.first";

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// More changes than these are moved out of the log of the ticks.
const MOST_CHANGES: i64 = 10_000;

/// A minute that never has a tick: [`latest_time`](crate::domain::latest_time) is its start.
const EMPTY_MINUTE: (&str, &str) = ("2100-01-01 00:00:00Z", "2100-01-01 00:01:00Z");

/// Does what keeps reads from looking through many single changes: a refresh of any window, which
/// each job is, moves the changes of ticks to where they are merged. Where no policy was applied no
/// job does.
pub(super) fn empty_change_log(connection: &mut PgConnection) -> Result<(), DbError> {
    let aggregates = candle_relations(connection)?;
    if aggregates
        .iter()
        .any(|(_, kind)| *kind != CandleRelationKind::Aggregate)
    {
        return Ok(());
    }
    // one that was made by hand since
    raise_thresholds(connection)?;
    let row: Count = sql_query(
        "SELECT count(*) AS count FROM (SELECT \
         FROM _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log \
         JOIN _timescaledb_catalog.continuous_agg ON hypertable_id = raw_hypertable_id \
         WHERE user_view_schema = current_schema() AND user_view_name = 'ohlc_1m' LIMIT $1) AS changes",
    )
    .bind::<BigInt, _>(MOST_CHANGES + 1)
    .get_result(connection)?;
    if row.count > MOST_CHANGES {
        let (from, to) = EMPTY_MINUTE;
        sql_query(format!(
            "CALL refresh_continuous_aggregate('ohlc_1m', timestamptz '{from}', \
             timestamptz '{to}')"
        ))
        .execute(connection)?;
    }
    Ok(())
}

/// How many changes reads look through; none where there are no aggregates, or where a release of
/// the database keeps its log elsewhere.
pub(super) fn waiting_changes(connection: &mut PgConnection) -> Result<u64, DbError> {
    let (_, layout) = catalog_layout(connection)?;
    if layout == CatalogLayout::Unknown {
        return Ok(0);
    }
    let names: Vec<String> = Timeframe::ALL
        .iter()
        .map(|it| format!("ohlc_{it}"))
        .collect();
    // what begins before all time, or reaches the last possible tick, was never refreshed and is no
    // change
    let row: Count = sql_query(format!(
        "WITH names AS (SELECT $1::name[] AS names, '-9223372036854775807'::bigint AS first, \
           9223372036854775807::bigint AS until), {} \
         SELECT count(*) AS count FROM changes \
         WHERE first > '-9223372036854775808'::bigint AND last < 4102444799999999",
        pending_changes(layout)
    ))
    .bind::<Array<Text>, _>(names)
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
