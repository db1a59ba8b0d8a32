//! Scratch schemas with all migrations, and ticks to store in them.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::db::DatabaseConfig;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{SymbolId, Tick};
use tickbook::postgres;
use tickbook::{Database, DatabaseUrl};

pub(crate) const SYMBOL: SymbolId = SymbolId::new(7);

pub(crate) async fn migrated() -> (ScratchSchemas, DatabasePools) {
    migrated_with(|_| ()).await
}

pub(crate) async fn migrated_with(
    change: impl FnOnce(&mut DatabaseConfig),
) -> (ScratchSchemas, DatabasePools) {
    let schemas = ScratchSchemas::create();
    let mut config = schemas.config();
    change(&mut config);
    let pools = DatabasePools::new(&config);
    postgres::migrate_metadata(&pools.metadata())
        .await
        .expect("migrations of the metadata database");
    postgres::migrate_timeseries(&pools.timeseries())
        .await
        .expect("migrations of the time-series database");
    (schemas, pools)
}

/// The environment variables with which another process of the test uses the same schemas.
pub(crate) fn variables(schemas: &ScratchSchemas) -> [(&'static str, &str); 2] {
    [Database::Metadata, Database::Timeseries]
        .map(|database| (database.url_variable(), schemas.url(database)))
}

/// The settings of such a process.
pub(crate) fn config_of_variables() -> DatabaseConfig {
    let url = |database: Database| {
        let text = std::env::var(database.url_variable()).expect("given");
        DatabaseUrl::parse(&text).expect("a valid URL")
    };
    DatabaseConfig::new(url(Database::Metadata), url(Database::Timeseries))
}

pub(crate) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01")
}

/// Ticks with the numbers `from..to`, one per second, each with a different price.
pub(crate) fn ticks(from: i64, to: i64) -> Vec<Tick> {
    (from..to)
        .map(|number| {
            Tick::quote(
                SYMBOL,
                start() + TimeDelta::seconds(number),
                Decimal::new(138_000 + number, 5),
                Decimal::new(138_001 + number, 5),
            )
            .with_bid_volume(Decimal::new(number, 3))
        })
        .collect()
}
