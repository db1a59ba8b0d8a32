//! Applies declared policies to a database.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel::{PgConnection, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::db::TimeseriesDb;
use crate::db::transaction;
use crate::domain::CandleInput;
use crate::error::RepositoryError;
use crate::postgres::timescale::bool_row::BoolRow;
use crate::postgres::timescale::edition::Edition;
use crate::retention::{
    PolicyChange, PolicyConflict, PolicyDuration, PolicyKey, PolicyKind, PolicyValue,
    RetentionFloors, RetentionPolicies, difference, is_table, late_after, validate, wanted,
};

use super::current::{AppliedPolicies, CurrentPolicies};
use super::due::{DueDrop, due_drops};
use super::floor::without_writers;
use super::lock;
use super::refresh::{days_of_chunks, refresh};

/// The changes that applying policies would make.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyPlan {
    /// The edition.
    pub edition: Edition,
    /// The changes, pending or made.
    pub changes: Vec<PolicyChange>,
    /// Whether the record that writers read changes, or has changed.
    pub changes_record: bool,
    /// Contradicting pairs of settings; such policies are not applied.
    pub conflicts: Vec<PolicyConflict>,
    /// Other obstacles, with their remedies.
    pub obstacles: Vec<String>,
    /// The rows that the next maintenance drops because of the changes; empty if the policies cannot be
    /// applied.
    pub due_drops: Vec<DueDrop>,
}

impl PolicyPlan {
    /// Whether the database needs no change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.changes_record
    }

    /// Whether the policies lose no candle and can be applied.
    #[must_use]
    pub fn is_applicable(&self) -> bool {
        self.conflicts.is_empty() && self.obstacles.is_empty()
    }
}

/// Compares `policies` with the database and checks that they lose no candle. Changes nothing. Counts the
/// rows that would be dropped, and reads all of them for that.
///
/// # Errors
/// Returns database errors, and `Configuration` through a PgBouncer. Conflicts between policies are not
/// errors: the plan lists them.
pub async fn plan_policies(
    db: &TimeseriesDb,
    policies: &RetentionPolicies,
) -> Result<PolicyPlan, RepositoryError> {
    let policies = policies.clone();
    db.run_dedicated("plan_policies", move |connection| {
        let current = CurrentPolicies::read(connection)?;
        plan(connection, &policies, &current)
    })
    .await
}

/// Applies `policies` to the database. A second call finds nothing to do; if the first one failed midway, the
/// second completes it.
///
/// First makes writers refuse ticks and trades that are too old. Drops nothing; `maintain` does that. Before they
/// can be dropped for the first time, refreshes the candles of all of them if aggregates hold the candles, which
/// may take long.
///
/// # Errors
/// Returns `InvalidInput` with every conflict and obstacle if the policies would lose a candle; then nothing is
/// applied. Returns database errors.
pub async fn apply_policies(
    db: &TimeseriesDb,
    policies: &RetentionPolicies,
) -> Result<PolicyPlan, RepositoryError> {
    let policies = policies.clone();
    db.run_dedicated("apply_policies", move |connection| {
        lock(connection)?;
        let current = CurrentPolicies::read(connection)?;
        let plan = plan(connection, &policies, &current)?;
        if !plan.is_applicable() {
            return Err(refused(&plan).into());
        }
        if plan.is_empty() {
            return Ok(plan);
        }
        let is_first_drop = current.has_aggregates && plan.changes.iter().any(drops_rows);
        // from now on late ticks and trades mark their days, and nothing is dropped before all candles are refreshed
        without_writers(connection, |connection| {
            record(connection, &current, Some(&policies))?;
            if is_first_drop {
                // earlier ones left no marks; the maintenance refreshes the days that this call does not
                mark_all(connection)?;
            }
            Ok(())
        })?;
        // the candles of one chunk in every table are dropped together, and never by another program's job
        let (first, then): (Vec<_>, Vec<_>) = plan.changes.iter().cloned().partition(|change| {
            matches!(change.key.kind, PolicyKind::Chunk | PolicyKind::DropAfter)
        });
        transaction(connection, |connection| {
            change(connection, &first, current.has_jobs())
        })?;
        if is_first_drop {
            let days = days_of_chunks(connection)?;
            refresh(connection, &days)?;
        }
        transaction(connection, |connection| {
            change(connection, &then, current.has_jobs())
        })?;
        Ok(plan)
    })
    .await
}

