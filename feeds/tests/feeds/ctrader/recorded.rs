//! A recording of a connection, and its replay.

use std::sync::{Arc, Mutex};

use tickbook_feeds::Channel;
use tickbook_feeds::session::{RecordedVenue, Replay, ReplayReport, SessionEvent, SessionLine};

use super::acceptor::{Acceptor, PASSWORD};
use super::client::{Client, Seen};
use super::market::NAME;
use super::proxy::{self, Verdict};

/// Replays the lines, and notes the events as the client did.
fn replayed(lines: &[String]) -> (Seen, ReplayReport) {
    let mut replay = Replay::new(RecordedVenue::Ctrader, None);
    replay.begin("recorded.fix");
    let mut seen = Seen::default();
    for line in lines {
        replay.replay(SessionLine::parse(line), &mut |event| match event {
            SessionEvent::Opened { .. } => seen.opened += 1,
            SessionEvent::Feed(event) => seen.feed(event),
            _ => {}
        });
    }
    replay.end(&mut |_| {});
    (seen, replay.into_report())
}

/// The parts that the events of a connection and of its replay share.
fn common(seen: &Seen) -> impl PartialEq + std::fmt::Debug {
    (
        (&seen.opened, &seen.quotes, &seen.levels),
        (&seen.snapshots, &seen.updates, &seen.stale),
        (&seen.lost, &seen.instruments, &seen.lists),
    )
}

#[tokio::test]
async fn replays_equal_the_recorded_connections() {
    let acceptor = Acceptor::start().await;
    let verdict = Arc::new(Mutex::new(Verdict::Pass));
    let next = Arc::clone(&verdict);
    let port = proxy::start(acceptor.port, move |message| {
        match message.contains("|35=X|") {
            true => std::mem::replace(&mut *next.lock().expect("no panic"), Verdict::Pass),
            false => Verdict::Pass,
        }
    })
    .await;
    let fault = |fault| *verdict.lock().expect("no panic") = fault;
    let channels = [Channel::Quotes, Channel::Book(10), Channel::Instruments];
    let client = Client::start(port, PASSWORD, &channels);
    client.until("data", Seen::has_data).await;
    for step in 0..10 {
        acceptor.quote().await;
        acceptor.change(step).await;
    }
    // a message that is sent again
    fault(Verdict::Drop);
    acceptor.change(11).await;
    acceptor.quote().await;
    client
        .until("a repeated message", |seen| {
            seen.count("duplicate_used") > 0
        })
        .await;
    // numbers that nothing brings back
    acceptor.skip(2).await;
    acceptor.quote().await;
    client
        .until("a loss", |seen| seen.lost > 0 && seen.levels.is_some())
        .await;
    // another connection
    fault(Verdict::Cut);
    acceptor.change(12).await;
    client
        .until("a connection", |seen| {
            seen.opened == 2 && seen.has_data() && seen.levels.is_some()
        })
        .await;
    acceptor.quote().await;
    acceptor.change(13).await;
    let levels = acceptor.levels().await;
    let seen = client
        .until("the last change", |seen| {
            seen.levels.as_ref() == Some(&levels)
        })
        .await;

    let (again, report) = replayed(&seen.lines);
    assert_eq!(common(&again), common(&seen));
    assert_eq!(report.protocol.as_deref(), Some("ctrader fix 4.4"));
    assert_eq!(report.checksums_failed, 0, "{report:?}");
    assert_eq!(report.checksums_ok, report.messages);
    assert_eq!(report.quotes[NAME], seen.quotes.len() as u64);
    let session = report.session.expect("a session");
    assert_eq!((session.types["A"], session.lost), (2, seen.lost));
    assert_eq!(report.gaps, 1);
    let recording = seen.lines.join("\n");
    assert!(recording.contains("35=A") && !recording.contains(PASSWORD));
    // the requests of the list, of quotes and of the depth, on two connections
    let sent = seen.lines.iter().filter(|line| line.contains(" <- "));
    assert!(sent.count() >= 6);
    client.stop_soon();
    acceptor.quote().await;
    client.ended().await;
    acceptor.stop().await;
}
