//! Making candles of continuous aggregates anew, whether anything is known to have changed or not.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::sql_types::Bool;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::error::RepositoryError;

use super::failure::DbError;
use super::pools::TimeseriesDb;

/// How often a refresh that met one of a job is tried, with a pause between.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(200);

/// Buckets that one candle relation is to make anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForcedRefresh {
    /// One of `ohlc_1m` to `ohlc_1d`.
    pub relation: String,
    /// The start of the first bucket.
    pub from: DateTime<Utc>,
    /// The end of the last one.
    pub to: DateTime<Utc>,
}

/// Makes buckets anew in the order given, also where the aggregate takes them for right.
///
/// Waits while another process maintains the database. Nothing is clamped here: whoever calls asks
/// for no bucket whose ticks may be gone, since its candle would be gone as well.
///
/// # Errors
/// Those of any call on a database; then some buckets may be made anew and others not.
pub async fn force_refresh(
    db: &TimeseriesDb,
    windows: Vec<ForcedRefresh>,
) -> Result<(), RepositoryError> {
    db.run_dedicated("refresh candles", move |connection| {
        // overlapping refreshes have lost candles; the session's end gives it back
        sql_query(
            "SELECT pg_advisory_lock(hashtextextended('tickbook maintenance ' || current_schema(), 0))",
        )
        .execute(connection)?;
        let options = match takes_options(connection)? {
            // ten buckets at a time, unless told otherwise, is thirty times as slow
            true => ", options => '{\"buckets_per_batch\": 1440}'",
            false => "",
        };
        let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
        for ForcedRefresh { relation, from, to } in &windows {
            let call = format!(
                "CALL refresh_continuous_aggregate('{relation}', timestamptz '{}', \
                 timestamptz '{}', force => true{options})",
                text(*from),
                text(*to)
            );
            refresh_patiently(connection, &call)?;
        }
        Ok(())
    })
    .await
}

fn refresh_patiently(connection: &mut PgConnection, call: &str) -> Result<(), DbError> {
    let mut attempt = 1;
    loop {
        match sql_query(call).execute(connection) {
            Ok(_) => return Ok(()),
            Err(error) if attempt < ATTEMPTS && is_concurrent(&error) => {
                std::thread::sleep(PAUSE);
                attempt += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether a job was refreshing the same candles.
fn is_concurrent(error: &diesel::result::Error) -> bool {
    let text = error.to_string();
    ["concurrent refresh", "deadlock", "could not serialize"]
        .iter()
        .any(|words| text.contains(words))
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

fn takes_options(connection: &mut PgConnection) -> Result<bool, DbError> {
    let row: Answer = sql_query(
        "SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'refresh_continuous_aggregate' \
         AND 'options' = ANY(proargnames)) AS answer",
    )
    .get_result(connection)?;
    Ok(row.answer)
}
