//! Any bytes: nothing panics, and what is found does not depend on the chunks.

use std::time::{Duration, Instant};

use chrono::DateTime;
use suite::Fuzz;

use super::session::{Moment, Session, SessionEvent, SessionSettings};
use super::*;

const WORDS: [&str; 14] = [
    "\u{1}",
    "=",
    "8=FIX.4.4\u{1}",
    "9=",
    "\u{1}10=",
    "35=W",
    "34=2",
    "268=1",
    "269=0",
    "95=3",
    "96=",
    "43=Y",
    "123=Y",
    "36=9",
];

fn message(body: &str) -> Vec<u8> {
    let body = body.replace('|', "\u{1}");
    let (msg_type, fields) = body.split_once('\u{1}').unwrap_or((&body, ""));
    MessageBuilder::new(msg_type)
        .fields(fields.as_bytes())
        .finish()
        .unwrap_or_default()
}

/// The messages and the number of skipped bytes that a framer finds in chunks.
fn frames(bytes: &[u8], chunk: usize) -> (Vec<Vec<u8>>, usize, usize) {
    let mut framer = Framer::new();
    let (mut messages, mut garbled) = (Vec::new(), 0);
    for chunk in bytes.chunks(chunk) {
        framer.push(chunk);
        while let Some(framed) = framer.next_message() {
            match framed {
                Framed::Message(bytes) => messages.push(bytes.to_vec()),
                Framed::Garbled(_) => garbled += 1,
            }
        }
    }
    (messages, garbled, framer.waiting())
}

#[test]
fn messages_of_any_bytes() {
    let snapshot = message("W|55=1|268=2|269=0|270=1.5|269=1|270=2|");
    let data = message("B|95=3|96=a\u{1}b|58=x|");
    let mut both = snapshot.clone();
    both.extend(&data);
    Fuzz::new("fix_messages")
        .seeds([snapshot, data, both])
        .words(WORDS)
        .run(|bytes| {
            let (messages, garbled, waiting) = frames(bytes, usize::MAX);
            let (in_parts, _, rest) = frames(bytes, 3);
            assert_eq!((&messages, waiting), (&in_parts, rest));
            let mut decoder = Decoder::new();
            let mut outcome = Vec::new();
            // bytes without a frame are decoded as well
            for bytes in messages.iter().map(Vec::as_slice).chain([bytes]) {
                let decoded = decoder.decode(bytes).map(|message| {
                    for (tag, value) in message.iter() {
                        assert!(tag > 0 && value.len() < bytes.len());
                    }
                    let group = message.group(tag::NO_MD_ENTRIES, tag::MD_ENTRY_TYPE);
                    let _ = (message.time(52), message.integer(34), message.flag(43));
                    let shown = format!("{:?} {}", *message, Redacted(bytes));
                    assert!(!shown.is_empty());
                    group.map(|group| {
                        let length = group.len();
                        assert_eq!(group.count(), length);
                        length
                    })
                });
                outcome.push(decoded.map_err(|error| std::mem::discriminant(&error)));
            }
            (garbled, outcome)
        });
}

#[test]
fn sessions_of_any_messages() {
    let logon = "A|34=1|49=T|56=S|52=19700101-00:00:00|98=0|108=30|141=Y|";
    let usual = "49=T|56=S|52=19700101-00:00:00|";
    let lines = [
        format!("W|34=2|{usual}"),
        format!("W|34=5|{usual}"),
        format!("4|34=3|43=Y|122=19700101-00:00:00|{usual}123=Y|36=4|"),
        format!("4|34=3|{usual}36=9|"),
        format!("2|34=6|{usual}7=1|16=0|"),
        format!("1|34=7|{usual}112=x|"),
        format!("5|34=8|{usual}58=x|"),
        format!("W|34=3|43=Y|122=19700101-00:00:00|{usual}"),
    ];
    Fuzz::new("fix_session")
        .seed(lines.join("\n"))
        .seed([logon, &lines[0], &lines[1]].join("\n"))
        .words([
            "|",
            "34=",
            "43=Y|",
            "123=Y|",
            "36=18446744073709551615|",
            "141=Y|",
            "\n",
        ])
        .run(|bytes| {
            let mut settings = SessionSettings::new("S", "T");
            settings.message_types = &["W"];
            settings.max_waiting = 5;
            let mut session = Session::new(settings).expect("good settings");
            let start = Instant::now();
            let mut now = Moment::new(start, DateTime::UNIX_EPOCH);
            session.opened(now);
            session.take_output();
            let mut counts = [0_u32; 4];
            let mut sink = |event: SessionEvent<'_>| {
                let at = match event {
                    SessionEvent::Message(_) => 0,
                    SessionEvent::Lost { count, .. } => {
                        assert!(count > 0);
                        1
                    }
                    SessionEvent::Rejected(_) => 2,
                    _ => 3,
                };
                counts[at] += 1;
            };
            session.receive(&message(logon), now, &mut sink);
            for line in String::from_utf8_lossy(bytes).lines() {
                session.receive(&message(line), now, &mut sink);
                session.receive(line.as_bytes(), now, &mut sink);
                now = Moment::new(now.instant + Duration::from_secs(2), now.utc);
                session.tick(now, &mut sink);
                if session.end().is_none() {
                    assert!(session.deadline().is_some_and(|at| at > now.instant));
                }
            }
            let output = session.take_output().unwrap_or_default();
            let (messages, garbled, waiting) = frames(&output, usize::MAX);
            assert_eq!((garbled, waiting), (0, 0), "whole messages are written");
            let mut decoder = Decoder::new();
            for message in &messages {
                decoder.decode(message).expect("fields");
            }
            (counts, session.end().map(|end| end.cause))
        });
}
