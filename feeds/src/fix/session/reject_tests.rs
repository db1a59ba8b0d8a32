//! Messages that are skipped, rejected or end the connection.

use super::EndCause;
use super::test_peer::{Peer, framed, message};

const NO_MESSAGE: [&str; 0] = [];

/// The message is rejected with these fields, and the session goes on. `is_used` says whether its number counts.
fn rejected(fields: &str, refusal: &str) {
    let mut peer = Peer::logged_on();
    peer.say(fields);
    assert_eq!(peer.sent(), [format!("35=3|34=2|{refusal}")], "{fields}");
    assert_eq!(peer.log(), NO_MESSAGE);
    assert_eq!(peer.counted(), ["reject_sent"]);
    peer.assert_alive(3, 3);
}

#[test]
fn garbled_messages_are_skipped() {
    // [2d, 3c]
    let mut peer = Peer::logged_on();
    for (number, garbled) in [(2, "4garbled9"), (4, "49garbled")] {
        let bytes = message(&format!("35=W|34={}", number + 1), peer.now.utc);
        let text = String::from_utf8(bytes).expect("a text");
        peer.bytes(text.replacen("49=", &format!("{garbled}="), 1).as_bytes());
        peer.say(&format!("35=W|34={number}"));
    }
    assert_eq!(peer.log(), ["W 2"]);
    // the second one shows that the first one is missing
    assert_eq!(peer.sent(), ["35=2|34=2|7=3|16=0"]);
    peer.say("35=W|34=3|43=Y|122=20240105-09:00:00");
    assert_eq!(peer.log(), ["W 3", "W 4"]);
    assert!(peer.counted().contains(&"garbled"));
}

#[test]
fn wrong_checksum_is_skipped() {
    // [3b]
    let mut peer = Peer::logged_on();
    let mut bytes = message("35=W|34=2", peer.now.utc);
    let digit = bytes.len() - 2;
    bytes[digit] = if bytes[digit] == b'0' { b'1' } else { b'0' };
    peer.bytes(&bytes);
    assert_eq!((peer.log(), peer.counted()), (vec![], vec!["garbled"]));
    peer.assert_alive(2, 2);
}

#[test]
fn wrong_body_length_is_skipped() {
    // [2m]: too short, too long, no number
    for (found, length) in [("9=", "9=30\u{1}x="), ("9=", "9=1"), ("9=", "9=x")] {
        let mut peer = Peer::logged_on();
        let text = String::from_utf8(message("35=W|34=2", peer.now.utc)).expect("a text");
        peer.bytes(text.replacen(found, length, 1).as_bytes());
        assert_eq!(peer.log(), NO_MESSAGE);
        // a length that is too large takes the next messages until it is reached
        for number in 2..12 {
            peer.say(&format!("35=W|34={number}"));
        }
        assert_eq!(peer.end(), None);
        let log = peer.log();
        assert_eq!(log.len(), 10, "{length}: {log:?}");
    }
}

#[test]
fn first_fields_out_of_order_are_skipped() {
    // [2t]
    let mut peer = Peer::logged_on();
    let text = String::from_utf8(message("35=W|34=2", peer.now.utc)).expect("a text");
    let (begin, rest) = text.split_once('\u{1}').expect("fields");
    peer.bytes(format!("35=0\u{1}{begin}\u{1}{rest}").as_bytes());
    assert_eq!(peer.log(), ["W 2"], "the field before it is garbage");
    let second = text
        .replacen("35=W\u{1}", "", 1)
        .replacen("34=2", "34=3\u{1}35=W", 1);
    peer.bytes(second.as_bytes());
    assert_eq!(peer.log(), NO_MESSAGE);
    peer.assert_alive(3, 2);
}

#[test]
fn other_version_ends_the_connection() {
    // [2i]
    let mut peer = Peer::logged_on();
    let bytes = framed("35=W\u{1}34=2\u{1}49=CSERVER\u{1}56=me.1");
    let text = String::from_utf8(bytes).expect("a text");
    let text = text.replacen("FIX.4.4", "FIX.4.1", 1);
    // the checksum is 3 less
    let at = text.len() - 4;
    let sum: u32 = text[at..at + 3].parse().expect("a checksum");
    let text = format!("{}{:03}\u{1}", &text[..at], (sum + 253) % 256);
    peer.bytes(text.as_bytes());
    assert_eq!(
        peer.sent(),
        ["35=5|34=2|58=Incorrect BeginString (FIX.4.1)"]
    );
    assert_eq!(peer.end(), Some(EndCause::Violation));
}

#[test]
fn other_names_end_the_connection() {
    // [2k]
    for fields in [
        "35=W|49=WT|34=2",
        "35=W|56=DLSI|34=2",
        "35=W|49=a|56=b|34=2",
    ] {
        let mut peer = Peer::logged_on();
        peer.say(fields);
        assert_eq!(
            peer.sent(),
            [
                "35=3|34=2|45=2|372=W|373=9|58=CompID problem",
                "35=5|34=3|58=CompID problem"
            ]
        );
        assert_eq!(peer.end(), Some(EndCause::Violation));
        assert_eq!(peer.log(), NO_MESSAGE);
    }
}

#[test]
fn names_are_compared_without_case() {
    let mut peer = Peer::logged_on();
    peer.say("35=W|49=cserver|34=2");
    peer.say("35=W|49=cServer|34=3");
    assert_eq!(peer.log(), ["W 2", "W 3"]);
}

