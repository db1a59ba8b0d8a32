//! Tests of the server program on real databases; each test has its own schemas.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use fault_proxy::FaultProxy;
use serde_json::json;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{NewSymbol, SymbolId, Tick, TimeRange};
use tickbook::ingest::{PersisterConfig, SpoolConfig, TickPersister};
use tickbook::postgres::{apply_aggregates, migrate_metadata, migrate_timeseries};
use tickbook::repository::MockTickRepository;
use tickbook::{Database, Repositories, RepositoryError};

use crate::binary::{Program, fails};

pub(crate) fn variables(schemas: &ScratchSchemas) -> [(&'static str, &str); 3] {
    [
        ("DATABASE_URL", schemas.url(Database::Metadata)),
        ("TIMESCALEDB_URL", schemas.url(Database::Timeseries)),
        ("DATABASE_POOL_SIZE", "4"),
    ]
}

/// Migrates and creates the symbol 1.
pub(crate) async fn prepare(schemas: &ScratchSchemas) {
    let pools = DatabasePools::new(&schemas.config());
    migrate_metadata(&pools.metadata()).await.expect("migrated");
    migrate_timeseries(&pools.timeseries())
        .await
        .expect("migrated");
    apply_aggregates(&pools.timeseries()).await.expect("made");
    let symbol = NewSymbol::named("oanda", "EURUSD");
    let repositories = Repositories::postgres(&pools);
    let symbol = repositories.symbols.create(symbol).await.expect("created");
    assert_eq!(symbol.symbol_id.get(), 1);
}

/// A proxy in front of the time-series database, and the URL that connects through it.
pub(crate) fn proxied(schemas: &ScratchSchemas) -> (FaultProxy, String) {
    let url = schemas.url(Database::Timeseries);
    let proxy = FaultProxy::builder_of_url(url).ends_together().start();
    let through_proxy = proxy.url(url);
    (proxy, through_proxy)
}

/// Number of stored ticks of the simulated symbols.
async fn stored(schemas: &ScratchSchemas) -> u64 {
    let repositories = Repositories::postgres(&DatabasePools::new(&schemas.config()));
    let mut stored = 0;
    for id in 2..=5 {
        let (id, all) = (
            tickbook::domain::SymbolId::new(id),
            tickbook::domain::TimeRange::all(),
        );
        stored += repositories.ticks.count(id, all).await.expect("counted");
    }
    stored
}

pub(crate) fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !reached() {
        assert!(Instant::now() < deadline, "timeout: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn posted_ticks_come_back_as_ticks_and_candles() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let program = Program::start(&[], &variables(&schemas));
    let (status, ready) = program.get("/health/ready");
    assert_eq!(status, 200, "{ready}");
    assert_eq!(ready["store"], "postgres");
    assert_eq!(ready["databases"][1]["state"], "up");
    assert!(ready["databases"][1]["edition"].is_string(), "{ready}");
    assert_ne!(
        ready["databases"][1]["candle_relations"]["ohlc_1m"],
        "missing"
    );

    let ticks: Vec<_> = (0..130)
        .map(|second| {
            let (minute, rest) = (second / 60, second % 60);
            json!({
                "symbol_id": 1, "tick_time": format!("2014-05-01T00:{minute:02}:{rest:02}Z"),
                "bid_price": format!("1.{}", 38_001 + second), "ask_price": "1.4"
            })
        })
        .collect();
    let (status, receipt) = program.post("/api/v1/ticks", &json!(ticks));
    assert_eq!(
        (status, &receipt["inserted"]),
        (200, &json!(130)),
        "{receipt}"
    );
    let (_, receipt) = program.post("/api/v1/ticks", &json!(ticks));
    assert_eq!(receipt["duplicates"], 130, "{receipt}");

    let (status, page) = program.get("/api/v1/ticks/1?limit=2&order=desc");
    assert_eq!(status, 200, "{page}");
    assert_eq!(page["data"][0]["bid_price"], "1.3813");
    let (status, page) = program.get("/api/v1/ohlc/1");
    assert_eq!(status, 200, "{page}");
    let counts: Vec<_> = page["data"].as_array().expect("a list").iter().collect();
    assert_eq!(counts.len(), 3);
    assert_eq!(counts[0]["open"], "1.38001");
    assert_eq!(counts[0]["close"], "1.3806");
    assert_eq!(counts[2]["tick_count"], 10);
    let (status, problem) = program.get("/api/v1/ticks/2");
    assert_eq!(
        (status, &problem["type"]),
        (404, &json!("urn:tickbook:unknown-symbol"))
    );

    let (status, log) = program.stop("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("postgresql://"), "{log}");
}

#[tokio::test]
async fn feed_is_stored_and_the_stop_loses_nothing() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let program = Program::start(
        &["--feed", "simulated", "--seed", "1"],
        &variables(&schemas),
    );
    until("the feed is stored", || {
        program.get("/health/ready").1["feed"]["inserted"] != 0
    });
    let (status, log) = program.stop("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
    let line = log
        .lines()
        .find(|line| line.contains("every record of the feed is settled"))
        .expect("a line");
    let inserted = line
        .split("inserted=")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let stored = stored(&schemas).await.to_string();
    assert_eq!(inserted, Some(stored.as_str()), "{line}");
}

#[tokio::test]
async fn outage_is_reported_and_loses_no_tick() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let (proxy, through_proxy) = proxied(&schemas);
    let mut variables = variables(&schemas);
    variables[1].1 = &through_proxy;
    let program = Program::start(&["--feed", "simulated", "--seed", "2"], &variables);
    let feed = |count: &str| {
        let count = program.get("/health/ready").1["feed"][count].as_u64();
        count.expect("a number")
    };
    until("the feed is stored", || feed("inserted") > 0);

    proxy.close();
    until("the outage is seen", || {
        program.get("/health/ready").0 == 503
    });
    assert_eq!(program.get("/health/live").0, 200);
    let (status, problem) = program.get("/api/v1/ticks/2");
    assert_eq!(status, 503, "{problem}");
    assert_eq!(program.get("/api/v1/symbols").0, 200);
    let during = feed("received");
    until("the feed continues", || feed("received") > during + 5);

    proxy.open();
    until("the end of it is seen", || {
        program.get("/health/ready").0 == 200
    });
    until("the waiting ticks are stored", || {
        feed("inserted") > during + 5
    });
    let (status, log) = program.stop("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(
        log.contains(&format!("inserted={}", stored(&schemas).await)),
        "{log}"
    );
}

#[tokio::test]
async fn fault_55_server_stop_in_an_outage_spools_its_ticks() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let (proxy, through_proxy) = proxied(&schemas);
    let spool = tempfile::tempdir().expect("a folder");
    let mut variables = variables(&schemas).to_vec();
    variables[1].1 = &through_proxy;
    let directory = spool.path().to_str().expect("UTF-8");
    variables.push(("TICKBOOK__SPOOL__DIRECTORY", directory));

    let program = Program::start(&["--feed", "simulated", "--seed", "3"], &variables);
    let feed = |name: &str| {
        let count = program.get("/health/ready").1["feed"][name].as_u64();
        count.expect("a number")
    };
    until("the feed is stored", || feed("inserted") > 0);
    proxy.close();
    until("ticks wait on the disk", || feed("spooled") > 50);
    let begun = std::time::Instant::now();
    let (status, log) = program.stop("TERM");
    assert!(
        begun.elapsed() <= Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("records stay in the spool"), "{log}");
    let first = settled(&log);

    proxy.open();
    let program = Program::start(&["--feed", "simulated", "--seed", "4"], &variables);
    until("the spool is empty", || {
        let feed = &program.get("/health/ready").1["feed"];
        feed["inserted"].as_u64() > Some(50) && feed["spooled"] == 0
    });
    let (status, log) = program.stop("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("records stay in the spool"), "{log}");
    let second = settled(&log);
    assert_eq!(first + second, stored(&schemas).await, "{log}");
}

#[tokio::test]
async fn start_without_a_feed_stores_the_spool_of_a_feed() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let folder = tempfile::tempdir().expect("a folder");
    let spool = SpoolConfig::new(folder.path().to_owned()).max_bytes(1 << 20);
    let mut away = MockTickRepository::new();
    away.expect_insert_batch().returning(|_| {
        Err(RepositoryError::Unavailable {
            database: Database::Timeseries,
            reason: "gone".to_owned(),
        })
    });
    let persister = TickPersister::open(Arc::new(away), PersisterConfig::default(), &spool).await;
    let persister = persister.expect("a new spool");
    let start: DateTime<Utc> = "2014-05-01T00:00:00Z".parse().expect("a time");
    for index in 0..500 {
        let time = start + TimeDelta::milliseconds(index);
        let tick = Tick::quote(SymbolId::new(1), time, index.into(), index.into());
        persister.push(tick).await.expect("there is room");
    }
    let report = persister.stop(Duration::from_secs(10)).await;
    assert_eq!((report.spooled, report.unsaved.len()), (500, 0));
    drop(persister);

    let directory = folder.path().to_str().expect("UTF-8");
    let mut variables = variables(&schemas).to_vec();
    variables.push(("TICKBOOK__SPOOL__DIRECTORY", directory));
    let program = Program::start(&[], &variables);
    until("the spool is empty", || {
        let feed = &program.get("/health/ready").1["feed"];
        feed["spooled"] == 0 && feed["inserted"] == 500
    });
    // the server releases the spool, so that a server with a feed can use it
    let lock = std::fs::File::open(folder.path().join("owner.lock")).expect("a spool");
    until("the spool is free", || lock.try_lock().is_ok());
    drop(lock);
    let (status, body) = program.get("/health/ready");
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["feed"]["health"], "up");
    let feed = ["--feed", "simulated"];
    let second = Program::start(&feed, &variables);
    until("the feed runs", || {
        second.get("/health/ready").1["feed"]["received"].as_u64() > Some(0)
    });
    // a server without a feed does not use a spool that is in use
    let third = Program::start(&[], &variables);
    assert!(third.get("/health/ready").1["feed"].is_null());
    assert_eq!(third.stop("TERM").0.code(), Some(0));
    assert_eq!(second.stop("TERM").0.code(), Some(0));
    let repositories = Repositories::postgres(&DatabasePools::new(&schemas.config()));
    let all = TimeRange::all();
    let count = repositories.ticks.count(SymbolId::new(1), all).await;
    assert_eq!(count.expect("counted"), 500);
    let (status, log) = program.stop("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
}

/// Number of stored ticks according to the log.
fn settled(log: &str) -> u64 {
    let line = log.lines().find(|line| line.contains("is settled"));
    let line = line.expect("a line");
    // a tick whose acknowledgement was lost counts as a duplicate when it is sent again
    let numbers = ["inserted=", "duplicates="].map(|name| {
        let number = line.split(name).nth(1).expect("a number");
        let number = number.split(' ').next().expect("a number");
        number.parse::<u64>().expect("a number")
    });
    numbers.iter().sum()
}

#[test]
fn pending_migrations_are_a_clear_error() {
    let schemas = ScratchSchemas::create();
    let (output, line) = fails(&[], &variables(&schemas));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        line.starts_with("error: the metadata database is not ready"),
        "{line}"
    );
    assert!(line.contains("tickbook migrate"), "{line}");
}

