//! What is too old to be stored, and what is so late that its candles have to be made again.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::db::policies::{AppliedPolicies, applied};
use crate::domain::Timeframe;
use crate::policies::ALWAYS_FRESH;

use super::batch::Batch;

/// How long what the database said of its policies is believed.
const TIME_TO_LIVE: Duration = Duration::from_secs(5);

/// Remembers which policies were applied.
#[derive(Debug, Default)]
pub(super) struct Ages(Mutex<Option<(Instant, Option<AppliedPolicies>)>>);

impl Ages {
    /// Rejects what is too old at `now`, and notes the days of what is late. Asks the database only
    /// about batches with a tick of more than an hour ago, and then seldom.
    pub(super) fn look(
        &self,
        connection: &mut PgConnection,
        batch: &mut Batch,
        now: DateTime<Utc>,
    ) -> Result<(), DbError> {
        let fresh_from = now - ALWAYS_FRESH.delta();
        if batch.firsts.iter().all(|tick| tick.tick_time >= fresh_from) {
            return Ok(());
        }
        let Some(applied) = self.applied(connection)? else {
            return Ok(());
        };
        if let Some(oldest) = applied.floor.oldest(now)
            && batch.firsts.iter().any(|tick| tick.tick_time < oldest)
        {
            batch.reject(|tick| applied.floor.refusal(tick.tick_time, now));
        }
        if let Some(late_after) = applied.late_after {
            let late_before = now - late_after.delta();
            let late = batch
                .firsts
                .iter()
                .filter(|tick| tick.tick_time < late_before);
            let days: BTreeSet<_> = late
                .map(|tick| Timeframe::D1.bucket_start(tick.tick_time))
                .collect();
            batch.late_days = days.into_iter().collect();
        }
        Ok(())
    }

    fn applied(&self, connection: &mut PgConnection) -> Result<Option<AppliedPolicies>, DbError> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, applied)) = known().as_ref()
            && since.elapsed() < TIME_TO_LIVE
        {
            return Ok(applied.clone());
        }
        let applied = applied(connection)?;
        *known() = Some((Instant::now(), applied.clone()));
        Ok(applied)
    }
}

/// Marks the days of late ticks; for use in the transaction that stores them.
pub(super) fn mark_late_days(connection: &mut PgConnection, batch: &Batch) -> QueryResult<()> {
    if !batch.late_days.is_empty() {
        sql_query("INSERT INTO dirty_windows (day) SELECT * FROM unnest($1)")
            .bind::<Array<Timestamptz>, _>(&batch.late_days)
            .execute(connection)?;
    }
    Ok(())
}
