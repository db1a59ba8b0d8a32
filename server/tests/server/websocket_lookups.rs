//! Tests of `/ws` clients whose symbols are looked up while the database hangs.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use orderbook_server::app::AppState;
use orderbook_server::metrics;
use orderbook_server::readiness::Readiness;
use orderbook_server::router::router;
use orderbook_server::settings::WebSocketConfig;
use orderbook_server::websocket::WebSockets;
use serde_json::json;
use tickbook::Repositories;
use tickbook::repository::MockSymbolRepository;
use tokio::net::TcpListener;
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;

use crate::support::symbol;
use crate::websocket::{Client, Next};

/// Symbols whose look-up returns when the sender allows it; every id exists.
#[expect(
    clippy::disallowed_methods,
    reason = "a mock cannot return futures, and this call takes long"
)]
fn hanging() -> (MockSymbolRepository, Sender<()>) {
    let (sender, receiver) = channel::<()>();
    let receiver: Arc<Mutex<Receiver<()>>> = Arc::new(Mutex::new(receiver));
    let mut symbols = MockSymbolRepository::new();
    symbols.expect_get_many().returning(move |ids| {
        let receiver = receiver.lock().expect("no panic");
        // other workers take over the tasks of this worker meanwhile
        let reported = block_in_place(|| receiver.recv_timeout(Duration::from_secs(30)));
        reported.expect("told to go on");
        Ok(ids.iter().map(|id| symbol(id.get())).collect())
    });
    (symbols, sender)
}

async fn serve(symbols: MockSymbolRepository) -> std::net::SocketAddr {
    let repositories = Repositories::builder().symbols(Arc::new(symbols)).build();
    let handle = metrics::install().expect("no other recorder");
    let config = WebSocketConfig {
        heartbeat: Duration::from_millis(300),
        ..WebSocketConfig::default()
    };
    let state = AppState {
        websockets: WebSockets::new(config, CancellationToken::new()),
        ..AppState::new(repositories, Readiness::fixed(Vec::new()), handle)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router(state)).await });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hanging_lookup_silences_no_client() {
    let (symbols, go_on) = hanging();
    let mut client = Client::connect_to(serve(symbols).await).await;
    let subscribe = |ids: &[i64]| json!({"op": "subscribe", "channel": "ticks", "symbols": ids});
    let unsubscribe = json!({"op": "unsubscribe", "channel": "ticks", "symbols": [1], "id": 2});
    client.send(subscribe(&[1, 2])).await;
    // later requests wait their turn, except pings, which are answered
    client.send(unsubscribe).await;
    client.send(json!({"op": "ping", "id": 3})).await;
    let pong = client.message().await;
    assert_eq!((&pong["type"], &pong["id"]), (&json!("pong"), &json!(3)));
    for _ in 0..2 {
        let Next::Message(message) = client.next().await else {
            panic!("closed");
        };
        assert_eq!(message["type"], "heartbeat");
    }
    go_on.send(()).expect("it waits");
    let answers = [client.message().await, client.message().await];
    let kinds = answers.each_ref().map(|answer| answer["type"].clone());
    assert_eq!(kinds, ["subscribed", "unsubscribed"], "{answers:?}");
    // known by now
    client.send(subscribe(&[2, 1])).await;
    assert_eq!(client.message().await["type"], "subscribed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_after_a_lookup_are_all_answered() {
    let (symbols, go_on) = hanging();
    let mut client = Client::connect_to(serve(symbols).await).await;
    // more requests than the server queues
    for id in 1..=40 {
        let request = json!({"op": "subscribe", "channel": "ticks", "symbols": [id]});
        client.send(request).await;
    }
    // unread messages are not answered, not even a ping
    client.send(json!({"op": "ping"})).await;
    for _ in 0..2 {
        let next = client.next().await;
        assert!(
            matches!(&next, Next::Message(message) if message["type"] == "heartbeat"),
            "{next:?}"
        );
    }
    let mut pongs = 0;
    for id in 1..=40 {
        go_on.send(()).expect("it waits");
        let mut answer = client.message().await;
        if answer["type"] == "pong" {
            pongs += 1;
            answer = client.message().await;
        }
        assert_eq!(answer["type"], "subscribed", "{answer}");
        assert_eq!(answer["symbols"], json!([id]));
    }
    assert_eq!(pongs, 1);
}
