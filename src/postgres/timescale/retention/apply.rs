//! Making a database what is declared.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::db::TimeseriesDb;
use crate::db::transaction;
use crate::error::RepositoryError;
use crate::postgres::timescale::edition::Edition;
use crate::retention::{
    Change, Clash, Floors, Item, Kind, Policies, Span, Value, difference, late_after, prove, wanted,
};

use super::due::{DueDrop, due_drops};
use super::floor::without_writers;
use super::lock;
use super::present::{AppliedPolicies, Present};
use super::refresh::{days_of_chunks, refresh};

/// What applying policies would change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyPlan {
    /// The edition.
    pub edition: Edition,
    /// What would change, or has changed.
    pub changes: Vec<Change>,
    /// Whether what writers read of the policies would change, or has changed.
    pub changes_record: bool,
    /// Pairs of settings that cannot both hold: such policies are not applied.
    pub clashes: Vec<Clash>,
    /// What else keeps them from being applied, and what to do.
    pub obstacles: Vec<String>,
    /// What the next maintenance drops because of the changes; empty where the policies cannot be
    /// applied.
    pub due_drops: Vec<DueDrop>,
}

impl PolicyPlan {
    /// Whether the database is as it should be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.changes_record
    }

    /// Whether the policies lose no candle and can be applied.
    #[must_use]
    pub fn is_applicable(&self) -> bool {
        self.clashes.is_empty() && self.obstacles.is_empty()
    }
}

/// Compares `policies` with what the database has, and proves that they lose no candle. Changes
/// nothing. Counts what would be dropped, which reads all of it.
///
/// # Errors
/// Those of any call on a database, `Configuration` behind a PgBouncer; not that the policies clash,
/// which the plan says.
pub async fn plan_policies(
    db: &TimeseriesDb,
    policies: &Policies,
) -> Result<PolicyPlan, RepositoryError> {
    let policies = policies.clone();
    db.run_dedicated("plan policies", move |connection| {
        let present = Present::read(connection)?;
        plan(connection, &policies, &present)
    })
    .await
}

/// Makes the database what `policies` say. A second time there is nothing to do; where the first one
/// failed in between, the second does the rest.
///
/// Writers refuse what is too old before anything else is done. Nothing is dropped: `maintain` does
/// that. Before ticks are dropped for the first time, the candles of all ticks are refreshed where
/// candles are kept by aggregates, which may take long.
///
/// # Errors
/// `InvalidInput` with every clash or obstacle when the policies would lose a candle, of which
/// nothing is applied; those of any call on a database.
pub async fn apply_policies(
    db: &TimeseriesDb,
    policies: &Policies,
) -> Result<PolicyPlan, RepositoryError> {
    let policies = policies.clone();
    db.run_dedicated("apply policies", move |connection| {
        lock(connection)?;
        let present = Present::read(connection)?;
        let plan = plan(connection, &policies, &present)?;
        if !plan.is_applicable() {
            return Err(refused(&plan).into());
        }
        if plan.is_empty() {
            return Ok(plan);
        }
        let is_first_drop = present.has_aggregates && plan.changes.iter().any(drops_ticks);
        // from then on late ticks mark their days, and nothing is dropped before all is refreshed
        without_writers(connection, |connection| {
            record(connection, &present, Some(&policies))?;
            if is_first_drop {
                // the ticks before were not marked; the maintenance refreshes what this does not
                mark_all(connection)?;
            }
            Ok(())
        })?;
        // candles of one chunk in every table go together; and no job of somebody else's drops
        let (first, then): (Vec<_>, Vec<_>) = plan
            .changes
            .iter()
            .cloned()
            .partition(|change| matches!(change.item.kind, Kind::Chunk | Kind::DropAfter));
        transaction(connection, |connection| {
            change(connection, &first, present.has_jobs())
        })?;
        if is_first_drop {
            let days = days_of_chunks(connection)?;
            refresh(connection, &days)?;
        }
        transaction(connection, |connection| {
            change(connection, &then, present.has_jobs())
        })?;
        Ok(plan)
    })
    .await
}

