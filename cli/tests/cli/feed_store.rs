//! Tests of `tickbook feed replay --store` and `tickbook feed record`.
//!
//! `TICKBOOK_KILLS` sets the number of kills, `TICKBOOK_SEED` their times.

use std::fmt::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use venue_server::{Answer, Play, Step, VenueServer};

use crate::support::{Cli, psql};

const QUOTES: u32 = 6_000;
const TRADES: u32 = 6_000;

const INSTRUMENTS: &str = r#"{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[{"symbol":"BTC/USD","base":"BTC","quote":"USD","status":"online","price_increment":0.1,"qty_increment":0.00000001}]}}"#;

/// A quote; every fourth one equals the one before it.
fn quote(number: u32) -> String {
    let number = number - u32::from(number % 4 == 3);
    let (minute, second) = (number / 600, number / 10 % 60);
    let (bid, ask) = (1_000 + number % 7, 1_010 + number % 7);
    format!(
        r#"{{"channel":"ticker","type":"update","data":[{{"symbol":"BTC/USD","bid":{bid},"bid_qty":1,"ask":{ask},"ask_qty":1,"timestamp":"2024-01-01T00:{minute:02}:{second:02}Z"}}]}}"#
    )
}

fn trade(id: u32) -> String {
    let price = 1_000 + id % 11;
    format!(
        r#"{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"buy","price":{price},"qty":0.5,"trade_id":{id},"timestamp":"2024-01-01T00:00:00.{id:06}Z"}}]}}"#
    )
}

/// A session of Kraken with the instruments, quotes and trades.
fn write_session(cli: &Cli) {
    let mut text = format!("wss://a.example <-> 0.25\n1.0: {INSTRUMENTS}\n");
    for number in 1..=QUOTES.max(TRADES) {
        writeln!(text, "{number}.5: {}", trade(number)).expect("written");
        writeln!(text, "{number}.6: {}", quote(number)).expect("written");
    }
    cli.file("session.ws", text);
}

const REPLAY: [&str; 6] = [
    "feed",
    "replay",
    "kraken",
    "session.ws",
    "--store",
    "--json",
];

/// Every stored row of ticks and trades.
fn tables(cli: &Cli) -> [String; 2] {
    ["ticks", "trades"].map(|table| {
        let columns = "(to_jsonb(rows) - 'received_at')::text";
        psql(
            cli,
            &format!("SELECT md5(string_agg({columns}, ',' ORDER BY {columns})) || ' ' || count(*) FROM {table} AS rows"),
        )
    })
}

/// The tables after an undisturbed replay.
fn expected() -> [String; 2] {
    let cli = Cli::migrated();
    write_session(&cli);
    let stored = cli.run(&REPLAY).expect_code(0).json()["stored"].clone();
    let counts =
        |inserted| json!({"inserted": inserted, "duplicates": 0, "conflicts": 0, "rejected": 0});
    assert_eq!(
        stored,
        json!({"ticks": counts(QUOTES), "trades": counts(TRADES), "books": counts(0)})
    );
    let symbols = cli.run(&["symbols", "list", "--json"]).expect_code(0);
    assert!(symbols.stdout.contains("BTC/USD"), "{symbols:?}");
    let found = tables(&cli);
    for (table, count) in found.iter().zip([QUOTES, TRADES]) {
        assert!(table.ends_with(&format!(" {count}")), "{found:?}");
    }
    let again = cli.run(&REPLAY).expect_code(0).json()["stored"].clone();
    assert_eq!(again["ticks"]["duplicates"], QUOTES);
    assert_eq!(again["trades"]["duplicates"], TRADES);
    assert_eq!(tables(&cli), found);
    found
}

fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn killed_replays_store_the_session_once() {
    let kills = number("TICKBOOK_KILLS", 5);
    let seed = number("TICKBOOK_SEED", u64::from(std::process::id()));
    println!("TICKBOOK_SEED={seed} TICKBOOK_KILLS={kills}");
    let mut random = seed | 1;
    let expected = expected();
    let cli = Cli::migrated();
    write_session(&cli);
    // the kills are spread over the duration of a whole replay into other databases
    let other = Cli::migrated();
    write_session(&other);
    let begun = Instant::now();
    other.run(&REPLAY).expect_code(0);
    let whole = u64::try_from(begun.elapsed().as_micros()).expect("short");
    let mut killed = 0;
    for _ in 0..kills {
        let mut child = cli
            .command(&REPLAY)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_micros(random % whole));
        killed += u64::from(child.try_wait().expect("asked").is_none());
        child.kill().expect("killed");
        child.wait().expect("it ends");
    }
    println!("{killed} of {kills} were killed before their end");
    assert!(killed > 0, "none was killed at work");
    cli.run(&REPLAY).expect_code(0);
    assert_eq!(tables(&cli), expected);
}

