//! Tests of several feeds in one server.

use std::path::Path;

use clap::Parser as _;
use diesel::connection::SimpleConnection as _;
use orderbook_server::args::Args;
use serde_json::{Value, json};
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{SymbolId, TimeRange};
use tickbook::ingest::fanout::{Event, FanOut, QueueOptions};
use tickbook::ingest::feed::FeedOutput;
use tickbook::{Clock, Database, Repositories};

use crate::binary::{Program, fails};
use crate::databases::{prepare, until, variables};
use crate::whole_server::{Server, configured, eventually};

/// Quotes of 2014, one millisecond apart.
fn quotes(count: usize) -> String {
    let line = |millis| format!("{millis},1.38676,1.38682\n");
    (0..count).map(line).collect()
}

fn feed<'a>(ready: &'a Value, name: &str) -> &'a Value {
    let feeds = ready["feed"]["feeds"].as_array().expect("a list");
    let found = feeds.iter().find(|feed| feed["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {ready}"))
}

#[tokio::test]
async fn feed_that_ends_leaves_the_other_running() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("20140501_quote.csv");
    std::fs::write(&file, quotes(1_000)).expect("written");
    let file = file.to_str().expect("UTF-8");
    let arguments = [
        "--feed",
        "replay",
        "--symbol",
        "oanda:EURUSD",
        "--speed",
        "max",
        "--replay",
        file,
        "--feed",
        "simulated",
        "--seed",
        "7",
    ];
    let server = Server::start_with(&arguments, &[]).await;
    let ended = async || feed(&server.get("/health/ready").await, "replay")["status"] == "ended";
    eventually("the replay ends", ended).await;
    let replay = feed(&server.get("/health/ready").await, "replay").clone();
    let expected = json!({
        "name": "replay", "status": "ended", "published": 1_000, "held_back": 0,
        "trades_published": 0, "trades_held_back": 0,
        "book_events": 0, "book_events_ignored": 0,
    });
    assert_eq!(replay, expected);
    let published = async || {
        let ready = server.get("/health/ready").await;
        feed(&ready, "simulated")["published"]
            .as_u64()
            .expect("a number")
    };
    let before = published().await;
    eventually("the other feed continues", async || {
        published().await > before + 3
    })
    .await;
    let ready = server.get("/health/ready").await;
    assert_eq!(feed(&ready, "simulated")["status"], "running");
    assert_eq!(ready["feed"]["running"], true);
    let metrics = server.get_text("/metrics").await;
    for name in ["replay", "simulated"] {
        for line in [
            format!("feed_ticks_total{{feed=\"{name}\",outcome=\"published\"}}"),
            format!("feed_ticks_total{{feed=\"{name}\",outcome=\"held_back\"}}"),
            format!("feed_running{{feed=\"{name}\"}}"),
        ] {
            assert!(metrics.contains(&line), "missing {line}:\n{metrics}");
        }
    }
    let repositories = server.repositories.clone();
    assert!(server.stop().await);
    // the replay creates its symbol first
    let stored = async |id| {
        let (id, all) = (SymbolId::new(id), TimeRange::all());
        repositories.ticks.count(id, all).await.expect("counted")
    };
    assert_eq!(stored(1).await, 1_000);
    assert!(stored(2).await + stored(3).await + stored(4).await + stored(5).await > 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn feed_that_breaks_off_leaves_the_other_running() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = |day: &str, text: &str| {
        let path = folder.path().join(format!("{day}_quote.csv"));
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (first, missing) = (
        file("20140501", &quotes(20_000)),
        file("20140502", &quotes(1)),
    );
    // while the table is locked nothing is stored, so the replay is still in the first file when the second
    // is removed
    let mut lock = schemas.connection(Database::Timeseries);
    lock.batch_execute("BEGIN; LOCK TABLE ticks IN EXCLUSIVE MODE")
        .expect("locked");
    let mut variables = variables(&schemas).to_vec();
    variables.extend([
        ("TICKBOOK__SPOOL__MODE", "memory"),
        ("TICKBOOK__TICKS__QUEUE", "100"),
    ]);
    let arguments = [
        "--feed",
        "simulated",
        "--feed",
        "replay",
        "--symbol",
        "oanda:EURUSD",
        "--speed",
        "max",
        "--replay",
        &first,
        &missing,
    ];
    let program = Program::start(&arguments, &variables);
    std::fs::remove_file(&missing).expect("it was there");
    lock.batch_execute("ROLLBACK").expect("unlocked");
    until("the replay breaks off", || {
        feed(&program.get("/health/ready").1, "replay")["status"] == "failed"
    });
    let published = || {
        let ready = program.get("/health/ready").1;
        let count = feed(&ready, "simulated")["published"].as_u64();
        count.expect("a number")
    };
    let before = published();
    until("the other feed continues", || published() > before + 3);
    let (_, ready) = program.get("/health/ready");
    assert_eq!(feed(&ready, "simulated")["status"], "running");
    assert!(!ready.to_string().contains("20140502"), "{ready}");
    let (status, log) = program.stop("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
    let line_with = |text: &str| {
        let line = log.lines().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("missing {text}: {log}"))
    };
    let failed = line_with("the feed failed");
    assert!(failed.contains("feed=\"replay\""), "{failed}");
    assert!(failed.contains("20140502_quote.csv"), "{failed}");
    let settled = line_with("every record of the feed is settled");
    assert!(settled.contains("feeds=\"simulated, replay\""), "{settled}");
    let repositories = Repositories::postgres(&DatabasePools::new(&schemas.config()));
    let stored = repositories.ticks.count(SymbolId::new(1), TimeRange::all());
    assert_eq!(stored.await.expect("counted"), 20_000);
}

#[tokio::test]
async fn simulated_feed_has_the_given_clock() {
    for now in suite::instants() {
        let clock = Clock::standing_at(now);
        let line = ["orderbook-server", "--feed", "simulated", "--seed", "7"];
        let (args, settings) = (Args::parse_from(line), configured(Path::new(""), &[]));
        let repositories = Repositories::in_memory_by(&clock);
        let created = args
            .feeds
            .create(&settings.feeds, &settings.symbols, &repositories, &clock);
        let mut created = created.await.expect("created");
        let fan_out = FanOut::new();
        let mut queue = fan_out.open(QueueOptions::dropping_oldest("test", 10));
        let mut output = FeedOutput::new(fan_out);
        let first = async {
            let events = queue.next().await.expect("open");
            match &events[0] {
                Event::Record(tick) => tick.record.clone(),
                gap => panic!("{gap:?}"),
            }
        };
        tokio::select! {
            ended = created.feeds[0].run(&mut output) => panic!("{ended:?}"),
            tick = first => {
                assert_eq!((tick.tick_time, tick.received_at), (now, Some(now)));
            }
        }
    }
}

#[tokio::test]
async fn quality_of_feeds_has_the_given_clock() {
    // by the clock of the system, each tick of these instants is months late
    let settings = [("TICKBOOK__QUALITY__DELAYED", "quarantine")];
    for now in suite::instants() {
        let clock = Clock::standing_at(now);
        let server = Server::feeding_at(&["--feed", "simulated"], &settings, &clock).await;
        let simulated = async || feed(&server.get("/health/ready").await, "simulated").clone();
        eventually("ticks are published or held back", async || {
            let feed = simulated().await;
            feed["published"].as_u64() > Some(2) || feed["held_back"].as_u64() > Some(2)
        })
        .await;
        assert_eq!(simulated().await["held_back"], 0, "{now}");
        assert!(server.stop().await);
    }
}

#[test]
fn duplicate_feed_is_a_clear_error() {
    let arguments = [
        "--store",
        "memory",
        "--feed",
        "simulated",
        "--feed",
        "simulated",
    ];
    let (output, _) = fails(&arguments, &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(text.contains("--feed simulated is given twice"), "{text}");
}
