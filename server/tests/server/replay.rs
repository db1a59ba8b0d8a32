//! Tests of replays.

use std::path::Path;

use tickbook::Repositories;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{SymbolId, TimeRange};
use tickbook::repository::SymbolQuery;

use crate::binary::{Program, fails};
use crate::databases::{prepare, variables};
use crate::whole_server::Server;

const QUOTES: &str = "time,bid,ask\n2014-05-01T00:00:00Z,1,2\n2014-05-01T00:00:01Z,1,2\n";

async fn names(repositories: &Repositories) -> Vec<String> {
    let page = repositories.symbols.list(&SymbolQuery::default()).await;
    let symbols = page.expect("listed").items.into_iter();
    symbols
        .map(|it| format!("{}:{}", it.exchange, it.name))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replay_takes_the_id_of_a_symbol() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("quotes.csv");
    std::fs::write(&path, QUOTES).expect("written");
    let file = path.to_str().expect("UTF-8");
    let of = |symbol| {
        [
            "--feed", "replay", "--speed", "max", "--replay", file, "--symbol", symbol,
        ]
    };
    let repositories = Repositories::postgres(&DatabasePools::new(&schemas.config()));
    let (output, line) = fails(&of("93"), &variables(&schemas));
    assert_eq!(output.status.code(), Some(1));
    assert!(line.contains("no symbol has the id 93"), "{line}");
    let server = Program::start(&of("1"), &variables(&schemas));
    let (id, all) = (SymbolId::new(1), TimeRange::all());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while repositories.ticks.count(id, all).await.expect("counted") < 2 {
        assert!(std::time::Instant::now() < deadline, "not stored");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    server.stop("TERM");
    assert_eq!(names(&repositories).await, ["oanda:EURUSD"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_cannot_be_replayed_create_no_symbol() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("unknown.csv");
    std::fs::write(&path, "a,b\n1,2\n").expect("written");
    let unknown = path.to_str().expect("UTF-8");
    let repositories = Repositories::postgres(&DatabasePools::new(&schemas.config()));
    for file in ["no-such-file.csv", unknown] {
        let arguments = [
            "--feed",
            "replay",
            "--replay",
            file,
            "--symbol",
            "oanda:NEW",
        ];
        let (output, line) = fails(&arguments, &variables(&schemas));
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(line.contains(file), "{line}");
        assert_eq!(names(&repositories).await, ["oanda:EURUSD"]);
    }
}

/// 1,000 quotes, 90 milliseconds apart, every tenth in the same millisecond as the previous one.
fn quotes(folder: &Path) -> String {
    let path = folder.join("20140501_quote.csv");
    let mut text = String::new();
    let mut millis = 0;
    for index in 0..1_000 {
        if index % 10 != 9 {
            millis += 90;
        }
        text.push_str(&format!(
            "{millis},1.{},1.{}\n",
            38_000 + index,
            38_001 + index
        ));
    }
    std::fs::write(&path, text).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

#[tokio::test]
async fn pages_of_a_replay_have_every_tick_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = quotes(folder.path());
    let replay = "--feed replay --symbol oanda:EURUSD --speed max".split(' ');
    let replay: Vec<_> = replay.collect();
    let server = Server::start(&[&replay[..], &["--replay", &file]].concat()).await;
    let feed = server.feed_ended().await;
    assert_eq!(
        (&feed["received"], &feed["inserted"]),
        (&1_000.into(), &1_000.into())
    );

    let symbols = server.get("/api/v1/symbols?name=EURUSD").await;
    assert_eq!(symbols["data"][0]["exchange"], "oanda");
    let id = symbols["data"][0]["symbol_id"].as_i64().expect("a number");

    // pages of 7 end between equal times
    let bids: Vec<_> = server
        .all(&format!("/api/v1/ticks/{id}?order=asc"), 7)
        .await
        .iter()
        .map(|tick| tick["bid_price"].as_str().expect("a text").to_owned())
        .collect();
    let expected: Vec<_> = (0..1_000)
        .map(|index| {
            let bid = format!("1.{}", 38_000 + index);
            bid.trim_end_matches('0').to_owned()
        })
        .collect();
    assert_eq!(bids, expected);
    let mut newest_first = server
        .all(&format!("/api/v1/ticks/{id}?order=desc"), 13)
        .await;
    newest_first.reverse();
    assert_eq!(newest_first.len(), 1_000);
    assert_eq!(newest_first[999]["bid_price"], "1.38999");

    let candles = server
        .all(&format!("/api/v1/ohlc/{id}?timeframe=1m"), 1)
        .await;
    let counts: Vec<_> = candles.iter().map(|candle| &candle["tick_count"]).collect();
    let total: i64 = counts.iter().filter_map(|count| count.as_i64()).sum();
    assert_eq!((candles.len(), total), (2, 1_000), "{counts:?}");
    assert_eq!(candles[0]["open"], "1.38");
    assert_eq!(candles[1]["close"], "1.38999");
    assert!(server.stop().await);
}

#[tokio::test]
async fn repeated_file_stores_nothing_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = quotes(folder.path());
    let replay = ["--feed", "replay", "--symbol", "EURUSD", "--speed", "max"];
    let server = Server::start(&[&replay[..], &["--replay", &file, &file]].concat()).await;
    let feed = server.feed_ended().await;
    assert_eq!(
        (&feed["inserted"], &feed["duplicates"]),
        (&1_000.into(), &1_000.into())
    );
    assert!(server.stop().await);
}
