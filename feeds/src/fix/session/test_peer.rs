//! The other side of a session in tests: writes messages of the venue and reads those of the session.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Counter, EndCause, Moment, Session, SessionEvent, SessionSettings};
use crate::fix::value::time_text;
use crate::fix::{Decoder, Framed, Framer, MessageBuilder, tag};

/// Fields that every message has.
const USUAL: [u32; 7] = [8, 9, 10, 49, 52, 56, 122];

/// A session, its time, and what it reported.
pub(super) struct Peer {
    pub(super) session: Session,
    start: Moment,
    pub(super) now: Moment,
    log: Vec<String>,
    counters: Vec<Counter>,
}

/// The bytes of a message from its fields, such as `35=0|34=2`. The names and the time of the venue are added unless
/// `fields` has them.
pub(super) fn message(fields: &str, now: DateTime<Utc>) -> Vec<u8> {
    let mut fields: Vec<_> = fields.split('|').map(str::to_owned).collect();
    let sending_time = format!("52={}", time_text(now));
    for (at, usual) in ["49=CSERVER", "56=me.1", &sending_time].iter().enumerate() {
        let tag = &usual[..3];
        if !fields.iter().any(|field| field.starts_with(tag)) {
            fields.insert((1 + at).min(fields.len()), (*usual).to_owned());
        }
    }
    framed(&fields.join("\u{1}"))
}

/// Adds length and checksum.
pub(super) fn framed(fields: &str) -> Vec<u8> {
    let rest = fields.split_once('\u{1}').map_or("", |(_, rest)| rest);
    let msg_type = fields.split('\u{1}').next().unwrap_or_default();
    let msg_type = msg_type.strip_prefix("35=").unwrap_or(msg_type);
    let rest = match rest {
        "" => String::new(),
        rest => format!("{rest}\u{1}"),
    };
    let builder = MessageBuilder::new(msg_type).fields(rest.as_bytes());
    builder.finish().expect("a message")
}

impl Peer {
    /// A session whose logon was sent.
    pub(super) fn new(settings: SessionSettings) -> Self {
        let utc = DateTime::from_timestamp(1_704_448_800, 0).expect("a time");
        let now = Moment::new(Instant::now(), utc);
        let mut session = Session::new(settings).expect("good settings");
        session.opened(now);
        Self {
            session,
            start: now,
            now,
            log: Vec::new(),
            counters: Vec::new(),
        }
    }

    pub(super) fn settings() -> SessionSettings {
        let mut settings = SessionSettings::new("me.1", "cServer");
        settings.message_types = &["W", "X"];
        settings
    }

    /// A session that is logged on. The next numbers are 2 on both sides.
    pub(super) fn logged_on() -> Self {
        Self::logged_on_with(Self::settings())
    }

    pub(super) fn logged_on_with(settings: SessionSettings) -> Self {
        let mut peer = Self::new(settings);
        peer.sent();
        peer.say("35=A|34=1|98=0|108=30|141=Y");
        assert_eq!(peer.log(), ["logged on"]);
        peer.counters.clear();
        peer
    }

    /// Advances the time to a second after the start.
    pub(super) fn at(&mut self, seconds: f64) {
        let since = Duration::from_secs_f64(seconds);
        let instant = self.start.instant + since;
        let utc = self.start.utc + TimeDelta::from_std(since).expect("short");
        self.now = Moment::new(instant, utc);
        let (session, log, counters) = (&mut self.session, &mut self.log, &mut self.counters);
        session.tick(self.now, &mut |event| note(event, log, counters));
    }

    /// The second of the next deadline.
    pub(super) fn deadline(&self) -> Option<f64> {
        let deadline = self.session.deadline()?;
        Some((deadline - self.start.instant).as_secs_f64())
    }

    /// The venue sends a message.
    pub(super) fn say(&mut self, fields: &str) {
        let bytes = message(fields, self.now.utc);
        self.bytes(&bytes);
    }

    /// The venue sends bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let (session, log, counters) = (&mut self.session, &mut self.log, &mut self.counters);
        session.receive(bytes, self.now, &mut |event| note(event, log, counters));
    }

    /// The messages that the session sent, without the usual fields.
    pub(super) fn sent(&mut self) -> Vec<String> {
        let bytes = self.session.take_output().unwrap_or_default();
        let mut framer = Framer::new();
        framer.push(&bytes);
        let mut messages = Vec::new();
        let mut decoder = Decoder::new();
        while let Some(framed) = framer.next_message() {
            let Framed::Message(bytes) = framed else {
                panic!("{framed:?}");
            };
            let message = decoder.decode(bytes).expect("fields");
            assert_eq!(message.get(tag::SENDER_COMP_ID), Some(&b"me.1"[..]));
            assert_eq!(message.get(tag::TARGET_COMP_ID), Some(&b"cServer"[..]));
            let now = time_text(self.now.utc);
            assert_eq!(message.get(tag::SENDING_TIME), Some(now.as_bytes()));
            let fields = message.iter().filter(|(tag, _)| !USUAL.contains(tag));
            let fields: Vec<_> = fields
                .map(|(tag, value)| format!("{tag}={}", value.escape_ascii()))
                .collect();
            messages.push(fields.join("|"));
        }
        assert_eq!(framer.waiting(), 0);
        messages
    }

    /// The reports of the session, except counters.
    pub(super) fn log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// The counters in their order.
    pub(super) fn counted(&mut self) -> Vec<&'static str> {
        let counters = std::mem::take(&mut self.counters);
        counters.into_iter().map(Counter::as_str).collect()
    }

    /// The cause of the end.
    pub(super) fn end(&self) -> Option<EndCause> {
        self.session.end().map(|end| end.cause)
    }

    /// Asserts that the session still answers, and what number its answer has.
    pub(super) fn assert_alive(&mut self, number: u64, own: u64) {
        self.say(&format!("35=1|34={number}|112=alive"));
        assert_eq!(self.sent(), [format!("35=0|34={own}|112=alive")]);
        assert_eq!(self.end(), None);
    }
}

fn note(event: SessionEvent<'_>, log: &mut Vec<String>, counters: &mut Vec<Counter>) {
    log.push(match event {
        SessionEvent::Counted(counter) => {
            counters.push(counter);
            return;
        }
        SessionEvent::Used(_) => return,
        SessionEvent::LoggedOn => "logged on".to_owned(),
        SessionEvent::Rejected(text) => format!("rejected {text}"),
        SessionEvent::Lost {
            first,
            count,
            cause,
        } => format!("lost {first}+{count} {cause:?}"),
        SessionEvent::Message(message) => {
            let kind = message.msg_type().escape_ascii();
            let number = message.integer(tag::MSG_SEQ_NUM).expect("a number");
            format!("{kind} {}", number.expect("a number"))
        }
    });
}
