//! Checks of the database's own state: keys, chunks, aggregates, jobs.

mod chunks;
mod keys;
mod retained_rows;
mod symbol_days;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Bool, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::audit::{FindingKind, Measurement, StateProblem};
use crate::domain::{CandleInput, TimeRange};
use crate::error::RepositoryError;
use crate::postgres::timescale::bool_row::BoolRow;
use crate::retention::{PolicyDuration, RetentionPolicies};

use super::retention;
use crate::db::DbError;
use crate::db::TimeseriesDb;
use crate::postgres::candle_sql::relation_names;
use crate::postgres::timescale::candle_relations::{
    CandleRelationKind, CandleRelationState, candle_relations,
};
use crate::postgres::timescale::edition::{Edition, detect_edition};
use crate::postgres::timescale::failed_jobs::{FailedJob, failed_jobs};
use crate::postgres::timescale::invalidations::waiting_changes;
use crate::postgres::timescale::thresholds::near_thresholds;
use retained_rows::retained_rows;

pub use symbol_days::missing_symbol_days;

/// The maximum number of entries in the change logs; reads scan all of them.
const MAX_INVALIDATIONS: u64 = 1_000;

/// The longest time that the refresh of late days itself may take.
const MAX_REFRESH_DURATION: PolicyDuration = PolicyDuration::hours(1);

/// The state of the time-series database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeseriesState {
    /// The edition.
    pub edition: Edition,
    /// Whether all of `ohlc_1m` to `ohlc_1d` are continuous aggregates.
    pub has_aggregates: bool,
    /// The time before which ticks may have been dropped; `None` if there are no ticks or none was dropped.
    pub complete_from: Option<DateTime<Utc>>,
    /// Later ranges that may lack ticks: they have candles, but either no chunk of ticks or a chunk that
    /// was created after a chunk of a later time.
    pub incomplete_ranges: Vec<TimeRange>,
    /// As `complete_from`, of trades.
    pub trades_complete_from: Option<DateTime<Utc>>,
    /// As `incomplete_ranges`, of trades.
    pub trades_incomplete_ranges: Vec<TimeRange>,
    /// The number of tick changes that wait for a refresh.
    pub invalidations: u64,
    /// The problems that were found.
    pub problems: Vec<StateProblem>,
}

/// Checks keys, constraints, chunks, aggregates and jobs of the current schema against `declared`. Changes
/// nothing.
///
/// # Errors
/// Returns database errors.
pub async fn timeseries_state(
    db: &TimeseriesDb,
    declared: &RetentionPolicies,
) -> Result<TimeseriesState, RepositoryError> {
    let declared = declared.clone();
    db.read("timeseries_state", move |connection| {
        let edition = detect_edition(connection)?.edition;
        let mut problems = keys::problems(connection)?;
        problems.extend(chunks::problems(connection, &declared)?);
        let relations = candle_relations(connection)?;
        let has_aggregates = relations.iter().all(CandleRelationState::is_aggregate);
        problems.extend(relation_problems(edition, &relations));
        let mut waiting = 0;
        if edition == Edition::Community {
            problems.extend(aggregate_problems(connection)?);
            problems.extend(job_problems(connection)?);
            waiting = waiting_changes(connection)?;
            problems.extend(backlog(waiting));
        }
        if has_aggregates {
            problems.extend(overdue_backlog(connection, &declared)?);
        }
        let ticks = retained_rows(connection, CandleInput::Ticks, has_aggregates)?;
        let trades = retained_rows(connection, CandleInput::Trades, has_aggregates)?;
        Ok(TimeseriesState {
            edition,
            has_aggregates,
            complete_from: ticks.from,
            incomplete_ranges: ticks.incomplete_ranges,
            trades_complete_from: trades.from,
            trades_incomplete_ranges: trades.incomplete_ranges,
            invalidations: waiting,
            problems,
        })
    })
    .await
}

fn problem(
    kind: FindingKind,
    object: impl Into<String>,
    detail: impl Into<String>,
) -> StateProblem {
    StateProblem {
        kind,
        object: object.into(),
        detail: detail.into(),
        numbers: Vec::new(),
    }
}

