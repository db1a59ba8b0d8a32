//! Runs the conformance suite on the in-memory repositories.
#![cfg(feature = "conformance")]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tickbook::Repositories;
use tickbook::conformance::Subject;
use tickbook::memory::{InMemoryOhlcRepository, InMemoryTickRepository, InMemoryTradeRepository};
use tickbook::retention::{PolicyDuration, RetentionFloor};

async fn empty_store() -> Subject {
    Subject::new(Repositories::in_memory())
}

tickbook::conformance_tests!(empty_store);

fn with_a_floor(ticks: &InMemoryTickRepository, trades: &InMemoryTradeRepository) {
    let floor = RetentionFloor::default().drop_after(Some(PolicyDuration::days(30)));
    ticks.set_floor(floor);
    trades.set_floor(floor);
}

mod with_a_floor {
    use super::*;

    async fn empty_store() -> Subject {
        let (ticks, trades) = (
            InMemoryTickRepository::new(),
            InMemoryTradeRepository::new(),
        );
        super::with_a_floor(&ticks, &trades);
        let repositories = Repositories::builder().ticks(Arc::new(ticks));
        Subject::new(repositories.trades(Arc::new(trades)).build())
    }

    tickbook::conformance_floor_tests!(empty_store);
}

/// An empty store whose clock is fixed at `time`.
fn store_at(
    time: &str,
    prepare: impl Fn(&InMemoryTickRepository, &InMemoryTradeRepository),
) -> Subject {
    let time: DateTime<Utc> = time.parse().expect("RFC 3339");
    let ticks = InMemoryTickRepository::with_clock(move || time);
    let trades = InMemoryTradeRepository::with_clock(move || time);
    prepare(&ticks, &trades);
    let ohlc = InMemoryOhlcRepository::with_clock(ticks.clone(), move || time);
    let repositories = Repositories::builder()
        .ohlc(Arc::new(ohlc.with_trades(trades.clone())))
        .ticks(Arc::new(ticks))
        .trades(Arc::new(trades))
        .build();
    Subject::new(repositories).with_clock_at(time)
}

macro_rules! stamp {
    ($($name:ident $time:literal)+) => {
        $(mod $name {
            async fn empty_store() -> super::Subject {
                super::store_at($time, |_, _| ())
            }

            tickbook::conformance_clock_tests!(empty_store);

            mod with_a_floor {
                async fn empty_store() -> super::super::Subject {
                    super::super::store_at($time, super::super::with_a_floor)
                }

                tickbook::conformance_floor_tests!(empty_store);
            }
        })+
    };
}

suite::at_each_instant!(stamp);

/// Only this test checks that the list in the macro contains every function.
#[test]
fn every_behaviour_has_a_test() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance");
    let sources: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of the suite")
        .map(|file| file.expect("a file").path())
        .map(|path| (std::fs::read_to_string(&path).expect("a source file"), path))
        .collect();
    // the macros list each behaviour on a line of its own
    let lines = sources.iter().flat_map(|(source, _)| source.lines());
    let stamped: Vec<&str> = lines.map(str::trim).collect();
    let mut behaviours = 0;
    for (source, path) in &sources {
        if path.ends_with("clock.rs") {
            continue;
        }
        for line in source.lines() {
            let Some(rest) = line.strip_prefix("pub async fn ") else {
                continue;
            };
            let name = rest.split('(').next().expect("split gives a first part");
            assert!(stamped.contains(&name), "{name} is in no test");
            behaviours += 1;
        }
    }
    assert!(behaviours > 80, "only {behaviours} behaviours were found");
}
