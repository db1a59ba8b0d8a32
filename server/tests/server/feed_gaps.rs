//! Gaps of a venue: filled from its history, and listed.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tickbook::domain::TimeRange;
use venue_server::{Answer, Play, Step, VenueServer};

use crate::websocket::Client;
use crate::whole_server::{Server, eventually};

/// The trades of the venue.
const TRADES: u32 = 12;

/// Those that it does not send, since the connection ends before them.
const LOST: std::ops::RangeInclusive<u32> = 5..=7;

fn trade(id: u32) -> String {
    format!(
        r#"{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"sell","price":{},"qty":0.5,"trade_id":{id},"timestamp":"2024-01-01T00:00:00.{id:06}Z"}}]}}"#,
        45_000 + id
    )
}

/// Sends the trades and a quote, and answers requests for its history.
#[derive(Debug, Default)]
struct Kraken {
    is_subscribed: bool,
    sent: u32,
    has_closed: bool,
    /// The first trade of the history.
    begins: u32,
    /// Whether requests for the history are answered.
    has_history: bool,
}

impl Play for Kraken {
    fn open(&mut self, path: &str) -> bool {
        self.is_subscribed = false;
        path == "/v2"
    }

    fn text(&mut self, text: &str) {
        let request: Value = serde_json::from_str(text).expect("JSON");
        self.is_subscribed |= request["params"]["channel"] == "trade";
    }

    fn next(&mut self) -> Step {
        if !self.is_subscribed || self.sent == TRADES {
            return Step::Idle;
        }
        if self.sent + 1 == *LOST.start() && !self.has_closed {
            self.has_closed = true;
            self.sent = *LOST.end();
            return Step::Close;
        }
        self.sent += 1;
        Step::SendAndWait(trade(self.sent))
    }

    fn get(&mut self, path: &str) -> Option<Answer> {
        if !self.has_history {
            return None;
        }
        let (path, query) = path.split_once('?')?;
        assert_eq!(path, "/0/public/Trades");
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let pair = pairs.find(|(key, _)| *key == name);
            pair.unwrap_or_else(|| panic!("no {name}")).1
        };
        assert_eq!(parameter("pair"), "XBTUSD");
        let since: u64 = parameter("since").parse().expect("nanoseconds");
        let nanos = |id: u32| 1_704_067_200_000_000_000 + u64::from(id) * 1_000;
        let trades = (self.begins.max(1)..=TRADES).filter(|id| nanos(*id) > since);
        let trades = trades.map(|id| {
            let time = format!("1704067200.{id:06}");
            let time: serde_json::Number = time.parse().expect("a number");
            json!([
                (45_000 + id).to_string(),
                "0.50000000",
                time,
                "s",
                "m",
                "",
                id
            ])
        });
        let body =
            json!({"error": [], "result": {"XXBTZUSD": trades.collect::<Value>(), "last": "1"}});
        Some(Answer::ok(body.to_string()))
    }
}

/// A feed with a name of its own: the counters of all feeds of the process are in one registry.
async fn start(venue: &VenueServer<Kraken>) -> Server {
    let (websocket, http) = (venue.websocket(), venue.http());
    let settings = [
        ("TICKBOOK__FEEDS__LOSSY__VENUE", "kraken"),
        ("TICKBOOK__FEEDS__LOSSY__SYMBOLS", "BTC/USD"),
        ("TICKBOOK__FEEDS__LOSSY__WEBSOCKET", &*websocket),
        ("TICKBOOK__FEEDS__LOSSY__HTTP", &http),
        ("TICKBOOK__FEEDS__LOSSY__CHANNELS", "trades,quotes"),
    ];
    Server::start_with(&[], &settings).await
}

async fn venue_state(server: &Server) -> Value {
    server.get("/api/v1/feeds").await["data"][0]["venue"].clone()
}

/// The gaps of a query.
async fn gaps(server: &Server, query: &str) -> Vec<Value> {
    let path = format!("/api/v1/feeds/lossy/gaps?{query}");
    let page = server.get(&path).await;
    assert_eq!(page["next_cursor"], Value::Null, "{page}");
    page["data"].as_array().expect("a list").clone()
}

async fn symbol_id(server: &Server) -> i64 {
    let symbols = server.get("/api/v1/symbols?exchange=lossy").await;
    symbols["data"][0]["symbol_id"].as_i64().expect("an id")
}