/// Removes every job that refreshes, compresses or drops. What was compressed or dropped stays so,
/// and ticks that were refused for their age stay refused. Returns what was there.
///
/// # Errors
/// Those of any call on a database.
pub async fn remove_policies(db: &TimeseriesDb) -> Result<Vec<Change>, RepositoryError> {
    db.run_dedicated("remove policies", |connection| {
        lock(connection)?;
        let present = Present::read(connection)?;
        let is_job = |item: &Item| {
            matches!(
                item.kind,
                Kind::Refresh | Kind::CompressAfter | Kind::DropAfter
            )
        };
        let changes: Vec<_> = present
            .settings
            .iter()
            .filter(|(item, _)| is_job(item))
            .map(|(item, from)| Change {
                item: item.clone(),
                from: from.clone(),
                to: None,
            })
            .collect();
        without_writers(connection, |connection| {
            change(connection, &changes, present.has_jobs())?;
            record(connection, &present, None)
        })?;
        Ok(changes)
    })
    .await
}

fn plan(
    connection: &mut PgConnection,
    policies: &Policies,
    present: &Present,
) -> Result<PolicyPlan, DbError> {
    let wanted = wanted(policies, present.has_jobs(), present.has_aggregates);
    let applied = present.applied.as_ref();
    let mut obstacles = Vec::new();
    if present.has_jobs() && !present.has_aggregates && policies.ticks.drop_after.is_some() {
        obstacles.push(
            "policies.ticks.drop_after would drop ticks whose candles nobody keeps: run \
             `tickbook aggregates apply` first, or set it to \"none\""
                .to_owned(),
        );
    }
    let mut plan = PolicyPlan {
        edition: present.edition,
        changes: difference(&wanted, &present.settings),
        changes_record: applied.is_none_or(|applied| {
            applied.settings != policies.to_string()
                || applied.late_after != late(policies, present)
        }),
        clashes: prove(policies).err().unwrap_or_default(),
        obstacles,
        due_drops: Vec::new(),
    };
    if plan.is_applicable() {
        plan.due_drops = due_drops(connection, &plan.changes, present)?;
    }
    Ok(plan)
}

/// How old ticks are that mark their day, where something is to be refreshed.
fn late(policies: &Policies, present: &Present) -> Option<Span> {
    present.has_aggregates.then(|| late_after(policies))
}

fn refused(plan: &PolicyPlan) -> RepositoryError {
    let clashes = plan.clashes.iter().map(ToString::to_string);
    let reasons: Vec<_> = clashes.chain(plan.obstacles.iter().cloned()).collect();
    RepositoryError::invalid(format!(
        "these policies would lose candles: {}",
        reasons.join("; ")
    ))
}

fn drops_ticks(change: &Change) -> bool {
    change.item.relation == "ticks" && change.item.kind == Kind::DropAfter && change.to.is_some()
}

/// All jobs go before any comes: the database compares new ones with those that are there.
fn change(
    connection: &mut PgConnection,
    changes: &[Change],
    has_jobs: bool,
) -> Result<(), DbError> {
    for Change { item, .. } in changes.iter().filter(|_| has_jobs) {
        let procedure = match item.kind {
            Kind::Chunk | Kind::Compression => continue,
            Kind::Refresh => "remove_continuous_aggregate_policy",
            Kind::CompressAfter => "remove_compression_policy",
            Kind::DropAfter => "remove_retention_policy",
        };
        let relation = &item.relation;
        let call = format!("SELECT {procedure}('{relation}', if_exists => true)");
        connection.batch_execute(&call)?;
    }
    let batch = if has_jobs { batch(connection)? } else { "" };
    let mut ordered: Vec<_> = changes.iter().collect();
    ordered.sort_by_key(|change| change.item.kind);
    for Change { item, to, .. } in ordered {
        if let Some(to) = to
            && let Some(statement) = statement(item, to, batch)
            && (item.kind == Kind::Chunk || has_jobs)
        {
            connection.batch_execute(&statement)?;
        }
    }
    Ok(())
}

