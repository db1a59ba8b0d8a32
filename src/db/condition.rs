//! Classifies errors of PostgreSQL by condition, in any language of the server.
//!
//! diesel does not expose SQLSTATE: it has kinds for twelve of them and reports all others as a text in
//! the language of the server. Only a superuser, or a role with `GRANT SET ON PARAMETER lc_messages`, may
//! choose that language. For other roles [`learn`] finds out how the server words each condition, by
//! statements that fail with it. Conditions that cannot be provoked in this way are recognized by
//! untranslated parts of the error.

mod learn;

use std::sync::{PoisonError, RwLock};

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

pub(super) use learn::{learn, speak_english};

/// A condition, or several SQLSTATEs that are handled alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// 08xxx, 57P01 and similar: the connection is lost.
    ConnectionLost,
    /// 0A000 for a cached plan, 26000: the prepared statements of this connection refer to an older schema.
    OutdatedStatement,
    /// 22003.
    NumericOutOfRange,
    /// 23xxx.
    Integrity,
    /// 25006.
    ReadOnly,
    /// 25P02.
    TransactionFailed,
    /// 40001, 40P01.
    Conflict,
    /// 42501.
    PermissionDenied,
    /// 42P01, 42703, 42704, 42883, 3F000.
    Undefined,
    /// 53100, 53200 and 58030: disk and memory of the server.
    Exhausted,
    /// 55P03, 57014: a time limit, or a cancel request.
    Canceled,
    /// More parameters than the protocol allows, reported by the client library.
    TooManyParameters,
    /// Anything else.
    Other,
}

/// The English wordings of the conditions; `%` stands for any text.
const ENGLISH: [(Condition, &str); 44] = [
    (Condition::ConnectionLost, "terminating connection%"),
    (Condition::ConnectionLost, "%server closed the connection%"),
    (Condition::ConnectionLost, "%could not receive data%"),
    (Condition::ConnectionLost, "%could not send data%"),
    (Condition::ConnectionLost, "%connection not open%"),
    (Condition::ConnectionLost, "%no connection to the server%"),
    (
        Condition::OutdatedStatement,
        "cached plan must not change result type",
    ),
    (
        Condition::OutdatedStatement,
        "prepared statement \"%\" does not exist",
    ),
    (
        Condition::OutdatedStatement,
        "unnamed prepared statement does not exist",
    ),
    (
        Condition::OutdatedStatement,
        "could not open relation with OID %",
    ),
    (Condition::NumericOutOfRange, "numeric field overflow"),
    (
        Condition::NumericOutOfRange,
        "value overflows numeric format",
    ),
    (Condition::NumericOutOfRange, "% out of range"),
    (
        Condition::TransactionFailed,
        "current transaction is aborted%",
    ),
    (Condition::Conflict, "deadlock detected"),
    (Condition::PermissionDenied, "permission denied%"),
    (Condition::PermissionDenied, "must be owner of %"),
    (Condition::PermissionDenied, "must be superuser%"),
    (Condition::Undefined, "relation \"%\" does not exist"),
    (Condition::Undefined, "column % does not exist"),
    (Condition::Undefined, "type % does not exist"),
    (Condition::Undefined, "schema % does not exist"),
    (Condition::Undefined, "function % does not exist"),
    (Condition::Undefined, "procedure % does not exist"),
    (Condition::Undefined, "table % does not exist"),
    (Condition::Undefined, "view % does not exist"),
    (Condition::Undefined, "materialized view % does not exist"),
    (Condition::Undefined, "index % does not exist"),
    (Condition::Undefined, "sequence % does not exist"),
    (Condition::Undefined, "constraint % does not exist"),
    (Condition::Undefined, "operator does not exist%"),
    (Condition::Undefined, "no schema has been selected%"),
    (Condition::Exhausted, "%No space left on device%"),
    (Condition::Exhausted, "%Disk quota exceeded%"),
    (Condition::Exhausted, "could not extend file%"),
    (Condition::Exhausted, "out of memory%"),
    (Condition::Exhausted, "out of shared memory%"),
    (Condition::Canceled, "canceling statement due to %"),
    (Condition::Canceled, "could not obtain lock on %"),
    (Condition::Canceled, "transaction timeout%"),
    // a migration reports its name before the server's message
    (
        Condition::PermissionDenied,
        "Failed to run %: permission denied%",
    ),
    (
        Condition::PermissionDenied,
        "Failed to run %: must be owner of %",
    ),
    (Condition::Canceled, "Failed to run %: canceling statement%"),
    (
        Condition::Exhausted,
        "Failed to run %: could not extend file%",
    ),
];

