//! Tests of `tickbook feed`, which needs no database.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use venue_server::{Answer, Play, Step, VenueServer};

use crate::support::Run;

fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickbook"));
    command.arg("feed").args(arguments);
    for variable in ["RUST_LOG", "DATABASE_URL", "TIMESCALEDB_URL"] {
        command.env_remove(variable);
    }
    Run::of(command.output().expect("the binary starts"))
}

const SNAPSHOT: &str = r#"{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":45283.5,"qty":0.10000000}],"asks":[{"price":45285.2,"qty":0.00100000}],"checksum":2383917627}]}"#;
const TRADE: &str = r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":45283.5,"qty":0.5,"trade_id":7,"timestamp":"2024-01-01T00:00:00.000001Z"}]}"#;
const INSTRUMENTS: &str = r#"{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[{"symbol":"BTC/USD","base":"BTC","quote":"USD","status":"online","price_increment":0.1,"qty_increment":0.00000001},{"symbol":"OLD/USD","base":"OLD","quote":"USD","status":"delisted","price_increment":0.1,"qty_increment":0.1},{"symbol":"NIL/USD","base":"NIL","quote":"USD","status":"online","price_increment":0,"qty_increment":0.1}]}}"#;

fn session(folder: &Path, messages: &[&str]) -> PathBuf {
    let lines = messages.iter().enumerate();
    let lines = lines.map(|(second, text)| format!("{second}.5: {text}\n"));
    let path = folder.join("session.ws");
    let text = format!("wss://a.example <-> 0.25\n{}", lines.collect::<String>());
    std::fs::write(&path, text).expect("written");
    path
}

/// The text of the book of `SNAPSHOT`.
const BOOK: &str = "bid 45283.5 0.1\nask 45285.2 0.001\n";

#[test]
fn replay_prints_counts_and_digests() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = session(folder.path(), &[SNAPSHOT, TRADE, INSTRUMENTS]);
    let arguments = ["replay", "kraken", file.to_str().expect("UTF-8"), "--json"];
    let found = run(arguments).expect_code(0).json();
    assert_eq!(found["venue"], "kraken");
    assert_eq!(found["protocol"], "kraken v2");
    assert_eq!(
        (&found["messages"], &found["connections"]),
        (&json!(3), &json!(1))
    );
    let events = json!({"book snapshot": 1, "trade": 1, "instrument": 2, "instrument refused": 1});
    assert_eq!(found["events"], events);
    assert_eq!(found["instruments"], json!({"listed": 2, "refused": 1}));
    assert_eq!(
        (&found["checksums_ok"], &found["checksums_failed"]),
        (&json!(1), &json!(0))
    );
    let last = &found["books"]["BTC/USD"]["final"];
    assert_eq!(last["text_bytes"], BOOK.len());
    let text = run(&arguments[..3]).expect_code(0).stdout;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "kraken v2: 3 messages of 1 connections");
    assert!(
        text.contains("checksums: 1 verified, 0 failed; gaps: 0"),
        "{text}"
    );
    let row = lines.last().expect("a row");
    assert!(row.starts_with("BTC/USD  valid"), "{text}");
    assert!(
        row.ends_with(last["sha256"].as_str().expect("a digest")),
        "{text}"
    );
}

