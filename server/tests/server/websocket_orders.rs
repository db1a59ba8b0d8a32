//! Tests of the channel `orders` of `/ws`.

use serde_json::{Value, json};

use crate::ledger::{ACCOUNTS, canceled, created, filled, new_account};
use crate::websocket::{Client, Next};
use crate::whole_server::Server;

/// A server with the symbols 1 to 4 and the accounts 1 and 2.
pub(crate) async fn server() -> Server {
    let server = Server::with_symbols(&[], 4).await;
    create_account(&server, "main").await;
    create_account(&server, "other").await;
    server
}

pub(crate) async fn create_account(server: &Server, name: &str) {
    let (status, body) = server
        .request("POST", ACCOUNTS, &new_account(name).to_string())
        .await;
    assert_eq!(status, 201, "{body}");
}

/// Posts events that are all booked.
pub(crate) async fn book(server: &Server, account: i64, events: &[Value]) {
    let path = format!("{ACCOUNTS}/{account}/events");
    let receipt = server.post_to(&path, &json!(events)).await;
    let appended = receipt["appended"].as_array().map(Vec::len);
    assert_eq!(appended, Some(events.len()), "{receipt}");
}

/// Subscribes; returns the first message with the state of the account.
async fn subscribe(client: &mut Client, account: i64) -> Value {
    let request = json!({"op": "subscribe", "channel": "orders", "account": account, "id": 5});
    let answer = client.request(request).await;
    let expected = json!({
        "type": "subscribed", "seq": answer["seq"], "id": 5, "channel": "orders", "account": account
    });
    assert_eq!(answer, expected);
    let state = client.message().await;
    assert_eq!(
        (&state["type"], &state["account_id"]),
        (&json!("orders"), &json!(account)),
        "{state}"
    );
    state
}

/// The order events that the client gets, up to the number `last`.
async fn numbers(client: &mut Client, last: i64) -> Vec<i64> {
    let mut numbers = Vec::new();
    while numbers.last() != Some(&last) {
        let message = client.message().await;
        assert_eq!(message["type"], "order_event", "{message}");
        numbers.push(message["sequence"].as_i64().expect("a number"));
    }
    numbers
}

#[tokio::test]
async fn state_is_followed_by_the_booked_events() {
    let server = server().await;
    let events = [
        created("a", "buy", "10"),
        created("b", "buy", "1"),
        filled("a", "E1", 1, "4", "99"),
        filled("b", "E2", 2, "1", "100"),
    ];
    book(&server, 1, &events).await;
    let mut client = Client::connect(&server).await;
    let state = subscribe(&mut client, 1).await;
    assert_eq!(
        (&state["sequence"], &state["more"], &state["complete"]),
        (&json!(4), &json!(false), &json!(true))
    );
    let order = server.get(&format!("{ACCOUNTS}/1/orders/a")).await;
    assert_eq!(state["orders"], json!([order]), "only open orders");
    let position = &state["positions"][0];
    assert_eq!(
        (&position["quantity"], &position["open_cost"]),
        (&json!("5"), &json!("496"))
    );
    let cancel =
        json!({"order_id": "a", "client_order_id": "Y", "exec_id": "E4", "kind": "cancel_pending"});
    // one batch, one of whose events is refused
    let batch = [
        filled("a", "E3", 3, "2", "97"),
        filled("none", "E9", 1, "1", "1"),
        cancel.clone(),
    ];
    server
        .post_to(&format!("{ACCOUNTS}/1/events"), &json!(batch))
        .await;
    let fill = client.message().await;
    let expected = json!({
        "type": "order_event", "seq": 3, "account_id": 1, "sequence": 5, "recorded_at": fill["recorded_at"],
        "order_id": "a", "event": filled("a", "E3", 3, "2", "97"),
        "order": {"status": "partially_filled", "executed": "6", "leaves": "4"},
        "position": {
            "strategy_id": null, "symbol_id": 1, "name": "net", "quantity": "7", "open_cost": "690",
            "average_price": "98.571428571429", "realized": "0", "fees": [], "opened_at": "2024-05-01T12:00:01.000000Z"
        }
    });
    assert_eq!(fill, expected);
    let pending = client.message().await;
    assert_eq!(
        (&pending["sequence"], &pending["event"]),
        (&json!(6), &cancel)
    );
    assert_eq!(
        pending["order"],
        json!({"status": "pending_cancel", "executed": "6", "leaves": "4"})
    );
    assert_eq!(pending["position"], Value::Null);
    // duplicates are not sent
    server
        .post_to(&format!("{ACCOUNTS}/1/events"), &json!([cancel]))
        .await;
    book(&server, 1, &[filled("a", "E5", 5, "4", "97")]).await;
    assert_eq!(client.message().await["sequence"], 7);
    assert!(server.stop().await);
}