/// How a job that refreshes is made to take many buckets at once, where the server's release can.
fn batch(connection: &mut PgConnection) -> Result<&'static str, DbError> {
    let row: Answer = sql_query(
        "SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'add_continuous_aggregate_policy' \
         AND 'buckets_per_batch' = ANY(proargnames)) AS answer",
    )
    .get_result(connection)?;
    // ten at a time, unless told otherwise
    Ok(if row.answer {
        ", buckets_per_batch => 1440"
    } else {
        ""
    })
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

/// What makes `item` be `value`; `batch` are further arguments of a refresh.
fn statement(item: &Item, value: &Value, batch: &str) -> Option<String> {
    let relation = &item.relation;
    let interval = |span: Span| format!("INTERVAL '{} seconds'", span.as_seconds());
    let optional = |span: Option<Span>| span.map_or("NULL::interval".to_owned(), interval);
    Some(match (item.kind, value) {
        (Kind::Chunk, Value::Length(span)) => {
            format!(
                "SELECT set_chunk_time_interval('{relation}', {})",
                interval(*span)
            )
        }
        (
            Kind::Compression,
            Value::Columns {
                segment_by,
                order_by,
            },
        ) => {
            let what = match relation.as_str() {
                "ticks" | "ohlc_candles" => "TABLE",
                _ => "MATERIALIZED VIEW",
            };
            format!(
                "ALTER {what} {relation} SET (timescaledb.compress = true, \
                 timescaledb.compress_segmentby = '{segment_by}', \
                 timescaledb.compress_orderby = '{order_by}')"
            )
        }
        (
            Kind::Refresh,
            Value::Refresh {
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
        (Kind::CompressAfter, Value::Length(span)) => format!(
            "SELECT add_compression_policy('{relation}', compress_after => {})",
            interval(*span)
        ),
        // the maintenance drops by the record
        _ => return None,
    })
}

/// Writes down what was applied, for those who write; `None`: nothing is any more.
fn record(
    connection: &mut PgConnection,
    present: &Present,
    policies: Option<&Policies>,
) -> Result<(), DbError> {
    let applied = present.applied.as_ref();
    // what the policies before refused stays refused
    let by_age = present.shortest_drop_after("ticks");
    let refused = applied.and_then(|applied| applied.floor.refused_before);
    let refused = refused.max(by_age.map(|span| present.now - span.delta()));
    let floors = AppliedPolicies::floors(applied);
    sql_query("DELETE FROM applied_policies").execute(connection)?;
    let is_empty = refused.is_none() && floors == Floors::default();
    if policies.is_none() && is_empty {
        return Ok(());
    }
    let seconds = |span: Option<Span>| span.map(Span::as_seconds);
    sql_query(
        "INSERT INTO applied_policies (settings, ticks_drop_after_seconds, \
         candles_drop_after_seconds, late_after_seconds, ticks_refused_before, \
         ticks_dropped_before, candles_dropped_before) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind::<Text, _>(policies.map_or(String::new(), ToString::to_string))
    .bind::<Nullable<BigInt>, _>(policies.and_then(|it| seconds(it.ticks.drop_after)))
    .bind::<Nullable<BigInt>, _>(policies.and_then(|it| seconds(it.candles.drop_after)))
    .bind::<Nullable<BigInt>, _>(policies.and_then(|it| seconds(late(it, present))))
    .bind::<Nullable<Timestamptz>, _>(refused)
    .bind::<Nullable<Timestamptz>, _>(floors.ticks)
    .bind::<Nullable<Timestamptz>, _>(floors.candles)
    .execute(connection)?;
    Ok(())
}

fn mark_all(connection: &mut PgConnection) -> Result<(), DbError> {
    let days: Vec<_> = days_of_chunks(connection)?.into_iter().collect();
    sql_query("INSERT INTO dirty_windows (day) SELECT * FROM unnest($1)")
        .bind::<diesel::sql_types::Array<Timestamptz>, _>(days)
        .execute(connection)?;
    Ok(())
}