/// Whether the table exists, so that its migrations have run.
fn has_table(connection: &mut PgConnection, name: &str) -> Result<bool, DbError> {
    let row: BoolRow = sql_query(
        "SELECT to_regclass(format('%I.%I', current_schema(), $1)) IS NOT NULL AS answer",
    )
    .bind::<Text, _>(name)
    .get_result(connection)?;
    Ok(row.answer)
}

/// Reports a partial set of relations, and views on an edition with aggregates. An empty set is valid.
fn relation_problems(edition: Edition, relations: &[CandleRelationState]) -> Vec<StateProblem> {
    let is_missing = |relation: &CandleRelationState| relation.kind == CandleRelationKind::Missing;
    if relations.iter().all(is_missing) {
        return Vec::new();
    }
    let expected = match edition {
        Edition::Apache => CandleRelationKind::View,
        Edition::Community => CandleRelationKind::Aggregate,
    };
    let wrong = relations.iter().filter(|it| it.kind != expected);
    wrong
        .map(|CandleRelationState { name, kind }| {
            let detail = format!("it is {kind}, not {expected}: run `tickbook aggregates apply`");
            problem(FindingKind::AggregateMissing, name.as_str(), detail)
        })
        .collect()
}

#[derive(QueryableByName)]
struct AggregateRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    materialized_only: bool,
    #[diesel(sql_type = Bool)]
    has_bucket_index: bool,
}

fn aggregate_problems(connection: &mut PgConnection) -> Result<Vec<StateProblem>, DbError> {
    let aggregates: Vec<AggregateRow> = sql_query(
        "SELECT a.view_name::text AS name, a.materialized_only, EXISTS (SELECT FROM pg_index AS i \
           JOIN pg_attribute AS t ON t.attrelid = i.indrelid AND t.attnum = i.indkey[0] \
           WHERE i.indrelid = format('%I.%I', a.materialization_hypertable_schema, \
             a.materialization_hypertable_name)::regclass \
           AND i.indnatts = 1 AND t.attname = 'open_time') AS has_bucket_index \
         FROM timescaledb_information.continuous_aggregates AS a \
         WHERE a.view_schema = current_schema() AND a.view_name = ANY($1) ORDER BY 1",
    )
    .bind::<Array<Text>, _>(relation_names())
    .load(connection)?;
    let mut problems = Vec::new();
    for aggregate in aggregates {
        let name = aggregate.name;
        if aggregate.materialized_only {
            let detail = format!(
                "it hides candles that no refresh has computed yet: ALTER MATERIALIZED VIEW {name} \
                 SET (timescaledb.materialized_only = false)"
            );
            let kind = FindingKind::AggregateNotRealTime;
            problems.push(problem(kind, name.as_str(), detail));
        }
        if aggregate.has_bucket_index {
            let detail = "it has an index on open_time alone, which misleads the planner: \
                          run `tickbook aggregates apply`";
            problems.push(problem(FindingKind::AggregateBucketIndex, name, detail));
        }
    }
    for name in near_thresholds(connection)? {
        let detail = "a refresh may permanently miss an insert that commits at the same time: run \
                      `tickbook aggregates apply`";
        problems.push(problem(FindingKind::AggregateThresholdNear, name, detail));
    }
    Ok(problems)
}

fn job_problems(connection: &mut PgConnection) -> Result<Vec<StateProblem>, DbError> {
    let describe = |job: FailedJob| {
        let last_run = job
            .last_run
            .map_or_else(String::new, |at| format!(" at {at}"));
        let why = job.error.map_or_else(
            || "see timescaledb_information.job_errors".to_owned(),
            |error| format!("the last time with: {error}"),
        );
        let detail = format!(
            "its last run{last_run} failed, as did {} runs so far, {why}",
            job.failures
        );
        problem(FindingKind::JobFailed, job.name, detail)
    };
    Ok(failed_jobs(connection)?.into_iter().map(describe).collect())
}

