//! Tests of the channel `book` of `/ws`.

use serde_json::{Value, json};
use tickbook::domain::book::StaleReason;
use tokio::time::timeout;

use crate::book_events::Venue;
use crate::websocket::Client;
use crate::whole_server::{DEADLINE, Server};

pub(crate) async fn subscribe(client: &mut Client, symbols: &[i64], depth: usize) {
    let request = json!({"op": "subscribe", "channel": "book", "symbols": symbols, "depth": depth});
    let answer = client.request(request).await;
    let expected = json!({
        "type": "subscribed", "seq": answer["seq"], "channel": "book", "symbols": symbols, "depth": depth
    });
    assert_eq!(answer, expected);
}

/// A message without its number in the connection.
fn body(mut message: Value) -> Value {
    message.as_object_mut().expect("an object").remove("seq");
    message
}

#[tokio::test]
async fn book_is_a_snapshot_and_then_its_changes() {
    let server = Server::with_symbols(&[], 2).await;
    let mut venue = Venue::new(&server.books);
    venue.load(1, 0, "9 1, 8 2, 7 3", "10 4, 11 5").await;
    let mut client = Client::connect(&server).await;
    subscribe(&mut client, &[1], 2).await;
    let first = json!({
        "type": "book", "symbol_id": 1, "version": 1, "since": "2014-05-01T00:00:00.000000Z",
        "time": "2014-05-01T00:00:00.000000Z", "sequence": 0, "depth": 2,
        "bids": [["9", "1"], ["8", "2"]], "asks": [["10", "4"], ["11", "5"]]
    });
    assert_eq!(body(client.message().await), first);
    // a level moves into the depth
    venue.change(1, 5, "9 0", "").await;
    let update = json!({
        "type": "book_update", "symbol_id": 1, "version": 2, "previous": 1,
        "time": "2014-05-01T00:00:00.005000Z", "sequence": 5,
        "bids": [["9", "0"], ["7", "3"]], "asks": []
    });
    assert_eq!(body(client.message().await), update);
    // levels below the depth and other symbols are not sent
    venue.change(1, 6, "5 1", "").await;
    venue.load(2, 6, "9 1", "").await;
    venue.change(1, 7, "", "10 9").await;
    let update = json!({
        "type": "book_update", "symbol_id": 1, "version": 4, "previous": 2,
        "time": "2014-05-01T00:00:00.007000Z", "sequence": 7,
        "bids": [], "asks": [["10", "9"]]
    });
    assert_eq!(body(client.message().await), update);
    // a book that is changed as a whole is a snapshot again
    venue.load(1, 8, "3 1", "4 1").await;
    let whole = body(client.message().await);
    assert_eq!(
        (&whole["type"], &whole["version"]),
        (&json!("book"), &json!(5))
    );
    assert_eq!(
        (&whole["bids"], &whole["asks"]),
        (&json!([["3", "1"]]), &json!([["4", "1"]]))
    );
    let request = json!({"op": "unsubscribe", "channel": "book", "symbols": [1]});
    assert_eq!(client.request(request).await["type"], "unsubscribed");
    venue.change(1, 9, "3 2", "").await;
    subscribe(&mut client, &[2], 20).await;
    assert_eq!(client.message().await["symbol_id"], 2);
    assert!(server.stop().await);
}

