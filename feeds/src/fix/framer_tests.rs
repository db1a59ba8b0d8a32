use super::*;

fn message(body: &str) -> Vec<u8> {
    let fields = format!("{body}\u{1}").replace('|', "\u{1}");
    MessageBuilder::new("W")
        .fields(fields.as_bytes())
        .finish()
        .expect("a message")
}

/// What a framer finds, as texts.
fn found(framer: &mut Framer) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(framed) = framer.next_message() {
        found.push(match framed {
            Framed::Message(bytes) => Redacted(bytes).to_string(),
            Framed::Garbled(garbled) => garbled.to_string(),
        });
    }
    found
}

#[test]
fn messages_are_found_in_chunks_of_any_length() {
    let mut bytes = message("55=1");
    bytes.extend(message("55=2|270=1.5"));
    let expected = [
        "8=FIX.4.4|9=10|35=W|55=1|10=207",
        "8=FIX.4.4|9=18|35=W|55=2|270=1.5|10=067",
    ];
    for length in 1..=bytes.len() {
        let mut framer = Framer::new();
        let mut all = Vec::new();
        for chunk in bytes.chunks(length) {
            framer.push(chunk);
            all.extend(found(&mut framer));
        }
        assert_eq!(all, expected, "chunks of {length}");
        assert_eq!(framer.waiting(), 0);
    }
}

#[test]
fn next_message_is_found_after_garbled_bytes() {
    let good = message("55=1");
    let shown = Redacted(&good).to_string();
    let text = String::from_utf8(good.clone()).expect("a text");
    let cases = [
        (
            "xyz8=".to_owned(),
            vec!["5 bytes before the beginning of a message"],
        ),
        (
            text.replace("10=207", "10=208"),
            vec!["checksum 208, computed 207"],
        ),
        (
            text.replace("9=10", "9=9"),
            vec![
                "no checksum after the stated length of the body",
                "26 bytes before the beginning of a message",
            ],
        ),
        (
            text.replace("9=10", "9=-1"),
            vec![
                "a message without a body length",
                "27 bytes before the beginning of a message",
            ],
        ),
        (
            text.replace("9=10", "9=99999999"),
            vec![
                "a body of 99999999 bytes is longer than the limit",
                "33 bytes before the beginning of a message",
            ],
        ),
        (
            text.replace("10=207", "10=20"),
            vec![
                "no checksum after the stated length of the body",
                "26 bytes before the beginning of a message",
            ],
        ),
    ];
    for (garbled, expected) in cases {
        let mut framer = Framer::new();
        framer.push(garbled.as_bytes());
        framer.push(&good);
        let mut expected: Vec<_> = expected.into_iter().map(str::to_owned).collect();
        expected.push(shown.clone());
        assert_eq!(found(&mut framer), expected, "{garbled:?}");
    }
}

#[test]
fn length_that_is_too_large_takes_no_message_away() {
    let good = message("55=1");
    let text = String::from_utf8(good.clone()).expect("a text");
    let mut framer = Framer::new();
    framer.push(text.replace("9=10", "9=60").as_bytes());
    let mut all = Vec::new();
    for _ in 0..4 {
        framer.push(&good);
        all.extend(found(&mut framer));
    }
    let messages = all.iter().filter(|it| it.starts_with("8=")).count();
    assert_eq!(messages, 4, "{all:?}");
}

#[test]
fn memory_of_the_framer_is_bounded() {
    let mut framer = Framer::new().with_limit(1_000);
    let good = message("55=1");
    for _ in 0..10_000 {
        framer.push(&[b'x'; 100]);
        framer.push(&good);
        while framer.next_message().is_some() {}
        assert_eq!(framer.waiting(), 0);
    }
    // the beginning of a message that never ends
    for _ in 0..10_000 {
        framer.push(b"8=FIX.4.4\x019=1000\x01aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        while framer.next_message().is_some() {}
        assert!(framer.waiting() < 1_200, "{}", framer.waiting());
    }
    framer.clear();
    assert_eq!(framer.waiting(), 0);
}
