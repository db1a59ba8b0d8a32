//! The repositories over PostgreSQL and TimescaleDB do what every backend does, on whichever
//! edition `TIMESCALEDB_URL` leads to.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use tickbook::Repositories;
use tickbook::conformance::Subject;
use tickbook::db::{self, DatabasePools, ScratchSchemas};

async fn migrated() -> (ScratchSchemas, DatabasePools) {
    let schemas = ScratchSchemas::create();
    let pools = DatabasePools::new(&schemas.config());
    db::migrate_metadata(&pools.metadata())
        .await
        .expect("migrations of the metadata database");
    db::migrate_timeseries(&pools.timeseries())
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
        db::apply_aggregates(&pools.timeseries())
            .await
            .expect("candle relations");
        Subject::guarded(Repositories::postgres(&pools), schemas)
    }

    tickbook::conformance_tests!(empty_store);
}

/// Whatever else the policies do on the edition.
mod with_policies {
    use tickbook::policies::{Policies, Span};

    use super::*;

    async fn empty_store() -> Subject {
        let (schemas, pools) = migrated().await;
        db::apply_aggregates(&pools.timeseries())
            .await
            .expect("candle relations");
        let mut policies = Policies::default();
        policies.ticks.drop_after = Some(Span::days(30));
        db::apply_policies(&pools.timeseries(), &policies)
            .await
            .expect("consistent");
        Subject::guarded(Repositories::postgres(&pools), schemas)
    }

    tickbook::conformance_floor_tests!(empty_store);
}
