//! Tests of panics in closures that run on a connection.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use diesel::connection::SimpleConnection as _;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::{DbError, MetadataDb, ScratchSchemas, transaction};
use tickbook::{Database, RepositoryError};

use crate::support::pool::{self, execute, named, number, pool_at, read, wait_until};

const CONNECTIONS: u32 = 4;

/// A value whose decoder panics.
#[derive(Debug, FromSqlRow)]
struct Undecodable;

impl FromSql<BigInt, Pg> for Undecodable {
    fn from_sql(_: PgValue<'_>) -> deserialize::Result<Self> {
        panic!("on purpose, in a decoder")
    }
}

#[derive(QueryableByName)]
struct UndecodableRow {
    #[diesel(sql_type = BigInt)]
    #[expect(dead_code, reason = "it is never decoded")]
    number: Undecodable,
}

async fn panic_in_a_decoder(db: &MetadataDb) -> Result<(), RepositoryError> {
    db.run("decode", |connection| {
        sql_query("SELECT 1::bigint AS number").get_result::<UndecodableRow>(connection)?;
        Ok(())
    })
    .await
}

async fn panic_in_a_transaction(db: &MetadataDb) -> Result<(), RepositoryError> {
    db.run("write", |connection| {
        transaction(connection, |connection| -> Result<(), DbError> {
            connection.batch_execute("INSERT INTO t VALUES (1)")?;
            panic!("on purpose, in a transaction")
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_29_panic_costs_only_one_connection() {
    let schemas = ScratchSchemas::create();
    let (url, name) = named(&schemas);
    let db = pool_at(&schemas, &url, |config| config.pool.size = CONNECTIONS);
    execute(&db, "CREATE TABLE t (x int)").await.expect("made");
    let panics: Vec<_> = (0..40)
        .map(|call| {
            let db = db.clone();
            tokio::spawn(async move {
                match call % 2 {
                    0 => panic_in_a_decoder(&db).await,
                    _ => panic_in_a_transaction(&db).await,
                }
            })
        })
        .collect();
    let others: Vec<_> = (0..200)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { read(&db).await })
        })
        .collect();
    for call in panics {
        let panicked = call.await.expect("the panic stays on its thread");
        assert!(
            matches!(panicked, Err(RepositoryError::Internal { .. })),
            "{panicked:?}"
        );
    }
    for call in others {
        assert_eq!(call.await.expect("no panic").expect("not disturbed"), 7);
    }
    pool::warm_up(&db, CONNECTIONS).await;
    let mut admin = schemas.connection(Database::Metadata);
    let sessions = |state: &str| {
        format!(
            "SELECT count(*) AS number FROM pg_stat_activity \
             WHERE application_name = '{name}' AND {state}"
        )
    };
    let (open, all) = (sessions("state <> 'idle'"), sessions("true"));
    wait_until("no open transaction", || number(&mut admin, &open) == Ok(0)).await;
    wait_until("as many sessions as connections", || {
        number(&mut admin, &all) == Ok(i64::from(CONNECTIONS))
    })
    .await;
    let rows = number(&mut admin, "SELECT count(*) AS number FROM t");
    assert_eq!(rows, Ok(0), "nothing of a panicked transaction is stored");
}
