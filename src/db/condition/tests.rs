use super::*;

/// The information of diesel about an error that it does not classify.
struct Said(&'static str, Option<&'static str>);

impl DatabaseErrorInformation for Said {
    fn message(&self) -> &str {
        self.0
    }

    fn details(&self) -> Option<&str> {
        self.1
    }

    fn hint(&self) -> Option<&str> {
        None
    }

    fn table_name(&self) -> Option<&str> {
        None
    }

    fn column_name(&self) -> Option<&str> {
        None
    }

    fn constraint_name(&self) -> Option<&str> {
        None
    }

    fn statement_position(&self) -> Option<i32> {
        None
    }
}

/// An error as diesel reports it.
pub(crate) fn error(
    kind: DatabaseErrorKind,
    text: &'static str,
    detail: Option<&'static str>,
) -> DieselError {
    DieselError::DatabaseError(kind, Box::new(Said(text, detail)))
}

fn of(kind: DatabaseErrorKind, text: &'static str, detail: Option<&'static str>) -> Condition {
    Condition::of(&error(kind, text, detail))
}

fn of_text(text: &'static str) -> Condition {
    of(DatabaseErrorKind::Unknown, text, None)
}

#[test]
fn words_fit_with_anything_between_them() {
    for (words, text, fit) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a%", "a", true),
        ("a%", "ab", true),
        ("%b", "ab", true),
        ("%b", "abc", false),
        ("a % c", "a b c", true),
        ("a % c", "a c", false),
        ("%x%", "axb", true),
        ("%x%", "ab", false),
        ("Spalte »%« von »%« fehlt", "Spalte »a« von »b« fehlt", true),
        ("Spalte »%« von »%« fehlt", "Spalte »a« fehlt", false),
    ] {
        assert_eq!(fits(words, text), fit, "{words} {text}");
    }
}

#[test]
fn english_texts_are_classified() {
    for (text, condition) in [
        ("deadlock detected", Condition::Conflict),
        (
            "canceling statement due to lock timeout",
            Condition::Canceled,
        ),
        (
            "cached plan must not change result type",
            Condition::OutdatedStatement,
        ),
        (
            "prepared statement \"__diesel_stmt_3\" does not exist",
            Condition::OutdatedStatement,
        ),
        ("relation \"ticks\" does not exist", Condition::Undefined),
        (
            "column \"a\" of relation \"b\" does not exist",
            Condition::Undefined,
        ),
        ("role \"nobody\" does not exist", Condition::Other),
        (
            "permission denied for table ticks",
            Condition::PermissionDenied,
        ),
        (
            "could not extend file \"base/5/1\": No space left on device",
            Condition::Exhausted,
        ),
        ("numeric field overflow", Condition::NumericOutOfRange),
        ("integer out of range", Condition::NumericOutOfRange),
        ("division by zero", Condition::Other),
    ] {
        assert_eq!(of_text(text), condition, "{text}");
    }
}

#[test]
fn deadlock_is_seen_by_its_locks_in_any_language() {
    let detail = "Prozess 1 wartet auf ShareLock-Sperre auf Transaktion 2; blockiert von Prozess 3.\n\
                  Prozess 3 wartet auf ShareLock-Sperre auf Transaktion 4; blockiert von Prozess 1.";
    let unknown = DatabaseErrorKind::Unknown;
    let text = "Verklemmung (Deadlock) entdeckt";
    assert_eq!(of(unknown, text, Some(detail)), Condition::Conflict);
    assert_eq!(of(unknown, text, Some("nur eine Zeile")), Condition::Other);
}

#[test]
fn sqlstates_that_diesel_knows_need_no_text() {
    use DatabaseErrorKind as Kind;
    for (kind, condition) in [
        (Kind::UniqueViolation, Condition::Integrity),
        (Kind::NotNullViolation, Condition::Integrity),
        (Kind::SerializationFailure, Condition::Conflict),
        (Kind::ReadOnlyTransaction, Condition::ReadOnly),
        (Kind::ClosedConnection, Condition::ConnectionLost),
    ] {
        assert_eq!(of(kind, "etwas ganz anderes", None), condition, "{kind:?}");
    }
}
