//! Tests of `tickbook feed record` and `tickbook feed replay` of cTrader.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};
use tickbook_feeds::fix::{Decoder, Framed, Framer, MessageBuilder, tag};

use crate::support::{Cli, Run, psql};

const PASSWORD: &str = "swordfish";

/// The longest time for anything. It only ends a test that would never end.
const LIMIT: Duration = Duration::from_secs(60);

/// A broker with one instrument, which answers the requests of its clients.
struct Broker {
    port: u16,
    /// A client has answered after it had read everything.
    done: mpsc::Receiver<()>,
}

impl Broker {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (send, done) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, send) = (stream.expect("a connection"), send.clone());
                std::thread::spawn(move || Connection::new(stream).serve(&send));
            }
        });
        Self { port, done }
    }
}

struct Connection {
    stream: TcpStream,
    number: u32,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self { stream, number: 0 }
    }

    /// Sends a message of these fields.
    fn say(&mut self, msg_type: &str, fields: &str) {
        self.number += 1;
        let (number, now) = (self.number, suite::now().format("%Y%m%d-%H:%M:%S%.3f"));
        let fields = format!("34={number}|49=CSERVER|56=demo.broker.1234567|52={now}|{fields}|");
        let fields = fields.replace("||", "|").replace('|', "\u{1}");
        let message = MessageBuilder::new(msg_type).fields(fields.as_bytes());
        let bytes = message.finish().expect("a message");
        self.stream.write_all(&bytes).expect("the client reads");
    }

    fn serve(mut self, done: &mpsc::Sender<()>) {
        let (mut framer, mut decoder) = (Framer::new(), Decoder::new());
        let mut chunk = [0; 4_096];
        while let Ok(length @ 1..) = self.stream.read(&mut chunk) {
            framer.push(&chunk[..length]);
            while let Some(framed) = framer.next_message() {
                let Framed::Message(bytes) = framed else {
                    panic!("{framed:?}");
                };
                let message = decoder.decode(bytes).expect("fields");
                let field = |tag| message.get(tag).unwrap_or_default();
                match (message.msg_type(), field(tag::MARKET_DEPTH)) {
                    (b"A", _) => {
                        assert_eq!(field(tag::PASSWORD), PASSWORD.as_bytes());
                        // a broker that repeats what it was told
                        let echo = format!("98=0|108=30|141=Y|554={PASSWORD}|58=hello {PASSWORD}");
                        self.say("A", &echo);
                    }
                    (b"x", _) => self.say("y", "560=0|146=1|55=1|1007=EURUSD|1008=5"),
                    (b"V", b"1") => {
                        for bid in ["1.05001", "1.05002", "1.05003"] {
                            let entries = format!("269=0|270={bid}|269=1|270=1.0501");
                            self.say("W", &format!("55=1|268=2|{entries}"));
                        }
                    }
                    (b"V", _) => {
                        let entries = "269=0|270=1.05|271=500|278=1|269=1|270=1.0501|271=7|278=2";
                        self.say("W", &format!("55=1|268=2|{entries}"));
                        self.say("X", "268=1|279=0|269=0|278=3|55=1|270=1.0499|271=90");
                        self.say("1", "112=last");
                    }
                    (b"0", _) if field(tag::TEST_REQ_ID) == b"last" => {
                        done.send(()).expect("the test runs");
                    }
                    _ => {}
                }
            }
        }
    }
}

/// A command with the account of the broker.
fn command(cli: &Cli, broker: &Broker, arguments: &[&str]) -> Command {
    let mut command = cli.command(arguments);
    command
        .env(
            "CTRADER_ADDRESS",
            format!("tcp://127.0.0.1:{}", broker.port),
        )
        .env("CTRADER_SENDER_COMP_ID", "demo.broker.1234567")
        .env("CTRADER_PASSWORD", PASSWORD)
        .env("RUST_LOG", "debug");
    command
}

/// Records everything that the broker sends.
fn record(cli: &Cli, broker: &Broker, target: &[&str]) -> Run {
    let arguments = [
        "feed",
        "record",
        "ctrader",
        "--symbol",
        "EURUSD",
        "--channel",
        "quotes",
        "--channel",
        "book:10",
        "--seconds",
        "60",
    ];
    let mut command = command(cli, broker, &[&arguments[..], target].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    broker.done.recv_timeout(LIMIT).expect("the client answers");
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.expect("kill is on the PATH").success());
    let run = Run::of(child.wait_with_output().expect("it ends")).expect_code(0);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(!said.contains(PASSWORD), "{said}");
    run
}

