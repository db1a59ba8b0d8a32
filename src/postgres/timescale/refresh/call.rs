//! The call that refreshes one candle relation.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::Bool;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::Condition;
use crate::db::DbError;
use crate::domain::{CandleOrigin, CandleRelation};

/// How often a refresh that met one of a job is tried, with a pause between.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(200);

/// How this server is asked to refresh.
#[derive(Debug)]
pub(in crate::postgres::timescale) struct RefreshCall {
    options: &'static str,
}

impl RefreshCall {
    /// As far as the server's release understands it.
    pub(in crate::postgres::timescale) fn of(
        connection: &mut PgConnection,
    ) -> Result<Self, DbError> {
        let row: Answer = sql_query(
            "SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'refresh_continuous_aggregate' \
             AND 'options' = ANY(proargnames)) AS answer",
        )
        .get_result(connection)?;
        let options = if row.answer {
            // ten buckets at a time, unless told otherwise, is thirty times as slow
            ", options => '{\"buckets_per_batch\": 1440}'"
        } else {
            ""
        };
        Ok(Self { options })
    }

    /// Refreshes the buckets of `relation` from `from` to before `to`: those that are known to have
    /// changed, or all of them by `force`. Waits for a job that refreshes the same. Leaves the
    /// session as it found it.
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
        let is_made_of_ticks = |it: CandleRelation| it.made_of == CandleOrigin::Ticks;
        if CandleRelation::all().any(|it| it.name == relation && is_made_of_ticks(it)) {
            return call_until_alone(connection, &call);
        }
        // while it writes larger candles the server asks for each how far the smaller ones are
        // refreshed, by a scan of a table of its own unless that is forbidden; such a call refuses a
        // transaction, so that SET LOCAL is of no use
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

/// Whether another session was refreshing or compressing the same candles. A duplicate key is a candle
/// that such a session wrote meanwhile: the refresh took everything back, and its changes wait.
fn is_concurrent(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => true,
        // TimescaleDB words its errors in English alone
        DieselError::DatabaseError(_, info) if info.message().contains("concurrent refresh") => {
            true
        }
        _ => Condition::of(error) == Condition::Conflict,
    }
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

#[cfg(all(test, feature = "conformance"))]
mod tests;
