//! Tests of feeds that connect to a venue, which a local server plays.

use std::collections::VecDeque;
use std::path::Path;

use clap::Parser as _;
use orderbook_server::args::Args;
use serde_json::{Value, json};
use tickbook::domain::{FeedChannel, MessageKind, SymbolId, SymbolReference, TimeRange};
use tickbook::repository::{BookSnapshotQuery, FeedGapQuery, FeedMessageQuery, FeedSymbol};
use tickbook::{Clock, Repositories};
use venue_server::{Answer, Play, Step, VenueServer};

use crate::binary::Program;
use crate::databases::until;
use crate::whole_server::{Server, configured, eventually};

const INSTRUMENTS: &str = r#"{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[{"symbol":"BTC/USD","base":"BTC","quote":"USD","status":"online","price_increment":0.1,"qty_increment":0.00000001}]}}"#;
const BOOK: &str = r#"{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":45283.5,"qty":0.10000000}],"asks":[{"price":45285.2,"qty":0.00100000}],"checksum":2383917627}]}"#;
const QUOTE: &str = r#"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":45283.5,"bid_qty":0.1,"ask":45285.2,"ask_qty":0.001,"timestamp":"2024-01-01T00:00:00.000001Z"}]}"#;

fn trade(id: u32) -> String {
    format!(
        r#"{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"sell","price":45283.5,"qty":0.5,"trade_id":{id},"timestamp":"2024-01-01T00:00:00.{id:06}Z"}}]}}"#
    )
}

/// Answers each subscription with one message, then sends trades, and closes the connection after some of them.
#[derive(Debug, Default)]
struct Kraken {
    queue: VecDeque<String>,
    is_subscribed: bool,
    /// The trades that were sent.
    sent: u32,
    /// All trades.
    trades: u32,
    /// The connection is closed after each of these numbers of trades; trades are repeated then.
    closes: Vec<u32>,
}

impl Play for Kraken {
    fn open(&mut self, path: &str) -> bool {
        self.is_subscribed = false;
        self.queue.clear();
        path == "/v2"
    }

    fn text(&mut self, text: &str) {
        let request: Value = serde_json::from_str(text).expect("JSON");
        let answer = match request["params"]["channel"].as_str() {
            Some("instrument") => Some(INSTRUMENTS),
            Some("book") => Some(BOOK),
            Some("ticker") => Some(QUOTE),
            Some("trade") => {
                self.is_subscribed = true;
                None
            }
            _ => None,
        };
        self.queue.extend(answer.map(str::to_owned));
    }

    fn next(&mut self) -> Step {
        if let Some(text) = self.queue.pop_front() {
            return Step::SendAndWait(text);
        }
        if !self.is_subscribed || self.sent == self.trades {
            return Step::Idle;
        }
        if self.closes.first() == Some(&self.sent) {
            self.closes.remove(0);
            // the venue repeats the newest trades after a subscription
            self.sent = self.sent.saturating_sub(2);
            return Step::Close;
        }
        self.sent += 1;
        Step::SendAndWait(trade(self.sent))
    }

    fn get(&mut self, _: &str) -> Option<Answer> {
        None
    }
}

const WEBSOCKET: &str = "TICKBOOK__FEEDS__KRAKEN__WEBSOCKET";
const HTTP: &str = "TICKBOOK__FEEDS__KRAKEN__HTTP";
const CHANNELS: &str = "TICKBOOK__FEEDS__KRAKEN__CHANNELS";
const SYMBOLS: &str = "TICKBOOK__FEEDS__KRAKEN__SYMBOLS";

/// The state of a feed.
async fn feed(server: &Server, name: &str) -> Value {
    let feeds = server.get("/api/v1/feeds").await;
    assert_eq!(feeds["next_cursor"], Value::Null);
    let feeds = feeds["data"].as_array().expect("a list");
    let found = feeds.iter().find(|feed| feed["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}")).clone()
}