#[test]
fn distant_times_end_the_connection() {
    // [2o]
    for time in ["20240105-09:57:59", "20240105-10:02:01"] {
        let mut peer = Peer::logged_on();
        peer.say(&format!("35=0|34=2|52={time}"));
        assert_eq!(
            peer.sent(),
            [
                "35=3|34=2|45=2|372=0|373=10|58=SendingTime accuracy problem",
                "35=5|34=3|58=SendingTime accuracy problem"
            ]
        );
        assert_eq!(peer.end(), Some(EndCause::Violation));
    }
    let mut settings = Peer::settings();
    settings.max_clock_skew = None;
    let mut peer = Peer::logged_on_with(settings);
    peer.say("35=W|34=2|52=20230105-09:57:59");
    assert_eq!(peer.log(), ["W 2"]);
}

#[test]
fn messages_without_a_number_end_the_connection() {
    for fields in ["35=W", "35=W|34=", "35=W|34=two", "35=W|34=-2"] {
        let mut peer = Peer::logged_on();
        peer.say(fields);
        assert_eq!(peer.log(), NO_MESSAGE);
        assert_eq!(peer.end(), Some(EndCause::Violation), "{fields}");
    }
}

#[test]
fn invalid_types_are_rejected() {
    // [2q]
    rejected("35=*|34=2", "45=2|372=*|373=11|58=Invalid MsgType");
}

#[test]
fn unknown_types_are_unsupported() {
    // [2r]
    let mut peer = Peer::logged_on();
    peer.say("35=ZZ|34=2");
    let text = "Unsupported Message Type";
    assert_eq!(
        peer.sent(),
        [format!("35=j|34=2|45=2|372=ZZ|380=3|58={text}")]
    );
    assert_eq!(peer.log(), NO_MESSAGE);
    peer.assert_alive(3, 3);
}

#[test]
fn required_fields_are_missed() {
    // [14b]
    let missing = |tag, kind| format!("45=2|371={tag}|372={kind}|373=1|58=Required tag missing");
    rejected("35=1|34=2", &missing(112, "1"));
    rejected("35=2|34=2|16=0", &missing(7, "2"));
    rejected("35=2|34=2|7=1", &missing(16, "2"));
    rejected("35=4|34=2|123=Y", &missing(36, "4"));
    rejected("35=4|34=2", &missing(36, "4"));
}

#[test]
fn unknown_fields_are_allowed() {
    // [14c]: the venue has fields of its own
    let mut peer = Peer::logged_on();
    peer.say("35=0|34=2|1007=EURUSD");
    peer.say("35=W|34=3|5050=x");
    assert_eq!(peer.log(), ["W 3"]);
    assert_eq!(peer.sent(), NO_MESSAGE);
}

#[test]
fn fields_without_values_are_rejected() {
    // [14d]
    let empty =
        |tag, kind| format!("45=2|371={tag}|372={kind}|373=4|58=Tag specified without a value");
    rejected("35=1|34=2|112=", &empty(112, "1"));
    rejected("35=0|34=2|58=", &empty(58, "0"));
    rejected("35=W|50=|34=2", &empty(50, "W"));
}

#[test]
fn values_that_are_not_allowed_are_rejected() {
    // [14e]
    let wrong = |tag, kind| {
        let text = "Value is incorrect (out of range) for this tag";
        format!("45=2|371={tag}|372={kind}|373=5|58={text}")
    };
    rejected("35=4|34=2|123=X|36=5", &wrong(123, "4"));
    rejected("35=W|34=2|43=X", &wrong(43, "W"));
}

#[test]
fn values_of_another_form_are_rejected() {
    // [14f]
    let wrong =
        |tag, kind| format!("45=2|371={tag}|372={kind}|373=6|58=Incorrect data format for value");
    rejected("35=4|34=2|123=Y|36=five", &wrong(36, "4"));
    rejected("35=2|34=2|7=+1|16=0", &wrong(7, "2"));
    rejected("35=W|34=2|52=2024-01-05", &wrong(52, "W"));
}

#[test]
fn header_fields_in_the_body_are_rejected() {
    // [14g]
    let text = "Tag specified out of required order";
    rejected(
        "35=W|34=2|55=1|50=QUOTE",
        &format!("45=2|371=50|372=W|373=14|58={text}"),
    );
}

#[test]
fn repeated_header_fields_are_rejected() {
    // [14h]
    rejected(
        "35=W|34=2|50=a|50=b",
        "45=2|371=50|372=W|373=13|58=Tag appears more than once",
    );
}

#[test]
fn fields_in_another_order_are_used() {
    // [15]
    let mut peer = Peer::logged_on();
    peer.say("35=W|57=a|34=2|50=b|268=0|55=1");
    assert_eq!(peer.log(), ["W 2"]);
}

#[test]
fn reject_of_the_venue_is_reported() {
    // [7]
    let mut peer = Peer::logged_on();
    peer.say("35=3|34=2|45=1");
    peer.say("35=3|34=3|45=2|371=55|372=V|373=6|58=Expected numeric symbolId");
    assert_eq!(
        peer.log(),
        [
            "rejected message 1 (type ?, field ?): ?",
            "rejected message 2 (type V, field 55): Expected numeric symbolId"
        ]
    );
    assert_eq!(peer.counted(), ["reject_received"; 2]);
    assert_eq!(peer.sent(), NO_MESSAGE);
    peer.assert_alive(4, 2);
}

#[test]
fn possible_resends_are_left_to_the_application() {
    // [19a, 19b]
    let mut peer = Peer::logged_on();
    peer.say("35=W|34=2|97=N");
    peer.say("35=W|34=3|97=Y");
    assert_eq!(peer.log(), ["W 2", "W 3"]);
}
