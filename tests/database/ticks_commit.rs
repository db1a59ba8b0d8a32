//! Tests of `synchronous_commit` of writes of ticks.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::Database;
use tickbook::db::SynchronousCommit;
use tickbook::postgres::PgTickRepository;
use tickbook::repository::TickRepository;

use crate::support::migrated_schema::{migrated_with, ticks};

#[derive(Debug, PartialEq, QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    setting: String,
}

#[tokio::test]
async fn synchronous_commit_is_off_only_where_requested() {
    let (schemas, pools) = migrated_with(|config| config.pool.size = 1).await;
    let mut connection = schemas.connection(Database::Timeseries);
    connection
        .batch_execute(
            "CREATE TABLE seen (setting text NOT NULL); \
             CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$; \
             CREATE TRIGGER see BEFORE INSERT ON ticks FOR EACH ROW EXECUTE FUNCTION see()",
        )
        .expect("added");
    let mut from = 0;
    for (asked, expected) in [(None, "on"), (Some(SynchronousCommit::Off), "off")] {
        let mut repository = PgTickRepository::new(pools.clone());
        if let Some(asked) = asked {
            repository = repository.with_synchronous_commit(asked);
        }
        // each size is written by a different statement
        for size in [20, 100] {
            let batch = ticks(from, from + size);
            from += size;
            let receipt = repository.insert_batch(&batch).await.expect("inserted");
            assert_eq!(receipt.inserted, batch.len() as u64);
            let seen: Vec<Setting> = sql_query("DELETE FROM seen RETURNING setting")
                .load(&mut connection)
                .expect("seen");
            assert_eq!(seen.len(), batch.len());
            let all_as_asked = seen.iter().all(|one| one.setting == expected);
            assert!(all_as_asked, "{size} ticks: {:?}", seen.first());
        }
        let after: Setting = pools
            .timeseries()
            .run("read a setting", |connection| {
                sql_query("SELECT current_setting('synchronous_commit') AS setting")
                    .get_result(connection)
                    .map_err(Into::into)
            })
            .await
            .expect("read");
        assert_eq!(after.setting, "on", "the connection is as it was");
    }
}

#[tokio::test]
async fn receipts_are_equal_without_synchronous_commit() {
    let (_schemas, pools) = migrated_with(|_| ()).await;
    let repository =
        PgTickRepository::new(pools.clone()).with_synchronous_commit(SynchronousCommit::Off);
    let other_process = PgTickRepository::new(pools);
    let batch = ticks(0, 300);
    let receipt = repository.insert_batch(&batch[..100]).await.expect("new");
    assert_eq!(receipt.inserted, 100);
    let stored = other_process.insert_batch(&batch[150..160]).await;
    assert_eq!(stored.expect("new").inserted, 10);
    // its COPY finds taken keys within the transaction
    let receipt = repository
        .insert_batch(&batch[100..])
        .await
        .expect("partly new");
    assert_eq!((receipt.inserted, receipt.duplicates), (190, 10));
    let receipt = repository.insert_batch(&batch).await.expect("known");
    assert_eq!((receipt.inserted, receipt.duplicates), (0, 300));
}
