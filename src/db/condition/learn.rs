//! Learns how a server that does not use English words its errors.

use std::sync::PoisonError;

use diesel::connection::SimpleConnection as _;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Bool, Integer};
use diesel::{
    Connection as _, PgConnection, QueryResult, QueryableByName, RunQueryDsl as _, sql_query,
};

use super::{Condition, LEARNED};

/// A name that does not exist, and a number that occurs nowhere else, so that both can be recognized in
/// the server's messages.
const NAME: &str = "tickbook_asks_how_errors_are_worded";
const NUMBER: &str = "12345678901";

/// Switches a session to English if its role may choose the language.
const SPEAK_ENGLISH: &str = "SELECT set_config('lc_messages', 'C', false) \
     WHERE has_parameter_privilege('lc_messages', 'SET')";

/// Whether the server shows the description of this setting in its original English.
const SPEAKS_ENGLISH: &str = "SELECT short_desc = 'Sets the language in which messages are displayed.' \
     AS yes FROM pg_settings WHERE name = 'lc_messages'";

/// Statements that provoke an error and leave no trace except a line in the server's log: the condition, a
/// preparing statement, and the failing statement. `{}` stands for [`NAME`].
const QUESTIONS: [(Condition, &str, &str); 21] = [
    (Condition::Undefined, "", "SELECT 1 FROM {}"),
    (Condition::Undefined, "", "SELECT {}"),
    (Condition::Undefined, "", "SELECT a.{} FROM (SELECT 1) AS a"),
    (
        Condition::Undefined,
        "",
        "INSERT INTO pg_class ({}) VALUES (1)",
    ),
    (Condition::Undefined, "", "SELECT {}()"),
    (Condition::Undefined, "", "CALL {}()"),
    (Condition::Undefined, "", "SELECT 1::{}"),
    (Condition::Undefined, "", "COMMENT ON SCHEMA {} IS ''"),
    (Condition::OutdatedStatement, "", "EXECUTE {}"),
    (
        Condition::OutdatedStatement,
        "CREATE TEMP TABLE {} (a int) ON COMMIT DROP; PREPARE {} AS SELECT * FROM {}; EXECUTE {}; \
         ALTER TABLE {} ALTER COLUMN a TYPE text",
        "EXECUTE {}",
    ),
    (Condition::NumericOutOfRange, "", "SELECT 10::numeric(1, 0)"),
    (Condition::NumericOutOfRange, "", "SELECT 12345678901::int4"),
    (Condition::NumericOutOfRange, "", "SELECT 12345678901::int2"),
    (
        Condition::NumericOutOfRange,
        "",
        "SELECT 100000000000000000000::int8",
    ),
    (
        Condition::NumericOutOfRange,
        "",
        "SELECT '12345678901'::int4",
    ),
    (
        Condition::Canceled,
        "SET LOCAL statement_timeout = 1",
        "SELECT pg_sleep(5)",
    ),
    (
        Condition::Canceled,
        "",
        "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(5)",
    ),
    (Condition::TransactionFailed, "SELECT {}", "SELECT 1"),
    (
        Condition::PermissionDenied,
        "",
        "COMMENT ON TABLE pg_class IS ''",
    ),
    (Condition::PermissionDenied, "", "SELECT 1 FROM pg_authid"),
    (Condition::PermissionDenied, "", "SELECT 1 FROM pg_shadow"),
];

/// Objects that an ordinary role may not use, by the names that the messages contain.
const FORBIDDEN: [&str; 3] = ["pg_authid", "pg_shadow", "pg_class"];

