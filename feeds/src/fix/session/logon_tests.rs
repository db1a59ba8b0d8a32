//! Logon, reset and logout. The cases of the acceptance tests of QuickFIX are in brackets, with the roles swapped.

use secrecy::SecretString;

use super::test_peer::{Peer, framed};
use super::{EndCause, SendError};

const NO_MESSAGE: [&str; 0] = [];

#[test]
fn logon_resets_both_numbers() {
    let mut settings = Peer::settings();
    settings.username = Some("1234567".to_owned());
    settings.password = Some(SecretString::from("swordfish"));
    settings.sender_sub_id = Some("QUOTE".to_owned());
    settings.target_sub_id = Some("QUOTE".to_owned());
    let mut peer = Peer::new(settings);
    assert_eq!(
        peer.sent(),
        ["35=A|57=QUOTE|50=QUOTE|34=1|98=0|108=30|141=Y|553=1234567|554=swordfish"]
    );
    assert!(!peer.session.is_established());
    let refused = peer.session.send(b"35=V\x01262=a\x01", peer.now);
    assert_eq!(refused, Err(SendError::NotLoggedOn));
    // [1a valid logon with the right number]
    peer.say("35=A|34=1|98=0|108=30|141=Y");
    assert_eq!(peer.log(), ["logged on"]);
    assert_eq!(peer.counted(), ["logged_on"]);
    assert!(peer.session.is_established());
    assert_eq!(peer.session.send(b"35=V\x01262=a\x01", peer.now), Ok(()));
    assert_eq!(peer.sent(), ["35=V|57=QUOTE|50=QUOTE|34=2|262=a"]);
    for bad in [&b"262=a\x01"[..], b"35=V", b"35=\x01a=b\x01", b""] {
        let refused = peer.session.send(bad, peer.now);
        assert_eq!(refused, Err(SendError::Malformed));
    }
    assert_eq!(peer.sent(), NO_MESSAGE);
}

#[test]
fn logon_with_a_high_number_opens_a_gap() {
    // [1a valid logon, number too high]
    let mut peer = Peer::new(Peer::settings());
    peer.sent();
    peer.say("35=A|34=3|98=0|108=30|141=Y");
    assert_eq!(peer.sent(), ["35=2|34=2|7=1|16=0"]);
    assert_eq!(peer.log(), ["logged on"]);
    peer.say("35=W|34=1|43=Y|122=20240105-09:00:00");
    peer.say("35=W|34=2|43=Y|122=20240105-09:00:00");
    peer.say("35=W|34=4");
    assert_eq!(peer.log(), ["W 1", "W 2", "W 4"]);
}

#[test]
fn logon_without_reset_wants_no_old_messages() {
    let mut peer = Peer::new(Peer::settings());
    peer.sent();
    peer.say("35=A|34=57|98=0|108=30");
    assert_eq!(peer.sent(), NO_MESSAGE);
    peer.say("35=W|34=58");
    assert_eq!(peer.log(), ["logged on", "W 58"]);
}

#[test]
fn refused_logon_ends_with_the_reason() {
    let mut settings = Peer::settings();
    settings.password = Some(SecretString::from("swordfish"));
    let mut peer = Peer::new(settings);
    peer.sent();
    peer.say("35=5|34=1|58=InternalError: RET_INVALID_DATA swordfish");
    assert_eq!(peer.end(), Some(EndCause::Refused));
    let end = peer.session.end().expect("an end").to_string();
    assert_eq!(
        end,
        "the logon was refused: InternalError: RET_INVALID_DATA ***"
    );
    assert!(!peer.session.is_established());
    // nothing is read after the end
    peer.say("35=A|34=2|98=0|108=30|141=Y");
    assert_eq!(peer.log(), NO_MESSAGE);
    // the next connection is a session of its own
    let now = peer.now;
    peer.session.closed();
    assert_eq!((peer.end(), peer.deadline()), (None, None));
    peer.session.opened(now);
    assert_eq!(peer.sent().len(), 1);
    peer.say("35=A|34=1|98=0|108=30|141=Y");
    assert_eq!(peer.log(), ["logged on"]);
    assert_eq!(peer.end(), None);
}

#[test]
fn rejected_logon_ends_the_connection() {
    let mut peer = Peer::new(Peer::settings());
    peer.sent();
    peer.say("35=3|34=1|45=1|371=553|372=A|373=1|58=no user");
    assert_eq!(peer.end(), Some(EndCause::Refused));
    let end = peer.session.end().expect("an end").to_string();
    assert_eq!(end, "message 1 (type A, field 553): no user");
}