/// Removes every job that refreshes, compresses or drops. Compressed and dropped chunks stay so, and the
/// retention floor stays. Returns the settings that were removed.
///
/// # Errors
/// Returns database errors.
pub async fn remove_policies(db: &TimeseriesDb) -> Result<Vec<PolicyChange>, RepositoryError> {
    db.run_dedicated("remove_policies", |connection| {
        lock(connection)?;
        let current = CurrentPolicies::read(connection)?;
        let is_job = |key: &PolicyKey| {
            matches!(
                key.kind,
                PolicyKind::Refresh | PolicyKind::CompressAfter | PolicyKind::DropAfter
            )
        };
        let changes: Vec<_> = current
            .settings
            .iter()
            .filter(|(key, _)| is_job(key))
            .map(|(key, from)| PolicyChange {
                key: key.clone(),
                from: from.clone(),
                to: None,
            })
            .collect();
        without_writers(connection, |connection| {
            change(connection, &changes, current.has_jobs())?;
            record(connection, &current, None)
        })?;
        Ok(changes)
    })
    .await
}

fn plan(
    connection: &mut PgConnection,
    policies: &RetentionPolicies,
    current: &CurrentPolicies,
) -> Result<PolicyPlan, DbError> {
    let wanted = wanted(policies, current.has_jobs(), current.has_aggregates);
    let applied = current.applied.as_ref();
    let mut obstacles = Vec::new();
    for &input in CandleInput::ALL {
        let is_dropped = policies.of_rows(input).drop_after.is_some();
        if current.has_jobs() && !current.has_aggregates && is_dropped {
            let rows = input.table();
            obstacles.push(format!(
                "policies.{rows}.drop_after would drop {rows} whose candles are not stored: run \
                 `tickbook aggregates apply` first, or set it to \"none\""
            ));
        }
    }
    let mut plan = PolicyPlan {
        edition: current.edition,
        changes: difference(&wanted, &current.settings),
        changes_record: applied.is_none_or(|applied| {
            applied.settings != policies.to_string()
                || applied.late_after != late(policies, current)
        }),
        conflicts: validate(policies).err().unwrap_or_default(),
        obstacles,
        due_drops: Vec::new(),
    };
    if plan.is_applicable() {
        plan.due_drops = due_drops(connection, &plan.changes, current)?;
    }
    Ok(plan)
}

/// The age beyond which ticks mark their day; `None` if nothing is refreshed.
fn late(policies: &RetentionPolicies, current: &CurrentPolicies) -> Option<PolicyDuration> {
    current.has_aggregates.then(|| late_after(policies))
}

fn refused(plan: &PolicyPlan) -> RepositoryError {
    let conflicts = plan.conflicts.iter().map(ToString::to_string);
    let reasons: Vec<_> = conflicts.chain(plan.obstacles.iter().cloned()).collect();
    RepositoryError::invalid(format!(
        "these policies would lose candles: {}",
        reasons.join("; ")
    ))
}

fn drops_rows(change: &PolicyChange) -> bool {
    let inputs = CandleInput::ALL.iter();
    inputs
        .map(|it| it.table())
        .any(|table| table == change.key.relation)
        && change.key.kind == PolicyKind::DropAfter
        && change.to.is_some()
}

/// Removes all jobs before it adds any, since the database checks new jobs against existing ones.
fn change(
    connection: &mut PgConnection,
    changes: &[PolicyChange],
    has_jobs: bool,
) -> Result<(), DbError> {
    for PolicyChange { key, .. } in changes.iter().filter(|_| has_jobs) {
        let procedure = match key.kind {
            PolicyKind::Chunk | PolicyKind::Compression => continue,
            PolicyKind::Refresh => "remove_continuous_aggregate_policy",
            PolicyKind::CompressAfter => "remove_compression_policy",
            PolicyKind::DropAfter => "remove_retention_policy",
        };
        let relation = &key.relation;
        let call = format!("SELECT {procedure}('{relation}', if_exists => true)");
        connection.batch_execute(&call)?;
    }
    let batch = if has_jobs { batch(connection)? } else { "" };
    let mut ordered: Vec<_> = changes.iter().collect();
    ordered.sort_by_key(|change| change.key.kind);
    for PolicyChange { key, to, .. } in ordered {
        if let Some(to) = to
            && let Some(statement) = statement(key, to, batch)
            && (key.kind == PolicyKind::Chunk || has_jobs)
        {
            connection.batch_execute(&statement)?;
        }
    }
    Ok(())
}

/// The argument that makes a refresh job process many buckets at once, if the server's release supports it.
fn batch(connection: &mut PgConnection) -> Result<&'static str, DbError> {
    let row: BoolRow = sql_query(
        "SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'add_continuous_aggregate_policy' \
         AND 'buckets_per_batch' = ANY(proargnames)) AS answer",
    )
    .get_result(connection)?;
    // the default is ten at a time
    Ok(if row.answer {
        ", buckets_per_batch => 1440"
    } else {
        ""
    })
}

