//! Requests of the venue for messages of this side. They are never repeated: a subscription of an older time would be a
//! second one.

use super::test_peer::Peer;

const NO_MESSAGE: [&str; 0] = [];

/// A session that has sent messages 2 to 9: heartbeats and requests.
fn busy() -> Peer {
    let mut peer = Peer::logged_on();
    for number in 2..5 {
        peer.say(&format!("35=1|34={number}|112=HELLO"));
    }
    let now = peer.now;
    for _ in 5..10 {
        let sent = peer.session.send(b"35=V\x01262=a\x01", now);
        sent.expect("logged on");
    }
    assert_eq!(peer.sent().len(), 8);
    peer.counted();
    peer
}

#[test]
fn session_messages_are_filled() {
    // [8, only admin messages]
    let mut peer = busy();
    peer.say("35=2|34=5|7=2|16=4");
    assert_eq!(peer.sent(), ["35=4|34=2|43=Y|123=Y|36=5"]);
    assert_eq!(peer.counted(), ["resend_answered"]);
    peer.assert_alive(6, 10);
}

#[test]
fn requests_are_filled_and_not_repeated() {
    // [8, only application messages; 8, both]
    let mut peer = busy();
    peer.say("35=2|34=5|7=5|16=9");
    assert_eq!(peer.sent(), ["35=4|34=5|43=Y|123=Y|36=10"]);
    peer.say("35=2|34=6|7=2|16=6");
    assert_eq!(peer.sent(), ["35=4|34=2|43=Y|123=Y|36=7"]);
    peer.assert_alive(7, 10);
}

#[test]
fn request_to_the_end_is_filled_to_the_end() {
    let mut peer = busy();
    for (number, end) in [(5, "0"), (6, "999999"), (7, "999999999999999999")] {
        peer.say(&format!("35=2|34={number}|7=1|16={end}"));
        assert_eq!(peer.sent(), ["35=4|34=1|43=Y|123=Y|36=10"]);
    }
    peer.assert_alive(8, 10);
}

#[test]
fn request_for_messages_never_sent_gets_none() {
    let mut peer = busy();
    for (number, range) in [(5, "7=10|16=0"), (6, "7=5|16=4"), (7, "7=0|16=0")] {
        peer.say(&format!("35=2|34={number}|{range}"));
        assert_eq!(peer.sent(), NO_MESSAGE, "{range}");
    }
    peer.assert_alive(8, 10);
}

#[test]
fn both_sides_may_ask_at_once() {
    // [20]
    let mut peer = busy();
    peer.say("35=2|34=7|7=2|16=0");
    assert_eq!(
        peer.sent(),
        ["35=4|34=2|43=Y|123=Y|36=10", "35=2|34=10|7=5|16=0"]
    );
    // the venue fills the gap, and repeats the request
    let earlier = "43=Y|122=20240105-09:59:00";
    peer.say(&format!("35=4|34=5|{earlier}|123=Y|36=7"));
    peer.say(&format!("35=2|34=7|{earlier}|7=2|16=0"));
    assert_eq!(peer.sent(), NO_MESSAGE, "it was answered");
    assert_eq!(peer.log(), ["lost 5+2 GapFill"]);
    peer.assert_alive(8, 11);
}
