//! Tests of clients of the channel `orders` that read slowly.

use serde_json::{Value, json};

use crate::ledger::{ACCOUNTS, created, filled};
use crate::slow_clients::RawClient;
use crate::websocket::Next;
use crate::websocket_orders::{book, create_account};
use crate::whole_server::Server;

const SUBSCRIBE: &str = r#"{"op":"subscribe","channel":"orders","account":1}"#;

/// A server with the account 1, whose order `a` has one event.
async fn server(settings: &[(&str, &str)]) -> Server {
    let server = Server::with_small_buffers(settings).await;
    create_account(&server, "main").await;
    book(&server, 1, &[created("a", "buy", "100000")]).await;
    server
}

/// Books the fills `from` to `to`, `at_once` in a request. Fill n is event n + 1.
async fn fill(server: &Server, from: usize, to: usize, at_once: usize) {
    let fills: Vec<_> = (from..=to)
        .map(|n| filled("a", &format!("E{n}"), 1, "1", "99"))
        .collect();
    for batch in fills.chunks(at_once) {
        book(server, 1, batch).await;
    }
}

async fn message(client: &mut RawClient) -> Value {
    loop {
        match client.next().await {
            Next::Message(message) if message["type"] == "heartbeat" => {}
            Next::Message(message) => return message,
            Next::Closed(code, reason) => panic!("closed: {code} {reason}"),
        }
    }
}

#[tokio::test]
async fn slow_client_gets_a_gap_and_reads_it_over_rest() {
    let settings = [
        ("TICKBOOK__WEBSOCKET__QUEUE", "50"),
        ("TICKBOOK__WEBSOCKET__MAX_GAPS", "1000"),
    ];
    let server = server(&settings).await;
    let mut client = RawClient::subscribe_with(&server, SUBSCRIBE).await;
    assert_eq!(message(&mut client).await["sequence"], 1);
    // nothing is read meanwhile
    fill(&server, 1, 3_000, 100).await;
    let (mut next, mut gaps, mut executed) = (2, 0, json!(null));
    while next <= 3_001 {
        let message = message(&mut client).await;
        if message["type"] == "gap" {
            let number = |field: &str| message[field].as_i64().expect("a number");
            let (from, to) = (number("from_sequence"), number("to_sequence"));
            let expected = json!({
                "type": "gap", "seq": message["seq"], "channel": "orders", "account_id": 1, "from_sequence": next,
                "to_sequence": to, "missed": to - from
            });
            assert_eq!(message, expected);
            let path = format!(
                "{ACCOUNTS}/1/events?from_sequence={from}&limit={}",
                to - from
            );
            let missed = server.get(&path).await;
            let missed = missed["data"].as_array().expect("a list");
            let numbers: Vec<_> = missed
                .iter()
                .map(|it| it["sequence"].as_i64().expect("a number"))
                .collect();
            assert_eq!(numbers, Vec::from_iter(from..to));
            (next, gaps) = (to, gaps + 1);
        } else {
            assert_eq!(
                (&message["type"], &message["sequence"]),
                (&json!("order_event"), &json!(next))
            );
            executed = message["order"]["executed"].clone();
            next += 1;
        }
    }
    assert!(gaps > 0, "3000 events fit into no buffer");
    assert_eq!(executed, json!("3000"));
    assert!(server.stop().await);
}

#[tokio::test]
async fn client_that_does_not_catch_up_is_closed() {
    let settings = [
        ("TICKBOOK__WEBSOCKET__QUEUE", "10"),
        ("TICKBOOK__WEBSOCKET__MAX_GAPS", "1"),
    ];
    let server = server(&settings).await;
    let mut client = RawClient::subscribe_with(&server, SUBSCRIBE).await;
    assert_eq!(message(&mut client).await["sequence"], 1);
    fill(&server, 1, 2_000, 500).await;
    let reason = loop {
        match client.next().await {
            Next::Message(_) => {}
            Next::Closed(code, reason) => {
                assert_eq!(code, 1013);
                break reason;
            }
        }
    };
    assert!(
        reason.contains("events of orders were missed in 1 gaps"),
        "{reason}"
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn fast_client_is_not_held_up_by_a_slow_one() {
    let server = server(&[]).await;
    let mut slow = RawClient::subscribe_with(&server, SUBSCRIBE).await;
    assert_eq!(message(&mut slow).await["sequence"], 1);
    let mut fast = crate::websocket::Client::connect(&server).await;
    let subscribed = fast
        .request(json!({"op": "subscribe", "channel": "orders", "account": 1}))
        .await;
    assert_eq!(subscribed["type"], "subscribed");
    assert_eq!(fast.message().await["sequence"], 1);
    fill(&server, 1, 1_000, 250).await;
    for expected in 2..=1_001 {
        assert_eq!(fast.message().await["sequence"], expected);
    }
    for expected in 2..=1_001 {
        assert_eq!(message(&mut slow).await["sequence"], expected);
    }
    assert!(server.stop().await);
}
