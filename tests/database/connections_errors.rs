//! Tests of the errors that callers get when a database fails.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::error::Error as _;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use fault_proxy::FaultProxy;
use tickbook::db::DatabaseConfig;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{PriceBasis, SymbolReference, TimeRange, Timeframe};
use tickbook::postgres::{self, PgOhlcRepository, PgSymbolRepository, PgTickRepository};
use tickbook::repository::{
    CandleQuery, OhlcRepository, SymbolRepository, TickQuery, TickRepository,
};
use tickbook::{Database, DatabaseUrl, Repositories, RepositoryError};

use crate::support::migrated_schema::{SYMBOL, migrated, migrated_with, ticks};

fn config(metadata: &str, timeseries: &str) -> DatabaseConfig {
    let url = |text| DatabaseUrl::parse(text).expect("a valid URL");
    DatabaseConfig::new(url(metadata), url(timeseries))
}

/// The text of an error and of all its sources.
fn all_of(error: &RepositoryError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    text
}

/// The errors of a read of each of the three repositories.
async fn errors_of(repositories: &Repositories) -> Vec<RepositoryError> {
    let query = TickQuery::new(SYMBOL, TimeRange::all());
    let candles = CandleQuery::new(SYMBOL, Timeframe::M1, PriceBasis::Bid, TimeRange::all());
    vec![
        repositories.symbols.get(SYMBOL).await.expect_err("symbols"),
        repositories.ticks.range(&query).await.expect_err("ticks"),
        repositories
            .ticks
            .insert_batch(&ticks(0, 3))
            .await
            .expect_err("a short batch"),
        repositories
            .ticks
            .insert_batch(&ticks(0, 60))
            .await
            .expect_err("a long batch"),
        repositories
            .ohlc
            .candles(&candles)
            .await
            .expect_err("candles"),
    ]
}

#[tokio::test]
async fn missing_table_is_a_missing_migration() {
    let schemas = ScratchSchemas::create();
    let pools = DatabasePools::new(&schemas.config());
    for error in errors_of(&Repositories::postgres(&pools)).await {
        assert!(matches!(error, RepositoryError::Schema { .. }), "{error:?}");
        assert!(error.to_string().contains("tickbook migrate"), "{error}");
    }
    let error = Repositories::connect(&schemas.config()).await;
    let error = error.expect_err("nothing is migrated");
    assert!(matches!(error, RepositoryError::Schema { .. }), "{error:?}");
    assert!(error.to_string().contains("tickbook migrate"), "{error}");
}

#[tokio::test]
async fn connect_needs_both_databases_migrated() {
    let schemas = ScratchSchemas::create();
    let config = schemas.config();
    let pools = DatabasePools::new(&config);
    postgres::migrate_metadata(&pools.metadata())
        .await
        .expect("migrated");
    let error = Repositories::connect(&config)
        .await
        .expect_err("one is not");
    let RepositoryError::Schema { database, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*database, Database::Timeseries);
    postgres::migrate_timeseries(&pools.timeseries())
        .await
        .expect("migrated");
    let connected = Repositories::connect(&config).await.expect("ready");
    let repositories = connected.repositories;
    let latest = repositories.ticks.latest(SYMBOL).await.expect("readable");
    assert_eq!(latest, None);
}

#[tokio::test]
async fn wrong_password_is_a_setting_error_and_not_retried() {
    let schemas = ScratchSchemas::create();
    let wrong = |database| {
        let url = schemas.url(database);
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (credentials, rest) = rest.split_once('@').expect("credentials");
        let user = credentials.split(':').next().unwrap_or(credentials);
        format!("{scheme}://{user}:Wr0ngPw@{rest}")
    };
    let config = config(&wrong(Database::Metadata), &wrong(Database::Timeseries));
    let mut errors = errors_of(&Repositories::postgres(&DatabasePools::new(&config))).await;
    errors.push(Repositories::connect(&config).await.expect_err("refused"));
    for error in errors {
        let text = all_of(&error);
        assert!(
            matches!(error, RepositoryError::Configuration { .. }),
            "{text}"
        );
        assert!(!text.contains("Wr0ngPw"), "{text}");
        assert!(text.contains("_URL"), "{text}");
    }
}

