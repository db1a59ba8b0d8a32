//! Reads a range of any length in bounded memory.
//!
//! `cargo run --example stream_a_range` streams 30,000 ticks and prints the highest spread.

use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;

use chrono::{DateTime, TimeDelta};
use futures_core::Stream as _;
use rust_decimal::Decimal;
use tickbook::Repositories;
use tickbook::domain::{PageLimit, SymbolId, Tick, TimeRange};
use tickbook::repository::{TickQuery, tick_stream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let repositories = Repositories::in_memory();
    let symbol_id = SymbolId::new(1);
    let start = DateTime::from_timestamp(1_398_902_400, 0).ok_or("a time")?;
    for batch in 0..30 {
        let ticks: Vec<_> = (0..1_000)
            .map(|number| {
                let time = start + TimeDelta::seconds(batch * 1_000 + number);
                let spread = Decimal::new(10 + number % 7, 5);
                let bid = Decimal::new(138_676, 5);
                Tick::quote(symbol_id, time, bid, bid + spread)
            })
            .collect();
        repositories.ticks.insert_batch(&ticks).await?;
    }

    // the range includes `from` and excludes `to`
    let range = TimeRange::new(start, start + TimeDelta::seconds(30_000))?;
    let mut query = TickQuery::new(symbol_id, range);
    query.limit = PageLimit::MAX;
    let mut stream = tick_stream(repositories.ticks.clone(), query);
    let (mut count, mut widest) = (0, Decimal::ZERO);
    // with the `futures` crate: `while let Some(tick) = stream.try_next().await? {`
    while let Some(tick) = poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await {
        let tick = tick?;
        // one side may be absent
        if let (Some(bid), Some(ask)) = (tick.bid_price, tick.ask_price) {
            widest = widest.max(ask - bid);
        }
        count += 1;
    }
    println!("{count} ticks, widest spread {widest}");
    assert_eq!((count, widest), (30_000, Decimal::new(16, 5)));
    Ok(())
}