async fn stored_trades(repositories: &Repositories, name: &str) -> u64 {
    let reference: SymbolReference = name.parse().expect("a name");
    let symbol = repositories.symbols.get_by_name(&reference).await;
    let symbol = symbol.expect("memory").expect("the symbol");
    let trades = &repositories.trades;
    let count = trades.count(symbol.symbol_id, TimeRange::all()).await;
    count.expect("memory")
}

#[tokio::test]
async fn venue_is_a_feed_beside_others() {
    let venue = VenueServer::start(Kraken {
        trades: 20,
        ..Kraken::default()
    })
    .await;
    let (websocket, http) = (venue.websocket(), venue.http());
    let settings = [
        (WEBSOCKET, &*websocket),
        (HTTP, &http),
        (CHANNELS, "quotes, trades, book:10"),
    ];
    let arguments = ["--feed", "kraken:BTC/USD", "--feed", "simulated"];
    let server = Server::start_with(&arguments, &settings).await;
    eventually("all trades arrive", async || {
        feed(&server, "kraken").await["trades_published"] == 20
    })
    .await;
    let kraken = feed(&server, "kraken").await;
    assert_eq!(
        (&kraken["status"], &kraken["published"]),
        (&json!("running"), &json!(1))
    );
    let connection = &kraken["venue"];
    assert_eq!(connection["connection"], "connected");
    for (key, value) in [("connections", 1), ("refused", 0), ("stale_books", 0)] {
        assert_eq!(connection[key], value, "{key}: {connection}");
    }
    assert!(connection["messages"].as_u64() >= Some(22), "{connection}");
    assert!(connection["last_message_age_ms"].as_i64() >= Some(0));
    let book = &connection["books"][0];
    assert_eq!(
        (&book["symbol"], &book["state"]),
        (&json!("BTC/USD"), &json!("valid"))
    );
    assert_eq!(feed(&server, "simulated").await["venue"], Value::Null);
    let ready = server.get("/health/ready").await;
    assert_eq!(ready["venue_faults"], json!([]));
    // the symbol is described by the list of instruments, and has the alias of the feed
    let symbols = server.get("/api/v1/symbols?exchange=kraken").await;
    let symbol = &symbols["data"][0];
    assert_eq!(symbol["name"], "BTC/USD");
    assert_eq!(symbol["digits"], 1);
    assert_eq!(symbol["instrument"]["base_currency"], "BTC");
    let mapped = server
        .repositories
        .symbols
        .get_by_feed_key("kraken", "BTC/USD");
    let mapped = mapped.await.expect("memory").expect("the alias");
    assert_eq!(symbol["symbol_id"], mapped.symbol_id.get());
    let metrics = server.get_text("/metrics").await;
    for line in [
        "feed_connected{feed=\"kraken\"} 1",
        "feed_connections_total{feed=\"kraken\"} 1",
        "feed_books{feed=\"kraken\",state=\"valid\"} 1",
        "feed_connection_ends_total{feed=\"kraken\",reason=\"closed\"} 0",
    ] {
        assert!(metrics.contains(line), "missing {line}:\n{metrics}");
    }
    let repositories = server.repositories.clone();
    assert!(server.stop().await);
    assert_eq!(stored_trades(&repositories, "kraken:BTC/USD").await, 20);
}

#[tokio::test]
async fn ended_connections_are_counted_and_double_nothing() {
    let venue = VenueServer::start(Kraken {
        trades: 30,
        closes: vec![10, 20],
        ..Kraken::default()
    })
    .await;
    let (websocket, http) = (venue.websocket(), venue.http());
    let settings = [
        (WEBSOCKET, &*websocket),
        (HTTP, &http),
        (SYMBOLS, "BTC/USD"),
        (CHANNELS, "trades,book:10"),
    ];
    // the feed of the settings runs without --feed
    let server = Server::start_with(&[], &settings).await;
    eventually("all trades arrive", async || {
        feed(&server, "kraken").await["trades_published"] == 34
    })
    .await;
    let connection = feed(&server, "kraken").await["venue"].clone();
    assert_eq!(connection["connections"], 3, "{connection}");
    assert_eq!(connection["ends"], json!({"closed": 2}));
    assert_eq!(connection["stale_books"], 2);
    assert_eq!(connection["books"][0]["state"], "valid");
    let repositories = server.repositories.clone();
    assert!(server.stop().await);
    assert_eq!(stored_trades(&repositories, "kraken:BTC/USD").await, 30);
}

