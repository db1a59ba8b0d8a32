//! Tests that no read of candles misses a candle while aggregates are refreshed. Community edition only.
//!
//! `TICKBOOK_READS=40000` sets the minimum number of reads, and runs at least 40 imports and 60 refreshes
//! of an hour.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use rust_decimal::Decimal;
use tickbook::db::{ScratchSchemas, TimeseriesDb};
use tickbook::domain::{
    Candle, CandleSource, PageLimit, PriceBasis, Tick, TimeRange, Timeframe, fold_ticks,
};
use tickbook::postgres::{Edition, apply_aggregates, refresh_days};
use tickbook::repository::CandleQuery;
use tickbook::{Database, Repositories};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::support::migrated_schema::{SYMBOL, migrated_with, start};
use crate::support::random::Random;

const READERS: u64 = 3;

/// The amounts for the ordinary run of the tests.
const SHORT: Amounts = Amounts {
    reads: 0,
    imports: 3,
    hours: 15,
};

#[derive(Debug, Clone, Copy)]
struct Amounts {
    reads: u64,
    imports: i64,
    hours: i64,
}

impl Amounts {
    fn asked_for() -> Self {
        match std::env::var("TICKBOOK_READS") {
            Ok(text) => Self {
                reads: text.parse().expect("TICKBOOK_READS is a number"),
                imports: 40,
                hours: 60,
            },
            Err(_) => SHORT,
        }
    }
}

/// A range of ticks that does not change any more, and their candles.
#[derive(Debug)]
struct Piece {
    range: TimeRange,
    candles: HashMap<(Timeframe, PriceBasis), Vec<Candle>>,
}

impl Piece {
    /// Creates a piece from all ticks of whole buckets of `timeframes`.
    fn of(ticks: &[Tick], range: TimeRange, timeframes: &[Timeframe]) -> Self {
        let mut candles = HashMap::new();
        for timeframe in timeframes {
            for &basis in PriceBasis::OF_TICKS {
                let folded = fold_ticks(ticks, *timeframe, basis, suite::now()).expect("fits");
                candles.insert((*timeframe, basis), folded);
            }
        }
        Self { range, candles }
    }
}

/// State shared by the readers and the writer.
struct Shared {
    repositories: Repositories,
    /// The last piece is being refreshed.
    pieces: Mutex<Vec<Arc<Piece>>>,
    reads: AtomicU64,
    wrong: Mutex<Vec<String>>,
    ended: AtomicBool,
}

impl Shared {
    fn add(&self, piece: Piece) {
        self.pieces.lock().expect("no panic").push(Arc::new(piece));
    }

    fn piece(&self, random: &mut Random) -> Option<Arc<Piece>> {
        let pieces = self.pieces.lock().expect("no panic");
        let last = pieces.len().checked_sub(1)?;
        let index = match random.below(4) {
            0 => random.below(pieces.len() as u64) as usize,
            _ => last,
        };
        Some(Arc::clone(&pieces[index]))
    }
}

async fn read(shared: Arc<Shared>, mut random: Random) {
    while !shared.ended.load(Ordering::SeqCst) {
        let Some(piece) = shared.piece(&mut random) else {
            tokio::task::yield_now().await;
            continue;
        };
        let mut kinds: Vec<_> = piece.candles.keys().copied().collect();
        kinds.sort();
        let (timeframe, basis) = kinds[random.below(kinds.len() as u64) as usize];
        let query = CandleQuery::new(SYMBOL, timeframe, basis, piece.range).limit(PageLimit::MAX);
        let page = shared.repositories.ohlc.candles(&query).await;
        let found: Vec<_> = page
            .expect("a page")
            .items
            .into_iter()
            .map(|candle| candle.source(CandleSource::Ticks))
            .collect();
        shared.reads.fetch_add(1, Ordering::SeqCst);
        let expected = &piece.candles[&(timeframe, basis)];
        if found != *expected {
            let missing = expected.iter().find(|it| !found.contains(it));
            let range = piece.range;
            shared.wrong.lock().expect("no panic").push(format!(
                "{timeframe} {basis} of {} to {}: {} candles instead of {}, the first that is \
                 missing or different is {missing:?}",
                range.start(),
                range.end(),
                found.len(),
                expected.len()
            ));
        }
    }
}