fn check(found: &Value) {
    assert_eq!(found["protocol"], "ctrader fix 4.4");
    assert_eq!(
        (&found["connections"], &found["messages"]),
        (&json!(1), &json!(8))
    );
    assert_eq!(
        (
            &found["checksums_ok"],
            &found["checksums_failed"],
            &found["gaps"]
        ),
        (&json!(8), &json!(0), &json!(0))
    );
    let session = json!({
        "types": {"1": 1, "A": 1, "W": 4, "X": 1, "y": 1},
        "counts": {"logged_on": 1, "test_request_answered": 1}, "lost": 0
    });
    assert_eq!(found["session"], session);
    assert_eq!(found["quotes"], json!({"EURUSD": 3}));
    let book = &found["books"]["EURUSD"];
    assert_eq!(
        (&book["snapshots"], &book["updates"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(book["final"]["bid_levels"], 2);
}

#[test]
fn recorded_file_of_ctrader_has_no_password() {
    let (cli, broker) = (Cli::migrated(), Broker::start());
    let recorded = record(&cli, &broker, &["--output", "recorded.fix"]);
    assert!(
        recorded.stderr.contains("8 messages recorded"),
        "{recorded:?}"
    );
    let text = std::fs::read_to_string(cli.folder.path().join("recorded.fix")).expect("a file");
    assert!(!text.contains(PASSWORD), "{text}");
    assert!(
        text.contains("\u{1}554=***\u{1}58=hello ***\u{1}10="),
        "{text}"
    );
    let replay = ["feed", "replay", "ctrader", "recorded.fix"];
    check(
        &cli.run(&[&replay[..], &["--json"]].concat())
            .expect_code(0)
            .json(),
    );
    let shown = cli.run(&replay).expect_code(0).stdout;
    for line in [
        "ctrader fix 4.4: 8 messages of 1 connections\n",
        "message types: 1 1, 1 A, 4 W, 1 X, 1 y\n",
        "instruments: 1 listed, 0 refused\n",
        "checksums: 8 verified, 0 failed; gaps: 0\n",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    // a quote that is lost, and a digit that is wrong
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let at = lines.iter().position(|line| line.contains("1.05002"));
    let at = at.expect("the quote");
    let damaged = lines[at].replace("1.05002", "1.05009");
    for (name, middle) in [("lost.fix", ""), ("damaged.fix", &*damaged)] {
        let text = [&lines[..at], &[middle], &lines[at + 1..]]
            .concat()
            .concat();
        cli.file(name, text);
    }
    let replayed = |name| {
        let replay = ["feed", "replay", "ctrader", name, "--json"];
        cli.run(&replay).expect_code(1).json()
    };
    let (lost, damaged) = (replayed("lost.fix"), replayed("damaged.fix"));
    assert_eq!(
        (&lost["checksums_failed"], &damaged["checksums_failed"]),
        (&json!(0), &json!(1))
    );
    for found in [lost, damaged] {
        assert_eq!(
            (&found["gaps"], &found["session"]["lost"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(found["quotes"], json!({"EURUSD": 2}));
    }
}

#[test]
fn stored_messages_of_ctrader_are_replayed() {
    let (cli, broker) = (Cli::migrated(), Broker::start());
    let recorded = record(&cli, &broker, &["--store", "--feed", "broker"]);
    // the messages, the opening and three requests
    assert!(
        recorded.stderr.contains("12 messages stored, 0 lost"),
        "{recorded:?}"
    );
    let secret = format!("SELECT count(*) FROM feed_messages WHERE payload LIKE '%{PASSWORD}%'");
    assert_eq!(psql(&cli, &secret), "0");
    let replay = [
        "feed",
        "replay",
        "ctrader",
        "--recorded",
        "broker",
        "--json",
    ];
    check(&cli.run(&replay).expect_code(0).json());
    let store = [&replay[..], &["--store", "--feed", "broker"]].concat();
    for (inserted, duplicates) in [(3, 0), (0, 3)] {
        let stored = cli.run(&store).expect_code(0).json()["stored"].clone();
        let expected =
            json!({"inserted": inserted, "duplicates": duplicates, "conflicts": 0, "rejected": 0});
        assert_eq!(stored["ticks"], expected);
    }
    assert_eq!(psql(&cli, "SELECT count(*) FROM ticks"), "3");
    let book = psql(&cli, "SELECT count(*) FROM order_book_snapshots");
    assert_ne!(book, "0");
    let symbol = cli
        .run(&["symbols", "show", "broker:EURUSD", "--json"])
        .expect_code(0);
    assert_eq!(symbol.json()["digits"], 5);
}

#[test]
fn check_of_ctrader_prints_its_events() {
    let (cli, broker) = (Cli::new(), Broker::start());
    let arguments = [
        "feed",
        "check",
        "ctrader",
        "--symbol",
        "EURUSD",
        "--channel",
        "quotes",
        "--events",
        "3",
    ];
    let output = command(&cli, &broker, &arguments).output();
    let run = Run::of(output.expect("the binary starts")).expect_code(0);
    assert!(
        run.stdout
            .contains("instruments: 1 listed, 1 of them active"),
        "{run:?}"
    );
    assert!(run.stdout.contains("1.05003"), "{run:?}");
    assert!(
        !format!("{}{}", run.stdout, run.stderr).contains(PASSWORD),
        "{run:?}"
    );
}
