//! Clients that mean harm, against the program itself under a limit of 1,024 open files. They
//! take long and are part of `make faults`.

mod attacks;
mod idle;
mod served;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use orderbook_server::http::descriptors;
use tokio::time::sleep;

use crate::binary::Program;
use crate::websocket::Client;
use crate::whole_server::eventually;
use served::Served;

/// What the server may have open.
const OPEN_FILES: u32 = 1_024;

/// What may be added to its memory, in bytes.
const MEMORY: u64 = 64 << 20;

/// Timers of the operating system and of a busy machine are that inexact. A program that is built
/// without optimization keeps all processors busy with what takes a twentieth otherwise.
const INEXACT: Duration = if cfg!(debug_assertions) {
    Duration::from_secs(2)
} else {
    Duration::from_millis(20)
};

/// `false`, and the test counts as skipped, unless the long ones are to run.
fn is_wanted() -> bool {
    let is_wanted = std::env::var("TICKBOOK_FAULTS").is_ok_and(|wanted| wanted == "all");
    if !is_wanted {
        suite::skip("it takes long and is part of `make faults`");
    }
    is_wanted
}

/// The memory of a process that is in use, in bytes.
fn memory(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.expect("a line").trim().trim_end_matches(" kB");
    kib.parse::<u64>().expect("a number") * 1_024
}

type Attack = fn(SocketAddr) -> Pin<Box<dyn Future<Output = attacks::Held> + Send>>;

#[tokio::test(flavor = "multi_thread")]
async fn fault_70_hostile_clients_harm_no_other() {
    if !is_wanted() {
        return;
    }
    // the clients are of this process
    descriptors::raise();
    let arguments = ["--store", "memory", "--feed", "simulated"];
    let server = Program::with_open_files(OPEN_FILES, &arguments, &[]);
    let address = server.address().parse().expect("an address");
    attacks::fill(address).await;
    let mut follower = Client::connect_to(address).await;
    follower.ticks(&[1, 2, 3, 4]).await;
    let reading = tokio::spawn(async move {
        // it looks for holes itself
        loop {
            follower.message().await;
        }
    });
    let served = Served::start(address);
    // what a server needs that has been at work
    for _ in 0..3 {
        attacks::page(address).await;
    }
    served.turn();
    sleep(Duration::from_secs(6)).await;
    let usual = served.turn();
    let before = memory(server.id());
    println!("before: {usual}, {} MiB", before >> 20);
    let all: [(&str, Attack); 11] = [
        ("1,100 silent connections", |to| {
            Box::pin(attacks::silent(to))
        }),
        ("slow heads", |to| Box::pin(attacks::slow_heads(to))),
        ("300 that read nothing", |to| Box::pin(attacks::unread(to))),
        ("150 unfinished bodies", |to| {
            Box::pin(attacks::unfinished(to))
        }),
        ("deep JSON", |to| Box::pin(attacks::deep(to))),
        ("a million elements", |to| Box::pin(attacks::elements(to))),
        ("pipelines", |to| Box::pin(attacks::pipelines(to))),
        ("100 MB", |to| Box::pin(attacks::large(to))),
        ("posts that are left", |to| {
            Box::pin(attacks::left_posts(to))
        }),
        ("WebSocket fragments", |to| Box::pin(attacks::fragments(to))),
        ("subscriptions", |to| Box::pin(attacks::subscriptions(to))),
    ];
    let (mut most, mut slow) = (before, Vec::new());
    for (name, attack) in all {
        let held = attack(address).await;
        sleep(Duration::from_secs(4)).await;
        let now = memory(server.id());
        let seen = served.turn();
        println!("{name}: {seen}, {} MiB", now >> 20);
        most = most.max(now);
        assert!(
            !reading.is_finished(),
            "{name}: the follower lost its connection"
        );
        assert_eq!(seen.health_failed, 0, "{name}");
        if suite::asserts_time() {
            let limit = usual.health * 2 + INEXACT;
            if seen.health > limit {
                slow.push(format!("{name}: {seen}, usually {usual}"));
            }
        }
        drop(held);
        // whatever it held is given back
        served.turn();
    }
    assert!(slow.is_empty(), "{slow:#?}");
    assert!(most <= before + MEMORY, "{} MiB", most >> 20);
    eventually("all requests are answered", async || {
        sleep(Duration::from_millis(500)).await;
        let seen = served.turn();
        seen.others > 0 && seen.others_failed == 0
    })
    .await;
    reading.abort();
    served.stop().await;
    let (status, log) = server.stop("TERM");
    assert!(status.success(), "{status}: {log}");
}