/// Ticks at irregular times in `[from, to)`, one per minute on average.
fn ticks(random: &mut Random, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Tick> {
    let minutes = (to - from).num_minutes();
    let mut ticks: Vec<_> = (0..minutes)
        .map(|minute| {
            let within = TimeDelta::milliseconds(random.below(60_000) as i64);
            let bid = Decimal::new(1_380_000 + random.below(10_000) as i64, 6);
            let ask = bid + Decimal::new(1 + random.below(9) as i64, 5);
            Tick::quote(SYMBOL, from + TimeDelta::minutes(minute) + within, bid, ask)
                .with_bid_volume(Decimal::new(random.below(1_000) as i64, 1))
        })
        .collect();
    ticks.sort_by_key(Tick::key);
    ticks
}

/// Imports three days of ticks, as `tickbook import ticks` does.
async fn import(shared: &Shared, db: &TimeseriesDb, random: &mut Random, from: DateTime<Utc>) {
    let to = from + TimeDelta::days(3);
    let ticks = ticks(random, from, to);
    store(shared, &ticks).await;
    let range = TimeRange::new(from, to).expect("ordered");
    shared.add(Piece::of(&ticks, range, Timeframe::ALL));
    let days: BTreeSet<_> = (0..3).map(|day| from + TimeDelta::days(day)).collect();
    let refreshed = refresh_days(db, days).await.expect("refreshed");
    assert!(!refreshed.is_empty(), "nothing was refreshed");
}

async fn store(shared: &Shared, ticks: &[Tick]) {
    for batch in ticks.chunks(1_000) {
        let receipt = shared.repositories.ticks.insert_batch(batch).await;
        let receipt = receipt.expect("stored");
        assert_eq!(receipt.inserted, batch.len() as u64, "{receipt:?}");
    }
}

/// Refreshes hour by hour, a few buckets at a time, as an operator does with psql.
async fn refresh_hours(
    shared: &Shared,
    schemas: &ScratchSchemas,
    random: &mut Random,
    from: DateTime<Utc>,
    hours: i64,
) {
    let hour = |number| from + TimeDelta::hours(number);
    let ticks = ticks(random, from, hour(hours));
    store(shared, &ticks).await;
    for number in 0..hours {
        let (from, to) = (hour(number), hour(number + 1));
        let range = TimeRange::new(from, to).expect("ordered");
        let of_hour: Vec<_> = ticks
            .iter()
            .filter(|tick| range.contains(tick.tick_time))
            .cloned()
            .collect();
        shared.add(Piece::of(&of_hour, range, &Timeframe::ALL[..5]));
        let mut connection = schemas.connection(Database::Timeseries);
        let call = format!("CALL refresh_continuous_aggregate('ohlc_1m', '{from}', '{to}')");
        let (end, ended) = oneshot::channel();
        std::thread::spawn(move || end.send(connection.batch_execute(&call)));
        ended.await.expect("no panic").expect("refreshed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn candles_are_whole_while_they_are_refreshed() {
    let amounts = Amounts::asked_for();
    let mut random = Random::seeded();
    let (schemas, pools) = migrated_with(|config| config.pool.size = 8).await;
    let db = pools.timeseries();
    let aggregates = apply_aggregates(&db).await.expect("made");
    if aggregates.edition != Edition::Community {
        suite::skip("this is the Apache edition, which has no aggregates to refresh");
        return;
    }
    let shared = Arc::new(Shared {
        repositories: Repositories::postgres(&pools),
        pieces: Mutex::default(),
        reads: AtomicU64::new(0),
        wrong: Mutex::default(),
        ended: AtomicBool::new(false),
    });
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let random = Random::of(random.below(u64::MAX));
        readers.spawn(read(Arc::clone(&shared), random));
    }
    let begun = Instant::now();
    let mut from = start();
    loop {
        for _ in 0..amounts.imports {
            import(&shared, &db, &mut random, from).await;
            from += TimeDelta::days(3);
        }
        refresh_hours(&shared, &schemas, &mut random, from, amounts.hours).await;
        // the next import begins with a new day
        from += TimeDelta::days(amounts.hours / 24 + 1);
        if shared.reads.load(Ordering::SeqCst) >= amounts.reads {
            break;
        }
    }
    shared.ended.store(true, Ordering::SeqCst);
    while let Some(reader) = readers.join_next().await {
        reader.expect("no reader panics");
    }
    let reads = shared.reads.load(Ordering::SeqCst);
    let wrong = shared.wrong.lock().expect("no panic");
    println!(
        "{reads} reads in {:.1} s, {} of them wrong",
        begun.elapsed().as_secs_f64(),
        wrong.len()
    );
    assert!(reads > 100, "{reads} reads tell nothing");
    assert_eq!(wrong.len(), 0, "{:#?}", &wrong[..wrong.len().min(5)]);
}