#[derive(QueryableByName)]
struct BoolRow {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Backend {
    #[diesel(sql_type = Integer)]
    number: i32,
}

/// Switches the session to English if its role may.
pub(in crate::db) fn speak_english(connection: &mut PgConnection) {
    // if the server is too old for this, the first regular call reports it
    let _ = connection.batch_execute(SPEAK_ENGLISH);
}

/// Learns the server's wordings unless it speaks English. `another` is a second connection, which holds a
/// lock for a moment.
///
/// Returns `false` if not everything could be learned: the next connection must learn again.
#[must_use]
pub(in crate::db) fn learn(
    connection: &mut PgConnection,
    another: impl FnOnce() -> Option<PgConnection>,
) -> bool {
    let answer: QueryResult<BoolRow> = sql_query(SPEAKS_ENGLISH).get_result(connection);
    match answer {
        Ok(answer) if answer.yes => return true,
        Ok(_) => {}
        Err(_) => return false,
    }
    let mut found = ask(connection);
    let of_lock = another().map(|mut another| ask_for_lock(connection, &mut another));
    let is_complete = matches!(of_lock, Some(Ok(_)));
    found.extend(of_lock.and_then(Result::ok).flatten());
    tracing::info!(
        wordings = found.len(),
        "the server does not use English: its errors are recognized by wordings learned from \
         failing statements; `GRANT SET ON PARAMETER lc_messages` to this user avoids that"
    );
    let mut learned = LEARNED.write().unwrap_or_else(PoisonError::into_inner);
    for one in found {
        if !learned.contains(&one) {
            learned.push(one);
        }
    }
    is_complete
}

fn ask(connection: &mut PgConnection) -> Vec<(Condition, String)> {
    let mut found = Vec::new();
    // everything is rolled back; each statement runs in a savepoint, which its error rolls back
    let _ = connection.transaction(|connection| {
        for (condition, before, fails) in QUESTIONS {
            let (before, fails) = (before.replace("{}", NAME), fails.replace("{}", NAME));
            let mut prepared = true;
            let answer = connection.transaction(|connection| {
                let ready = before.is_empty() || connection.batch_execute(&before).is_ok();
                prepared = ready || condition == Condition::TransactionFailed;
                connection.batch_execute(&fails)
            });
            if let (true, Err(error)) = (prepared, answer) {
                found.extend(wording(&error).map(|words| (condition, words)));
            }
        }
        // prepared statements outlive their transaction, and with a PgBouncer the session only lasts for the
        // transaction
        let _ = connection
            .transaction(|connection| connection.batch_execute(&format!("DEALLOCATE {NAME}")));
        Err::<(), _>(DieselError::RollbackTransaction)
    });
    found
}

/// Learns how the server reports a lock timeout.
fn ask_for_lock(
    connection: &mut PgConnection,
    another: &mut PgConnection,
) -> QueryResult<Option<(Condition, String)>> {
    let held = another.transaction(|another| {
        let backend: Backend = sql_query(
            "SELECT pg_backend_pid() AS number, pg_advisory_xact_lock(745, pg_backend_pid())",
        )
        .get_result(another)?;
        let waited = connection.transaction(|connection| {
            connection.batch_execute("SET LOCAL lock_timeout = 1")?;
            let number = backend.number;
            connection.batch_execute(&format!("SELECT pg_advisory_xact_lock(745, {number})"))
        });
        Ok::<_, DieselError>(waited.err())
    });
    let words = held?.as_ref().and_then(wording);
    Ok(words.map(|words| (Condition::Canceled, words)))
}

/// Returns the message as a pattern, with `%` for the parts that differ between errors.
fn wording(error: &DieselError) -> Option<String> {
    // kinds that diesel recognizes, such as a read-only replica, need not be learned
    let DieselError::DatabaseError(DatabaseErrorKind::Unknown, info) = error else {
        return None;
    };
    let names = [NAME, NUMBER].into_iter().chain(FORBIDDEN);
    let text = info.message().replace('%', "");
    let text = names.fold(text, |text, name| text.replace(name, "%"));
    // a pattern that consists only of a name would match every message
    let says_something = text.split('%').map(str::len).sum::<usize>() > 5;
    says_something.then_some(text)
}
