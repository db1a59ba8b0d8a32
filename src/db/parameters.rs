//! Default connection parameters and session settings.

use std::time::Duration;

use super::config::PoolConfig;
use crate::database_url::DatabaseUrl;
use crate::error::Database;

/// The server ends a session whose transaction is open and idle for longer.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(15);

/// The server ends a session whose transaction takes longer, unless the call timeout is longer.
const MIN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns `url` with defaults for the connection parameters that it does not set.
pub(super) fn with_connection_parameters(
    url: DatabaseUrl,
    database: Database,
    config: &PoolConfig,
) -> DatabaseUrl {
    let connect_seconds = config.connect_timeout.as_millis().div_ceil(1_000).max(2);
    // of several hosts choose the primary, and do not write to a single host that was demoted; a replica is
    // only read, in any role
    let session = match database {
        Database::Metadata | Database::Timeseries => "read-write",
        Database::Replica => "prefer-standby",
    };
    // libpq's own default silently falls back to plain text
    let sslmode = (!url.is_local()).then_some("verify-full");
    let url = url
        .with_default("connect_timeout", connect_seconds.to_string())
        .with_default("application_name", format!("tickbook:{database}"))
        // GSS encryption would take precedence over TLS, regardless of sslmode
        .with_default("gssencmode", "disable")
        .with_default("target_session_attrs", session)
        // a peer that vanished is detected after eight seconds, in both directions
        .with_default("tcp_user_timeout", "8000")
        .with_default("keepalives", "1")
        .with_default("keepalives_idle", "5")
        .with_default("keepalives_interval", "1")
        .with_default("keepalives_count", "3");
    match sslmode {
        Some(mode) => url.with_default("sslmode", mode),
        None => url,
    }
}

/// Makes the server plan prepared statements for the given values at each call. The plan then opens only the chunks of
/// these times, and includes a chunk that another session just created.
const CUSTOM_PLANS: &str = "SET plan_cache_mode = force_custom_plan";

/// Returns the statement that sets the limits of a session, and how a time-series database plans prepared statements;
/// `None` if there is nothing to set.
///
/// Limits in the `options` of the URL do not change. With a PgBouncer nothing is set, because a setting
/// would outlive the transaction and affect other clients.
pub(super) fn session_settings(
    url: &DatabaseUrl,
    database: Database,
    config: &PoolConfig,
) -> Option<String> {
    if config.pgbouncer {
        return None;
    }
    let options = url.parameter("options").unwrap_or_default();
    let transaction_timeout = MIN_TRANSACTION_TIMEOUT.max(config.call_timeout * 2);
    let limits = [
        ("statement_timeout", config.statement_timeout),
        ("lock_timeout", config.lock_timeout),
        ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION),
        ("transaction_timeout", transaction_timeout),
    ]
    .into_iter()
    .filter(|(name, _)| !sets(options, name))
    .map(|(name, limit)| (name, limit.as_millis()))
    .map(|(name, limit)| match name {
        // new in PostgreSQL 17
        "transaction_timeout" => format!(
            "SELECT set_config('{name}', '{limit}', false) \
             WHERE current_setting('server_version_num')::int >= 170000"
        ),
        _ => format!("SET {name} = {limit}"),
    });
    let plans = match database {
        Database::Timeseries | Database::Replica => Some(CUSTOM_PLANS.to_owned()),
        Database::Metadata => None,
    };
    let statements: Vec<_> = limits.chain(plans).collect();
    (!statements.is_empty()).then(|| statements.join("; "))
}

/// Whether `options`, such as `-c lock_timeout=5s`, set `name`.
fn sets(options: &str, name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    options
        .split(|c| !word(c))
        .map(|part| {
            part.strip_prefix('c')
                .filter(|rest| *rest == name)
                .unwrap_or(part)
        })
        .any(|part| part == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    fn complete(url: &str) -> DatabaseUrl {
        let url = DatabaseUrl::parse(url).expect("valid");
        with_connection_parameters(url, Database::Metadata, &PoolConfig::default())
    }

    #[test]
    fn parameter_defaults_are_overridden_by_the_url() {
        let url = complete("postgres://u@localhost/d");
        for (name, value) in [
            ("connect_timeout", "3"),
            ("application_name", "tickbook:metadata"),
            ("gssencmode", "disable"),
            ("target_session_attrs", "read-write"),
            ("tcp_user_timeout", "8000"),
            ("keepalives", "1"),
            ("keepalives_idle", "5"),
            ("keepalives_interval", "1"),
            ("keepalives_count", "3"),
        ] {
            assert_eq!(url.parameter(name), Some(value), "{name}");
            let own = complete(&format!("postgres://u@localhost/d?{name}=own"));
            assert_eq!(own.parameter(name), Some("own"), "{name}");
        }
    }

    #[test]
    fn remote_certificates_are_verified_by_default() {
        for local in [
            "postgres://localhost/d",
            "postgres://127.0.0.1,127.8.8.8/d",
            "postgres://[::1]/d",
            "postgres:///d",
            "postgres://%2Frun%2Fpostgresql/d",
            "postgres:///d?host=/run/postgresql",
        ] {
            assert_eq!(complete(local).parameter("sslmode"), None, "{local}");
        }
        for remote in [
            "postgres://db.example/d",
            "postgres://10.0.0.7/d",
            "postgres://localhost,db.example/d",
            "postgres:///d?host=db.example",
            "postgres://localhost.example/d",
            "postgres://[2001:db8::1]/d",
        ] {
            let url = complete(remote);
            assert_eq!(url.parameter("sslmode"), Some("verify-full"), "{remote}");
        }
        for mode in ["disable", "require", "verify-ca"] {
            let url = complete(&format!("postgres://db.example/d?sslmode={mode}"));
            assert_eq!(url.parameter("sslmode"), Some(mode));
        }
    }

    #[test]
    fn options_of_the_url_keep_their_limits() {
        let plain = complete("postgres://localhost/d");
        let settings =
            session_settings(&plain, Database::Metadata, &PoolConfig::default()).expect("some");
        for part in [
            "SET statement_timeout = 10000",
            "SET lock_timeout = 3000",
            "SET idle_in_transaction_session_timeout = 15000",
            "set_config('transaction_timeout', '30000', false)",
        ] {
            assert!(settings.contains(part), "{settings}");
        }
        let own = complete(
            "postgres://localhost/d?options=-cstatement_timeout%3D5s%20-c%20lock_timeout%3D1s%20-csearch_path%3Dx",
        );
        let settings =
            session_settings(&own, Database::Metadata, &PoolConfig::default()).expect("some");
        assert!(!settings.contains("SET statement_timeout"), "{settings}");
        assert!(!settings.contains("SET lock_timeout"), "{settings}");
        assert!(settings.contains("idle_in_transaction"), "{settings}");
    }

    #[test]
    fn plans_are_custom_in_time_series_databases() {
        let url = complete("postgres://localhost/d?options=-cplan_cache_mode%3Dauto");
        let settings = |database| session_settings(&url, database, &PoolConfig::default());
        for database in [Database::Timeseries, Database::Replica] {
            assert!(settings(database).is_some_and(|text| text.ends_with(CUSTOM_PLANS)));
        }
        assert!(settings(Database::Metadata).is_some_and(|text| !text.contains(CUSTOM_PLANS)));
    }

    #[test]
    fn session_settings_are_absent_for_pgbouncer() {
        let url = complete("postgres://localhost/d");
        let config = PoolConfig {
            pgbouncer: true,
            ..PoolConfig::default()
        };
        assert_eq!(session_settings(&url, Database::Timeseries, &config), None);
    }
}