#[tokio::test]
async fn stale_book_is_a_resync_notice() {
    let server = Server::with_symbols(&[], 2).await;
    let mut client = Client::connect(&server).await;
    subscribe(&mut client, &[1, 2], 20).await;
    for symbol in [1, 2] {
        let unknown = json!({
            "type": "resync", "symbol_id": symbol, "reason": "unknown", "since": null
        });
        assert_eq!(body(client.message().await), unknown);
    }
    let mut venue = Venue::new(&server.books);
    venue.load(1, 0, "9 1, 8 1", "").await;
    assert_eq!(client.message().await["type"], "book");
    venue.lose(1, 5, StaleReason::Gap).await;
    let lost = json!({
        "type": "resync", "symbol_id": 1, "reason": "gap", "since": "2014-05-01T00:00:00.005000Z"
    });
    assert_eq!(body(client.message().await), lost);
    venue.load(1, 9, "9 1, 8 2", "").await;
    let again = body(client.message().await);
    assert_eq!(
        (&again["type"], &again["since"]),
        (&json!("book"), &json!("2014-05-01T00:00:00.009000Z"))
    );
    drop(venue);
    let stopped = body(client.message().await);
    assert_eq!(
        (&stopped["type"], &stopped["reason"]),
        (&json!("resync"), &json!("stopped"))
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn unseen_resync_gives_a_snapshot() {
    let server = Server::with_symbols(&[], 1).await;
    let mut venue = Venue::new(&server.books);
    venue.load(1, 0, "9 1, 8 1, 7 1", "").await;
    let mut client = Client::connect(&server).await;
    subscribe(&mut client, &[1], 20).await;
    assert_eq!(client.message().await["type"], "book");
    // the test does not yield in between, so the client cannot see the stale book
    venue.lose(1, 1, StaleReason::Gap).await;
    venue.load(1, 2, "9 2, 8 1, 7 1", "").await;
    let mut message = client.message().await;
    if message["type"] == "resync" {
        message = client.message().await;
    }
    assert_eq!(
        (&message["type"], &message["since"]),
        (&json!("book"), &json!("2014-05-01T00:00:00.002000Z")),
        "{message}"
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn subscription_can_change_its_depth() {
    let server = Server::with_symbols(&[], 1).await;
    let mut venue = Venue::new(&server.books);
    venue.load(1, 0, "9 1, 8 2, 7 3", "").await;
    let mut client = Client::connect(&server).await;
    for depth in [1, 3, 2] {
        subscribe(&mut client, &[1], depth).await;
        let message = client.message().await;
        assert_eq!(
            (&message["type"], &message["depth"]),
            (&json!("book"), &json!(depth))
        );
        assert_eq!(message["bids"].as_array().expect("levels").len(), depth);
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn invalid_subscriptions_to_books_are_refused() {
    let server = Server::with_symbols(&[], 1).await;
    let mut client = Client::connect(&server).await;
    for (fields, word) in [
        (
            json!({"channel": "book", "depth": 0}),
            "integer from 1 to 1000",
        ),
        (
            json!({"channel": "book", "depth": 1_001}),
            "invalid depth \"1001\"",
        ),
        (json!({"channel": "book", "depth": -1}), "invalid depth"),
        (json!({"channel": "book", "depth": "5"}), "invalid depth"),
        (
            json!({"channel": "book", "timeframe": "1m"}),
            "book has neither timeframe nor basis",
        ),
        (
            json!({"channel": "ticks", "depth": 5}),
            "ticks have no depth",
        ),
        (
            json!({"channel": "candles", "depth": 5}),
            "candles have no depth",
        ),
        (
            json!({"channel": "books"}),
            "ticks, trades, candles, book or orders",
        ),
    ] {
        let mut request = fields;
        request["op"] = json!("subscribe");
        request["symbols"] = json!([1]);
        let reason = client.error(&request).await;
        assert!(reason.contains(word), "{request}: {reason}");
    }
    let request = json!({"op": "subscribe", "channel": "book", "symbols": [9]});
    assert!(client.error(request).await.contains('9'));
    // without a depth
    let request = json!({"op": "subscribe", "channel": "book", "symbols": [1]});
    assert_eq!(client.request(request).await["depth"], 20);
    assert!(server.stop().await);
}

#[tokio::test]
async fn books_count_as_subscriptions() {
    let server = Server::with_symbols(&[], 1).await;
    let mut client = Client::connect(&server).await;
    // the symbol is known, so that the limit is reached before a look-up
    subscribe(&mut client, &[1], 20).await;
    assert_eq!(client.message().await["type"], "resync");
    let many: Vec<_> = (1..=1_000).collect();
    let request = json!({"op": "subscribe", "channel": "book", "symbols": many});
    assert!(
        client
            .error(request)
            .await
            .contains("at most 1000 subscriptions")
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn followed_levels_are_limited() {
    let settings = [("TICKBOOK__WEBSOCKET__BOOK_LEVELS", "1000")];
    let server = Server::with_symbols(&settings, 2).await;
    let mut client = Client::connect(&server).await;
    let ask = |symbols: &[i64], depth: usize| json!({"op": "subscribe", "channel": "book", "symbols": symbols, "depth": depth});
    subscribe(&mut client, &[1], 600).await;
    assert_eq!(client.message().await["type"], "resync");
    let mut other = Client::connect(&server).await;
    let reason = other.error(ask(&[1], 401)).await;
    assert!(reason.contains("at most 1000 levels"), "{reason}");
    // none of both is followed
    let reason = other.error(ask(&[1, 2], 201)).await;
    assert!(reason.contains("at most 1000 levels"), "{reason}");
    subscribe(&mut other, &[2], 400).await;
    assert_eq!(other.message().await["type"], "resync");
    let request = json!({"op": "unsubscribe", "channel": "book", "symbols": [1]});
    assert_eq!(client.request(request).await["type"], "unsubscribed");
    subscribe(&mut other, &[1], 600).await;
    assert_eq!(other.message().await["symbol_id"], 1);
    drop(other);
    // the server notices the end of the connection after some time
    let got = async {
        loop {
            let answer = client.request(ask(&[2], 1_000)).await;
            if answer["type"] == "subscribed" {
                break;
            }
        }
    };
    timeout(DEADLINE, got)
        .await
        .expect("the levels are free again");
    assert!(server.stop().await);
}

#[tokio::test]
async fn levels_of_one_connection_are_limited() {
    let server = Server::with_symbols(&[], 51).await;
    let mut client = Client::connect(&server).await;
    let symbols: Vec<_> = (1..=50).collect();
    subscribe(&mut client, &symbols, 1_000).await;
    for _ in &symbols {
        assert_eq!(client.message().await["type"], "resync");
    }
    let ask = json!({"op": "subscribe", "channel": "book", "symbols": [51], "depth": 1});
    let reason = client.error(ask).await;
    assert!(reason.contains("at most 50000 levels"), "{reason}");
    assert!(server.stop().await);
}
