//! Memory of the server while clients read nothing, and after they disconnect.

use super::attacks;
use super::target::Target;
use crate::binary::Program;
use crate::whole_server::eventually;

const MIB: u64 = 1 << 20;

/// Memory of pages that wait for their clients in bytes.
const WAITING: u64 = 50 * MIB;

fn target(server: &Program) -> Target {
    Target::new(server.address().parse().expect("an address"), None)
}

/// Starts a server, sends it requests, and returns it with its memory in bytes.
async fn at_work(settings: &[(&str, &str)]) -> (Program, u64) {
    let server = Program::start(&["--store", "memory", "--feed", "simulated"], settings);
    let to = target(&server);
    attacks::fill(to.clone()).await;
    for _ in 0..3 {
        attacks::page(to.clone()).await;
    }
    let before = server.memory();
    (server, before)
}

/// Number of responses of a route with a status; `None` while the server is too busy to answer `/metrics`.
fn answers(server: &Program, route: &str, status: u16) -> Option<usize> {
    let metrics = ureq::get(format!("http://{}/metrics", server.address())).call();
    let metrics = metrics.ok()?.body_mut().read_to_string().expect("text");
    let status = format!("status=\"{status}\"");
    let is_meant = |line: &&str| {
        line.starts_with("http_requests_total") && line.contains(route) && line.contains(&status)
    };
    let counts = metrics.lines().filter(is_meant).map(|line| {
        let (_, count) = line.rsplit_once(' ').expect("a number");
        count.parse::<usize>().expect("a number")
    });
    Some(counts.sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_72_memory_of_pages_is_given_back() {
    if !super::is_wanted() {
        return;
    }
    let settings = [
        // more than the memory that the allocator retains
        ("TICKBOOK__SERVER__BUFFER_BYTES", "100663296"),
        // no other limit closes the connections
        ("TICKBOOK__SERVER__WRITE_TIMEOUT_MS", "600000"),
    ];
    let (server, before) = at_work(&settings).await;
    let attack = tokio::spawn(attacks::unread(target(&server)));
    let mut most = before;
    // the kernel buffers most of the first pages, so their number does not tell the memory
    eventually("pages wait for their clients", async || {
        most = most.max(server.memory());
        most > before + WAITING
    })
    .await;
    drop(attack.await.expect("no panic"));
    let held = most - before;
    let mut left = held;
    eventually("most of it is given back", async || {
        left = left.min(server.memory().saturating_sub(before));
        left < held / 2
    })
    .await;
    println!("{} MiB more, then {} MiB", held / MIB, left / MIB);
    let (status, log) = server.stop("TERM");
    assert!(status.success(), "{status}: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_72_memory_of_receipts_is_bounded() {
    if !super::is_wanted() {
        return;
    }
    let (server, before) = at_work(&[]).await;
    let of = |status| answers(&server, "\"/api/v1/ticks\"", status);
    let mut most = before;
    let unread = attacks::receipts(target(&server)).await;
    let (mut stored, mut refused) = (0, 0);
    eventually("all are answered", async || {
        most = most.max(server.memory());
        if let (Some(some), Some(others)) = (of(200), of(503)) {
            (stored, refused) = (some, others);
        }
        stored + refused >= 300
    })
    .await;
    assert!(stored > 1 && refused > 0, "{stored} {refused}");
    drop(unread);
    let held = most - before;
    println!(
        "{stored} stored, {refused} refused, {} MiB more",
        held / MIB
    );
    // all of them would be 390 MiB, and more before they are sent
    assert!(held < 2 * super::MEMORY, "{} MiB", held / MIB);
    let (status, log) = server.stop("TERM");
    assert!(status.success(), "{status}: {log}");
}