#[test]
fn faults_of_a_replay_are_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    let wrong = SNAPSHOT
        .replace("snapshot", "update")
        .replace("0.10000000", "0.20000000");
    let file = session(folder.path(), &[SNAPSHOT, &wrong, "{"]);
    let arguments = ["replay", "kraken", file.to_str().expect("UTF-8"), "--json"];
    let found = run(arguments).expect_code(1).json();
    let book = &found["books"]["BTC/USD"];
    assert_eq!(
        (&book["checksums_failed"], &book["final"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(book["final_state"], "stale: checksum");
    let problems = found["problems"].as_array().expect("a list");
    let place = |problem: &Value| (problem["line"].as_u64(), problem["symbol"].clone());
    let places: Vec<_> = problems.iter().map(place).collect();
    assert_eq!(
        places,
        [(Some(3), json!("BTC/USD")), (Some(4), Value::Null)]
    );
    let shown = run(&arguments[..3]).expect_code(1).stderr;
    assert!(
        shown.starts_with("session.ws:3: BTC/USD: checksum: "),
        "{shown}"
    );
    let missing = run(["replay", "kraken", "/missing.ws"]).expect_code(2);
    assert!(
        missing.error().starts_with("cannot read /missing.ws"),
        "{missing:?}"
    );
    let unknown = run(["replay", "mtgox", "/missing.ws"])
        .expect_code(2)
        .stderr;
    assert!(
        unknown.contains("expected binance, coinbase, ctrader, kraken or okx"),
        "{unknown}"
    );
}

/// The folder of recorded sessions; if it is missing, the test counts as skipped.
fn sessions() -> Option<PathBuf> {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/venue-sessions");
    let folder = std::env::var_os("TICKBOOK_VENUE_SESSIONS").map_or(usual, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    suite::skip("there are no recorded sessions");
    None
}

#[test]
fn replayed_sessions_equal_the_oracle() {
    let Some(folder) = sessions() else {
        return;
    };
    for (venue, files, http) in [
        ("binance", &["streams"][..], Some("depth")),
        ("coinbase", &["level2-ticker-matches"][..], None),
        ("kraken", &["book", "trades", "ticker"][..], None),
        ("okx", &["public"][..], None),
    ] {
        let file = |name: &str, kind: &str| folder.join(format!("{venue}/{name}.{kind}.gz"));
        let mut arguments: Vec<OsString> = vec!["replay".into(), venue.into(), "--json".into()];
        arguments.extend(files.iter().map(|name| file(name, "ws").into_os_string()));
        if let Some(name) = http {
            arguments.extend(["--http".into(), file(name, "http").into_os_string()]);
        }
        let found = run(&arguments).expect_code(0).json();
        let expected = std::fs::read(folder.join(format!("expected/{venue}.json")));
        let expected: Value = serde_json::from_slice(&expected.expect("read")).expect("JSON");
        let books = expected["books"].as_object().expect("a map");
        assert!(!books.is_empty(), "{venue}");
        for (symbol, expected) in books {
            let book = &found["books"][symbol];
            for key in [
                "snapshots",
                "updates",
                "level_inserts",
                "level_changes_of_qty",
                "level_deletes",
                "deletes_of_unknown_level",
                "final_state",
            ] {
                assert_eq!(book[key], expected[key], "{venue} {symbol} {key}");
            }
            for key in ["bid_levels", "ask_levels", "text_bytes", "sha256"] {
                assert_eq!(
                    book["final"][key], expected["final"][key],
                    "{venue} {symbol} {key}"
                );
            }
            let verified = expected["checksums_ok"].as_u64().unwrap_or(0);
            assert_eq!(book["checksums_ok"], verified, "{venue} {symbol}");
        }
        for (symbol, expected) in expected["trades"].as_object().expect("a map") {
            let count = expected["trades"].as_array().expect("a list").len();
            let found = found["trades"][symbol].as_u64().unwrap_or(0);
            assert_eq!(found, count as u64, "{venue} {symbol}");
        }
        for (symbol, expected) in expected["quotes"].as_object().expect("a map") {
            assert_eq!(
                found["quotes"][symbol], expected["count"],
                "{venue} {symbol}"
            );
        }
        assert_eq!(
            (&found["gaps"], &found["problem_count"]),
            (&json!(0), &json!(0))
        );
    }
}

/// Answers each subscription with one message, and sends trades without an end.
#[derive(Debug, Default)]
struct Kraken {
    queue: Vec<String>,
    trades: u32,
    is_subscribed: bool,
}

impl Play for Kraken {
    fn open(&mut self, path: &str) -> bool {
        path == "/v2"
    }

    fn text(&mut self, text: &str) {
        let request: Value = serde_json::from_str(text).expect("JSON");
        match request["params"]["channel"].as_str() {
            Some("book") => self.queue.push(SNAPSHOT.to_owned()),
            Some("instrument") => self.queue.push(INSTRUMENTS.to_owned()),
            Some("trade") => self.is_subscribed = true,
            _ => {}
        }
    }

    fn next(&mut self) -> Step {
        match self.queue.pop() {
            Some(text) => Step::SendAndWait(text),
            None if self.is_subscribed => {
                // two trades in one message
                let mut message: Value = serde_json::from_str(TRADE).expect("JSON");
                let mut trade = || {
                    self.trades += 1;
                    let mut trade = message["data"][0].clone();
                    trade["trade_id"] = self.trades.into();
                    trade
                };
                message["data"] = json!([trade(), trade()]);
                Step::SendAndWait(message.to_string())
            }
            None => Step::Idle,
        }
    }

    fn get(&mut self, _: &str) -> Option<Answer> {
        None
    }
}

fn check(websocket: &str, http: &str, further: &[&str]) -> Run {
    let mut arguments = vec!["check", "kraken", "--websocket", websocket, "--http", http];
    arguments.extend(further);
    run(arguments)
}

#[test]
fn check_prints_instruments_and_events() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(VenueServer::start(Kraken::default()));
    let (websocket, http) = (server.websocket(), server.http());
    let found = check(&websocket, &http, &["--events", "4"]).expect_code(0);
    let lines: Vec<_> = found.stdout.lines().collect();
    assert_eq!(lines[0], format!("connected to {websocket}/v2"));
    assert_eq!(lines.len(), 6, "{found:?}");
    assert!(
        lines.contains(&"instruments: 2 listed, 1 of them active, 1 refused"),
        "{found:?}"
    );
    let snapshot = "book BTC/USD snapshot of 1 bids and 1 asks, best 45283.5 45285.2";
    let trade = "trade BTC/USD 2024-01-01T00:00:00.000001Z price 45283.5 quantity 0.5 sell";
    assert!(lines[1..].contains(&trade), "{found:?}");
    let json = check(&websocket, &http, &["--events", "9", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(
        json["instruments"],
        json!({"listed": 2, "active": 1, "refused": 1})
    );
    let events = json["events"].as_array().expect("a list");
    assert_eq!(events.len(), 9);
    assert!(events.contains(&json!(snapshot)), "{events:?}");
}

#[test]
fn check_names_what_cannot_be_reached() {
    let port = suite::free_port();
    let (websocket, http) = (
        format!("ws://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}"),
    );
    let failed = check(&websocket, &http, &[]).expect_code(2);
    let error = failed.error();
    let expected = format!("{websocket}/v2: cannot connect to 127.0.0.1:{port}: ");
    assert!(error.starts_with(&expected), "{error}");
    assert!(
        error.ends_with("check that the network allows connections to this host"),
        "{error}"
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(VenueServer::start(Kraken::default()));
    let arguments = ["--channel", "book:10", "--events", "2", "--timeout", "1"];
    let late = check(&server.websocket(), &server.http(), &arguments).expect_code(2);
    assert_eq!(late.error(), "kraken sent 1 of 2 events within 1 s");
}
