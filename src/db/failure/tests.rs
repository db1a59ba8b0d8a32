use super::*;

fn connect(text: &str) -> ConnectError {
    let url = DatabaseUrl::parse("postgres://u:S3cretPw@h/d").expect("valid");
    classify_connect(text, Database::Timeseries, &url)
}

#[test]
fn connect_errors_are_configuration_or_unavailable() {
    let wrong = connect("FATAL:  password authentication failed for user \"u\"\n");
    assert!(matches!(wrong, ConnectError::Configuration { .. }));
    assert!(wrong.to_string().contains("TIMESCALEDB_URL"));
    for text in [
        "FATAL:  the database system is starting up",
        "connection to server at \"h\", port 5432 failed: Connection refused",
        "FATAL:  sorry, too many clients already",
        "FATAL:  too many connections for role \"u\"",
        "FATAL:  database \"d\" is not currently accepting connections",
        "timeout expired",
    ] {
        assert!(
            matches!(connect(text), ConnectError::Unavailable { .. }),
            "{text}"
        );
    }
}

#[test]
fn password_in_a_message_is_covered() {
    let error = connect("missing \"=\" after \"postgres//u:S3cretPw@h/d\" in connection info");
    assert!(!format!("{error} {error:?}").contains("S3cretPw"));
}

fn says(kind: DatabaseErrorKind, text: &str) -> RepositoryError {
    let text: Box<dyn diesel::result::DatabaseErrorInformation + Send + Sync> =
        Box::new(text.to_owned());
    let error = DbError::Diesel(DieselError::DatabaseError(kind, text));
    error.into_repository(Database::Timeseries, "test")
}

#[test]
fn full_disk_and_memory_are_transient_errors() {
    for text in [
        "could not extend file \"base/5/1234\": No space left on device",
        "could not write to file \"pg_wal/xlogtemp.1\": No space left on device",
        "out of memory",
    ] {
        let error = says(DatabaseErrorKind::Unknown, text);
        assert!(error.is_transient(), "{error:?}");
        assert!(error.is_certainly_not_applied(), "{error:?}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn commit_without_an_answer_is_ambiguous() {
    let closed = || {
        let text: Box<dyn diesel::result::DatabaseErrorInformation + Send + Sync> =
            Box::new("server closed the connection unexpectedly".to_owned());
        Box::new(DieselError::DatabaseError(
            DatabaseErrorKind::ClosedConnection,
            text,
        ))
    };
    for error in [
        DieselError::RollbackErrorOnCommit {
            rollback_error: closed(),
            commit_error: closed(),
        },
        DieselError::BrokenTransactionManager,
        *closed(),
    ] {
        let error = DbError::Diesel(error).into_repository(Database::Timeseries, "test");
        assert!(
            matches!(error, RepositoryError::Ambiguous { .. }),
            "{error:?}"
        );
        assert!(error.is_transient() && !error.is_certainly_not_applied());
    }
}

#[test]
fn permanent_errors_are_not_transient() {
    use DatabaseErrorKind as Kind;
    for (kind, text) in [
        (Kind::UniqueViolation, "duplicate key value"),
        (Kind::CheckViolation, "violates check constraint"),
        (Kind::ForeignKeyViolation, "violates foreign key constraint"),
        (Kind::NotNullViolation, "null value in column"),
        (Kind::ExclusionViolation, "conflicting key value"),
        (Kind::Unknown, "numeric field overflow"),
        (Kind::Unknown, "column \"x\" does not exist"),
        (Kind::Unknown, "permission denied for table ticks"),
        (Kind::Unknown, "etwas ganz anderes"),
    ] {
        let error = says(kind, text);
        assert!(!error.is_transient(), "{error:?}");
        assert!(error.is_certainly_not_applied(), "{error:?}");
    }
    let unknown = says(Kind::Unknown, "etwas ganz anderes");
    assert!(matches!(unknown, RepositoryError::Backend { .. }));
    let too_many = says(
        Kind::UnableToSendCommand,
        "number of parameters must be between 0 and 65535\n",
    );
    assert!(matches!(too_many, RepositoryError::Internal { .. }));
}

#[test]
fn untrusted_certificate_comes_with_a_remedy() {
    for text in [
        "root certificate file \"~/.postgresql/root.crt\" does not exist",
        "SSL error: certificate verify failed",
        "server certificate for \"a\" does not match host name \"b\"",
        "server does not support SSL, but SSL was required",
    ] {
        let error = connect(text);
        assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");
        assert!(error.needs_a_person());
        let reported = RepositoryError::from(error.clone());
        assert!(
            matches!(reported, RepositoryError::Tls { .. }),
            "{reported:?}"
        );
        assert!(!reported.is_transient() && reported.is_certainly_not_applied());
        for part in ["sslrootcert=", "sslmode=disable", "TIMESCALEDB_URL"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
    // the connection broke, which says nothing about the certificate
    let broken = connect("SSL SYSCALL error: EOF detected");
    assert!(matches!(broken, ConnectError::Unavailable { .. }));
}
