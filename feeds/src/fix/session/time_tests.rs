//! Heartbeats, test requests and time-outs.

use super::EndCause;
use super::test_peer::Peer;

const NO_MESSAGE: [&str; 0] = [];

#[test]
fn heart_beat_follows_silence_of_this_side() {
    // [4a]
    let mut peer = Peer::logged_on();
    assert_eq!(peer.deadline(), Some(30.0));
    peer.at(29.9);
    peer.say("35=W|34=2");
    assert_eq!(peer.sent(), NO_MESSAGE);
    peer.at(30.0);
    assert_eq!(peer.sent(), ["35=0|34=2"]);
    assert_eq!(peer.deadline(), Some(60.0));
    peer.at(50.0);
    peer.say("35=1|34=3|112=x");
    assert_eq!(peer.sent(), ["35=0|34=3|112=x"]);
    peer.at(60.0);
    assert_eq!(peer.sent(), NO_MESSAGE, "any message counts");
    peer.at(80.0);
    assert_eq!(peer.sent(), ["35=0|34=4"]);
}

#[test]
fn test_request_is_answered_with_its_id() {
    // [4b]
    let mut peer = Peer::logged_on();
    peer.say("35=1|34=2|112=HELLO");
    assert_eq!(peer.sent(), ["35=0|34=2|112=HELLO"]);
    assert_eq!(peer.counted(), ["test_request_answered"]);
}

#[test]
fn silence_of_the_venue_is_tested_and_ends_it() {
    // [6]
    let mut peer = Peer::logged_on();
    peer.at(35.9);
    assert_eq!(peer.sent(), ["35=0|34=2"]);
    assert_eq!(peer.deadline(), Some(36.0));
    peer.at(36.0);
    assert_eq!(peer.sent(), ["35=1|34=3|112=test-1"]);
    peer.at(37.0);
    peer.say("35=0|34=2|112=test-1");
    assert_eq!(peer.counted(), ["test_request_sent"]);
    peer.at(72.9);
    peer.sent();
    peer.at(73.0);
    assert_eq!(peer.sent(), ["35=1|34=5|112=test-2"]);
    peer.at(108.9);
    assert_eq!(peer.end(), None);
    peer.sent();
    peer.at(109.0);
    assert_eq!(peer.end(), Some(EndCause::Silence));
    let sent = peer.sent();
    assert!(
        sent[0].starts_with("35=5|34=7|58=the venue sent nothing"),
        "{sent:?}"
    );
    assert_eq!(peer.deadline(), None);
}

#[test]
fn any_message_is_a_sign_of_life() {
    let mut peer = Peer::logged_on();
    peer.at(36.0);
    assert_eq!(peer.counted(), ["test_request_sent"]);
    peer.at(40.0);
    peer.say("35=W|34=2");
    peer.at(75.9);
    assert_eq!(peer.counted(), NO_MESSAGE);
    peer.at(76.0);
    assert_eq!(peer.counted(), ["test_request_sent"]);
}

#[test]
fn logon_without_an_answer_ends_the_connection() {
    let mut peer = Peer::new(Peer::settings());
    assert_eq!(peer.deadline(), Some(10.0));
    peer.at(9.9);
    assert_eq!(peer.end(), None);
    peer.at(10.0);
    assert_eq!(peer.end(), Some(EndCause::Silence));
    let end = peer.session.end().expect("an end").to_string();
    assert_eq!(end, "the logon was not answered");
}
