//! Runs the conformance suite on the repositories over PostgreSQL and TimescaleDB, on the edition of
//! `TIMESCALEDB_URL`.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tickbook::Repositories;
use tickbook::conformance::Subject;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::postgres::Edition;
use tickbook::postgres::{
    self, PgOhlcRepository, PgOrderBookRepository, PgTickRepository, PgTradeRepository,
};
use tickbook::retention::{PolicyDuration, RetentionPolicies};

async fn migrated() -> (ScratchSchemas, DatabasePools) {
    migrate(ScratchSchemas::create()).await
}

async fn migrate(schemas: ScratchSchemas) -> (ScratchSchemas, DatabasePools) {
    let pools = DatabasePools::new(&schemas.config());
    postgres::migrate_metadata(&pools.metadata())
        .await
        .expect("migrations of the metadata database");
    postgres::migrate_timeseries(&pools.timeseries())
        .await
        .expect("migrations of the time-series database");
    (schemas, pools)
}

mod migrations_only {
    use super::*;

    async fn empty_store() -> Subject {
        let (schemas, pools) = migrated().await;
        Subject::guarded(Repositories::postgres(&pools), schemas)
    }

    tickbook::conformance_tests!(empty_store);
}

/// Continuous aggregates on the Community edition, views on the Apache edition.
mod with_candle_relations {
    use super::*;

    async fn empty_store() -> Subject {
        let (schemas, pools) = migrated().await;
        postgres::apply_aggregates(&pools.timeseries())
            .await
            .expect("candle relations");
        Subject::guarded(Repositories::postgres(&pools), schemas)
    }

    tickbook::conformance_tests!(empty_store);
}

/// The suite on a database with applied policies of the edition.
mod with_policies {
    use super::*;

    async fn empty_store() -> Subject {
        let (schemas, pools) = migrated().await;
        postgres::apply_aggregates(&pools.timeseries())
            .await
            .expect("candle relations");
        drop_after_30_days(&pools).await;
        Subject::guarded(Repositories::postgres(&pools), schemas)
    }

    tickbook::conformance_floor_tests!(empty_store);
}

async fn drop_after_30_days(pools: &DatabasePools) {
    let mut policies = RetentionPolicies::default();
    policies.ticks.drop_after = Some(PolicyDuration::days(30));
    policies.trades.drop_after = Some(PolicyDuration::days(30));
    postgres::apply_policies(&pools.timeseries(), &policies)
        .await
        .expect("consistent");
}

/// Repositories whose clock is fixed at `time`.
fn repositories_at(time: DateTime<Utc>, pools: &DatabasePools) -> Repositories {
    let mut repositories = Repositories::postgres(pools);
    let ticks = PgTickRepository::new(pools.timeseries()).with_clock(move || time);
    let ohlc = PgOhlcRepository::new(pools.timeseries()).with_clock(move || time);
    let trades = PgTradeRepository::new(pools.timeseries()).with_clock(move || time);
    let books = PgOrderBookRepository::new(pools.timeseries()).with_clock(move || time);
    repositories.ticks = Arc::new(ticks);
    repositories.books = Arc::new(books);
    repositories.trades = Arc::new(trades);
    repositories.ohlc = Arc::new(ohlc);
    repositories
}

/// A store with the candle relations of the edition.
async fn store_at(time: &str) -> Subject {
    let time = time.parse().expect("RFC 3339");
    let (schemas, pools) = migrated().await;
    postgres::apply_aggregates(&pools.timeseries())
        .await
        .expect("candle relations");
    Subject::guarded(repositories_at(time, &pools), schemas).with_clock_at(time)
}

/// A store with a floor of 30 days. The clock of the database, which decides the floor, is fixed as well.
async fn store_with_a_floor_at(time: &str) -> Subject {
    let time = time.parse().expect("RFC 3339");
    let (schemas, pools) = migrate(ScratchSchemas::create_at(time)).await;
    let aggregates = postgres::apply_aggregates(&pools.timeseries()).await;
    if aggregates.expect("candle relations").edition == Edition::Community {
        suite::skip("jobs of the Community edition take the time of the system for the present");
        // the test is skipped, but the macro needs a store with such a floor
        let (schemas, pools) = migrated().await;
        postgres::apply_aggregates(&pools.timeseries())
            .await
            .expect("candle relations");
        drop_after_30_days(&pools).await;
        return Subject::guarded(Repositories::postgres(&pools), schemas);
    }
    drop_after_30_days(&pools).await;
    Subject::guarded(repositories_at(time, &pools), schemas).with_clock_at(time)
}

macro_rules! stamp {
    ($($name:ident $time:literal)+) => {
        $(mod $name {
            async fn empty_store() -> super::Subject {
                super::store_at($time).await
            }

            tickbook::conformance_clock_tests!(empty_store);

            mod with_a_floor {
                async fn empty_store() -> super::super::Subject {
                    super::super::store_with_a_floor_at($time).await
                }

                tickbook::conformance_floor_tests!(empty_store);
            }
        })+
    };
}

suite::at_each_instant!(stamp);