#[tokio::test]
async fn lost_trades_are_filled_by_the_server() {
    let venue = VenueServer::start(Kraken::default()).await;
    let server = start(&venue).await;
    eventually("all trades that are sent arrive", async || {
        let feeds = server.get("/api/v1/feeds").await;
        feeds["data"][0]["trades_published"] == TRADES - 3
    })
    .await;
    assert_eq!(venue_state(&server).await["filled_gaps"], 0);
    let id = symbol_id(&server).await;
    let mut client = Client::connect(&server).await;
    let request =
        json!({"op": "subscribe", "channel": "trades", "symbols": [id], "snapshot": false});
    assert_eq!(client.request(request).await["type"], "subscribed");
    venue.play().has_history = true;
    for number in LOST {
        let trade = client.message().await;
        assert_eq!(
            (&trade["type"], &trade["sequence"]),
            (&json!("trade"), &json!(number))
        );
    }
    eventually("the gap is filled", async || {
        venue_state(&server).await["filled_gaps"] == 1
    })
    .await;
    assert_eq!(venue_state(&server).await["filled_trades"], 3);
    let found = gaps(&server, "filled=true").await;
    let [gap] = &found[..] else {
        panic!("{found:?}");
    };
    for (key, value) in [
        ("feed", json!("lossy")),
        ("channel", json!("trades")),
        ("reason", json!("disconnected")),
        (
            "last",
            json!({"time": "2024-01-01T00:00:00.000004Z", "sequence": 4}),
        ),
        (
            "next",
            json!({"time": "2024-01-01T00:00:00.000008Z", "sequence": 8}),
        ),
        ("failure", Value::Null),
    ] {
        assert_eq!(gap[key], value, "{key}");
    }
    assert!(gap["filled_at"].as_str() >= gap["to"].as_str(), "{gap}");
    let metrics = server.get_text("/metrics").await;
    for line in [
        "feed_gaps_filled_total{feed=\"lossy\"} 1",
        "feed_trades_filled_total{feed=\"lossy\"} 3",
    ] {
        assert!(metrics.contains(line), "missing {line}:\n{metrics}");
    }
    let stored = server.get(&format!("/api/v1/trades/{id}")).await;
    let stored = stored["data"].as_array().expect("a list").iter();
    let stored: Vec<_> = stored
        .map(|trade| (trade["sequence"].as_u64(), trade["price"].clone()))
        .collect();
    let expected = (1..=TRADES).map(|id| (Some(id.into()), json!((45_000 + id).to_string())));
    assert_eq!(stored, expected.collect::<Vec<_>>());
    assert!(server.stop().await);
}

#[tokio::test]
async fn gap_before_the_history_has_a_reason() {
    let play = Kraken {
        begins: 6,
        has_history: true,
        ..Kraken::default()
    };
    let venue = VenueServer::start(play).await;
    let server = start(&venue).await;
    eventually("the gap has a reason", async || {
        let gaps = gaps(&server, "channel=trades").await;
        gaps.iter().any(|gap| gap["failure"] != Value::Null)
    })
    .await;
    let found = gaps(&server, "channel=trades&open=false&filled=false").await;
    let [gap] = &found[..] else {
        panic!("{found:?}");
    };
    let failure = gap["failure"].as_str().expect("a reason");
    assert!(failure.contains("begins with trade 6"), "{failure}");
    assert_eq!(gap["filled_at"], Value::Null);
    let repositories = server.repositories.clone();
    let id = tickbook::domain::SymbolId::new(symbol_id(&server).await);
    assert!(server.stop().await);
    // as far as the history has them
    let count = repositories.trades.count(id, TimeRange::all()).await;
    assert_eq!(count.expect("memory"), u64::from(TRADES) - 1);
}

#[tokio::test]
async fn gaps_are_listed_in_pages_and_filtered() {
    let venue = VenueServer::start(Kraken {
        has_history: true,
        ..Kraken::default()
    })
    .await;
    let server = start(&venue).await;
    eventually("the gap is filled", async || {
        venue_state(&server).await["filled_gaps"] == 1
    })
    .await;
    // the gap of the quotes lasts, since none was sent
    let channels = |gaps: &[Value]| -> BTreeSet<String> {
        let channels = gaps
            .iter()
            .map(|gap| gap["channel"].as_str().expect("a name"));
        channels.map(str::to_owned).collect()
    };
    let both = BTreeSet::from(["quotes".to_owned(), "trades".to_owned()]);
    assert_eq!(channels(&gaps(&server, "").await), both);
    let id = symbol_id(&server).await;
    for (query, expected) in [
        ("open=true", &["quotes"][..]),
        ("open=false", &["trades"]),
        ("filled=false", &["quotes"]),
        ("channel=quotes", &["quotes"]),
        ("channel=book", &[]),
        ("to=2026-01-01T00:00:00Z", &[]),
        (&format!("symbol_id={id}&filled=true"), &["trades"]),
        (&format!("symbol_id={}", id + 1), &[]),
    ] {
        let found = channels(&gaps(&server, query).await);
        let expected = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(found, expected, "{query}");
    }
    let all = gaps(&server, "").await;
    let first = server.get("/api/v1/feeds/lossy/gaps?limit=1").await;
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = format!("/api/v1/feeds/lossy/gaps?limit=1&cursor={cursor}");
    let second = server.get(&second).await;
    assert_eq!(second["next_cursor"], Value::Null);
    assert_eq!(json!([first["data"][0], second["data"][0]]), json!(all));
    let other = server.get("/api/v1/feeds/second/gaps").await;
    assert_eq!(other, json!({"data": [], "next_cursor": null}));
    for (path, text) in [
        (
            "lossy/gaps?channel=candles",
            "channel: invalid channel \"candles\"",
        ),
        ("lossy/gaps?open=1", "open: invalid value \"1\""),
        ("lossy/gaps?filled=no", "filled: invalid value \"no\""),
        ("lossy/gaps?symbol_id=x", "symbol_id: invalid id"),
        ("lossy/gaps?order=asc", "unknown parameter \"order\""),
        (
            &*format!("second/gaps?cursor={cursor}"),
            "cursor: the cursor belongs to another listing",
        ),
    ] {
        let (status, problem) = server.get_any(&format!("/api/v1/feeds/{path}")).await;
        assert_eq!(status, 400, "{path}");
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.starts_with(text), "{detail}");
    }
    assert!(server.stop().await);
}
