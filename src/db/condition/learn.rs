//! How a server that does not speak English words its errors.

use std::sync::PoisonError;

use diesel::connection::SimpleConnection as _;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Bool, Integer};
use diesel::{
    Connection as _, PgConnection, QueryResult, QueryableByName, RunQueryDsl as _, sql_query,
};

use super::{Condition, LEARNED};

/// A name that nothing has, and a number that nothing else says, so that both are found again in
/// what the server says.
const NAME: &str = "tickbook_asks_how_errors_are_worded";
const NUMBER: &str = "12345678901";

/// Lets a session speak English where its role may choose the language.
const SPEAK_ENGLISH: &str = "SELECT set_config('lc_messages', 'C', false) \
     WHERE has_parameter_privilege('lc_messages', 'SET')";

/// Whether the server gives the description of this setting as it stands in PostgreSQL's source.
const SPEAKS_ENGLISH: &str = "SELECT short_desc = 'Sets the language in which messages are displayed.' \
     AS yes FROM pg_settings WHERE name = 'lc_messages'";

/// What makes a server say something, and leaves no trace but a line in its log: the condition, what
/// comes before, and what fails. `{}` is [`NAME`].
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
    (Condition::StaleStatement, "", "EXECUTE {}"),
    (
        Condition::StaleStatement,
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

/// What an ordinary role may not use, under the names that the answers hold.
const FORBIDDEN: [&str; 3] = ["pg_authid", "pg_shadow", "pg_class"];

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Backend {
    #[diesel(sql_type = Integer)]
    number: i32,
}

/// Lets the session speak English, if its role may.
pub(in crate::db) fn speak_english(connection: &mut PgConnection) {
    // a server that is too old for this is told so by the first call that matters
    let _ = connection.batch_execute(SPEAK_ENGLISH);
}

/// Asks the server how it words its errors, unless it speaks English. `another` is a second
/// connection, which holds a lock for a moment.
///
/// `false` where not everything could be asked: the next connection has to ask again.
#[must_use]
pub(in crate::db) fn learn(
    connection: &mut PgConnection,
    another: impl FnOnce() -> Option<PgConnection>,
) -> bool {
    let answer: QueryResult<Answer> = sql_query(SPEAKS_ENGLISH).get_result(connection);
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
        "the server does not speak English: its errors are told apart by what it answered to \
         statements that fail; `GRANT SET ON PARAMETER lc_messages` to this user saves that"
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
    // taken back as a whole; a question is a savepoint, which fails with the answer
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
        // a statement outlives the transaction that prepared it, and a PgBouncer has a session for
        // no more than a transaction
        let _ = connection
            .transaction(|connection| connection.batch_execute(&format!("DEALLOCATE {NAME}")));
        Err::<(), _>(DieselError::RollbackTransaction)
    });
    found
}

/// How the server says that a lock was not to be had in time.
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

/// What was said, with `%` for what differs from error to error.
fn wording(error: &DieselError) -> Option<String> {
    // what diesel has a kind for is not asked for, such as a replica that is only read
    let DieselError::DatabaseError(DatabaseErrorKind::Unknown, info) = error else {
        return None;
    };
    let names = [NAME, NUMBER].into_iter().chain(FORBIDDEN);
    let text = info.message().replace('%', "");
    let text = names.fold(text, |text, name| text.replace(name, "%"));
    // nothing but a name would fit everything
    let says_something = text.split('%').map(str::len).sum::<usize>() > 5;
    says_something.then_some(text)
}