#[test]
fn two_replays_store_one_session_once() {
    let expected = expected();
    let cli = Cli::migrated();
    write_session(&cli);
    let children = [(); 2].map(|()| {
        let mut command = cli.command(&REPLAY);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("the binary starts")
    });
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    assert_eq!(tables(&cli), expected);
}

/// Answers each subscription, then sends five trades.
#[derive(Debug, Default)]
struct Kraken {
    trades: u32,
    is_subscribed: bool,
}

impl Play for Kraken {
    fn open(&mut self, _: &str) -> bool {
        *self = Self::default();
        true
    }

    fn text(&mut self, text: &str) {
        let request: Value = serde_json::from_str(text).expect("JSON");
        self.is_subscribed |= request["params"]["channel"] == "trade";
    }

    fn next(&mut self) -> Step {
        if !self.is_subscribed || self.trades == 5 {
            return Step::Idle;
        }
        self.trades += 1;
        Step::SendAndWait(trade(self.trades))
    }

    fn get(&mut self, _: &str) -> Option<Answer> {
        None
    }
}

const RECORD: [&str; 7] = [
    "feed",
    "record",
    "kraken",
    "--channel",
    "trades",
    "--seconds",
    "2",
];

#[test]
fn recorded_file_is_replayed() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(VenueServer::start(Kraken::default()));
    let (websocket, http) = (server.websocket(), server.http());
    let addresses = ["--websocket", &websocket, "--http", &http];
    let cli = Cli::migrated();
    let output = ["--output", "recorded.ws"];
    cli.run(&[&RECORD[..], &addresses, &output].concat())
        .expect_code(0);
    let found = cli.run(&["feed", "replay", "kraken", "recorded.ws", "--json"]);
    let found = found.expect_code(0).json();
    assert_eq!(found["trades"], json!({"BTC/USD": 5}));
    assert_eq!(found["connections"], 1);
    let text = std::fs::read_to_string(cli.folder.path().join("recorded.ws")).expect("a file");
    let sent = text
        .lines()
        .filter(|line| line.starts_with(&format!("{websocket}/v2 <- ")));
    assert_eq!(sent.count(), 1, "{text}");
}

#[test]
fn stored_messages_are_replayed_and_stored() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(VenueServer::start(Kraken::default()));
    let (websocket, http) = (server.websocket(), server.http());
    let addresses = ["--websocket", &websocket, "--http", &http];
    let cli = Cli::migrated();
    let target = ["--store", "--feed", "test"];
    let recorded = cli.run(&[&RECORD[..], &addresses, &target].concat());
    let recorded = recorded.expect_code(0);
    // five trades, the opening and the subscription
    assert_eq!(recorded.stderr, "7 messages stored, 0 lost\n");
    assert_eq!(psql(&cli, "SELECT count(*) FROM feed_messages"), "7");
    let replay = ["feed", "replay", "kraken", "--recorded", "test", "--json"];
    let found = cli.run(&replay).expect_code(0).json();
    assert_eq!(found["trades"], json!({"BTC/USD": 5}));
    assert_eq!(psql(&cli, "SELECT count(*) FROM trades"), "0");
    let stored = cli
        .run(&[&replay[..], &["--store"]].concat())
        .expect_code(0);
    assert_eq!(stored.json()["stored"]["trades"]["inserted"], 5);
    assert_eq!(psql(&cli, "SELECT count(*) FROM trades"), "5");
    let later = [&replay[..], &["--from", "2099-01-01"]].concat();
    assert_eq!(cli.run(&later).expect_code(0).json()["messages"], 0);
}

#[test]
fn record_names_what_cannot_be_reached() {
    let port = suite::free_port();
    let (websocket, http) = (
        format!("ws://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}"),
    );
    let cli = Cli::new();
    let output = ["--output", "recorded.ws"];
    let addresses = ["--websocket", &websocket, "--http", &http];
    let failed = cli
        .run(&[&RECORD[..], &addresses, &output].concat())
        .expect_code(2);
    let error = failed.error();
    assert!(
        error.ends_with("check that the network allows connections to this host"),
        "{error}"
    );
    assert!(!cli.folder.path().join("recorded.ws").exists());
}