#[tokio::test]
async fn alias_of_a_feed_chooses_the_symbol() {
    let repositories = Repositories::in_memory();
    let new = tickbook::domain::NewSymbol::named("spot", "BITCOIN");
    let symbol = repositories.symbols.create(new).await.expect("memory");
    let mapping = FeedSymbol::new("kraken", "BTC/USD", symbol.symbol_id);
    let mapped = repositories.symbols.map_feed_symbols(&[mapping]).await;
    mapped.expect("memory");
    let venue = VenueServer::start(Kraken::default()).await;
    let (websocket, http) = (venue.websocket(), venue.http());
    let settings = configured(Path::new(""), &[(WEBSOCKET, &websocket), (HTTP, &http)]);
    let line = ["orderbook-server", "--feed", "kraken:BTC/USD"];
    let args = Args::parse_from(line);
    let clock = Clock::system();
    let created = args
        .feeds
        .create(&settings.feeds, &settings.symbols, &repositories, &clock)
        .await;
    assert_eq!(created.expect("created").feeds.len(), 1);
    let found = repositories
        .symbols
        .get(symbol.symbol_id)
        .await
        .expect("memory");
    let found = found.expect("the symbol");
    assert_eq!((&*found.name, found.digits), ("BITCOIN", 1));
    assert_eq!(found.instrument.expect("described").quote_currency, "USD");
}

#[tokio::test]
async fn unlisted_symbol_is_a_clear_error() {
    let venue = VenueServer::start(Kraken::default()).await;
    let (websocket, http) = (venue.websocket(), venue.http());
    let settings = configured(Path::new(""), &[(WEBSOCKET, &websocket), (HTTP, &http)]);
    let line = ["orderbook-server", "--feed", "kraken:BTC/USD,BTC/XYZ"];
    let args = Args::parse_from(line);
    let repositories = Repositories::in_memory();
    let clock = Clock::system();
    let created = args
        .feeds
        .create(&settings.feeds, &settings.symbols, &repositories, &clock)
        .await;
    let error = created.expect_err("no such symbol").to_string();
    assert!(error.contains("kraken lists no symbol BTC/XYZ"), "{error}");
    let query = tickbook::repository::SymbolQuery::default();
    let symbols = repositories.symbols.list(&query).await.expect("memory");
    assert_eq!(symbols.items, []);
}

