//! Clients of `/ws` that resume while their server is killed and started again.
//!
//! `TICKBOOK_KILLS` sets the number of kills, `TICKBOOK_SEED` their places.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tickbook::db::ScratchSchemas;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::binary::Program;
use crate::databases::{prepare, variables};
use crate::venues_killed::{Random, number};
use crate::websocket::tick;
use crate::whole_server::eventually;

const CLIENTS: usize = 6;

/// The ticks of a client, by the number in their price, and where it continues.
#[derive(Default)]
struct Follower {
    seen: BTreeSet<i64>,
    position: Option<(String, u64)>,
    /// The client has yet to read from REST what it missed.
    reads_rest: bool,
}

fn time_of(index: i64) -> DateTime<Utc> {
    let first: DateTime<Utc> = "2014-05-01T00:00:00Z".parse().expect("a time");
    first + TimeDelta::seconds(index)
}

fn index_of(tick: &Value) -> i64 {
    let bid = tick["bid_price"].as_str().expect("a price");
    bid.parse().expect("a number")
}

/// Runs a call that blocks its thread.
#[expect(
    clippy::disallowed_methods,
    reason = "the client of HTTP and the end of a process block"
)]
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

/// The ticks of REST from a time on; `None` if the server does not answer.
async fn stored(address: SocketAddr, from: DateTime<Utc>) -> Option<Vec<i64>> {
    let from = from.format("%Y-%m-%dT%H:%M:%SZ");
    let url = format!("http://{address}/api/v1/ticks/1?from={from}&to=2015-01-01&limit=10000");
    let reading = blocking(move || {
        let mut answer = ureq::get(url).call().ok()?;
        answer.body_mut().read_json::<Value>().ok()
    });
    let page = reading.await?;
    assert_eq!(page["next_cursor"], Value::Null, "one page");
    let ticks = page["data"].as_array().expect("ticks");
    Some(ticks.iter().map(index_of).collect())
}

/// Follows the symbol 1 on one server until the connection fails.
async fn follow(follower: &Mutex<Follower>, address: SocketAddr) -> Option<()> {
    let lock = || follower.lock().expect("no panic");
    let (mut socket, _) = connect_async(format!("ws://{address}/ws")).await.ok()?;
    let mut request =
        json!({"op": "subscribe", "channel": "ticks", "symbols": [1], "snapshot": false});
    if let Some((epoch, after)) = &lock().position {
        request["resume"] = json!({"epoch": epoch, "after": after});
    }
    let request = Message::text(request.to_string());
    socket.send(request).await.ok()?;
    loop {
        let Message::Text(text) = socket.next().await?.ok()? else {
            continue;
        };
        let message: Value = serde_json::from_str(&text).expect("JSON");
        let number = message["number"].as_u64();
        match message["type"].as_str() {
            Some("subscribed") => {
                let epoch = message["epoch"].as_str().expect("an epoch").to_owned();
                let mut follower = lock();
                let is_new = |(old, _): &(String, u64)| *old != epoch;
                if follower.position.as_ref().is_none_or(is_new) {
                    follower.reads_rest |= follower.position.is_some();
                    follower.position = Some((epoch, number.expect("a number")));
                }
            }
            Some("tick") => {
                let mut follower = lock();
                // REST may have had it already
                follower.seen.insert(index_of(&message));
                let (_, position) = follower.position.as_mut().expect("subscribed");
                let number = number.expect("a number");
                assert!(number > *position, "{message} comes again after {position}");
                *position = number;
            }
            Some("gap") => {
                assert_eq!(message["reason"], "restarted", "{message}");
                assert!(lock().reads_rest, "the epoch is another one");
            }
            Some("heartbeat") => {}
            _ => panic!("{message}"),
        }
        // the subscription has begun, so that REST has all that precedes it
        if lock().reads_rest && message["type"] != "subscribed" {
            let last = lock().seen.last().copied().unwrap_or(0);
            let missed = stored(address, time_of(last)).await?;
            let mut follower = lock();
            follower.seen.extend(missed);
            follower.reads_rest = false;
        }
    }
}

/// A client that connects to each server again and again.
fn start(
    mut servers: watch::Receiver<Option<SocketAddr>>,
) -> (Arc<Mutex<Follower>>, JoinHandle<()>) {
    let follower: Arc<Mutex<Follower>> = Arc::default();
    let task = tokio::spawn({
        let follower = Arc::clone(&follower);
        async move {
            loop {
                let address = *servers.borrow_and_update();
                if let Some(address) = address {
                    follow(&follower, address).await;
                }
                // a killed server comes back at another address
                if *servers.borrow() == address && servers.changed().await.is_err() {
                    return;
                }
            }
        }
    });
    (follower, task)
}

/// Posts the tick of that number; returns whether it was acknowledged.
async fn post(address: SocketAddr, index: i64) -> bool {
    let body = json!([tick(1, time_of(index), 0, index)]);
    let posting = blocking(move || {
        let url = format!("http://{address}/api/v1/ticks");
        let mut answer = ureq::post(url).send_json(body).ok()?;
        answer.body_mut().read_json::<Value>().ok()
    });
    let Some(receipt) = posting.await else {
        return false;
    };
    let count = |name: &str| receipt[name].as_u64().expect("a number");
    // one that was stored before the kill is a duplicate
    assert_eq!(count("inserted") + count("duplicates"), 1, "{receipt}");
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_killed_servers_miss_no_tick() {
    let kills = number("TICKBOOK_KILLS", 4);
    let mut random = Random::new(kills);
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let (servers, of_servers) = watch::channel(None);
    let followers: Vec<_> = (0..CLIENTS).map(|_| start(of_servers.clone())).collect();
    let mut next = 1;
    for kill in 0..=kills {
        let program = Program::start(&[], &variables(&schemas));
        let address: SocketAddr = program.address().parse().expect("an address");
        servers.send_replace(Some(address));
        // the clients resume meanwhile
        let until = next + i64::from(random.below(20));
        while next < until && post(address, next).await {
            next += 1;
        }
        if kill < kills {
            let unanswered = tokio::spawn(post(address, next));
            blocking(move || program.stop("KILL")).await;
            if unanswered.await.expect("no panic") {
                next += 1;
            }
            continue;
        }
        // an additional tick shows that the clients have resumed
        assert!(post(address, next).await);
        let all: BTreeSet<i64> = (1..=next).collect();
        for (index, (follower, _)) in followers.iter().enumerate() {
            eventually(&format!("client {index} has every tick"), async || {
                follower.lock().expect("no panic").seen == all
            })
            .await;
            // a wrong order would have ended the client
            assert!(!follower.is_poisoned());
        }
        servers.send_replace(None);
        drop(servers);
        for (_, task) in followers {
            task.abort();
        }
        return;
    }
}
