//! Fault 24: a PgBouncer in transaction mode stands between the library and its databases. Every
//! transaction may run on another connection of the server.
//!
//! Part of `make test-programs`.
#![cfg(all(feature = "conformance", feature = "postgres"))]

#[path = "migrated/mod.rs"]
mod migrated;

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use diesel::{QueryableByName, RunQueryDsl as _, sql_query, sql_types::BigInt};
use tickbook::conformance::Subject;
use tickbook::db::DatabaseConfig;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::NewSymbol;
use tickbook::postgres;
use tickbook::{Database, DatabaseUrl, Repositories, RepositoryError};

use self::migrated::{SYMBOL, ticks};

/// Connections to each database; fewer than the pools have.
const SERVER_CONNECTIONS: u32 = 2;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A PgBouncer that leads into two schemas. Ends when it is dropped, or with this process.
#[derive(Debug)]
struct Bouncer {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Bouncer {
    fn start(program: &Path, schemas: &ScratchSchemas) -> Self {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("pgbouncer-{}-{count}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).expect("made");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let settings = folder.join("pgbouncer.ini");
        let databases: String = [Database::Metadata, Database::Timeseries]
            .map(|database| entry(schemas, database))
            .concat();
        std::fs::write(
            &settings,
            format!(
                "[databases]\n{databases}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
                 listen_port = {port}\nunix_socket_dir =\nauth_type = any\n\
                 pool_mode = transaction\ndefault_pool_size = {SERVER_CONNECTIONS}\n\
                 max_client_conn = 100\nignore_startup_parameters = extra_float_digits\n"
            ),
        )
        .expect("written");
        // it refuses to run as root and reads its settings as somebody else
        for (path, mode) in [(&folder, 0o755), (&settings, 0o644)] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(path, permissions).expect("its owner");
        }
        let script = "if [ \"$(id -u)\" = 0 ]; then set -- -u nobody \"$@\"; fi; \
                      \"$0\" -q \"$@\" </dev/null & cat >/dev/null; kill -9 $!";
        let mut bouncer = Self {
            child: Command::new("sh")
                .args(["-c", script])
                .args([program, &settings])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("sh"),
            folder,
            port,
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = bouncer.child.try_wait().expect("a child");
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "no PgBouncer on port {port}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        bouncer
    }

    fn config(&self) -> DatabaseConfig {
        let url = |database| format!("postgresql://anyone@127.0.0.1:{}/{database}", self.port);
        let url = |database| DatabaseUrl::parse(&url(database)).expect("a valid URL");
        let mut config = DatabaseConfig::new(url(Database::Metadata), url(Database::Timeseries));
        config.pool.size = 5;
        config.pool.pgbouncer = true;
        config
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        // the script kills it when its input ends
        drop(self.child.stdin.take());
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The line of a database. The path of its schemas is set as connections to the server are made,
/// since PgBouncer passes no options on.
fn entry(schemas: &ScratchSchemas, database: Database) -> String {
    let url = schemas.url(database);
    let after = &url[url.find("://").expect("a URL") + 3..];
    let (credentials, rest) = after.split_once('@').expect("credentials");
    let (user, password) = credentials.split_once(':').expect("a password");
    let (address, rest) = rest.split_once('/').expect("a database");
    let (host, port) = address.split_once(':').unwrap_or((address, "5432"));
    let name = rest.split('?').next().unwrap_or_default();
    format!(
        "{database} = host={host} port={port} dbname={name} user={user} password={password} \
         connect_query='SET search_path TO {}, public'\n",
        schemas.name()
    )
}

/// Migrated schemas and the way to them; dropped in this order.
#[derive(Debug)]
struct Site {
    bouncer: Bouncer,
    schemas: ScratchSchemas,
}

/// `None`, and the test counts as skipped, unless it is one of `make test-programs`.
async fn site() -> Option<Site> {
    let program = suite::program("pgbouncer")?;
    // straight to the server
    let (schemas, _) = migrated::migrated().await;
    let bouncer = Bouncer::start(&program, &schemas);
    Some(Site { bouncer, schemas })
}

/// Everything the contract asks for.
mod fault_24_conformance {
    use super::*;

    async fn empty_store() -> Subject {
        match site().await {
            Some(site) => {
                let pools = DatabasePools::new(&site.bouncer.config());
                Subject::guarded(Repositories::postgres(&pools), site)
            }
            // counted as skipped; a store is needed nevertheless
            None => Subject::new(Repositories::in_memory()),
        }
    }

    tickbook::conformance_tests!(empty_store);
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// On the server, not through the PgBouncer.
fn count(schemas: &ScratchSchemas, query: &str) -> i64 {
    let mut connection = schemas.connection(Database::Timeseries);
    let row: Number = sql_query(format!("SELECT count(*) AS number FROM {query}"))
        .get_result(&mut connection)
        .expect("a number");
    row.number
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_24_nothing_stays_on_the_shared_connections() {
    let Some(site) = site().await else { return };
    let pools = DatabasePools::new(&site.bouncer.config());
    let repositories = Repositories::postgres(&pools);
    // more at once than there are connections to the server
    let writes = (0..20).map(|number| {
        let ticks_of = repositories.ticks.clone();
        let symbols = repositories.symbols.clone();
        tokio::spawn(async move {
            let batch = ticks(number * 60, number * 60 + 60);
            ticks_of.insert_batch(&batch).await.expect("stored");
            ticks_of.insert_batch(&batch[..10]).await.expect("stored");
            let symbol = NewSymbol::named("oanda", format!("S{number}"));
            symbols.create(symbol).await.expect("created");
            ticks_of.latest(SYMBOL).await.expect("read");
        })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.expect("no panic");
    }
    assert_eq!(count(&site.schemas, "ticks"), 20 * 60);
    let timeseries = pools.timeseries();
    let kept = timeseries.run("look", |connection| {
        let row: Number = sql_query(
            "SELECT (SELECT count(*) FROM pg_prepared_statements WHERE name <> '') \
             + (SELECT count(*) FROM pg_settings WHERE source = 'session' \
                AND name LIKE '%timeout') \
             + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' \
                AND pid = pg_backend_pid()) AS number",
        )
        .get_result(connection)?;
        Ok(row.number)
    });
    assert_eq!(kept.await.expect("looked"), 0);
}

#[tokio::test]
async fn fault_24_migrations_through_it_are_refused_with_a_remedy() {
    let Some(site) = site().await else { return };
    let config = site.bouncer.config();
    let pools = DatabasePools::new(&config);
    for refused in [
        postgres::migrate_metadata(&pools.metadata()).await.err(),
        postgres::migrate_timeseries(&pools.timeseries())
            .await
            .err(),
    ] {
        let error = refused.expect("refused");
        assert!(
            matches!(error, RepositoryError::Configuration { .. }),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(text.contains("URL of the server itself"), "{text}");
    }
    // what only looks may pass
    let pending = postgres::pending_timeseries_migrations(&pools.timeseries()).await;
    assert_eq!(pending.expect("looked"), Vec::<String>::new());
}