fn backlog(waiting: u64) -> Option<StateProblem> {
    (waiting > MAX_INVALIDATIONS).then(|| {
        let detail = format!(
            "{waiting} changes wait for a refresh, more than {MAX_INVALIDATIONS}, and reads scan \
             all of them: refresh the candles of old ticks"
        );
        let kind = FindingKind::InvalidationBacklog;
        StateProblem {
            numbers: vec![Measurement::new(
                "changes",
                i64::try_from(waiting).unwrap_or(i64::MAX),
            )],
            ..problem(kind, "ohlc_1m to ohlc_1d", detail)
        }
    })
}

/// Reports days with late ticks that no maintenance has refreshed in time.
fn overdue_backlog(
    connection: &mut PgConnection,
    declared: &RetentionPolicies,
) -> Result<Option<StateProblem>, DbError> {
    if !has_table(connection, "late_days")? {
        return Ok(None);
    }
    let waiting = retention::refresh_backlog(connection)?;
    let Some(oldest) = waiting.oldest else {
        return Ok(None);
    };
    let age = retention::now(connection)? - oldest;
    Ok(overdue(waiting.days, PolicyDuration::from(age), declared))
}

fn overdue(days: u64, age: PolicyDuration, declared: &RetentionPolicies) -> Option<StateProblem> {
    // the first run may have begun just before the ticks arrived
    let max_wait = declared.maintain_every * 2 + MAX_REFRESH_DURATION;
    (age > max_wait).then(|| {
        let detail = format!(
            "{days} days with late ticks wait for a refresh, the oldest for {age}, longer than the \
             {max_wait} that suffice: check why neither the server nor `tickbook maintain` \
             refreshes them"
        );
        let days = i64::try_from(days).unwrap_or(i64::MAX);
        StateProblem {
            numbers: vec![
                Measurement::new("days", days),
                Measurement::new("oldest_age_seconds", age.as_seconds()),
            ],
            ..problem(FindingKind::RefreshBacklogOverdue, "late_days", detail)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backlog_of_changes_is_reported_beyond_its_limit() {
        assert_eq!(backlog(MAX_INVALIDATIONS), None);
        let reported = backlog(MAX_INVALIDATIONS + 1).expect("too many");
        assert_eq!(reported.kind, FindingKind::InvalidationBacklog);
        assert!(
            reported.detail.contains("1001 changes"),
            "{}",
            reported.detail
        );
        assert_eq!(reported.numbers, [Measurement::new("changes", 1_001)]);
    }

    #[test]
    fn late_days_may_wait_for_two_runs_and_an_hour() {
        let declared = RetentionPolicies {
            maintain_every: PolicyDuration::seconds(600),
            ..RetentionPolicies::default()
        };
        let most = PolicyDuration::seconds(2 * 600 + 3_600);
        assert_eq!(overdue(3, most, &declared), None);
        let reported = overdue(3, most + PolicyDuration::seconds(1), &declared).expect("too long");
        assert_eq!(reported.kind, FindingKind::RefreshBacklogOverdue);
        let numbers = [("days", 3), ("oldest_age_seconds", 4_801)];
        let numbers = numbers.map(|(name, value)| Measurement::new(name, value));
        assert_eq!(reported.numbers, numbers);
        assert!(reported.detail.contains("3 days"), "{}", reported.detail);
        assert!(
            reported.detail.contains("for 1h20m1s"),
            "{}",
            reported.detail
        );
    }

    #[test]
    fn candle_relations_are_of_one_kind() {
        let of = |kinds: [CandleRelationKind; 2]| {
            let named = kinds.map(|kind| CandleRelationState::new("ohlc_1m", kind));
            relation_problems(Edition::Community, &named).len()
        };
        use CandleRelationKind::{Aggregate, Missing, View};
        assert_eq!(of([Missing, Missing]), 0);
        assert_eq!(of([Aggregate, Aggregate]), 0);
        assert_eq!(of([Aggregate, Missing]), 1);
        assert_eq!(of([View, View]), 2);
    }
}