#[test]
fn other_first_message_ends_the_connection() {
    // [1e not a logon message]
    let mut peer = Peer::new(Peer::settings());
    peer.sent();
    peer.say("35=W|34=1");
    assert_eq!(peer.log(), NO_MESSAGE);
    assert_eq!(peer.sent(), ["35=5|34=2|58=First message is not a logon"]);
    assert_eq!(peer.end(), Some(EndCause::Violation));
}

#[test]
fn logon_of_another_time_or_encryption_is_refused() {
    // [1d invalid logon, bad sending time]
    for fields in [
        "35=A|34=1|52=20240105-09:57:59|98=0|108=30|141=Y",
        "35=A|34=1|52=yesterday|98=0|108=30|141=Y",
        "35=A|34=1|98=1|108=30|141=Y",
    ] {
        let mut peer = Peer::new(Peer::settings());
        peer.sent();
        peer.say(fields);
        assert_eq!(peer.log(), NO_MESSAGE);
        assert_eq!(peer.end(), Some(EndCause::Violation), "{fields}");
        assert!(peer.sent().last().expect("a logout").starts_with("35=5|"));
    }
}

#[test]
fn logon_with_other_names_is_refused() {
    // [1c invalid names]
    for fields in [
        "35=A|49=OTHER|34=1|98=0|108=30|141=Y",
        "35=A|56=OTHER|34=1|98=0|108=30|141=Y",
    ] {
        let mut peer = Peer::new(Peer::settings());
        peer.sent();
        peer.say(fields);
        assert_eq!(peer.log(), NO_MESSAGE);
        assert_eq!(peer.end(), Some(EndCause::Violation));
    }
    // without SendingTime, TargetCompID
    let mut peer = Peer::new(Peer::settings());
    peer.sent();
    peer.bytes(&framed("35=A\u{1}34=1\u{1}49=CSERVER\u{1}98=0\u{1}108=30"));
    assert_eq!(peer.end(), Some(EndCause::Violation));
}

#[test]
fn logon_within_a_session_restarts_the_numbers() {
    // [SessionReset]
    let mut peer = Peer::logged_on();
    peer.say("35=W|34=2");
    peer.say("35=A|34=1|98=0|108=30|141=Y");
    assert_eq!(peer.sent(), ["35=A|34=1|98=0|108=30|141=Y"]);
    assert_eq!(peer.counted(), ["restarted"]);
    peer.say("35=W|34=2");
    assert_eq!(peer.log(), ["W 2", "W 2"]);
    peer.assert_alive(3, 2);
}

#[test]
fn restart_with_an_open_gap_loses_messages() {
    let mut peer = Peer::logged_on();
    peer.say("35=W|34=4");
    peer.sent();
    peer.say("35=A|34=1|98=0|108=30|141=Y");
    assert_eq!(peer.log(), ["lost 2+1 Reset"]);
    peer.say("35=W|34=2");
    assert_eq!(peer.log(), ["W 2"]);
    assert_eq!(peer.deadline().map(f64::round), Some(30.0));
}

#[test]
fn second_logon_without_reset_is_ignored() {
    // [already logged on]
    let mut peer = Peer::logged_on();
    peer.say("35=A|34=2|98=0|108=30");
    assert_eq!(peer.counted(), ["unexpected"]);
    assert_eq!(peer.sent(), NO_MESSAGE);
    peer.assert_alive(3, 2);
}

#[test]
fn logout_of_the_venue_is_answered() {
    // [13b unsolicited logout]
    let mut peer = Peer::logged_on();
    peer.say("35=5|34=2|58=TargetSubID QUOTE, expected TRADE");
    assert_eq!(peer.sent(), ["35=5|34=2"]);
    assert_eq!(peer.end(), Some(EndCause::LoggedOut));
    let end = peer.session.end().expect("an end").to_string();
    assert_eq!(
        end,
        "the venue logged out: TargetSubID QUOTE, expected TRADE"
    );
    assert_eq!(peer.deadline(), None);
}

#[test]
fn own_logout_ends_the_session() {
    let mut peer = Peer::logged_on();
    let now = peer.now;
    peer.session.log_out(now);
    assert_eq!(peer.sent(), ["35=5|34=2"]);
    assert_eq!(peer.end(), Some(EndCause::Local));
    peer.say("35=W|34=2");
    assert_eq!(peer.log(), NO_MESSAGE);
}

#[test]
fn secrets_are_in_no_description() {
    let mut settings = Peer::settings();
    settings.password = Some(SecretString::from("swordfish"));
    let mut peer = Peer::new(settings);
    assert!(!format!("{:?}", peer.session.settings()).contains("swordfish"));
    let logon = peer.session.take_output().expect("a logon");
    let text = super::Session::describe(&logon);
    assert!(text.contains("|554=***|"), "{text}");
}
