//! Fault 24: tests through a PgBouncer in transaction mode, where each transaction may run on another
//! connection to the server.
//!
//! Part of `make test-programs`.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use diesel::{QueryableByName, RunQueryDsl as _, sql_query, sql_types::BigInt};
use tickbook::conformance::Subject;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::NewSymbol;
use tickbook::postgres;
use tickbook::{Database, Repositories, RepositoryError};

use crate::support::migrated_schema::{self, SYMBOL, ticks};
use crate::support::pgbouncer::Bouncer;

/// Migrated schemas and the PgBouncer in front of them; dropped in this order.
#[derive(Debug)]
struct Site {
    bouncer: Bouncer,
    schemas: ScratchSchemas,
}

/// Returns `None`, and counts the test as skipped, unless `make test-programs` runs it.
async fn site() -> Option<Site> {
    let program = suite::program("pgbouncer")?;
    // migrates on the server, not through the PgBouncer
    let (schemas, _) = migrated_schema::migrated().await;
    let bouncer = Bouncer::start(&program, &schemas);
    Some(Site { bouncer, schemas })
}

/// The whole conformance suite.
mod fault_24_conformance {
    use super::*;

    async fn empty_store() -> Subject {
        match site().await {
            Some(site) => {
                let pools = DatabasePools::new(&site.bouncer.config());
                Subject::guarded(Repositories::postgres(&pools), site)
            }
            // the test is skipped, but the macro needs a store
            None => Subject::new(Repositories::in_memory()),
        }
    }

    tickbook::conformance_tests!(empty_store);
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Counts rows on the server, not through the PgBouncer.
fn count(schemas: &ScratchSchemas, query: &str) -> i64 {
    let mut connection = schemas.connection(Database::Timeseries);
    let row: Number = sql_query(format!("SELECT count(*) AS number FROM {query}"))
        .get_result(&mut connection)
        .expect("a number");
    row.number
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_24_shared_connections_keep_no_state() {
    let Some(site) = site().await else { return };
    let pools = DatabasePools::new(&site.bouncer.config());
    let repositories = Repositories::postgres(&pools);
    // more concurrent calls than connections to the server
    let writes = (0..20).map(|number| {
        let ticks_of = repositories.ticks.clone();
        let symbols = repositories.symbols.clone();
        tokio::spawn(async move {
            let batch = ticks(number * 60, number * 60 + 60);
            ticks_of.insert_batch(&batch).await.expect("stored");
            ticks_of.insert_batch(&batch[..10]).await.expect("stored");
            let symbol = NewSymbol::named("oanda", format!("S{number}"));
            symbols.create(symbol).await.expect("created");
            ticks_of.latest(SYMBOL).await.expect("read");
        })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.expect("no panic");
    }
    assert_eq!(count(&site.schemas, "ticks"), 20 * 60);
    let timeseries = pools.timeseries();
    let kept = timeseries.run("look", |connection| {
        let row: Number = sql_query(
            "SELECT (SELECT count(*) FROM pg_prepared_statements WHERE name <> '') \
             + (SELECT count(*) FROM pg_settings WHERE source = 'session' \
                AND name LIKE '%timeout') \
             + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' \
                AND pid = pg_backend_pid()) AS number",
        )
        .get_result(connection)?;
        Ok(row.number)
    });
    assert_eq!(kept.await.expect("looked"), 0);
}

#[tokio::test]
async fn fault_24_migrations_are_refused_with_a_remedy() {
    let Some(site) = site().await else { return };
    let config = site.bouncer.config();
    let pools = DatabasePools::new(&config);
    for refused in [
        postgres::migrate_metadata(&pools.metadata()).await.err(),
        postgres::migrate_timeseries(&pools.timeseries())
            .await
            .err(),
    ] {
        let error = refused.expect("refused");
        assert!(
            matches!(error, RepositoryError::Configuration { .. }),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(text.contains("URL of the server itself"), "{text}");
    }
    // calls that only read are allowed
    let pending = postgres::pending_timeseries_migrations(&pools.timeseries()).await;
    assert_eq!(pending.expect("looked"), Vec::<String>::new());
}
