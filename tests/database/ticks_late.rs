//! Tests of late ticks whose chunk is already compressed.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;
use tickbook::Database;
use tickbook::domain::{Tick, TimeRange};
use tickbook::postgres::PgTickRepository;
use tickbook::repository::TickRepository;

use crate::support::migrated_schema::{SYMBOL, migrated, ticks};

#[derive(QueryableByName)]
struct License {
    #[diesel(sql_type = Text)]
    license: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[tokio::test]
async fn late_ticks_are_stored_in_compressed_chunks() {
    let (schemas, pools) = migrated().await;
    let mut connection = schemas.connection(Database::Timeseries);
    let license: License = sql_query("SELECT current_setting('timescaledb.license') AS license")
        .get_result(&mut connection)
        .expect("read");
    if license.license != "timescale" {
        suite::skip("this is the Apache edition, which compresses nothing");
        return;
    }
    let repository = PgTickRepository::new(pools.clone());
    let all = ticks(0, 4_000);
    let (late, early): (Vec<Tick>, Vec<Tick>) = all
        .iter()
        .cloned()
        .partition(|tick| tick.bid_volume.expect("known").mantissa() % 4 == 0);
    for batch in early.chunks(1_000) {
        repository.insert_batch(batch).await.expect("inserted");
    }
    connection
        .batch_execute(
            "ALTER TABLE ticks SET (timescaledb.compress, \
             timescaledb.compress_segmentby = 'symbol_id', \
             timescaledb.compress_orderby = 'tick_time, sequence'); \
             SELECT compress_chunk(chunk) FROM show_chunks('ticks') AS chunk",
        )
        .expect("compressed");
    let compressed: Number = sql_query(
        "SELECT count(*) AS number FROM timescaledb_information.chunks \
         WHERE hypertable_schema = current_schema() AND is_compressed",
    )
    .get_result(&mut connection)
    .expect("counted");
    assert!(compressed.number > 0);

    // by COPY and by arrays, then both again as duplicates
    let (few, many) = late.split_at(20);
    for is_known in [false, true] {
        for batch in [many, few] {
            let restarted = PgTickRepository::new(pools.clone());
            let receipt = restarted.insert_batch(batch).await.expect("late");
            let count = batch.len() as u64;
            let expected = if is_known { (0, count) } else { (count, 0) };
            assert_eq!((receipt.inserted, receipt.duplicates), expected);
        }
    }
    let receipt = repository.insert_batch(&early[..1_000]).await;
    let receipt = receipt.expect("known");
    assert_eq!((receipt.inserted, receipt.duplicates), (0, 1_000));
    let other = early[7].clone().with_bid(Decimal::from(9));
    let receipt = repository.insert_batch(std::slice::from_ref(&other)).await;
    let receipt = receipt.expect("conflict");
    assert_eq!(receipt.conflicts[0].stored, early[7]);
    assert_eq!(receipt.conflicts[0].refused, other);
    let count = repository.count(SYMBOL, TimeRange::all()).await;
    assert_eq!(count.expect("counted"), all.len() as u64);
}
