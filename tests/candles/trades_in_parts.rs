//! Property test: candles of trades equal the fold of the trades if the planner aggregates in parts, also over
//! aggregates and compressed chunks of the Community edition.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use diesel::connection::SimpleConnection as _;
use tickbook::db::DatabasePools;
use tickbook::domain::Trade;
use tickbook::postgres::{Edition, apply_aggregates};
use tickbook::{Database, Repositories};

use crate::property::{assert_aggregates_in_parts, in_parts};
use crate::support::migrated_schema::migrated;
use crate::support::random::Random;
use crate::trades_equal_fold::{assert_equal, refresh, trades};

#[tokio::test]
async fn trade_candles_equal_the_fold_in_parts() {
    let mut random = Random::seeded();
    let (schemas, pools) = migrated().await;
    // few instants, so that the planner estimates few buckets
    let all = trades(&mut random, 20_000, 40);
    let writing = Repositories::postgres(&pools);
    for batch in all.chunks(5_000) {
        writing.trades.insert_batch(batch).await.expect("stored");
    }
    let mut connection = schemas.connection(Database::Timeseries);
    connection
        .batch_execute("ANALYZE trades")
        .expect("analyzed");
    let pools = in_parts(&schemas);
    assert_aggregates_in_parts(&pools, ["trades", "trade_time", "price"]).await;
    let repositories = Repositories::postgres(&pools);
    assert_equal(&repositories, &all, &mut random, "of trades, in parts").await;

    let owner = DatabasePools::new(&schemas.config());
    let aggregates = apply_aggregates(&owner.timeseries()).await.expect("made");
    if aggregates.edition == Edition::Apache {
        return;
    }
    // new repositories, which have not cached the relations yet
    let repositories = Repositories::postgres(&pools);
    assert_equal(&repositories, &all, &mut random, "real-time, in parts").await;
    refresh(&mut connection, &mut random);
    assert_equal(&repositories, &all, &mut random, "refreshed, in parts").await;
    connection
        .batch_execute(
            "ALTER TABLE trades SET (timescaledb.compress, timescaledb.compress_segmentby = 'symbol_id', \
             timescaledb.compress_orderby = 'trade_time, sequence'); \
             SELECT compress_chunk(chunk) FROM show_chunks('trades') AS chunk",
        )
        .expect("compressed");
    assert_equal(&repositories, &all, &mut random, "compressed, in parts").await;
    // late trades into compressed chunks
    let late = trades(&mut random, 300, 4);
    let receipt = repositories.trades.insert_batch(&late).await;
    let conflicts = receipt.expect("stored").conflicts;
    let refused: Vec<_> = conflicts.iter().map(|it| it.refused.key()).collect();
    let is_stored = |trade: &Trade| !refused.contains(&trade.key());
    let known: Vec<_> = all
        .into_iter()
        .chain(late.into_iter().filter(is_stored))
        .collect();
    assert_equal(
        &repositories,
        &known,
        &mut random,
        "late and compressed, in parts",
    )
    .await;
}
