//! Migrated databases and their repositories, behind a proxy or on a separate server.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use fault_proxy::FaultProxy;
use tickbook::db::DatabaseConfig;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::ingest::PersisterConfig;
use tickbook::postgres;
use tickbook::{Database, DatabaseUrl, Repositories};

use crate::server::Server;
use crate::support::migrated_schema::migrated;
use tickbook::Backoff;

/// The time by which a call may exceed its deadline.
pub(crate) const OVERRUN: Duration = Duration::from_millis(250);

/// The longest time from the moment at which the database accepts connections again until ticks are
/// stored.
pub(crate) const RECOVERY: Duration = Duration::from_millis(1_500);

/// Both databases, reached through one proxy each.
pub(crate) struct GatedSite {
    pub(crate) metadata: FaultProxy,
    pub(crate) timeseries: FaultProxy,
    pub(crate) pools: DatabasePools,
    pub(crate) repositories: Repositories,
    pub(crate) config: DatabaseConfig,
    schemas: ScratchSchemas,
}

impl GatedSite {
    pub(crate) async fn new(seed: u64, change: impl FnOnce(&mut DatabaseConfig)) -> Self {
        println!("seed {seed}");
        let (schemas, _) = migrated().await;
        let proxy = |database| {
            let server = address_of(schemas.url(database));
            FaultProxy::builder(server).seed(seed).start()
        };
        let (metadata, timeseries) = (proxy(Database::Metadata), proxy(Database::Timeseries));
        let mut config = config(
            &at_port(schemas.url(Database::Metadata), metadata.port()),
            &at_port(schemas.url(Database::Timeseries), timeseries.port()),
        );
        config.pool.size = 5;
        change(&mut config);
        let pools = DatabasePools::new(&config);
        let repositories = Repositories::postgres(&pools);
        Self {
            metadata,
            timeseries,
            pools,
            repositories,
            config,
            schemas,
        }
    }

    /// The URL that bypasses the proxy, for psql.
    pub(crate) fn url(&self, database: Database) -> &str {
        self.schemas.url(database)
    }

    pub(crate) fn ticks_url(&self) -> &str {
        self.url(Database::Timeseries)
    }
}

/// Repositories over the time-series database of a separate server, without a database of symbols.
pub(crate) async fn repositories_on(
    server: &Server,
    change: impl FnOnce(&mut DatabaseConfig),
) -> (Repositories, DatabasePools) {
    let mut config = config(&server.url(), &server.url());
    config.pool.size = 5;
    change(&mut config);
    let pools = DatabasePools::new(&config);
    postgres::migrate_timeseries(&pools.timeseries())
        .await
        .expect("migrations of the time-series database");
    (Repositories::postgres(&pools), pools)
}

/// The default settings with these URLs.
pub(crate) fn config(metadata: &str, timeseries: &str) -> DatabaseConfig {
    let url = |text| DatabaseUrl::parse(text).expect("a valid URL");
    DatabaseConfig::new(url(metadata), url(timeseries))
}

/// Settings with small batches, so that some are always being written.
pub(crate) fn small_batches() -> PersisterConfig {
    PersisterConfig::default()
        .batch_size(200)
        .flush_interval(Duration::from_millis(20))
        .backoff(Backoff::new(
            Duration::from_millis(100),
            Duration::from_secs(1),
        ))
}

/// The address of the server of a URL.
pub(crate) fn address_of(url: &str) -> SocketAddr {
    let (_, host, _) = parts(url);
    let host = if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:5432")
    };
    host.to_socket_addrs()
        .expect("a host and a port")
        .next()
        .expect("an address")
}

/// The URL with another port of this machine.
pub(crate) fn at_port(url: &str, port: u16) -> String {
    at_host(url, &format!("127.0.0.1:{port}"))
}

/// The URL with another host and port, without TLS.
pub(crate) fn at_host(url: &str, host: &str) -> String {
    let (before, _, after) = parts(url);
    let separator = if after.contains('?') { '&' } else { '?' };
    // servers of tests have no certificate, which the library requires for hosts other than this machine
    format!("{before}{host}{after}{separator}sslmode=disable")
}

fn parts(url: &str) -> (&str, &str, &str) {
    let start = url.find("://").expect("a URL") + 3;
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    let start = url[start..end]
        .rfind('@')
        .map_or(start, |at| start + at + 1);
    (&url[..start], &url[start..end], &url[end..])
}
