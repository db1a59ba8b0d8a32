//! The call that refreshes one candle relation.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{PgConnection, RunQueryDsl as _, sql_query};

use crate::db::Condition;
use crate::db::DbError;
use crate::domain::{CandleOrigin, CandleRelation};
use crate::postgres::timescale::bool_row::BoolRow;

/// Maximum number of attempts of a refresh that conflicts with that of a job, with a pause between them.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(200);

/// The form of the call for this server.
#[derive(Debug)]
pub(in crate::postgres::timescale) struct RefreshCall {
    options: &'static str,
}

impl RefreshCall {
    /// The form that the server's release understands.
    pub(in crate::postgres::timescale) fn of(
        connection: &mut PgConnection,
    ) -> Result<Self, DbError> {
        let row: BoolRow = sql_query(
            "SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'refresh_continuous_aggregate' \
             AND 'options' = ANY(proargnames)) AS answer",
        )
        .get_result(connection)?;
        let options = if row.answer {
            // the default of ten buckets at a time is thirty times as slow
            ", options => '{\"buckets_per_batch\": 1440}'"
        } else {
            ""
        };
        Ok(Self { options })
    }

    /// Refreshes the buckets of `relation` in `[from, to)` with known changes, or all of them with `force`.
    /// Waits for a job that refreshes the same buckets. Restores the settings of the session.
    pub(in crate::postgres::timescale) fn run(
        &self,
        connection: &mut PgConnection,
        relation: &str,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        force: bool,
    ) -> Result<(), DbError> {
        let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
        let call = format!(
            "CALL refresh_continuous_aggregate('{relation}', timestamptz '{}', timestamptz '{}', \
             force => {force}{})",
            text(from),
            text(to),
            self.options
        );
        let is_smallest = |it: CandleRelation| matches!(it.computed_from, CandleOrigin::Rows(_));
        if CandleRelation::all().any(|it| it.name == relation && is_smallest(it)) {
            return call_until_alone(connection, &call);
        }
        // for each larger candle the server checks how far the smaller ones are refreshed, by a sequential
        // scan of a catalog table unless that is disabled; the call cannot run in a transaction, which
        // excludes SET LOCAL
        connection.batch_execute("SET enable_seqscan = off")?;
        let called = call_until_alone(connection, &call);
        let reset = connection.batch_execute("RESET enable_seqscan");
        called.and(reset.map_err(DbError::from))
    }
}

fn call_until_alone(connection: &mut PgConnection, call: &str) -> Result<(), DbError> {
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

/// Whether the error means that another session was refreshing or compressing the same candles. A
/// duplicate key is a candle that such a session wrote meanwhile: this refresh was rolled back, and its
/// changes still wait.
fn is_concurrent(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => true,
        // neither TimescaleDB's errors nor PostgreSQL's internal ones are translated; the catalog of
        // TimescaleDB reports a row that another session removed by an internal one
        DieselError::DatabaseError(_, info) if is_of_a_refresh(info.message()) => true,
        _ => Condition::of(error) == Condition::Conflict,
    }
}

fn is_of_a_refresh(message: &str) -> bool {
    message.contains("concurrent refresh") || message.starts_with("tuple concurrently ")
}

#[cfg(all(test, feature = "conformance"))]
mod tests;
