//! A PgBouncer in transaction mode between the library and the schemas of a test.

// each test file uses what it needs
#![allow(dead_code)]

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tickbook::db::{DatabaseConfig, ScratchSchemas};
use tickbook::{Database, DatabaseUrl};

/// Connections to each database; fewer than the pools have.
const SERVER_CONNECTIONS: u32 = 2;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A PgBouncer for two schemas. It ends when it is dropped, or with this process.
#[derive(Debug)]
pub(crate) struct Bouncer {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Bouncer {
    pub(crate) fn start(program: &Path, schemas: &ScratchSchemas) -> Self {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("pgbouncer-{}-{count}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).expect("made");
        let port = suite::free_port();
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
        // PgBouncer refuses to run as root, so another user must be able to read its settings
        for (path, mode) in [(&folder, 0o755), (&settings, 0o644)] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(path, permissions).expect("its owner");
        }
        // in a group of its own, because a wrapper that is killed leaves a PgBouncer that changed its user
        let script = "if [ \"$(id -u)\" = 0 ]; then set -- -u nobody \"$@\"; fi; \
                      setsid \"$0\" -q \"$@\" </dev/null & cat >/dev/null; kill -9 -$!";
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

    /// The variables of the URLs through the PgBouncer, with their values.
    pub(crate) fn urls(&self) -> [(&'static str, String); 2] {
        [Database::Metadata, Database::Timeseries].map(|database| {
            let url = format!("postgresql://anyone@127.0.0.1:{}/{database}", self.port);
            (database.url_variable(), url)
        })
    }

    pub(crate) fn config(&self) -> DatabaseConfig {
        let [metadata, timeseries] = self
            .urls()
            .map(|(_, url)| DatabaseUrl::parse(&url).expect("a valid URL"));
        let mut config = DatabaseConfig::new(metadata, timeseries);
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

/// The configuration line of a database. It sets the `search_path` when PgBouncer connects to the server,
/// since PgBouncer does not pass on connection options.
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
