//! Numbers that are too high or too low, gap fills and resets.

use super::EndCause;
use super::test_peer::Peer;

const NO_MESSAGE: [&str; 0] = [];
const EARLIER: &str = "43=Y|122=20240105-09:59:00";

#[test]
fn numbers_in_order_are_used() {
    // [2a]
    let mut peer = Peer::logged_on();
    for number in 2..5 {
        peer.say(&format!("35=W|34={number}"));
    }
    assert_eq!(peer.log(), ["W 2", "W 3", "W 4"]);
    assert_eq!(peer.counted(), NO_MESSAGE);
    assert_eq!(peer.session.expected(), 5);
}

#[test]
fn number_too_high_is_requested_and_waits() {
    // [2b]
    let mut peer = Peer::logged_on();
    peer.say("35=W|34=5");
    assert_eq!(peer.sent(), ["35=2|34=2|7=2|16=0"]);
    assert_eq!(peer.log(), NO_MESSAGE, "it waits");
    peer.say("35=X|34=6");
    assert_eq!(peer.sent(), NO_MESSAGE, "one request is enough");
    // the venue repeats everything that it has sent until then
    for number in 2..6 {
        peer.say(&format!("35=W|34={number}|{EARLIER}"));
    }
    assert_eq!(peer.log(), ["W 2", "W 3", "W 4", "W 5", "X 6"]);
    assert_eq!(
        peer.counted(),
        [
            "queued",
            "gap_opened",
            "queued",
            "duplicate_used",
            "duplicate_used",
            "duplicate_used",
            "gap_filled",
            "duplicate_dropped"
        ]
    );
    peer.assert_alive(7, 3);
}

#[test]
fn second_gap_is_requested_after_the_first() {
    let mut peer = Peer::logged_on();
    peer.say("35=W|34=3");
    assert_eq!(peer.sent(), ["35=2|34=2|7=2|16=0"]);
    peer.say("35=W|34=5");
    peer.say(&format!("35=W|34=2|{EARLIER}"));
    assert_eq!(peer.log(), ["W 2", "W 3"]);
    assert_eq!(peer.sent(), ["35=2|34=3|7=4|16=0"]);
    peer.say(&format!("35=W|34=4|{EARLIER}"));
    assert_eq!(peer.log(), ["W 4", "W 5"]);
    peer.assert_alive(6, 4);
}

#[test]
fn number_too_low_ends_the_connection() {
    // [2c]
    let mut peer = Peer::logged_on();
    peer.say("35=W|34=2");
    peer.say("35=W|34=2");
    assert_eq!(peer.log(), ["W 2"]);
    let text = "MsgSeqNum too low, expecting 3 but received 2";
    assert_eq!(peer.sent(), [format!("35=5|34=2|58={text}")]);
    assert_eq!(peer.end(), Some(EndCause::Violation));
    assert_eq!(peer.counted(), ["number_too_low"]);
}

#[test]
fn repeated_message_is_used_once() {
    // [2e, already received and not received]
    let mut peer = Peer::logged_on();
    peer.say("35=W|34=2");
    peer.say(&format!("35=W|34=2|{EARLIER}"));
    peer.say(&format!("35=W|34=3|{EARLIER}"));
    assert_eq!(peer.log(), ["W 2", "W 3"]);
    assert_eq!(peer.counted(), ["duplicate_dropped", "duplicate_used"]);
    // one that waits already
    peer.say("35=W|34=6");
    peer.say(&format!("35=W|34=6|{EARLIER}"));
    assert_eq!(peer.log(), NO_MESSAGE);
    assert_eq!(
        peer.counted(),
        ["queued", "gap_opened", "duplicate_dropped"]
    );
}

#[test]
fn repeated_message_of_the_future_ends_it() {
    // [2f]
    let mut peer = Peer::logged_on();
    peer.say("35=W|34=2");
    peer.say("35=W|34=2|43=Y|122=20240105-10:00:01");
    assert_eq!(
        peer.sent(),
        [
            "35=3|34=2|45=2|372=W|373=10|58=SendingTime accuracy problem",
            "35=5|34=3|58=SendingTime accuracy problem"
        ]
    );
    assert_eq!(peer.end(), Some(EndCause::Violation));
}

#[test]
fn repeated_message_needs_its_first_time() {
    // [2g]
    let mut peer = Peer::logged_on();
    peer.say("35=W|34=2");
    peer.say("35=W|34=2|43=Y");
    assert_eq!(
        peer.sent(),
        ["35=3|34=2|45=2|371=122|372=W|373=1|58=Required tag missing"]
    );
    assert_eq!(peer.log(), ["W 2"]);
    peer.assert_alive(3, 3);
}

#[test]
fn gap_fill_replaces_the_missing_messages() {
    // [10, number equal]
    let mut peer = Peer::logged_on();
    peer.say("35=4|34=2|36=20|123=Y");
    assert_eq!(peer.log(), ["lost 2+18 GapFill"]);
    assert_eq!(peer.counted(), ["gap_fill_received"]);
    peer.assert_alive(20, 2);
}

#[test]
fn gap_fill_keeps_what_arrived_already() {
    let mut peer = Peer::logged_on();
    peer.say("35=W|34=4");
    peer.say("35=W|34=6");
    peer.say(&format!("35=4|34=2|{EARLIER}|123=Y|36=8"));
    assert_eq!(
        peer.log(),
        [
            "lost 2+2 GapFill",
            "W 4",
            "lost 5+1 GapFill",
            "W 6",
            "lost 7+1 GapFill"
        ]
    );
    assert_eq!(peer.sent(), ["35=2|34=2|7=2|16=0"]);
    peer.assert_alive(8, 3);
}

