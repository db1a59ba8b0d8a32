use std::io::Write as _;
use std::sync::Arc;

use tickbook::Repositories;
use tickbook::domain::{Tick, TimeRange};
use tickbook::ingest::fanout::{FanOut, QueueOptions};
use tickbook::ingest::feed::StoreSink;
use tickbook::ingest::{PersisterConfig, TickPersister};
use tickbook::repository::{TickQuery, TickRepository};
use tokio::time::timeout;

use super::*;

const SYMBOL: SymbolId = SymbolId::new(5);

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    path
}

/// The ticks that a replay stores, by time and sequence.
async fn play(files: Vec<PathBuf>, speed: Speed) -> Result<Vec<Tick>, FeedError> {
    let repository: Arc<dyn TickRepository> = Repositories::in_memory().ticks;
    let persister = TickPersister::start(Arc::clone(&repository), PersisterConfig::default());
    ReplayFeed::check(&files)?;
    let mut feed = ReplayFeed::new(files, SYMBOL, speed);
    let fan_out = FanOut::new();
    let store = fan_out.attach(
        Box::new(StoreSink::new(persister.clone())),
        QueueOptions::storing("store", 100),
    );
    feed.run(&mut FeedOutput::new(fan_out.clone())).await?;
    fan_out.close();
    assert_eq!(store.finish(Duration::from_secs(20)).await, 0);
    let report = persister.stop(Duration::from_secs(20)).await;
    assert_eq!(report.unsaved, []);
    let stored = repository
        .range(&TickQuery::new(SYMBOL, TimeRange::all()))
        .await?;
    Ok(stored.items)
}

#[tokio::test]
async fn files_are_replayed_in_order_with_their_own_times() {
    let folder = tempfile::tempdir().expect("a folder");
    let lean = file(
        &folder,
        "20140501_quote.csv",
        "292,1.38676,1.38682\n292,1.38677,1.38683\n",
    );
    let header = file(
        &folder,
        "more.csv",
        "time,bid,ask,sequence\n2014-05-02T00:00:00Z,1,2,7\n",
    );
    let ticks = play(vec![lean, header], Speed::Max).await.expect("played");
    let seen: Vec<_> = ticks
        .iter()
        .map(|tick| {
            (
                tick.tick_time.to_rfc3339(),
                tick.sequence,
                tick.bid_price.expect("a bid").to_string(),
            )
        })
        .collect();
    let expected = [
        ("2014-05-01T00:00:00.292+00:00", 0, "1.38676"),
        ("2014-05-01T00:00:00.292+00:00", 1, "1.38677"),
        ("2014-05-02T00:00:00+00:00", 7, "1"),
    ];
    let expected =
        expected.map(|(time, sequence, bid)| (time.to_owned(), sequence, bid.to_owned()));
    assert_eq!(seen, expected);
    assert!(ticks.iter().all(|tick| tick.symbol_id == SYMBOL));
}

#[tokio::test]
async fn bad_line_is_skipped_and_the_rest_replayed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(&folder, "20140501_quote.csv", "1,1,2\n2,x,2\n3,3,4\n");
    let ticks = play(vec![path], Speed::Max).await.expect("played");
    assert_eq!(ticks.len(), 2);
}

#[tokio::test]
async fn file_of_unknown_format_names_the_missing_column() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(&folder, "quotes.csv", "when,bid,ask\n1,1,2\n");
    let error = play(vec![path], Speed::Max).await.expect_err("unknown");
    assert!(error.to_string().contains("tick_time"), "{error}");
}

#[tokio::test]
async fn speed_divides_the_time_between_quotes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(&folder, "20140501_quote.csv", "0,1,2\n60000,1,2\n");
    let begun = std::time::Instant::now();
    // a minute at 300 times the speed takes a fifth of a second
    let ticks = play(vec![path.clone()], Speed::Times(300.0))
        .await
        .expect("played");
    assert_eq!(ticks.len(), 2);
    let taken = begun.elapsed();
    assert!(taken >= Duration::from_millis(200), "{taken:?}");
    assert!(taken < Duration::from_secs(30), "{taken:?}");
    // in real time it takes longer than this test waits
    let slow = timeout(
        Duration::from_millis(200),
        play(vec![path], Speed::Times(1.0)),
    )
    .await;
    assert!(slow.is_err(), "a minute in real time ended early");
}

#[tokio::test]
async fn files_of_several_contracts_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let contract = |month: &str| {
        let name = format!("20131007_es_tick_quote_{month}.csv");
        file(&folder, &name, "1,1681.5,5,1682,19\n")
    };
    let contracts = vec![contract("201312"), contract("201403")];
    let error = ReplayFeed::check(&contracts).expect_err("one symbol");
    assert!(error.to_string().contains("convert them to UTC"), "{error}");
    let name = |day: &str, name: &str| {
        let name = format!("201310{day}_{name}_tick_quote.csv");
        file(&folder, &name, "1,1.5,1.6\n")
    };
    let pairs = vec![name("07", "eurusd"), name("08", "gbpusd")];
    let error = ReplayFeed::check(&pairs).expect_err("one symbol");
    assert!(error.to_string().contains("gbpusd, but "), "{error}");
}