#[tokio::test]
async fn stopped_database_is_unavailable_within_5_seconds() {
    let nobody = FaultProxy::refusing();
    let url = format!("postgresql://nobody:secret@{}/nowhere", nobody.address());
    let config = config(&url, &url);
    let repositories = Repositories::postgres(&DatabasePools::new(&config));
    let symbols = repositories.symbols.get(SYMBOL);
    let ticks = ticks(0, 60);
    let inserted = repositories.ticks.insert_batch(&ticks);
    let latest = repositories
        .ohlc
        .latest(SYMBOL, Timeframe::D1, PriceBasis::Mid);
    let begun = suite::Watch::start();
    let (symbols, inserted, latest) = tokio::join!(symbols, inserted, latest);
    begun.assert_within(Duration::from_secs(5));
    for error in [symbols.err(), inserted.err(), latest.err()] {
        let error = error.expect("it is down");
        assert!(
            matches!(error, RepositoryError::Unavailable { .. }),
            "{error:?}"
        );
        assert!(error.is_transient() && error.is_certainly_not_applied());
    }
}

#[tokio::test]
async fn statement_that_takes_too_long_is_a_timeout() {
    let (schemas, pools) = migrated_with(|config| {
        config.pool.statement_timeout = Duration::from_millis(200);
        config.pool.lock_timeout = Duration::from_secs(20);
    })
    .await;
    let repository = PgTickRepository::new(pools);
    let mut blocker = schemas.connection(Database::Timeseries);
    blocker
        .batch_execute("BEGIN; LOCK TABLE ticks IN ACCESS EXCLUSIVE MODE")
        .expect("locked");
    let read = repository.count(SYMBOL, TimeRange::all()).await;
    for error in [
        read.expect_err("the table is locked"),
        repository
            .insert_batch(&ticks(0, 3))
            .await
            .expect_err("the table is locked"),
        repository
            .insert_batch(&ticks(0, 60))
            .await
            .expect_err("the table is locked"),
    ] {
        assert!(
            matches!(error, RepositoryError::Timeout { .. }),
            "{error:?}"
        );
    }
    blocker.batch_execute("ROLLBACK").expect("unlocked");
    let count = repository.count(SYMBOL, TimeRange::all()).await;
    assert_eq!(count.expect("readable again"), 0);
}

#[tokio::test]
async fn stored_value_that_is_not_a_number_is_named() {
    let (schemas, pools) = migrated().await;
    schemas
        .connection(Database::Timeseries)
        .batch_execute(
            "ALTER TABLE ticks DROP CONSTRAINT ticks_prices_numbers; \
             INSERT INTO ticks VALUES (7, '2014-05-01 00:00:00+00', 3, 1, 'NaN', 0, 0, NULL)",
        )
        .expect("stored");
    let ticks = PgTickRepository::new(pools.clone());
    let ohlc = PgOhlcRepository::new(pools);
    let query = TickQuery::new(SYMBOL, TimeRange::all());
    let error = ticks.range(&query).await.expect_err("no number");
    let text = error.to_string();
    assert!(matches!(error, RepositoryError::Data { .. }), "{error:?}");
    for part in ["symbol 7", "2014-05-01", "sequence 3", "ask_price", "NaN"] {
        assert!(text.contains(part), "{text}");
    }
    // the connection is usable again
    assert!(ticks.latest(SYMBOL).await.is_err());
    let error = ohlc.latest(SYMBOL, Timeframe::M1, PriceBasis::Mid).await;
    let error = error.expect_err("no number");
    assert!(matches!(error, RepositoryError::Data { .. }), "{error:?}");
}

#[tokio::test]
async fn closures_are_accepted_as_connections() {
    let (_schemas, pools) = migrated().await;
    let (symbols, ticks_of, candles) = (pools.clone(), pools.clone(), pools);
    let symbols = PgSymbolRepository::new(move || symbols.metadata());
    let ticks_of = PgTickRepository::new(move || ticks_of.timeseries());
    let candles = PgOhlcRepository::new(move || candles.timeseries());
    let reference: SymbolReference = "EURUSD".parse().expect("a name");
    assert_eq!(symbols.get_by_name(&reference).await.expect("read"), None);
    let receipt = ticks_of
        .insert_batch(&ticks(0, 10))
        .await
        .expect("inserted");
    assert_eq!(receipt.inserted, 10);
    let latest = candles.latest(SYMBOL, Timeframe::H1, PriceBasis::Bid).await;
    assert_eq!(
        latest.expect("read").map(|candle| candle.tick_count),
        Some(10)
    );
}