#[test]
fn gap_fill_ahead_of_a_gap_waits() {
    // [10, number greater]
    let mut peer = Peer::logged_on();
    peer.say("35=4|34=5|36=20|123=Y");
    assert_eq!(peer.sent(), ["35=2|34=2|7=2|16=0"]);
    for number in 2..5 {
        peer.say(&format!("35=W|34={number}|{EARLIER}"));
    }
    assert_eq!(peer.log(), ["W 2", "W 3", "W 4", "lost 5+15 GapFill"]);
    peer.assert_alive(20, 3);
}

#[test]
fn gap_fill_that_was_received_is_dropped() {
    // [10, number less]
    let mut peer = Peer::logged_on();
    peer.say("35=W|34=2");
    peer.say(&format!("35=4|34=1|{EARLIER}|123=Y|36=20"));
    assert_eq!(peer.log(), ["W 2"]);
    assert_eq!(peer.session.expected(), 3);
    peer.say("35=4|34=1|123=Y|36=20");
    assert_eq!(peer.end(), Some(EndCause::Violation));
}

#[test]
fn gap_fill_back_is_refused() {
    let mut peer = Peer::logged_on();
    peer.say("35=4|34=2|123=Y|36=2");
    let text = "Value is incorrect (out of range) for this tag";
    assert_eq!(
        peer.sent(),
        [format!("35=3|34=2|45=2|371=36|372=4|373=5|58={text}")]
    );
    assert_eq!(peer.counted(), ["reset_refused", "reject_sent"]);
    assert_eq!(peer.log(), NO_MESSAGE);
    peer.assert_alive(3, 3);
}

#[test]
fn reset_forward_is_followed() {
    // [11a]; the number of the message does not matter
    let mut peer = Peer::logged_on();
    peer.say("35=4|34=99|36=20");
    assert_eq!(peer.log(), ["lost 2+18 Reset"]);
    assert_eq!(peer.counted(), ["reset_received"]);
    assert_eq!(peer.sent(), NO_MESSAGE);
    peer.assert_alive(20, 2);
}

#[test]
fn reset_to_the_expected_number_changes_nothing() {
    // [11b]
    let mut peer = Peer::logged_on();
    peer.say("35=4|34=0|36=2|123=N");
    assert_eq!(peer.log(), NO_MESSAGE);
    peer.assert_alive(2, 2);
}

#[test]
fn reset_back_is_refused() {
    // [11c]
    let mut peer = Peer::logged_on();
    peer.say("35=W|34=2");
    peer.say("35=4|34=0|36=2");
    let text = "Value is incorrect (out of range) for this tag";
    assert_eq!(
        peer.sent(),
        [format!("35=3|34=2|45=0|371=36|372=4|373=5|58={text}")]
    );
    assert_eq!(peer.counted(), ["reset_refused", "reject_sent"]);
    peer.assert_alive(3, 3);
}

#[test]
fn reset_over_a_gap_keeps_what_waits() {
    let mut peer = Peer::logged_on();
    peer.say("35=W|34=4");
    peer.say("35=4|34=5|36=6");
    assert_eq!(peer.log(), ["lost 2+2 Reset", "W 4", "lost 5+1 Reset"]);
    assert_eq!(
        peer.counted(),
        ["queued", "gap_opened", "reset_received", "gap_filled"]
    );
}

#[test]
fn gap_that_is_not_filled_is_given_up() {
    let mut peer = Peer::logged_on();
    peer.say("35=W|34=4");
    peer.say("35=W|34=6");
    peer.sent();
    peer.at(9.9);
    assert_eq!(peer.log(), NO_MESSAGE);
    assert_eq!(peer.deadline(), Some(10.0));
    peer.at(10.0);
    assert_eq!(peer.log(), ["lost 2+2 Expired", "W 4"]);
    // the next gap gets its own time
    assert_eq!(peer.sent(), ["35=2|34=3|7=5|16=0"]);
    peer.at(20.0);
    assert_eq!(peer.log(), ["lost 5+1 Expired", "W 6"]);
    assert_eq!(
        peer.counted(),
        [
            "queued",
            "gap_opened",
            "queued",
            "gap_expired",
            "gap_opened",
            "gap_expired"
        ]
    );
    peer.assert_alive(7, 4);
}

#[test]
fn messages_behind_a_gap_are_limited() {
    for by_bytes in [false, true] {
        let mut settings = Peer::settings();
        match by_bytes {
            true => settings.max_waiting_bytes = 250,
            false => settings.max_waiting = 3,
        }
        let mut peer = Peer::logged_on_with(settings);
        for number in 3..6 {
            peer.say(&format!("35=W|34={number}"));
        }
        assert_eq!(peer.log(), NO_MESSAGE);
        peer.say("35=W|34=6");
        assert_eq!(
            peer.log(),
            ["lost 2+1 Overflow", "W 3", "W 4", "W 5", "W 6"]
        );
        let counted = peer.counted();
        assert_eq!(counted.last(), Some(&"gap_overflow"), "{counted:?}");
        peer.sent();
        peer.assert_alive(7, 3);
    }
}

#[test]
fn chain_of_gap_fills_is_no_recursion() {
    let mut settings = Peer::settings();
    settings.max_waiting = 100_000;
    let mut peer = Peer::logged_on_with(settings);
    for number in 3..50_000 {
        peer.say(&format!("35=4|34={number}|123=Y|36=90000"));
    }
    peer.say("35=W|34=2");
    assert_eq!(peer.session.expected(), 90_000);
    let log = peer.log();
    assert_eq!(log.first().map(String::as_str), Some("W 2"));
}
