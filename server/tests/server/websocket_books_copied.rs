//! Tests of clients of the channel `book` that keep a copy of the book.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tickbook::domain::SymbolId;
use tickbook::domain::book::StaleReason;
use tokio::time::timeout;

use crate::book_events::Venue;
use crate::slow_clients::RawClient;
use crate::websocket::{Client, Next};
use crate::websocket_books::subscribe;
use crate::whole_server::{DEADLINE, Server};

/// The book of a client, as its messages make it.
#[derive(Debug, Default)]
struct Copy {
    version: Option<u64>,
    sides: [BTreeMap<Decimal, String>; 2],
}

impl Copy {
    fn apply(&mut self, message: &Value) {
        match message["type"].as_str() {
            Some("book") => self.sides = Default::default(),
            Some("book_update") => {
                assert_eq!(message["previous"].as_u64(), self.version, "{message}");
            }
            Some("resync") => return *self = Self::default(),
            _ => panic!("{message}"),
        }
        self.version = message["version"].as_u64();
        for (side, name) in self.sides.iter_mut().zip(["bids", "asks"]) {
            for level in message[name].as_array().expect("levels") {
                let text = |index: usize| level[index].as_str().expect("a text");
                let price = text(0).parse().expect("a price");
                match text(1) {
                    "0" => side.remove(&price),
                    quantity => side.insert(price, quantity.to_owned()),
                };
            }
        }
    }

    /// The levels as REST lists them.
    fn levels(&self) -> [Value; 2] {
        let level = |(price, quantity): (&Decimal, &String)| {
            json!([price.normalize().to_string(), quantity])
        };
        let [bids, asks] = &self.sides;
        let bids: Vec<_> = bids.iter().rev().map(level).collect();
        let asks: Vec<_> = asks.iter().map(level).collect();
        [json!(bids), json!(asks)]
    }
}

fn seeded() -> StdRng {
    let seed = match std::env::var("TICKBOOK_SEED") {
        Ok(text) => text.parse().expect("TICKBOOK_SEED is a number"),
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    println!("set TICKBOOK_SEED={seed} to repeat these numbers");
    StdRng::seed_from_u64(seed)
}

/// Some changes near a price.
fn some(random: &mut StdRng, prices: std::ops::Range<i64>) -> String {
    let count = random.random_range(0..5);
    let one = |random: &mut StdRng| {
        let (price, quantity) = (
            random.random_range(prices.clone()),
            random.random_range(0..4),
        );
        format!("{price} {quantity}")
    };
    let all: Vec<_> = (0..count).map(|_| one(random)).collect();
    all.join(",")
}

#[tokio::test]
async fn messages_make_the_book_that_rest_returns() {
    let mut random = seeded();
    let server = Server::with_symbols(&[], 1).await;
    let mut venue = Venue::new(&server.books);
    let mut clients = Vec::new();
    for depth in [1, 4, 1_000] {
        let mut client = Client::connect(&server).await;
        subscribe(&mut client, &[1], depth).await;
        clients.push((client, depth, Copy::default()));
    }
    let mut is_valid = false;
    for round in 0..60 {
        for step in 0..random.random_range(1..8) {
            let millis = round * 10 + step;
            match random.random_range(0..60) {
                0 => {
                    venue.load(1, millis, "10 1, 9 2", "20 1").await;
                    is_valid = true;
                }
                1 => {
                    venue.lose(1, millis, StaleReason::Gap).await;
                    is_valid = false;
                }
                _ => {
                    let (bids, asks) = (some(&mut random, 1..15), some(&mut random, 15..30));
                    venue.change(1, millis, &bids, &asks).await;
                }
            }
        }
        // the last steps make the book valid, and change its best level
        if !is_valid {
            venue
                .load(1, round * 10 + 8, "10 1, 9 2, 8 3", "20 1, 21 2")
                .await;
            is_valid = true;
        }
        venue
            .change(1, round * 10 + 9, &format!("14 {}", round + 5), "")
            .await;
        for (client, depth, copy) in &mut clients {
            let rest = server.get(&format!("/api/v1/books/1?depth={depth}")).await;
            let expected = [rest["bids"].clone(), rest["asks"].clone()];
            let live = server.books.get(SymbolId::new(1), *depth).expect("a book");
            // the last change is one of the best level, so that each client gets its version
            let reading = async {
                while copy.version != Some(live.version) {
                    copy.apply(&client.message().await);
                }
            };
            let read = timeout(DEADLINE, reading).await;
            assert!(
                read.is_ok(),
                "round {round}, depth {depth}: version {} is missing: {copy:?}",
                live.version
            );
            assert_eq!(copy.levels(), expected, "round {round}, depth {depth}");
        }
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn slow_client_gets_the_present_book() {
    let server =
        Server::with_small_buffers(&[("TICKBOOK__WEBSOCKET__SEND_TIMEOUT_MS", "100000")]).await;
    let mut venue = Venue::new(&server.books);
    let levels: Vec<_> = (1..=100).map(|price| format!("{price} 1")).collect();
    venue.load(1, 0, &levels.join(","), "").await;
    let mut client = RawClient::subscribe_to(&server, "book").await;
    const CHANGES: i64 = 20_000;
    for millis in 1..=CHANGES {
        venue
            .change(1, millis, &format!("{} {millis}", 81 + millis % 20), "")
            .await;
        tokio::task::yield_now().await;
    }
    let (mut copy, mut messages) = (Copy::default(), 0);
    while copy.version != Some(CHANGES as u64 + 1) {
        let Next::Message(message) = client.next().await else {
            panic!("closed");
        };
        if message["type"] != "heartbeat" {
            messages += 1;
            copy.apply(&message);
        }
    }
    // each message has some hundred bytes, and the buffers hold some kilobytes
    assert!(messages < CHANGES / 10, "{messages}");
    let rest = server.get("/api/v1/books/1").await;
    assert_eq!(copy.levels(), [rest["bids"].clone(), rest["asks"].clone()]);
    let metrics = server.get_text("/metrics").await;
    let merged = metrics
        .lines()
        .find_map(|line| line.strip_prefix("websocket_book_changes_merged_total "));
    let merged: u64 = merged.expect("the counter").parse().expect("a number");
    assert!(merged > CHANGES as u64 / 2, "{merged}");
    assert!(server.stop().await);
}