#[tokio::test]
async fn events_of_other_accounts_are_not_sent() {
    let server = server().await;
    let mut client = Client::connect(&server).await;
    let state = subscribe(&mut client, 2).await;
    let expected = json!({
        "type": "orders", "seq": 2, "account_id": 2, "sequence": 0, "orders": [], "positions": [], "more": false,
        "complete": true
    });
    assert_eq!(state, expected);
    book(&server, 1, &[created("a", "buy", "1")]).await;
    book(&server, 2, &[created("b", "buy", "1")]).await;
    let message = client.message().await;
    assert_eq!(
        (&message["account_id"], &message["order_id"]),
        (&json!(2), &json!("b"))
    );
    // both accounts on one connection
    let state = subscribe(&mut client, 1).await;
    assert_eq!(state["orders"][0]["order_id"], "a");
    book(&server, 2, &[filled("b", "E1", 1, "1", "1")]).await;
    assert_eq!(client.message().await["account_id"], 2);
    book(&server, 1, &[filled("a", "E1", 1, "1", "1")]).await;
    assert_eq!(client.message().await["account_id"], 1);
    assert_eq!(
        server.get("/health/ready").await["ledger"]["followed_accounts"],
        2
    );
    let request = json!({"op": "unsubscribe", "channel": "orders", "account": 2});
    let answer = client.request(request).await;
    assert_eq!(
        (&answer["type"], &answer["account"]),
        (&json!("unsubscribed"), &json!(2))
    );
    book(&server, 2, &[created("c", "buy", "1")]).await;
    book(&server, 1, &[created("d", "buy", "1")]).await;
    assert_eq!(client.message().await["order_id"], "d");
    assert_eq!(
        server.get("/health/ready").await["ledger"]["followed_accounts"],
        1
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn unknown_account_is_refused_and_not_followed() {
    let server = server().await;
    let mut client = Client::connect(&server).await;
    let request = json!({"op": "subscribe", "channel": "orders", "account": 9});
    let reason = client.error(&request).await;
    assert!(reason.contains("unknown account 9"), "{reason}");
    assert_eq!(
        server.get("/health/ready").await["ledger"]["followed_accounts"],
        0
    );
    for (request, words) in [
        (
            json!({"op": "subscribe", "channel": "orders"}),
            "account is missing",
        ),
        (
            json!({"op": "subscribe", "channel": "orders", "account": -1}),
            "positive integer",
        ),
        (
            json!({"op": "unsubscribe", "channel": "orders", "account": 1, "symbols": [1]}),
            "only an account",
        ),
    ] {
        let reason = client.error(&request).await;
        assert!(reason.contains(words), "{request}: {reason}");
    }
    // the connection stays usable
    subscribe(&mut client, 1).await;
    assert!(server.stop().await);
}

#[tokio::test]
async fn repeated_subscription_gives_the_state_again() {
    let server = server().await;
    let mut client = Client::connect(&server).await;
    subscribe(&mut client, 1).await;
    book(&server, 1, &[created("a", "buy", "10")]).await;
    assert_eq!(client.message().await["sequence"], 1);
    let state = subscribe(&mut client, 1).await;
    assert_eq!(
        (&state["sequence"], &state["orders"][0]["order_id"]),
        (&json!(1), &json!("a"))
    );
    book(&server, 1, &[filled("a", "E1", 1, "1", "1")]).await;
    assert_eq!(numbers(&mut client, 2).await, [2]);
    assert_eq!(
        server.get("/health/ready").await["ledger"]["followed_accounts"],
        1
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn many_open_orders_come_in_several_messages() {
    let server = server().await;
    let orders: Vec<_> = (0..450)
        .map(|n| created(&format!("o{n:03}"), "buy", "1"))
        .collect();
    book(&server, 1, &orders).await;
    let mut client = Client::connect(&server).await;
    let mut state = subscribe(&mut client, 1).await;
    let (mut ids, mut messages) = (Vec::new(), 1);
    loop {
        assert_eq!(
            (&state["sequence"], &state["complete"]),
            (&json!(450), &json!(true))
        );
        let found = state["orders"].as_array().expect("a list");
        ids.extend(
            found
                .iter()
                .map(|it| it["order_id"].as_str().expect("an id").to_owned()),
        );
        if state["more"] == false {
            break;
        }
        state = client.message().await;
        messages += 1;
    }
    assert_eq!(messages, 3);
    let expected: Vec<_> = (0..450).map(|n| format!("o{n:03}")).collect();
    assert_eq!(ids, expected);
    assert!(server.stop().await);
}

#[tokio::test]
async fn concurrent_writers_are_seen_without_a_gap() {
    let server = server().await;
    let mut early = Client::connect(&server).await;
    assert_eq!(subscribe(&mut early, 1).await["sequence"], 0);
    let server = std::sync::Arc::new(server);
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let server = std::sync::Arc::clone(&server);
            tokio::spawn(async move {
                let name = format!("o{writer}");
                book(&server, 1, &[created(&name, "buy", "30")]).await;
                for batch in 0..10 {
                    let fill =
                        |n: u32| filled(&name, &format!("E{writer}-{batch}-{n}"), n, "1", "2");
                    book(&server, 1, &[fill(0), fill(1), fill(2)]).await;
                }
            })
        })
        .collect();
    // it subscribes in the middle of the writes
    let mut late = Client::connect(&server).await;
    let state = subscribe(&mut late, 1).await;
    let from = state["sequence"].as_i64().expect("a number");
    for writer in writers {
        writer.await.expect("no panic");
    }
    assert_eq!(numbers(&mut early, 248).await, Vec::from_iter(1..=248));
    if from < 248 {
        assert_eq!(
            numbers(&mut late, 248).await,
            Vec::from_iter(from + 1..=248)
        );
    }
    let server = std::sync::Arc::into_inner(server).expect("the last");
    assert!(server.stop().await);
}

#[tokio::test]
async fn stopping_server_sends_the_booked_events() {
    let server = server().await;
    let mut client = Client::connect(&server).await;
    subscribe(&mut client, 1).await;
    let orders: Vec<_> = (0..4_000)
        .map(|n| created(&format!("o{n}"), "buy", "1"))
        .collect();
    book(&server, 1, &orders).await;
    server.stop.cancel();
    assert_eq!(numbers(&mut client, 4_000).await, Vec::from_iter(1..=4_000));
    match client.next().await {
        Next::Closed(1001, _) => {}
        other => panic!("{other:?}"),
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn resumed_orders_begin_with_the_missed_events() {
    let server = server().await;
    let events: Vec<_> = (0..5)
        .map(|index| created(&format!("o{index}"), "buy", "1"))
        .collect();
    book(&server, 1, &events).await;
    let request = |after: i64| json!({"op": "subscribe", "channel": "orders", "account": 1, "resume": {"after": after}});
    let mut client = Client::connect(&server).await;
    assert_eq!(client.request(request(2)).await["type"], "subscribed");
    let gap = client.message().await;
    let expected = json!({
        "type": "gap", "seq": gap["seq"], "channel": "orders", "account_id": 1, "from_sequence": 3,
        "to_sequence": 6, "missed": 3
    });
    assert_eq!(gap, expected);
    let path = format!("{ACCOUNTS}/1/events?from_sequence=3&limit=3");
    let missed = server.get(&path).await;
    let orders = missed["data"].as_array().expect("events").iter();
    let orders: Vec<_> = orders.map(|event| event["order_id"].clone()).collect();
    assert_eq!(orders, ["o2", "o3", "o4"]);
    let state = client.message().await;
    assert_eq!(
        (&state["type"], &state["sequence"]),
        (&json!("orders"), &json!(5))
    );
    // nothing was missed
    assert_eq!(client.request(request(5)).await["type"], "subscribed");
    assert_eq!(client.message().await["type"], "orders");
    let reason = client.error(request(6)).await;
    assert!(reason.contains("event 6 was not booked"), "{reason}");
    // the subscription continues
    book(&server, 1, &[canceled("o0", "E1")]).await;
    assert_eq!(numbers(&mut client, 6).await, [6]);
    assert!(server.stop().await);
}
