//! Refreshes in progress, by this library, other programs, and database jobs.
//!
//! A refresh that began while the ticks existed continues after they were dropped, finds no ticks to compute
//! candles from, and deletes the candles.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Integer, Text, Timestamptz};
use diesel::{PgConnection, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::postgres::timescale::bool_row::BoolRow;

use super::completeness::Levels;

/// The longest wait for running refreshes.
const MAX_WAIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// Required number of consecutive checks without a refresh: between two of its transactions, a refreshing
/// session looks idle to users who may not see its statement.
const TIMES_SEEN: u32 = 2;

/// Waits until every refresh of `levels` that began before `time` has ended. Returns `false` if one is still
/// running at the end of the wait.
pub(super) fn wait_for_refreshes(
    connection: &mut PgConnection,
    levels: &Levels,
    time: DateTime<Utc>,
) -> Result<bool, DbError> {
    let deadline = Instant::now() + MAX_WAIT;
    let mut seen = 0;
    loop {
        if is_refreshing(connection, levels, time)? {
            seen = 0;
        } else {
            seen += 1;
            if seen == TIMES_SEEN {
                return Ok(true);
            }
        }
        if Instant::now() > deadline {
            return Ok(false);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Whether a refresh of `levels` that began before `time` is running. If the statement of a session is
/// hidden, any transaction of the session counts; the lock of its virtual transaction id shows the
/// transaction. A refresh that has locked an aggregate of another schema does not count; the statement
/// does not name the schema.
fn is_refreshing(
    connection: &mut PgConnection,
    levels: &Levels,
    time: DateTime<Utc>,
) -> Result<bool, DbError> {
    let row: BoolRow = sql_query(
        "SELECT EXISTS (SELECT FROM pg_stat_activity AS a \
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND CASE \
         WHEN query = '<insufficient privilege>' THEN EXISTS (SELECT FROM pg_locks AS l \
           WHERE l.pid = a.pid AND l.locktype = 'virtualxid') \
         ELSE state <> 'idle' AND query ~* 'refresh_continuous_aggregate|run_job' \
           AND least(query_start, xact_start) < $1 AND NOT EXISTS (SELECT FROM pg_locks AS l \
           JOIN pg_class AS c ON c.oid = l.relation \
           JOIN pg_namespace AS n ON n.oid = c.relnamespace \
           JOIN _timescaledb_catalog.hypertable AS h \
           ON (h.schema_name, h.table_name) = (n.nspname, c.relname) \
           JOIN _timescaledb_catalog.continuous_agg ON mat_hypertable_id = h.id \
           WHERE l.pid = a.pid AND l.locktype = 'relation' \
           AND mat_hypertable_id <> ALL($2)) END) AS answer",
    )
    .bind::<Timestamptz, _>(time)
    .bind::<Array<Integer>, _>(&levels.mats)
    .get_result(connection)?;
    Ok(row.answer)
}

/// Whether a session other than a job refreshes one of `levels`. The validation of the policies
/// guarantees that jobs do not reach dropped ranges.
pub(super) fn is_refreshed_by_hand(
    connection: &mut PgConnection,
    levels: &Levels,
) -> Result<bool, DbError> {
    let row: BoolRow = sql_query(
        "SELECT EXISTS (SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) \
         WHERE pid <> pg_backend_pid() AND l.locktype = 'relation' \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND l.relation = ANY($1::text[]::regclass[]::oid[]) AND state <> 'idle' \
         AND query ~* 'refresh_continuous_aggregate' \
         AND query !~* 'policy_refresh_continuous_aggregate') AS answer",
    )
    .bind::<Array<Text>, _>(&levels.tables)
    .get_result(connection)?;
    Ok(row.answer)
}
