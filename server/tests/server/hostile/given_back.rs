//! Memory of the server while clients read nothing, and after they disconnect.

use super::attacks;
use crate::binary::Program;
use crate::whole_server::eventually;

const MIB: u64 = 1 << 20;

/// Starts a server, sends it requests, and returns it with its memory in bytes.
async fn at_work() -> (Program, u64) {
    let server = Program::start(&["--store", "memory", "--feed", "simulated"], &[]);
    let address = server.address().parse().expect("an address");
    attacks::fill(address).await;
    for _ in 0..3 {
        attacks::page(address).await;
    }
    let before = server.memory();
    (server, before)
}

/// Number of responses of a route with a status.
fn answers(server: &Program, route: &str, status: u16) -> usize {
    let metrics = server.get_text("/metrics");
    let status = format!("status=\"{status}\"");
    let is_meant = |line: &&str| {
        line.starts_with("http_requests_total") && line.contains(route) && line.contains(&status)
    };
    let counts = metrics.lines().filter(is_meant).map(|line| {
        let (_, count) = line.rsplit_once(' ').expect("a number");
        count.parse::<usize>().expect("a number")
    });
    counts.sum()
}

/// Asserts the maximum memory of the server, and that it returns most of the increase.
async fn assert_given_back(server: Program, before: u64, most: u64) {
    let mut after = most;
    let mib = |bytes: u64| bytes / MIB;
    eventually("most of its memory is given back", async || {
        after = after.min(server.memory());
        after <= before + 20 * MIB
    })
    .await;
    println!(
        "{} MiB, then {}, then {}",
        mib(before),
        mib(most),
        mib(after)
    );
    assert!(most <= before + super::MEMORY, "{} MiB", mib(most));
    let (status, log) = server.stop("TERM");
    assert!(status.success(), "{status}: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_of_pages_is_given_back() {
    let (server, before) = at_work().await;
    let address = server.address().parse().expect("an address");
    let written = || answers(&server, "\"/api/v1/ticks/{symbol_id}\"", 200);
    let first = written();
    let unread = attacks::unread(address).await;
    let mut most = before;
    // each of 1.5 MiB
    eventually("pages wait for their clients", async || {
        most = most.max(server.memory());
        written() >= first + 25
    })
    .await;
    drop(unread);
    assert_given_back(server, before, most).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_of_receipts_is_bounded() {
    let (server, before) = at_work().await;
    let address = server.address().parse().expect("an address");
    let of = |status| answers(&server, "\"/api/v1/ticks\"", status);
    let mut most = before;
    let unread = attacks::receipts(address).await;
    eventually("all are answered", async || {
        most = most.max(server.memory());
        of(200) + of(503) >= 300
    })
    .await;
    assert!(of(200) > 1 && of(503) > 0, "{} {}", of(200), of(503));
    drop(unread);
    assert_given_back(server, before, most).await;
}
