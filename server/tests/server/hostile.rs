//! Tests with hostile clients against the server program, under a limit of 1,024 open files. They take long
//! and run only in `make faults`.

mod attackers;
pub(crate) mod attacks;
mod attacks_tls;
mod given_back;
mod idle;
mod served;
mod target;

use std::time::Duration;

use serde_json::json;
use tickbook_access::Scope;
use tokio::time::sleep;
use tokio_tungstenite::client_async;

use crate::access::{TOKENS_FILE, Tokens};
use crate::binary::Program;
use crate::certificates::Pair;
use crate::websocket::Client;
use crate::whole_server::eventually;
use attackers::Attackers;
use served::{Seen, Served};
use target::{Stream, Target};

/// Limit of open files of the server.
const OPEN_FILES: u32 = 1_024;

/// Maximum growth of its memory in bytes.
const MEMORY: u64 = 64 << 20;

/// Maximum factor by which the attack may slow other clients.
const SLOWER: u32 = 2;

/// Additional time that a client may wait. The kernel lets a running thread finish its slice of some
/// milliseconds before it gives the core to a waiting thread, and both cores are busy during an attack. A
/// build without optimization takes twenty times the processor time, which then slows all clients.
const INEXACT: Duration = if cfg!(debug_assertions) {
    Duration::from_millis(250)
} else {
    Duration::from_millis(5)
};

/// Measuring time, with and without an attack.
const WATCHED: Duration = Duration::from_secs(5);

/// Everything that an attack holds is released within this time.
const SETTLING: Duration = Duration::from_secs(1);

/// An attack counts as slow only if it was slow in each round.
const ROUNDS: usize = 3;

/// Returns whether the long tests run; otherwise the test counts as skipped.
fn is_wanted() -> bool {
    let is_wanted = std::env::var("TICKBOOK_FAULTS").is_ok_and(|wanted| wanted == "all");
    if !is_wanted {
        suite::skip("it takes long and is part of `make faults`");
    }
    is_wanted
}

/// Whether clients waited longer during the attack than allowed.
fn is_slow(seen: &Seen, usual: &Seen) -> bool {
    let is_above = |seen: Duration, usual: Duration| seen > usual * SLOWER + INEXACT;
    is_above(seen.health, usual.health) || is_above(seen.other, usual.other)
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_70_hostile_clients_harm_no_other() {
    if is_wanted() {
        attack_server(None, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_73_hostile_clients_of_a_server_with_tokens() {
    if is_wanted() {
        attack_server(Some(Tokens::new()), None).await;
    }
}

/// A WebSocket client, with or without TLS.
async fn follower(to: &Target) -> Client<Stream> {
    let stream = to.connect().await.expect("it listens");
    let url = format!("ws://{}/ws", to.address);
    let (socket, _) = client_async(url, stream).await.expect("a WebSocket");
    Client::of(socket)
}

/// Attacks a server, with or without tokens and TLS. The hostile clients have a token, too, so that their requests reach the
/// handlers.
async fn attack_server(tokens: Option<Tokens>, pair: Option<Pair>) {
    let arguments = ["--store", "memory", "--feed", "simulated"];
    let (path, token) = match &tokens {
        Some(tokens) => (tokens.path(), Some(tokens.add("all", Scope::Admin))),
        None => (String::new(), None),
    };
    let settings = pair.as_ref().map_or(Vec::new(), Pair::settings);
    let mut variables = vec![(TOKENS_FILE, path.as_str())];
    variables.extend(settings.iter().map(|(name, value)| (*name, value.as_str())));
    let server = Program::with_open_files(OPEN_FILES, &arguments, &variables);
    let address = server.address().parse().expect("an address");
    let to = Target {
        certificate: pair.as_ref().map(Pair::certificate),
        ..Target::new(address, token.as_deref())
    };
    attacks::fill(to.clone()).await;
    let mut follower = follower(&to).await;
    if let Some(token) = &token {
        let authenticate = json!({"op": "authenticate", "token": token});
        let answer = follower.request(authenticate).await;
        assert_eq!(answer["type"], "authenticated", "{answer}");
    }
    follower.ticks(&[1, 2, 3, 4]).await;
    let reading = tokio::spawn(async move {
        // the follower itself checks that no message is missing
        loop {
            follower.message().await;
        }
    });
    let served = Served::start(&to);
    // warm up the server: memory that a busy server needs anyway
    for _ in 0..3 {
        attacks::page(to.clone()).await;
    }
    sleep(SETTLING).await;
    let before = server.memory();
    println!("before: {} MiB", before >> 20);
    let (mut most, mut slow) = (before, Vec::new());
    for name in attackers::names(&to) {
        for round in 1..=ROUNDS {
            served.turn();
            sleep(WATCHED).await;
            let usual = served.turn();
            let attackers = Attackers::start(name, &to);
            sleep(WATCHED).await;
            let now = server.memory();
            let seen = served.turn();
            println!("{name}, {round}: usually {usual}");
            println!("{name}, {round}: {seen}, {} MiB", now >> 20);
            most = most.max(now);
            assert!(
                !reading.is_finished(),
                "{name}: the follower lost its connection"
            );
            assert_eq!(seen.health_failed, 0, "{name}");
            drop(attackers);
            sleep(SETTLING).await;
            if !suite::asserts_time() || !is_slow(&seen, &usual) {
                break;
            }
            if round == ROUNDS {
                slow.push(format!("{name}: {seen}, usually {usual}"));
            }
        }
    }
    let after = server.memory();
    println!("most: {} MiB, after: {} MiB", most >> 20, after >> 20);
    assert!(slow.is_empty(), "{slow:#?}");
    assert!(most <= before + MEMORY, "{} MiB", most >> 20);
    eventually("all requests are answered", async || {
        served.turn();
        sleep(Duration::from_millis(500)).await;
        let seen = served.turn();
        seen.others > 0 && seen.others_failed == 0
    })
    .await;
    reading.abort();
    served.stop().await;
    let (status, log) = server.stop("TERM");
    assert!(status.success(), "{status}: {log}");
    if let Some(token) = token {
        assert!(!log.contains(&token[3..]), "the token is in the log");
    }
}
