//! The statements of every repository method and their plans equal the files in `tests/sql`.
//!
//! The methods run on a small fixed data set, with fixed costs and without parallel workers, after
//! `VACUUM ANALYZE`.
#![cfg(all(feature = "conformance", feature = "postgres"))]

mod books;
mod calls;
mod data;
mod feeds;
mod files;
mod recorder;
mod render;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Bool, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::{DatabaseConfig, DatabasePools, ScratchSchemas};
use tickbook::postgres::detect_edition;
use tickbook::{Database, DatabaseUrl};

use crate::support::migrated_schema::migrated;
use data::Site;
use files::Snapshots;
use recorder::{Recorder, Sent};

const DATABASES: [Database; 2] = [Database::Metadata, Database::Timeseries];

/// Records the calls of all methods.
struct Recording {
    recorder: Recorder,
    schema: String,
    snapshots: Snapshots,
}

impl Recording {
    /// Adds the statements since the last call to the file of `method`, with the title `call`.
    fn add(&mut self, method: &str, call: &str) {
        let sent = self.recorder.take();
        let text = self.snapshots.entry(method.to_owned()).or_default();
        let blank = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{blank}-- {method}: {call}");
        for sent in sent.iter().filter(|sent| is_of_a_method(sent)) {
            let _ = writeln!(
                text,
                "\n{}",
                render::statement(sent, &self.schema).trim_end()
            );
        }
    }
}

/// Whether a method sent it, rather than the pool, which pings connections.
fn is_of_a_method(sent: &Sent) -> bool {
    sent.sql != "SELECT 1"
}

/// Runs every method and returns its statements, with their plans if the servers report them.
async fn record(plans: bool) -> Snapshots {
    let (schemas, pools) = migrated().await;
    data::fill(&pools).await;
    for database in DATABASES {
        data::settle(&mut schemas.connection(database), database);
    }
    let urls = DATABASES.map(|database| (database, schemas.url(database)));
    let recorder = Recorder::start(urls);
    let [metadata, timeseries] = urls.map(|(database, url)| {
        DatabaseUrl::parse(&recorder.url(database, url, plans)).expect("a URL")
    });
    let mut config = DatabaseConfig::new(metadata, timeseries);
    config.pool = schemas.config().pool;
    // a second connection would send the statements that begin a session
    (config.pool.size, config.pool.reserved_for_writes) = (1, 0);
    let pools = DatabasePools::new(&config);
    let site = Site::new(&pools);
    site.warm_up().await;
    recorder.take();
    let mut recording = Recording {
        recorder,
        schema: schemas.name().to_owned(),
        snapshots: BTreeMap::new(),
    };
    calls::symbols(&site, &mut recording).await;
    calls::exchanges(&site, &mut recording).await;
    calls::instruments(&site, &mut recording).await;
    calls::ticks(&site, &mut recording).await;
    calls::trades(&site, &mut recording).await;
    books::books(&site, &mut recording).await;
    calls::candles(&site, &mut recording).await;
    calls::quarantine(&site, &mut recording).await;
    feeds::feeds(&site, &mut recording).await;
    recording.snapshots
}

#[derive(QueryableByName)]
struct Server {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Bool)]
    is_superuser: bool,
}

/// The versions on which plans depend, or the reason why plans cannot be recorded.
fn servers(schemas: &ScratchSchemas) -> Result<String, String> {
    let mut versions = String::new();
    for database in DATABASES {
        let mut connection = schemas.connection(database);
        let server: Server = sql_query(
            "SELECT split_part(current_setting('server_version'), '.', 1) AS version, \
             current_setting('is_superuser') = 'on' AS is_superuser",
        )
        .get_result(&mut connection)
        .expect("its version");
        if !server.is_superuser {
            return Err("only a superuser may load auto_explain".to_owned());
        }
        if let Err(error) = connection.batch_execute("LOAD 'auto_explain'") {
            return Err(format!(
                "the {database} server has no auto_explain: {error}"
            ));
        }
        let _ = writeln!(versions, "{database}: PostgreSQL {}", server.version);
        if database == Database::Timeseries {
            let _ = writeln!(
                versions,
                "{database}: TimescaleDB {}",
                timescale(&mut connection)
            );
        }
    }
    Ok(versions)
}

/// Version and edition, such as `2.19 apache`.
fn timescale(connection: &mut PgConnection) -> String {
    let found = detect_edition(connection).expect("its edition");
    let minor: Vec<_> = found.version.split('.').take(2).collect();
    format!("{} {}", minor.join("."), found.edition)
}

/// The names `<repository>.<method>` of the traits.
fn methods() -> Vec<String> {
    let traits = [
        ("symbols", include_str!("../../src/repository/symbol.rs")),
        (
            "instruments",
            include_str!("../../src/repository/instrument.rs"),
        ),
        ("ticks", include_str!("../../src/repository/tick.rs")),
        ("trades", include_str!("../../src/repository/trade.rs")),
        ("books", include_str!("../../src/repository/order_book.rs")),
        ("feeds", include_str!("../../src/repository/feed.rs")),
        ("ohlc", include_str!("../../src/repository/ohlc.rs")),
        (
            "quarantine",
            include_str!("../../src/repository/quarantine.rs"),
        ),
    ];
    let of_trait = traits.into_iter().flat_map(|(repository, source)| {
        let methods = source
            .lines()
            .filter_map(|line| line.strip_prefix("    async fn "));
        methods.map(move |method| {
            let (name, _) = method.split_once('(').expect("parameters");
            format!("{repository}.{name}")
        })
    });
    let mut methods: Vec<_> = of_trait.collect();
    methods.sort_unstable();
    methods
}

#[tokio::test]
async fn statements_equal_their_snapshots() {
    // the other test writes the files
    if files::is_update() {
        return;
    }
    let recorded = record(false).await;
    assert_eq!(recorded.keys().cloned().collect::<Vec<_>>(), methods());
    files::compare(&recorded, files::without_plans);
}

#[tokio::test]
async fn plans_equal_their_snapshots() {
    let servers = match servers(&ScratchSchemas::create()) {
        Ok(servers) => servers,
        Err(reason) => return suite::skip(reason),
    };
    if files::is_update() {
        return files::write(&record(true).await, &servers);
    }
    if servers != files::servers() {
        return suite::skip(format!(
            "plans differ by version, and these servers are {servers}"
        ));
    }
    files::compare(&record(true).await, str::to_owned);
}
