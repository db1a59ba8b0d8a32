use chrono::DateTime;
use tickbook::domain::book::StaleReason;

use super::protocol_tests::{BOOK, DEPTH, Run, TIME, shown};
use crate::ProtocolError;
use crate::event::LostMessages;
use crate::protocol::Protocol as _;

#[test]
fn depth_is_the_sum_of_its_entries() {
    let mut run = Run::new("1", &BOOK);
    assert_eq!(run.events(DEPTH), ["snapshot 1 1.06625x51000 / 1.06628x5"]);
    // new entries come before the deletions, and cross the book within the message
    let update = format!(
        "35=X|34=3|{TIME}|268=4|279=0|269=0|278=20|55=1|270=1.06628|271=3|\
         279=0|269=1|278=21|55=1|270=1.0663|271=4|279=2|278=7|55=1|279=2|278=16|55=1"
    );
    assert_eq!(
        run.events(&update),
        ["update 1 1.06628x3 1.06625x1000 / 1.0663x4"]
    );
    let replaced = format!("35=X|34=4|{TIME}|268=1|279=1|269=0|278=20|55=1|270=1.0662|271=9");
    assert_eq!(
        run.events(&replaced),
        ["update 1 1.06625x1000 1.0662x9 / 1.0663x4"]
    );
    let unknown = format!("35=X|34=5|{TIME}|268=1|279=2|278=99|55=1");
    assert_eq!(
        run.events(&unknown),
        ["update 1 1.06625x1000 1.0662x9 / 1.0663x4"]
    );
    assert_eq!(run.protocol.unknown_deletes(), 1);
}

#[test]
fn update_of_several_symbols_is_applied_to_each() {
    let mut run = Run::new("1 2", &BOOK);
    run.events(DEPTH);
    run.events(&DEPTH.replace("55=1|", "55=2|"));
    let update =
        format!("35=X|34=3|{TIME}|268=3|279=2|278=7|55=1|279=2|278=16|55=2|279=2|278=9|55=1");
    assert_eq!(
        run.events(&update),
        [
            "update 1 1.06625x50000 / ",
            "update 2 1.06625x1000 / 1.06628x5"
        ]
    );
}

#[test]
fn updates_before_a_snapshot_are_ignored() {
    let mut run = Run::new("1", &BOOK);
    let update = format!("35=X|34=3|{TIME}|268=1|279=2|278=7|55=1");
    assert_eq!(run.events(&update), [""; 0]);
    assert_eq!(run.protocol.unknown_deletes(), 0);
}

#[test]
fn invalid_depths_are_requested_again() {
    let entry = |fields: &str| format!("35=X|34=3|{TIME}|268=1|279=0|{fields}");
    for (update, reason, detail) in [
        (
            entry("55=1|278=1|269=0|270=2|271=1"),
            "crossed",
            "crossed book",
        ),
        (
            entry("55=1|278=1|269=0|270=x|271=1"),
            "malformed",
            "number of a level",
        ),
        (
            entry("55=1|278=1|269=0|270=1|271=99999999999999999999"),
            "overflow",
            "number of a level",
        ),
        (
            entry("55=1|278=1|269=0|270=1"),
            "malformed",
            "field 271 is missing",
        ),
        (
            entry("55=1|269=0|270=1|271=1"),
            "malformed",
            "field 278 is missing",
        ),
        (
            entry("55=1|278=1|270=1|271=1"),
            "malformed",
            "field 269 is missing",
        ),
        (
            entry("55=1|278=1|269=7|270=1|271=1"),
            "malformed",
            "field 269 has none of the allowed values",
        ),
        (
            entry("55=1|278=1").replace("279=0", "279=9"),
            "malformed",
            "field 279 has none",
        ),
    ] {
        let mut run = Run::new("1 2", &BOOK);
        run.events(DEPTH);
        run.events(&DEPTH.replace("55=1|", "55=2|"));
        let events = run.events(&update);
        assert!(
            events[0].starts_with(&format!("stale 1 {reason}: {detail}")),
            "{events:?}"
        );
        assert_eq!(events[1..], ["resubscribe 1"]);
        // nothing until the next snapshot
        assert_eq!(
            run.events(&format!("35=X|34=4|{TIME}|268=1|279=2|278=7|55=1")),
            [""; 0]
        );
        assert!(
            run.protocol
                .book("2")
                .is_some_and(|book| book.state().is_valid())
        );
        let requests = run.protocol.resubscribe("1");
        assert!(requests[0].contains("262=depth-1\u{1}263=2"));
        assert!(requests[1].contains("262=depth-1\u{1}263=1"));
        assert_eq!(run.events(DEPTH), ["snapshot 1 1.06625x51000 / 1.06628x5"]);
    }
}

#[test]
fn unreadable_messages_make_all_books_stale() {
    for bad in [
        "35=X|34=3|268=2|279=2|278=7|55=1",
        "35=X|34=3|268=1|279=2|278=7",
        "35=X|34=3",
        "35=W|34=3|268=0",
        "x",
    ] {
        let mut run = Run::new("1 2", &BOOK);
        run.events(DEPTH);
        run.events(&DEPTH.replace("55=1|", "55=2|"));
        let (events, received) = run.receive(bad);
        assert!(
            matches!(received, Err(ProtocolError::Unreadable(_))),
            "{bad}"
        );
        assert_eq!(events.len(), 4, "{events:?}");
        assert!(events[0].starts_with("stale 1 malformed"));
        assert_eq!(events[3], "resubscribe 2");
    }
}

#[test]
fn lost_messages_make_all_books_stale() {
    let mut run = Run::new("1 2", &BOOK);
    run.events(DEPTH);
    let lost = LostMessages {
        count: 3,
        noticed_at: DateTime::UNIX_EPOCH,
        detail: "they did not come in time",
    };
    let mut events = Vec::new();
    run.protocol
        .lost(lost, &mut |event| events.push(shown(&event)));
    assert!(events[0].starts_with("MessagesLost"), "{events:?}");
    assert_eq!(
        events[1..],
        ["stale 1 gap: they did not come in time", "resubscribe 1"]
    );
    run.events(DEPTH);
    let mut events = Vec::new();
    let (reason, detail) = (StaleReason::Disconnected, "end of the stream");
    run.protocol
        .closed(reason, detail, &mut |event| events.push(shown(&event)));
    assert_eq!(events, ["stale 1 disconnected: end of the stream"]);
}
