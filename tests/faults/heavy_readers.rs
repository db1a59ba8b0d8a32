//! Tests of readers that could occupy every connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use tickbook::domain::{PriceBasis, SymbolId, TimeRange, Timeframe};
use tickbook::ingest::AckLevel;
use tickbook::repository::CandleQuery;

use crate::fault::Fault;
use crate::load::Load;
use crate::site::GatedSite;
use crate::support::migrated_schema::ticks;
use crate::support::oracle::assert_exact_where;

const READERS: usize = 100;

/// The number of ticks, large enough that a read of all candles takes long.
const TICKS: i64 = 200_000;

/// The longest wait of the oldest tick, in addition to the time that the server needs for a row.
const MAX_WAIT: Duration = Duration::from_secs(1);

const WATCHED: Duration = Duration::from_secs(15);

const OTHER: SymbolId = SymbolId::new(8);

/// Writes rows on a separate connection until `stop` is set. Returns the longest time of a row.
fn control(url: &str, stop: Arc<AtomicBool>) -> thread::JoinHandle<Duration> {
    let mut connection = PgConnection::establish(url).expect("a connection");
    connection
        .batch_execute("CREATE TABLE control (x int)")
        .expect("a table");
    thread::spawn(move || {
        let mut longest = Duration::ZERO;
        while !stop.load(Ordering::Relaxed) {
            let begun = Instant::now();
            connection
                .batch_execute("INSERT INTO control VALUES (1)")
                .expect("stored");
            longest = longest.max(begun.elapsed());
            thread::sleep(Duration::from_millis(10));
        }
        longest
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_62_heavy_readers_keep_no_tick_waiting() {
    let name = "fault_62_heavy_readers_keep_no_tick_waiting";
    let Some(_fault) = Fault::begin_long(name) else {
        return;
    };
    let site = GatedSite::new(62, |config| config.pool.size = 20).await;
    for from in (0..TICKS).step_by(20_000) {
        let batch: Vec<_> = ticks(from, from + 20_000)
            .into_iter()
            .map(|tick| tick.with_symbol_id(OTHER))
            .collect();
        let stored = site.repositories.ticks.insert_batch(&batch).await;
        stored.expect("stored");
    }
    let stop = Arc::new(AtomicBool::new(false));
    let reads = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let ohlc = Arc::clone(&site.repositories.ohlc);
            let (stop, reads) = (Arc::clone(&stop), Arc::clone(&reads));
            tokio::spawn(async move {
                let all = TimeRange::all();
                let query = CandleQuery::new(OTHER, Timeframe::D1, PriceBasis::Bid, all);
                while !stop.load(Ordering::Relaxed) {
                    // a read that gets no connection in time fails, and is repeated
                    if ohlc.candles(&query).await.is_ok() {
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    let load = Load::start(site.repositories.ticks.clone());
    load.wait_for_progress(Duration::from_secs(10)).await;
    let control = control(site.ticks_url(), Arc::clone(&stop));
    let (begun, mut longest) = (Instant::now(), Duration::ZERO);
    while begun.elapsed() < WATCHED {
        let ack = load.newest().expect("something was pushed");
        let waiting = Instant::now();
        ack.wait(AckLevel::Committed).await.expect("not stopped");
        longest = longest.max(waiting.elapsed());
    }
    stop.store(true, Ordering::Relaxed);
    let control = control.join().expect("no panic");
    let reads = reads.load(Ordering::Relaxed);
    println!("the longest wait of a tick: {longest:?}, of a bare row: {control:?}; {reads} reads");
    assert!(reads > 0, "nothing was read");
    assert!(longest.saturating_sub(control) < MAX_WAIT, "{longest:?}");
    for reader in readers {
        reader.await.expect("no panic");
    }
    let stored = load.finish().await;
    assert_exact_where(site.ticks_url(), "symbol_id <> 8", &stored);
}