#[test]
fn unreachable_venue_is_named_and_stops_nothing() {
    let port = suite::free_port();
    let (websocket, http) = (
        format!("ws://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}"),
    );
    let variables = [(WEBSOCKET, &*websocket), (HTTP, &http)];
    let arguments = ["--store", "memory", "--feed", "kraken:BTC/USD"];
    let program = Program::start(&arguments, &variables);
    until("an attempt fails", || {
        let (_, feeds) = program.get("/api/v1/feeds");
        let venue = &feeds["data"][0]["venue"];
        assert_eq!(venue["connection"], "disconnected");
        venue["failed_attempts"].as_u64() > Some(0)
    });
    let (status, ready) = program.get("/health/ready");
    let faults = json!([{"feed": "kraken", "connection": "disconnected", "invalid_books": []}]);
    assert_eq!((status, &ready["venue_faults"]), (200, &faults));
    let (status, log) = program.stop("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
    let lines: Vec<_> = log.lines().filter(|line| line.contains("WARN")).collect();
    let clear = |line: &&&str| {
        line.contains(&format!("127.0.0.1:{port}"))
            && line.contains("check that the network allows")
    };
    assert!(lines.iter().filter(clear).count() >= 2, "{log}");
}

#[tokio::test]
async fn messages_of_a_venue_are_recorded() {
    let venue = VenueServer::start(Kraken {
        trades: 5,
        ..Kraken::default()
    })
    .await;
    let (websocket, http) = (venue.websocket(), venue.http());
    let settings = [
        (WEBSOCKET, &*websocket),
        (HTTP, &http),
        (CHANNELS, "trades"),
        ("TICKBOOK__FEEDS__KRAKEN__RECORD", "1h"),
    ];
    let server = Server::start_with(&["--feed", "kraken:BTC/USD"], &settings).await;
    eventually("all trades arrive", async || {
        feed(&server, "kraken").await["trades_published"] == 5
    })
    .await;
    let repositories = server.repositories.clone();
    assert!(server.stop().await);
    let query = FeedMessageQuery::new("kraken", TimeRange::all());
    let messages = repositories
        .feeds
        .messages(&query)
        .await
        .expect("memory")
        .items;
    let payloads = |kind: MessageKind| -> Vec<_> {
        let of_kind = messages.iter().filter(|it| it.kind == kind);
        of_kind.map(|it| it.payload.clone()).collect()
    };
    assert_eq!(payloads(MessageKind::Opened), [format!("{websocket}/v2")]);
    assert_eq!(
        payloads(MessageKind::Received),
        (1..=5).map(trade).collect::<Vec<_>>()
    );
    assert_eq!(payloads(MessageKind::Sent).len(), 1);
}

#[tokio::test]
async fn gaps_of_a_venue_are_stored() {
    let venue = VenueServer::start(Kraken {
        trades: 12,
        closes: vec![6],
        ..Kraken::default()
    })
    .await;
    let (websocket, http) = (venue.websocket(), venue.http());
    let settings = [
        (WEBSOCKET, &*websocket),
        (HTTP, &http),
        (CHANNELS, "trades"),
    ];
    let server = Server::start_with(&["--feed", "kraken:BTC/USD"], &settings).await;
    eventually("the gap is closed and stored", async || {
        let query = FeedGapQuery::default();
        let gaps = server
            .repositories
            .feeds
            .gaps(&query)
            .await
            .expect("memory");
        gaps.items.first().is_some_and(|gap| gap.to.is_some())
    })
    .await;
    let connection = feed(&server, "kraken").await["venue"].clone();
    assert_eq!(
        (&connection["gaps"], &connection["open_gaps"]),
        (&json!(1), &json!(0))
    );
    let query = FeedGapQuery::default();
    let gaps = server
        .repositories
        .feeds
        .gaps(&query)
        .await
        .expect("memory");
    let [gap] = &gaps.items[..] else {
        panic!("{gaps:?}");
    };
    assert_eq!((&*gap.feed, gap.channel), ("kraken", FeedChannel::Trades));
    assert_eq!(gap.reason.as_str(), "disconnected");
    assert!(server.stop().await);
}

#[tokio::test]
async fn books_of_a_venue_are_live_and_stored() {
    let venue = VenueServer::start(Kraken::default()).await;
    let (websocket, http) = (venue.websocket(), venue.http());
    let settings = [
        (WEBSOCKET, &*websocket),
        (HTTP, &http),
        (CHANNELS, "book:10"),
    ];
    let server = Server::start_with(&["--feed", "kraken:BTC/USD"], &settings).await;
    let id = server.get("/api/v1/symbols?exchange=kraken").await["data"][0]["symbol_id"].clone();
    let path = format!("/api/v1/books/{id}");
    eventually("the book is live", async || {
        let (status, book) = server.get_any(&path).await;
        status == 200 && book["state"] == "valid"
    })
    .await;
    let book = server.get(&path).await;
    assert_eq!(book["bids"].as_array().map(Vec::len), Some(1), "{book}");
    assert!(book.to_string().contains("45283.5"), "{book}");
    let repositories = server.repositories.clone();
    assert!(server.stop().await);
    let symbol_id = SymbolId::new(id.as_i64().expect("an id"));
    let query = BookSnapshotQuery::new(symbol_id, TimeRange::all());
    let stored = repositories.books.snapshots(&query).await.expect("memory");
    assert_eq!(stored.items.len(), 1, "{stored:?}");
}
