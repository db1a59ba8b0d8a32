//! Opens and checks connections.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::{CacheSize, SimpleConnection as _};
use diesel::r2d2::R2D2Connection as _;
use diesel::{Connection as _, PgConnection};
use secrecy::{ExposeSecret as _, SecretString};

use super::config::PoolConfig;
use crate::database_url::DatabaseUrl;
use crate::error::Database;

use super::condition::{learn, speak_english};
use super::failure::{ConnectError, classify_connect};
use super::measure;
use super::open_connections::{OpenConnection, OpenConnections};
use super::parameters::{session_settings, with_connection_parameters};
use super::reachability::Reachability;
use super::session_guard::SessionGuard;

/// A connection that was idle for longer is pinged before it is used, which costs a round trip.
const PING_AFTER: Duration = Duration::from_secs(1);

/// Returns the password of a database. It is called whenever a connection is opened, so passwords may change
/// while the process runs. The call may block for at most a second.
pub type PasswordProvider = Arc<dyn Fn(Database) -> SecretString + Send + Sync>;

/// An open connection and the time of its last use.
pub(super) struct PooledConnection {
    pub(super) connection: PgConnection,
    pub(super) used: Instant,
    /// The connection is lost or in an unknown state and must not be used again.
    pub(super) broken: bool,
    opened: Instant,
    changed: Arc<AtomicBool>,
    /// The last field, since it is dropped after the connection.
    _counted: OpenConnection,
}

/// Opens connections to one database and records why the last attempt failed. r2d2 reports that to only one
/// of the waiting callers, and only as text. Clones share the record.
#[derive(Clone)]
pub(super) struct ConnectionManager {
    url: DatabaseUrl,
    session: Option<String>,
    pgbouncer: bool,
    passwords: Option<PasswordProvider>,
    reachability: Arc<Reachability>,
    open_connections: OpenConnections,
}

impl ConnectionManager {
    pub(super) fn new(
        database: Database,
        url: &DatabaseUrl,
        config: &PoolConfig,
        passwords: Option<PasswordProvider>,
    ) -> Self {
        let url = with_connection_parameters(url.clone(), database, config);
        Self {
            session: session_settings(&url, database, config),
            url,
            pgbouncer: config.pgbouncer,
            passwords,
            reachability: Arc::new(Reachability::new(database)),
            open_connections: OpenConnections::default(),
        }
    }

    /// Opens a connection with the session settings of the pool.
    pub(super) fn open(&self) -> Result<PgConnection, ConnectError> {
        let begun = Instant::now();
        let mut connection = self.open_unlimited()?;
        if let Some(session) = &self.session {
            connection
                .batch_execute(session)
                .map_err(|error| self.classify(&error, &self.url))?;
        }
        measure::connected(self.reachability.database(), begun.elapsed());
        Ok(connection)
    }

    /// Opens a connection without time limits for statements.
    pub(super) fn open_unlimited(&self) -> Result<PgConnection, ConnectError> {
        let mut connection = self.establish()?;
        if !self.pgbouncer {
            speak_english(&mut connection);
        }
        if self.reachability.is_first() && !learn(&mut connection, || self.establish().ok()) {
            self.reachability.next_is_first();
        }
        Ok(connection)
    }

    fn establish(&self) -> Result<PgConnection, ConnectError> {
        let database = self.reachability.database();
        let url = match &self.passwords {
            Some(password_of) => self.url.clone().with_password(password_of(database)),
            None => self.url.clone(),
        };
        let text = url.connection_string();
        let mut connection = PgConnection::establish(text.expose_secret())
            .map_err(|error| self.classify(&error, &url))?;
        if self.pgbouncer {
            // with a PgBouncer the next transaction may run on a server connection that has not prepared them
            connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        }
        Ok(connection)
    }

    /// Whether connections go through a PgBouncer in transaction mode.
    pub(super) fn is_pgbouncer(&self) -> bool {
        self.pgbouncer
    }

    /// The reachability of the database.
    pub(super) fn reachability(&self) -> &Arc<Reachability> {
        &self.reachability
    }

    /// The connections that r2d2 opened.
    pub(super) fn open_connections(&self) -> &OpenConnections {
        &self.open_connections
    }

    fn unavailable(&self, reason: &str) -> ConnectError {
        ConnectError::Unavailable {
            database: self.reachability.database(),
            reason: reason.to_owned(),
        }
    }

    fn classify(&self, error: &dyn fmt::Display, url: &DatabaseUrl) -> ConnectError {
        classify_connect(&error.to_string(), self.reachability.database(), url)
    }
}

impl fmt::Debug for ConnectionManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionManager")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl r2d2::ManageConnection for ConnectionManager {
    type Connection = PooledConnection;
    type Error = ConnectError;

    fn connect(&self) -> Result<PooledConnection, ConnectError> {
        let counted = self
            .open_connections
            .begin()
            .ok_or_else(|| self.unavailable("the pool is closed"))?;
        // r2d2 also retries for calls that no longer wait
        if let Some(error) = self.reachability.just_failed() {
            return Err(error);
        }
        let opened = Instant::now();
        let mut connection = self
            .open()
            .inspect_err(|error| self.reachability.failed(error.clone()))?;
        self.reachability.reached();
        let changed = Arc::new(AtomicBool::new(false));
        connection.set_instrumentation(SessionGuard::new(Arc::clone(&changed)));
        Ok(PooledConnection {
            connection,
            used: Instant::now(),
            broken: false,
            opened,
            changed,
            _counted: counted,
        })
    }

    fn is_valid(&self, connection: &mut PooledConnection) -> Result<(), ConnectError> {
        if self.reachability.outdates(connection.opened) {
            return Err(self.unavailable("the tables changed while it was open"));
        }
        if connection.used.elapsed() < PING_AFTER && !self.reachability.suspects(connection.used) {
            return Ok(());
        }
        connection
            .connection
            .ping()
            .map_err(|error| self.classify(&error, &self.url))
    }

    fn has_broken(&self, connection: &mut PooledConnection) -> bool {
        if connection.changed.load(Ordering::Relaxed) {
            measure::session_changed(self.reachability.database());
            return true;
        }
        connection.broken || std::thread::panicking() || connection.connection.is_broken()
    }
}