/// The learned wordings of servers in other languages; empty if all speak English.
static LEARNED: RwLock<Vec<(Condition, String)>> = RwLock::new(Vec::new());

impl Condition {
    /// Returns the condition that `error` reports.
    pub(crate) fn of(error: &DieselError) -> Self {
        let (kind, info) = match error {
            DieselError::DatabaseError(kind, info) => (kind, info),
            DieselError::RollbackErrorOnCommit { .. } | DieselError::BrokenTransactionManager => {
                return Self::ConnectionLost;
            }
            _ => return Self::Other,
        };
        match kind {
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::RestrictViolation
            | DatabaseErrorKind::ExclusionViolation => Self::Integrity,
            DatabaseErrorKind::SerializationFailure => Self::Conflict,
            DatabaseErrorKind::ReadOnlyTransaction => Self::ReadOnly,
            DatabaseErrorKind::ClosedConnection => Self::ConnectionLost,
            // reported by the client library itself, always in English
            DatabaseErrorKind::UnableToSendCommand => {
                if info.message().contains("number of parameters must be") {
                    Self::TooManyParameters
                } else {
                    Self::ConnectionLost
                }
            }
            _ => Self::of_unknown(&**info),
        }
    }

    fn of_unknown(info: &(dyn DatabaseErrorInformation + Send + Sync)) -> Self {
        let text = info.message();
        if let Some((condition, _)) = ENGLISH.iter().find(|(_, words)| fits(words, text)) {
            return *condition;
        }
        let learned = LEARNED.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((condition, _)) = learned.iter().find(|(_, words)| fits(words, text)) {
            return *condition;
        }
        if info.details().is_some_and(names_two_locks) {
            return Self::Conflict;
        }
        // names a file in the server's data directory: its disk is full or failing
        if !learned.is_empty() && names_data_file(text) {
            return Self::Exhausted;
        }
        Self::Other
    }
}

/// Whether an unrecognized error may be a stale statement, because the language of the server was not learned
/// completely.
pub(crate) fn may_be_outdated(error: &DieselError) -> bool {
    let unknown = matches!(
        error,
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, _)
    );
    let learned = LEARNED.read().unwrap_or_else(PoisonError::into_inner);
    let knows_outdated =
        |(condition, _): &(Condition, String)| *condition == Condition::OutdatedStatement;
    unknown && !learned.is_empty() && !learned.iter().any(knows_outdated)
}

/// Whether `text` matches the pattern `words`, in which `%` stands for any text.
fn fits(words: &str, text: &str) -> bool {
    let mut parts = words.split('%');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// Whether a detail describes a deadlock: at least two of its lines name a lock mode. Lock modes are not
/// translated.
fn names_two_locks(detail: &str) -> bool {
    const MODES: [&str; 8] = [
        "AccessShareLock",
        "RowShareLock",
        "RowExclusiveLock",
        "ShareUpdateExclusiveLock",
        "ShareLock",
        "ShareRowExclusiveLock",
        "ExclusiveLock",
        "AccessExclusiveLock",
    ];
    let names = |line: &&str| MODES.iter().any(|mode| line.contains(mode));
    detail.lines().filter(names).count() >= 2
}

/// Whether a text names a file such as `base/5/1234` or `pg_wal/xlogtemp.1`.
fn names_data_file(text: &str) -> bool {
    ["base/", "global/", "pg_wal/", "pg_tblspc/", "pg_xact/"]
        .iter()
        .any(|folder| text.contains(folder))
}

#[cfg(test)]
pub(crate) mod tests;