/// The statement that sets `key` to `value`; `batch` are further arguments of a refresh.
fn statement(key: &PolicyKey, value: &PolicyValue, batch: &str) -> Option<String> {
    let relation = &key.relation;
    let interval =
        |duration: PolicyDuration| format!("INTERVAL '{} seconds'", duration.as_seconds());
    let optional =
        |duration: Option<PolicyDuration>| duration.map_or("NULL::interval".to_owned(), interval);
    Some(match (key.kind, value) {
        (PolicyKind::Chunk, PolicyValue::Length(duration)) => {
            format!(
                "SELECT set_chunk_time_interval('{relation}', {})",
                interval(*duration)
            )
        }
        (
            PolicyKind::Compression,
            PolicyValue::Columns {
                segment_by,
                order_by,
            },
        ) => {
            let what = match is_table(relation) {
                true => "TABLE",
                false => "MATERIALIZED VIEW",
            };
            format!(
                "ALTER {what} {relation} SET (timescaledb.compress = true, \
                 timescaledb.compress_segmentby = '{segment_by}', \
                 timescaledb.compress_orderby = '{order_by}')"
            )
        }
        (
            PolicyKind::Refresh,
            PolicyValue::Refresh {
                start_offset,
                end_offset,
                every,
            },
        ) => format!(
            "SELECT add_continuous_aggregate_policy('{relation}', start_offset => {}, \
             end_offset => {}, schedule_interval => {}{batch})",
            optional(*start_offset),
            optional(*end_offset),
            interval(*every)
        ),
        (PolicyKind::CompressAfter, PolicyValue::Length(duration)) => format!(
            "SELECT add_compression_policy('{relation}', compress_after => {})",
            interval(*duration)
        ),
        // the maintenance drops according to the record
        _ => return None,
    })
}

/// Records the applied policies for writers; `None` records that there are none.
fn record(
    connection: &mut PgConnection,
    current: &CurrentPolicies,
    policies: Option<&RetentionPolicies>,
) -> Result<(), DbError> {
    let applied = current.applied.as_ref();
    // the floor of earlier policies stays
    let refused = |input: CandleInput| {
        let by_age = current.min_drop_after(input.table());
        let refused = applied.and_then(|applied| applied.of_rows(input).refused_before);
        refused.max(by_age.map(|duration| current.now - duration.delta()))
    };
    let [ticks_refused, trades_refused] = [CandleInput::Ticks, CandleInput::Trades].map(refused);
    let floors = AppliedPolicies::floors(applied);
    sql_query("DELETE FROM applied_policies").execute(connection)?;
    let books_dropped = applied.and_then(|applied| applied.books.dropped_before);
    let is_empty = ticks_refused.or(trades_refused).or(books_dropped).is_none()
        && floors == RetentionFloors::default();
    if policies.is_none() && is_empty {
        return Ok(());
    }
    let seconds = |duration: Option<PolicyDuration>| duration.map(PolicyDuration::as_seconds);
    sql_query(
        "INSERT INTO applied_policies (settings, ticks_drop_after_seconds, \
         candles_drop_after_seconds, late_after_seconds, ticks_refused_before, \
         ticks_dropped_before, candles_dropped_before, trades_drop_after_seconds, \
         trades_refused_before, trades_dropped_before, books_drop_after_seconds, \
         books_dropped_before) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind::<Text, _>(policies.map_or(String::new(), ToString::to_string))
    .bind::<Nullable<BigInt>, _>(policies.and_then(|it| seconds(it.ticks.drop_after)))
    .bind::<Nullable<BigInt>, _>(policies.and_then(|it| seconds(it.candles.drop_after)))
    .bind::<Nullable<BigInt>, _>(policies.and_then(|it| seconds(late(it, current))))
    .bind::<Nullable<Timestamptz>, _>(ticks_refused)
    .bind::<Nullable<Timestamptz>, _>(floors.ticks)
    .bind::<Nullable<Timestamptz>, _>(floors.candles)
    .bind::<Nullable<BigInt>, _>(policies.and_then(|it| seconds(it.trades.drop_after)))
    .bind::<Nullable<Timestamptz>, _>(trades_refused)
    .bind::<Nullable<Timestamptz>, _>(floors.trades)
    .bind::<Nullable<BigInt>, _>(policies.and_then(|it| seconds(it.books.drop_after)))
    .bind::<Nullable<Timestamptz>, _>(books_dropped)
    .execute(connection)?;
    Ok(())
}

fn mark_all(connection: &mut PgConnection) -> Result<(), DbError> {
    let days: Vec<_> = days_of_chunks(connection)?.into_iter().collect();
    sql_query("INSERT INTO late_days (day) SELECT * FROM unnest($1)")
        .bind::<diesel::sql_types::Array<Timestamptz>, _>(days)
        .execute(connection)?;
    Ok(())
}
