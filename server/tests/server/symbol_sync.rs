//! Tests of the sync of symbols with the lists of venues.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tickbook::domain::{NewSymbol, SymbolId};
use venue_server::{Answer, Play, Step, VenueServer};

use crate::whole_server::{SYNC_EVERY, Server, eventually};

/// Coinbase with a list of products, each `id tick_size`.
#[derive(Clone)]
struct Coinbase(Arc<Mutex<Result<Vec<&'static str>, u16>>>);

impl Coinbase {
    fn listing(products: &[&'static str]) -> Self {
        Self(Arc::new(Mutex::new(Ok(products.to_vec()))))
    }

    fn list(&self, products: Result<&[&'static str], u16>) {
        *self.0.lock().expect("no panic") = products.map(<[_]>::to_vec);
    }
}

impl Play for Coinbase {
    fn open(&mut self, _: &str) -> bool {
        true
    }

    fn text(&mut self, _: &str) {}

    fn next(&mut self) -> Step {
        Step::Idle
    }

    fn get(&mut self, path: &str) -> Option<Answer> {
        assert_eq!(path, "/products");
        let products = match &*self.0.lock().expect("no panic") {
            Ok(products) => products.clone(),
            Err(status) => return Some(Answer::status(*status, "not now")),
        };
        let products = products.iter().map(|product| {
            let (id, tick_size) = product.split_once(' ').expect("an id and a tick size");
            json!({
                "id": id, "base_currency": "BTC", "quote_currency": "USD", "status": "online",
                "quote_increment": tick_size, "base_increment": "0.001"
            })
        });
        Some(Answer::ok(Value::from_iter(products).to_string()))
    }
}

const ALL: [&str; 6] = [
    "A-B 0.1", "C-D 0.1", "E-F 0.1", "G-H 0.1", "I-J 0.1", "K-L 0.1",
];

async fn started(venue: &VenueServer<Coinbase>, scope: &str) -> Server {
    let (websocket, http) = (venue.websocket(), venue.http());
    let settings = [
        ("TICKBOOK__FEEDS__COINBASE__WEBSOCKET", &*websocket),
        ("TICKBOOK__FEEDS__COINBASE__HTTP", &http),
        (SYNC_EVERY, "1s"),
        ("TICKBOOK__SYMBOLS__SYNC", scope),
    ];
    Server::start_with(&["--feed", "coinbase:A-B"], &settings).await
}

/// Each symbol with its digits, `(name)` if it is inactive.
async fn symbols(server: &Server) -> String {
    let symbols = server.get("/api/v1/symbols?exchange=coinbase").await;
    let symbols = symbols["data"].as_array().expect("a list").clone();
    let texts = symbols.iter().map(|symbol| {
        let name = symbol["name"].as_str().expect("a name");
        match symbol["active"] == true {
            true => format!("{name} {}", symbol["digits"]),
            false => format!("({name})"),
        }
    });
    texts.collect::<Vec<_>>().join(", ")
}

async fn until(server: &Server, expected: &str) {
    eventually(expected, async || symbols(server).await == expected).await;
}

fn metric(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no {name}:\n{text}"));
    let (_, value) = line.rsplit_once(' ').expect("a value");
    value.parse().expect("a number")
}

#[tokio::test]
async fn symbols_follow_the_list_of_the_venue() {
    let play = Coinbase::listing(&ALL);
    let venue = VenueServer::start(play.clone()).await;
    let server = started(&venue, "all").await;
    until(&server, "A-B 1, C-D 1, E-F 1, G-H 1, I-J 1, K-L 1").await;
    // a new one, another tick size, and a missing one
    let changed = [
        "A-B 0.001",
        "C-D 0.1",
        "E-F 0.1",
        "G-H 0.1",
        "I-J 0.1",
        "M-N 0.01",
    ];
    play.list(Ok(&changed));
    until(&server, "A-B 3, C-D 1, E-F 1, G-H 1, I-J 1, (K-L), M-N 2").await;
    // the venue answers with an error, and then with too few instruments
    play.list(Err(503));
    let failures = r#"symbol_sync_failures_total{feed="coinbase"}"#;
    let before = metric(&server.get_text("/metrics").await, failures);
    eventually("a sync fails", async || {
        metric(&server.get_text("/metrics").await, failures) > before
    })
    .await;
    play.list(Ok(&changed[..2]));
    let kept = r#"symbol_sync_symbols_total{feed="coinbase",outcome="kept_active"}"#;
    let before = metric(&server.get_text("/metrics").await, kept);
    eventually("a loss is refused", async || {
        metric(&server.get_text("/metrics").await, kept) > before
    })
    .await;
    assert_eq!(
        symbols(&server).await,
        "A-B 3, C-D 1, E-F 1, G-H 1, I-J 1, (K-L), M-N 2"
    );
    play.list(Ok(&ALL));
    until(&server, "A-B 1, C-D 1, E-F 1, G-H 1, I-J 1, K-L 1, (M-N)").await;
    let text = server.get_text("/metrics").await;
    for (outcome, least) in [
        ("added", 6.0),
        ("changed", 2.0),
        ("missing", 2.0),
        ("reappeared", 1.0),
    ] {
        let name = format!("symbol_sync_symbols_total{{feed=\"coinbase\",outcome=\"{outcome}\"}}");
        assert!(metric(&text, &name) >= least, "{outcome}:\n{text}");
    }
    assert!(metric(&text, r#"symbol_sync_last_time_seconds{feed="coinbase"}"#) > 1.7e9);
    let versions = server
        .repositories
        .instruments
        .instrument_versions(SymbolId::new(1));
    let digits: Vec<_> = versions
        .await
        .expect("memory")
        .iter()
        .map(|it| it.digits)
        .collect();
    assert_eq!(digits[digits.len() - 3..], [1, 3, 1]);
    assert!(server.stop().await);
}

#[tokio::test]
async fn existing_symbols_alone_follow_the_list() {
    let play = Coinbase::listing(&ALL);
    let venue = VenueServer::start(play.clone()).await;
    let server = started(&venue, "existing").await;
    until(&server, "A-B 1").await;
    let symbols = &server.repositories.symbols;
    let new = NewSymbol::named("coinbase", "C-D");
    symbols.create(new).await.expect("created");
    // the sync describes what exists, and creates nothing
    play.list(Ok(&["A-B 0.001", "C-D 0.01", "E-F 0.1"]));
    until(&server, "A-B 3, C-D 2").await;
    assert!(server.stop().await);
}