#[test]
fn wrong_password_is_a_clear_error_and_not_shown() {
    let schemas = ScratchSchemas::create();
    let url = schemas.url(Database::Metadata);
    let (credentials, rest) = url.split_once('@').expect("a user");
    let (user, password) = credentials.rsplit_once(':').expect("a password");
    let wrong = format!("{user}:S3cretPw@{rest}");
    let mut variables = variables(&schemas);
    variables[0].1 = &wrong;
    let (output, line) = fails(&[], &variables);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        line.starts_with("error: the metadata database rejected the request"),
        "{line}"
    );
    assert!(line.contains("DATABASE_URL"), "{line}");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        !text.contains("S3cretPw") && !text.contains(&format!(":{password}@")),
        "{text}"
    );
}

#[test]
fn database_that_is_down_is_a_clear_error() {
    let nobody = FaultProxy::refusing();
    let down = format!("postgresql://orderbook:S3cretPw@{}/none", nobody.address());
    let variables = [
        ("DATABASE_URL", down.as_str()),
        ("TIMESCALEDB_URL", down.as_str()),
    ];
    let (output, line) = fails(&[], &variables);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        line.starts_with("error: the metadata database is unavailable"),
        "{line}"
    );
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(!text.contains("S3cretPw"), "{text}");
}
