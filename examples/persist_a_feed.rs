//! Stores the ticks of a feed and loses none if the process or the database fails.
//!
//! `cargo run --example persist_a_feed` uses a temporary directory and the memory backend.

use std::error::Error;
use std::time::Duration;

use chrono::TimeDelta;
use rust_decimal::Decimal;
use tickbook::domain::{NewSymbol, Tick, TimeRange};
use tickbook::ingest::{AckLevel, OccurrenceCounter, PersisterConfig, SpoolConfig, TickPersister};
use tickbook::{Clock, Repositories};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let repositories = Repositories::in_memory();
    let symbol = NewSymbol::named("oanda", "EURUSD");
    let symbol_id = repositories.symbols.create(symbol).await?.symbol_id;

    let folder = tempfile::tempdir()?;
    let spool = SpoolConfig::new(folder.path().join("spool")).max_bytes(64 << 20);
    let ticks = repositories.ticks.clone();
    let persister = TickPersister::open(ticks, PersisterConfig::default(), &spool).await?;

    // each instant has two quotes; the counter distinguishes equal ones
    let mut occurrences = OccurrenceCounter::new();
    let start = Clock::system().now();
    for number in 0..1_000 {
        let bid = Decimal::new(138_676 + number, 5);
        let time = start + TimeDelta::milliseconds(number / 2);
        let mut tick = Tick::quote(symbol_id, time, bid, bid + Decimal::new(10, 5));
        occurrences.count(&mut tick);
        persister.push(tick).await?;
    }

    // this tick is on the disk when the call returns
    let last = Tick::quote(symbol_id, start + TimeDelta::seconds(1), 1.into(), 2.into());
    persister.push_with(last, AckLevel::Durable).await?;

    let report = persister.stop(Duration::from_secs(10)).await;
    let stored = repositories
        .ticks
        .count(symbol_id, TimeRange::all())
        .await?;
    println!("stored {stored}, left in the spool {}", report.spooled);
    assert_eq!((stored, report.unsaved.len()), (1_001, 0));
    Ok(())
}
