//! Tests of the text of messages in recordings.

use std::borrow::Cow;

use super::message::Decoder;
use super::{Framed, Framer, MessageBuilder, recordable};

/// The message of these fields, from its type on.
fn message(fields: &[u8]) -> Vec<u8> {
    let body = fields.strip_prefix(b"35=A\x01").expect("a logon");
    let message = MessageBuilder::new("A").fields(body).finish();
    message.expect("fields")
}

/// The recorded fields, which are those of a whole message.
fn recorded(bytes: &[u8], secret: Option<&str>) -> (bool, String) {
    let mut decoder = Decoder::new();
    let message = decoder.decode(bytes).expect("fields");
    let text = recordable(&message, secret);
    let mut framer = Framer::new();
    framer.push(text.as_bytes());
    let framed = framer.next_message();
    assert!(matches!(framed, Some(Framed::Message(_))), "{framed:?}");
    assert_eq!(framer.waiting(), 0);
    let is_unchanged = matches!(text, Cow::Borrowed(_));
    let fields: Vec<_> = text.split('\u{1}').skip(2).collect();
    (is_unchanged, fields[..fields.len() - 2].join("|"))
}

#[test]
fn passwords_are_not_recorded() {
    for (fields, expected) in [
        ("35=A|34=1|553=7|554=swordfish|", "35=A|34=1|553=7|554=***"),
        (
            "35=A|554=other|925=new|141=Y|",
            "35=A|554=***|925=***|141=Y",
        ),
        ("35=A|95=9|96=sword|fis|34=1|", "35=A|34=1"),
        ("35=A|96=swordfish|", "35=A|96=***"),
        ("35=A|58=not swordfish|", "35=A|58=not ***"),
        ("35=A|355=swordfish|", "35=A|355=***"),
    ] {
        let bytes = message(fields.replace('|', "\u{1}").as_bytes());
        let expected = (false, expected.to_owned());
        assert_eq!(recorded(&bytes, Some("swordfish")), expected);
    }
}

#[test]
fn numbers_like_the_password_stay() {
    // a password of digits may be a part of a price
    let bytes = message(b"35=A\x0134=52\x01270=1.52\x0158=none\x01");
    let expected = (true, "35=A|34=52|270=1.52|58=none".to_owned());
    assert_eq!(recorded(&bytes, Some("52")), expected);
    assert_eq!(recorded(&bytes, None), expected);
    assert_eq!(recorded(&bytes, Some("")), expected);
}

#[test]
fn recorded_messages_are_lines_of_text() {
    let bytes = message(b"35=A\x0158=two\r\nlines\0\x011007=\xff\x01");
    let expected = "35=A|58=two  lines |1007=\u{fffd}";
    assert_eq!(recorded(&bytes, None), (false, expected.to_owned()));
}
