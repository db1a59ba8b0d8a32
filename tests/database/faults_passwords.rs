//! Tests of passwords that are wrong or change, and that no password is shown.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use fault_proxy::FaultProxy;
use tickbook::config::Config;
use tickbook::db::DatabaseConfig;
use tickbook::db::{DatabasePools, ScratchSchemas, SecretString};
use tickbook::postgres::{check_health, migrate_metadata, migrate_timeseries};
use tickbook::{Database, DatabaseUrl, Repositories, RepositoryError};

use crate::support::alone::is_alone;
use crate::support::pool::{pool_at, read, terminate};

const CANARY: &str = "C4nary%2FPw'x";
/// The password in plain text, as the server receives it.
const PLAIN: &str = "C4nary/Pw'x";

fn with_user(url: &str, user: &str, password: &str) -> String {
    let (_, rest) = url.split_once('@').expect("credentials");
    format!("postgresql://{user}:{password}@{rest}")
}

/// A role that may log in; dropping the value drops the role.
struct Role {
    name: String,
    schemas: ScratchSchemas,
}

impl Role {
    fn create(password: &str) -> Self {
        let schemas = ScratchSchemas::create();
        let name = format!("role_{}", schemas.name());
        let role = Self { name, schemas };
        role.execute(&format!("CREATE ROLE {} LOGIN", role.name));
        role.set_password(password);
        role
    }

    fn set_password(&self, password: &str) {
        self.execute(&format!("ALTER ROLE {} PASSWORD '{password}'", self.name));
    }

    fn execute(&self, sql: &str) {
        let mut admin = self.schemas.connection(Database::Metadata);
        admin.batch_execute(sql).expect("may manage roles");
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let mut admin = self.schemas.connection(Database::Metadata);
        let done = admin.batch_execute(&format!("DROP ROLE {}", self.name));
        if let Err(error) = done {
            eprintln!("the role {} stays behind: {error}", self.name);
        }
    }
}

