//! Test of the memory of a long stream, in a separate process.
#![cfg(all(feature = "conformance", feature = "postgres", target_os = "linux"))]

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use diesel::connection::SimpleConnection as _;
use futures_core::Stream;
use tickbook::domain::{PageLimit, PriceBasis, TimeRange, Timeframe};
use tickbook::repository::{CandleQuery, TickQuery, candle_stream, tick_stream};
use tickbook::{Database, Repositories, RepositoryError};

use crate::support::alone::is_alone;
use crate::support::migrated_schema::{SYMBOL, migrated};

const TICKS: i64 = 600_000;

/// The memory that a stream may need in addition.
const MAX_BYTES: u64 = 32 << 20;

/// Resident bytes of this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.expect("a number of kilobytes") * 1024
}

/// Reads the whole stream. Returns the number of items and the largest memory use.
async fn drain<T>(
    mut stream: impl Stream<Item = Result<T, RepositoryError>> + Unpin,
) -> (i64, u64) {
    let (mut count, mut most) = (0, 0);
    while let Some(item) = poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await {
        item.expect("an item");
        if count % 5_000 == 0 {
            most = most.max(resident());
        }
        count += 1;
    }
    (count, most)
}

#[tokio::test]
async fn stream_takes_no_more_memory_than_some_pages() {
    if !is_alone() {
        return;
    }
    let (schemas, pools) = migrated().await;
    // the server generates the ticks, so that this process never holds them
    schemas
        .connection(Database::Timeseries)
        .batch_execute(&format!(
            "INSERT INTO ticks SELECT {SYMBOL}, '2014-05-01Z'::timestamptz + n * INTERVAL '1 second', \
             0, 1.38 + n * 0.00001, 1.39 + n * 0.00001, n, n, NULL \
             FROM generate_series(0, {TICKS} - 1) AS n"
        ))
        .expect("inserted");
    let repositories = Repositories::postgres(&pools);
    let latest = repositories.ticks.latest(SYMBOL).await.expect("read");
    assert!(latest.is_some());

    let idle = resident();
    let all = TimeRange::all();
    let query = TickQuery::new(SYMBOL, all).limit(PageLimit::MAX);
    let (count, most) = drain(tick_stream(Arc::clone(&repositories.ticks), query)).await;
    assert_eq!(count, TICKS);
    println!(
        "{count} ticks: {} KiB above idle",
        most.saturating_sub(idle) >> 10
    );
    assert!(most < idle + MAX_BYTES, "{most} bytes, {idle} before");

    let query = CandleQuery::new(SYMBOL, Timeframe::M1, PriceBasis::Mid, all)
        .limit(PageLimit::new(1_000).expect("in range"));
    let (count, most) = drain(candle_stream(Arc::clone(&repositories.ohlc), query)).await;
    assert_eq!(count, TICKS / 60);
    println!(
        "{count} candles: {} KiB above idle",
        most.saturating_sub(idle) >> 10
    );
    assert!(most < idle + MAX_BYTES, "{most} bytes, {idle} before");
}
