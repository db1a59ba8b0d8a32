//! Opening connections, and how repositories are given theirs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::r2d2::R2D2Connection as _;
use diesel::{Connection as _, PgConnection};
use secrecy::ExposeSecret as _;

use crate::config::PoolConfig;
use crate::database_url::DatabaseUrl;
use crate::error::{Database, RepositoryError};

use super::failure::{ConnectError, classify_connect};
use super::pools::{DatabasePools, MetadataDb, TimeseriesDb};

/// A connection unused for longer is asked whether it still lives before it is given out; asking
/// costs a round trip.
const PING_AFTER: Duration = Duration::from_secs(1);

/// An open connection and when it was last used.
pub(crate) struct PooledConnection {
    pub(crate) connection: PgConnection,
    pub(crate) used: Instant,
    /// Lost or in an unknown state: not to be given out again.
    pub(crate) broken: bool,
}

/// Opens connections to one database and remembers why the last attempt failed, which r2d2 tells
/// one of those who wait and only as text.
#[derive(Debug)]
pub(crate) struct ConnectionManager {
    database: Database,
    url: DatabaseUrl,
    session: String,
    last_error: Arc<Mutex<Option<ConnectError>>>,
}

impl ConnectionManager {
    pub(crate) fn new(database: Database, url: DatabaseUrl, config: &PoolConfig) -> Self {
        let connect_seconds = config.connect_timeout.as_millis().div_ceil(1_000).max(2);
        let url = url
            .with_default("connect_timeout", connect_seconds.to_string())
            .with_default("application_name", format!("tickbook:{database}"))
            .with_default("gssencmode", "disable")
            // a peer that vanished is noticed after eight seconds, in whichever direction data flows
            .with_default("tcp_user_timeout", "8000")
            .with_default("keepalives", "1")
            .with_default("keepalives_idle", "5")
            .with_default("keepalives_interval", "1")
            .with_default("keepalives_count", "3");
        let session = format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; \
             SET idle_in_transaction_session_timeout = 15000",
            config.statement_timeout.as_millis(),
            config.lock_timeout.as_millis()
        );
        Self {
            database,
            url,
            session,
            last_error: Arc::new(Mutex::new(None)),
        }
    }

    /// A connection with the session settings of the pool.
    pub(crate) fn open(&self) -> Result<PgConnection, ConnectError> {
        let mut connection = self.open_unlimited()?;
        connection
            .batch_execute(&self.session)
            .map_err(|error| classify_connect(&error.to_string(), self.database, &self.url))?;
        Ok(connection)
    }

    /// A connection whose statements may take as long as they need.
    pub(crate) fn open_unlimited(&self) -> Result<PgConnection, ConnectError> {
        let text = self.url.connection_string();
        PgConnection::establish(text.expose_secret())
            .map_err(|error| classify_connect(&error.to_string(), self.database, &self.url))
    }

    pub(crate) fn last_error(&self) -> Arc<Mutex<Option<ConnectError>>> {
        Arc::clone(&self.last_error)
    }

    fn remember(&self, error: Option<ConnectError>) {
        *self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = error;
    }
}

impl r2d2::ManageConnection for ConnectionManager {
    type Connection = PooledConnection;
    type Error = ConnectError;

    fn connect(&self) -> Result<PooledConnection, ConnectError> {
        let opened = self.open();
        self.remember(opened.as_ref().err().cloned());
        Ok(PooledConnection {
            connection: opened?,
            used: Instant::now(),
            broken: false,
        })
    }

    fn is_valid(&self, connection: &mut PooledConnection) -> Result<(), ConnectError> {
        if connection.used.elapsed() < PING_AFTER {
            return Ok(());
        }
        connection
            .connection
            .ping()
            .map_err(|error| classify_connect(&error.to_string(), self.database, &self.url))
    }

    fn has_broken(&self, connection: &mut PooledConnection) -> bool {
        connection.broken || std::thread::panicking() || connection.connection.is_broken()
    }
}

/// Where a repository gets connections to the metadata database from: a [`MetadataDb`], shared
/// [`DatabasePools`], or a closure such as `move || pools.metadata()`.
pub trait MetadataConnections: Send + Sync + 'static {
    /// The connections to use for one call.
    fn metadata(&self) -> MetadataDb;
}

/// Where a repository gets connections to the time-series database from: a [`TimeseriesDb`],
/// shared [`DatabasePools`], or a closure such as `move || pools.timeseries()`.
pub trait TimeseriesConnections: Send + Sync + 'static {
    /// The connections to use for one call.
    fn timeseries(&self) -> TimeseriesDb;
}

impl MetadataConnections for MetadataDb {
    fn metadata(&self) -> MetadataDb {
        self.clone()
    }
}

impl TimeseriesConnections for TimeseriesDb {
    fn timeseries(&self) -> TimeseriesDb {
        self.clone()
    }
}

impl MetadataConnections for DatabasePools {
    fn metadata(&self) -> MetadataDb {
        Self::metadata(self)
    }
}

impl TimeseriesConnections for DatabasePools {
    fn timeseries(&self) -> TimeseriesDb {
        Self::timeseries(self)
    }
}

impl<F: Fn() -> MetadataDb + Send + Sync + 'static> MetadataConnections for F {
    fn metadata(&self) -> MetadataDb {
        self()
    }
}

impl<F: Fn() -> TimeseriesDb + Send + Sync + 'static> TimeseriesConnections for F {
    fn timeseries(&self) -> TimeseriesDb {
        self()
    }
}

/// What to tell a caller who got no connection within its time.
pub(crate) fn no_connection(
    database: Database,
    last_error: &Mutex<Option<ConnectError>>,
) -> RepositoryError {
    let last = last_error
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    match last {
        Some(error) => error.into(),
        None => RepositoryError::Unavailable {
            database,
            reason: "no connection could be opened in time".to_owned(),
        },
    }
}