#[tokio::test]
async fn fault_04_wrong_password_is_reported_and_recovers() {
    let role = Role::create("right");
    let mut config = role.schemas.config();
    let url = with_user(role.schemas.url(Database::Metadata), &role.name, "unused");
    config.metadata_url = DatabaseUrl::parse(&url).expect("valid");
    let password = Arc::new(Mutex::new("wrong"));
    let current = Arc::clone(&password);
    let provider = Arc::new(move |_| SecretString::from(*current.lock().expect("no panic")));
    let db = DatabasePools::with_passwords(&config, provider).metadata();
    let begun = suite::Watch::start();
    let error = read(&db).await.expect_err("refused");
    begun.assert_within(Duration::from_secs(1));
    assert!(
        matches!(error, RepositoryError::Configuration { .. }),
        "{error:?}"
    );
    assert!(!error.is_transient());
    *password.lock().expect("no panic") = "right";
    let begun = Instant::now();
    loop {
        match read(&db).await {
            Ok(_) => break,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(60), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn fault_25_password_change_disturbs_no_call() {
    let role = Role::create("first");
    let mut config = role.schemas.config();
    config.pool.size = 2;
    let url = with_user(role.schemas.url(Database::Metadata), &role.name, "unused");
    let url = format!("{url}&application_name={}", role.name);
    config.metadata_url = DatabaseUrl::parse(&url).expect("valid");
    let password = Arc::new(Mutex::new("first"));
    let current = Arc::clone(&password);
    let provider = Arc::new(move |_| SecretString::from(*current.lock().expect("no panic")));
    let db = DatabasePools::with_passwords(&config, provider).metadata();
    assert_eq!(read(&db).await.expect("the first password"), 7);
    role.set_password("second");
    assert_eq!(read(&db).await.expect("an open session stays"), 7);
    *password.lock().expect("no panic") = "second";
    let mut admin = role.schemas.connection(Database::Metadata);
    assert_eq!(terminate(&mut admin, &role.name), 1);
    assert_eq!(read(&db).await.expect("the second password"), 7);
}

/// The log of all crates at all levels.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text of an error and of all its sources.
fn all_of(error: &dyn Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    text
}

/// All texts that the library prints about an unusable URL.
async fn try_everything(mut config: DatabaseConfig, url: String) -> Vec<String> {
    let parsed = DatabaseUrl::parse(&url).expect("valid");
    config.metadata_url = parsed.clone();
    config.timeseries_url = parsed.clone();
    let pools = DatabasePools::new(&config);
    let (metadata, timeseries) = (pools.metadata(), pools.timeseries());
    let mut texts = vec![
        format!("{parsed} {parsed:?} {parsed:#?}"),
        format!("{config:?} {pools:?} {metadata:#?}"),
        format!("{:?}", check_health(&pools).await),
    ];
    let (read, first, second, connected) = tokio::join!(
        read(&metadata),
        migrate_metadata(&metadata),
        migrate_timeseries(&timeseries),
        Repositories::connect(&config)
    );
    let errors = [read.err(), first.err(), second.err(), connected.err()];
    texts.extend(errors.map(|error| all_of(&error.expect("no database"))));
    texts
}

#[tokio::test]
async fn password_is_in_no_error_text() {
    if !is_alone() {
        return;
    }
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let schemas = ScratchSchemas::create();
    let (mut texts, mut tries) = (Vec::new(), Vec::new());
    let right = schemas.url(Database::Metadata);
    let server = FaultProxy::silent();
    let silent = server.address();
    for url in [
        with_user(right, "orderbook", CANARY),
        with_user(right, "nobody", CANARY),
        format!(
            "{}&sslmode=verify-full",
            with_user(right, "orderbook", CANARY)
        ),
        format!(
            "{}&sslrootcert=/nowhere/ca.pem&sslmode=verify-ca",
            with_user(right, "orderbook", CANARY)
        ),
        format!(
            "{}&options=-cnonsense",
            with_user(right, "orderbook", CANARY).replace("options=", "application_name=")
        ),
        format!("postgresql://u:{CANARY}@127.0.0.1:1/d"),
        format!("postgresql://u:{CANARY}@{silent}/d"),
        format!("postgresql://u:{CANARY}@nowhere.invalid/d?connect_timeout=2"),
        format!("postgresql://u:{CANARY}@%2Fnowhere/d"),
        format!("postgresql://u:{CANARY}@127.0.0.1/d?keepalives=x"),
    ] {
        tries.push(tokio::spawn(try_everything(schemas.config(), url)));
    }
    for tried in tries {
        texts.extend(tried.await.expect("no panic"));
    }
    for url in [
        format!("postgres//user:{CANARY}@host/db"),
        format!("user:{CANARY}@host/db"),
        format!("postgres://user:{CANARY}%zz@host/db"),
        format!("postgres://user:{CANARY}@host:99999/db"),
        format!("postgres://user:{CANARY}@host:x/db"),
        format!("postgres://user:{CANARY}@host"),
        format!("postgres://user:{CANARY}@host/db?nonsense={CANARY}"),
        format!("postgres://user:a?{CANARY}@host/db"),
    ] {
        texts.push(all_of(&DatabaseUrl::parse(&url).expect_err("malformed")));
        let variables = [("DATABASE_URL".to_owned(), url)];
        let config = Config::load_from(std::path::Path::new(""), variables);
        texts.push(all_of(&config.expect_err("malformed")));
    }
    let log = log.0.lock().expect("no panic").clone();
    let log = String::from_utf8(log).expect("UTF-8");
    assert!(log.contains("cannot connect"), "nothing was logged");
    texts.push(log);
    for text in texts {
        for secret in [CANARY, PLAIN, "C4nary"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn server_without_tls_is_refused_by_verify_full() {
    let schemas = ScratchSchemas::create();
    let url = format!("{}&sslmode=verify-full", schemas.url(Database::Metadata));
    let error = read(&pool_at(&schemas, &url, |_| ())).await;
    let error = error.expect_err("no TLS here");
    assert!(matches!(error, RepositoryError::Tls { .. }), "{error:?}");
    for part in ["sslrootcert=", "DATABASE_URL"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}
