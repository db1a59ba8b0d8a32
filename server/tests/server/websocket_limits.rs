//! Tests of the limits of one message and one client of `/ws`, and of the error messages.

use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;

use crate::websocket::Client;
use crate::whole_server::{Server, eventually};

/// The status and the problem of a refused handshake.
async fn refused(server: &Server) -> (u16, Value) {
    let url = format!("ws://{}/ws", server.address);
    match connect_async(url).await {
        Err(Error::Http(answer)) => {
            let body = answer.body().as_deref().unwrap_or_default();
            let problem = serde_json::from_slice(body).unwrap_or_default();
            (answer.status().as_u16(), problem)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn answers_have_the_id_of_their_request() {
    let server = Server::with_symbols(&[], 2).await;
    let mut client = Client::connect(&server).await;
    let ticks =
        |id: Value| json!({"id": id, "op": "subscribe", "channel": "ticks", "symbols": [1]});
    let answer = client.request(ticks(json!("a"))).await;
    assert_eq!(
        (&answer["type"], &answer["id"]),
        (&json!("subscribed"), &json!("a"))
    );
    // a look-up that fails
    let unknown = json!({"id": -7, "op": "subscribe", "channel": "ticks", "symbols": [99]});
    let answer = client.request(unknown).await;
    assert_eq!(
        (&answer["type"], &answer["id"]),
        (&json!("error"), &json!(-7))
    );
    let mut leaving = ticks(json!(1.5));
    leaving["op"] = json!("unsubscribe");
    let answer = client.request(leaving).await;
    assert_eq!(
        (&answer["type"], &answer["id"]),
        (&json!("unsubscribed"), &json!(1.5))
    );
    let longest = "é".repeat(64);
    let answer = client.request(json!({"op": "ping", "id": longest})).await;
    assert_eq!(
        (&answer["type"], &answer["id"]),
        (&json!("pong"), &json!(longest))
    );
    // regardless of other errors in the message
    let strange = json!({"op": "subscribe", "id": 12, "chanel": "ticks", "symbols": [1]});
    let answer = client.request(strange).await;
    assert_eq!(
        (&answer["type"], &answer["id"]),
        (&json!("error"), &json!(12))
    );
    let reason = client.error(r#"{"op": "ping", "id": 1.50, "id": 2}"#).await;
    assert!(reason.contains("duplicate"), "{reason}");
    // a request without an id
    let answer = client.request(json!({"op": "ping"})).await;
    assert_eq!(answer.get("id"), None);
    for bad in [json!("x".repeat(65)), json!([1]), json!(true)] {
        let answer = client.request(json!({"op": "ping", "id": bad})).await;
        assert_eq!(answer["type"], "error");
        let reason = answer["reason"].as_str().expect("a text");
        assert!(reason.starts_with("id "), "{reason}");
        assert_eq!(answer.get("id"), None);
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn messages_name_a_thousand_symbols_at_most() {
    let server = Server::with_symbols(&[], 1).await;
    let mut client = Client::connect(&server).await;
    client.ticks(&[1]).await;
    for op in ["subscribe", "unsubscribe"] {
        let many = json!({"op": op, "channel": "ticks", "symbols": vec![1; 31_000], "id": 1});
        let reason = client.error(many).await;
        assert!(reason.contains("at most 1000"), "{reason}");
    }
    let all: Vec<_> = (1..=1_000).collect();
    let leave = json!({"op": "unsubscribe", "channel": "ticks", "symbols": all});
    assert_eq!(client.request(leave).await["type"], "unsubscribed");
    assert!(server.stop().await);
}

#[tokio::test]
async fn errors_repeat_little_of_a_message() {
    let server = Server::with_symbols(&[], 1).await;
    let mut client = Client::connect(&server).await;
    let long = "x".repeat(30_000);
    let field = json!({"op": "ping", long.as_str(): 1, "id": 3});
    let texts = [
        field.to_string(),
        json!({"op": long}).to_string(),
        json!({"op": "subscribe", "channel": long, "symbols": [1]}).to_string(),
        json!({"op": "subscribe", "channel": "candles", "symbols": [1], "timeframe": long})
            .to_string(),
        json!({"op": "subscribe", "channel": "candles", "symbols": [1], "basis": long}).to_string(),
        json!({"op": [long]}).to_string(),
        long.clone(),
    ];
    for text in texts {
        let reason = client.error(&text).await;
        let repeated = reason.matches('x').count();
        assert!(repeated <= 200, "{repeated}: {reason}");
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn clients_are_limited_by_address_and_in_all() {
    let settings = [
        ("TICKBOOK__WEBSOCKET__MAX_CONNECTIONS", "3"),
        ("TICKBOOK__WEBSOCKET__MAX_CONNECTIONS_PER_ADDRESS", "2"),
    ];
    let server = Server::with_symbols(&settings, 1).await;
    let first = Client::connect(&server).await;
    let _second = Client::connect(&server).await;
    let (status, problem) = refused(&server).await;
    assert_eq!(status, 429, "{problem}");
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|text| text.contains("2 WebSocket"))
    );
    drop(first);
    // its slot is released once the server has seen the disconnect
    let url = format!("ws://{}/ws", server.address);
    eventually("a slot is free", async || connect_async(&url).await.is_ok()).await;
    assert!(server.stop().await);

    let settings = [
        ("TICKBOOK__WEBSOCKET__MAX_CONNECTIONS", "2"),
        ("TICKBOOK__WEBSOCKET__MAX_CONNECTIONS_PER_ADDRESS", "0"),
    ];
    let server = Server::with_symbols(&settings, 1).await;
    let _both = (
        Client::connect(&server).await,
        Client::connect(&server).await,
    );
    let (status, problem) = refused(&server).await;
    assert_eq!(status, 503, "{problem}");
    assert!(server.stop().await);
}
