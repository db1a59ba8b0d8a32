//! Tests of replays of recorded connections.

use chrono::{DateTime, TimeDelta, Utc};

use crate::fix::MessageBuilder;
use crate::session::{RecordedVenue, Replay, ReplayReport, SessionLine};

const ADDRESS: &str = "tcp://a.example:5201";

/// A recording, which is written line by line.
struct Recording {
    lines: Vec<String>,
    at: DateTime<Utc>,
}

impl Recording {
    /// A connection.
    fn new() -> Self {
        let at = DateTime::from_timestamp(1_704_448_800, 0).expect("2024-01-05");
        let mut recording = Self {
            lines: Vec::new(),
            at,
        };
        recording.open();
        recording
    }

    fn open(&mut self) {
        let at = self.at;
        let address = ADDRESS;
        self.lines
            .push(SessionLine::Opened { address, at }.to_string());
    }

    /// A message of the client, from its type on.
    fn send(&mut self, fields: &str) {
        let text = &fields.replace('|', "\u{1}");
        let (address, at) = (ADDRESS, self.at);
        self.lines
            .push(SessionLine::Sent { address, at, text }.to_string());
    }

    /// The text of a message of the venue: `fields` are its type, its number and its body.
    fn message(&self, fields: &str) -> String {
        let (msg_type, fields) = fields.split_once('|').expect("a type and fields");
        let time = self.at.format("%Y%m%d-%H:%M:%S%.3f");
        let fields = format!("49=CSERVER|56=demo.b.7|52={time}|{fields}|").replace('|', "\u{1}");
        let message = MessageBuilder::new(msg_type).fields(fields.as_bytes());
        String::from_utf8(message.finish().expect("a message")).expect("a text")
    }

    fn receive(&mut self, fields: &str) {
        let text = self.message(fields);
        self.line(&text);
    }

    /// A line that arrived.
    fn line(&mut self, text: &str) {
        let at = self.at;
        self.lines
            .push(SessionLine::Received { at, text }.to_string());
        self.at += TimeDelta::seconds(1);
    }

    fn replay(&self) -> ReplayReport {
        let mut replay = Replay::new(RecordedVenue::Ctrader, None);
        replay.begin("session.fix");
        for line in &self.lines {
            replay.replay(SessionLine::parse(line), &mut |_| {});
        }
        replay.end(&mut |_| {});
        replay.into_report()
    }
}

const LOGON: &str = "A|34=1|98=0|108=30|141=Y";
const LIST: &str = "y|34=2|320=instruments|560=0|146=2|55=1|1007=EURUSD|1008=5|55=7|1007=X|1008=2";
const DEPTH: &str = "268=2|269=0|270=1.06625|271=50|278=16|269=1|270=1.06628|271=5|278=7";
const CHANGE: &str = "268=1|279=0|269=0|278=17|55=1|270=1.0662|271=9";
const QUOTE: &str = "268=2|269=0|270=1.0662|269=1|270=1.0663";
const WANTED: [&str; 2] = [
    "35=V|262=quotes-1|263=1|264=1|55=1|",
    "35=V|262=depth-1|263=1|264=0|55=1|",
];

/// A connection with quotes and a book of EURUSD. The next number is 7.
fn whole() -> Recording {
    let mut recording = Recording::new();
    recording.receive(LOGON);
    recording.send("35=x|320=instruments|559=0|");
    recording.receive(LIST);
    for request in WANTED {
        recording.send(request);
    }
    recording.receive("0|34=3");
    recording.receive(&format!("W|34=4|55=1|{QUOTE}"));
    recording.receive(&format!("W|34=5|55=1|{DEPTH}"));
    recording.receive(&format!("X|34=6|{CHANGE}"));
    recording
}

fn problems(report: &ReplayReport) -> Vec<String> {
    let problems = report.problems.iter();
    problems
        .map(|it| format!("{} {}", it.line, it.detail))
        .collect()
}

#[test]
fn whole_recording_is_replayed() {
    let report = whole().replay();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.protocol.as_deref(), Some("ctrader fix 4.4"));
    assert_eq!((report.connections, report.messages), (1, 6));
    assert_eq!((report.checksums_ok, report.checksums_failed), (6, 0));
    let session = report.session.as_ref().expect("a session");
    let types: Vec<_> = session.types.iter().collect();
    let expected = [("0", 1_u64), ("A", 1), ("W", 2), ("X", 1), ("y", 1)];
    let expected = expected.map(|(kind, count)| (kind.to_owned(), count));
    assert_eq!(
        types,
        expected.each_ref().map(|(kind, count)| (kind, count))
    );
    assert_eq!(
        session.counts.iter().collect::<Vec<_>>(),
        [(&"logged_on", &1_u64)]
    );
    assert_eq!((session.lost, report.gaps), (0, 0));
    assert_eq!(report.instruments.listed, 2);
    assert_eq!(report.quotes["EURUSD"], 1);
    let book = &report.books["EURUSD"];
    assert_eq!((book.snapshots, book.updates), (1, 1));
    let last = book.last.as_ref().expect("a valid book");
    let text = "bid 1.06625 50\nbid 1.0662 9\nask 1.06628 5\n";
    assert_eq!((last.bid_levels, last.text_bytes), (2, text.len()));
    assert_eq!(report.books.len(), 1);
}

#[test]
fn missing_numbers_make_books_stale() {
    let mut recording = whole();
    recording.receive(&format!("W|34=9|55=1|{QUOTE}"));
    recording.receive("0|34=10");
    let report = recording.replay();
    let session = report.session.as_ref().expect("a session");
    assert_eq!((session.lost, report.gaps), (2, 1));
    assert_eq!(report.events["messages lost"], 1);
    assert_eq!(report.books["EURUSD"].final_state, "stale: gap");
    assert_eq!(report.books["EURUSD"].gaps, 1);
    assert_eq!(report.quotes["EURUSD"], 2, "what waited is used");
    assert_eq!(
        problems(&report)[0],
        "11 2 messages are lost: they did not come in time"
    );
    // a new depth makes it valid; the loss stays a problem
    recording.receive(&format!("W|34=11|55=1|{DEPTH}"));
    let report = recording.replay();
    assert_eq!(report.books["EURUSD"].final_state, "valid");
    assert!(!report.is_whole());
}

#[test]
fn repeated_messages_are_used_in_their_order() {
    let mut recording = whole();
    let first = recording.at.format("%Y%m%d-%H:%M:%S%.3f").to_string();
    recording.receive(&format!("X|34=7|43=Y|122={first}|{CHANGE}").replace("278=17", "278=18"));
    // a message that is repeated once more is dropped, and so does a fill of its number
    recording.receive(&format!("X|34=6|43=Y|122={first}|{CHANGE}"));
    recording.receive(&format!("4|34=8|43=Y|122={first}|123=Y|36=9"));
    recording.receive("0|34=9");
    let report = recording.replay();
    let session = report.session.as_ref().expect("a session");
    assert_eq!(session.counts["duplicate_used"], 2);
    assert_eq!(session.counts["duplicate_dropped"], 1);
    assert_eq!(session.counts["gap_fill_received"], 1);
    // a fill replaces a message
    assert_eq!((session.lost, report.gaps), (1, 1));
}

#[test]
fn damaged_messages_are_counted() {
    let recording = whole();
    let next = recording.message(&format!("X|34=7|{CHANGE}"));
    for (damaged, detail) in [
        (next.replace("271=9", "271=8"), "checksum "),
        (next.replace("9=1", "9=9"), "shorter than its length states"),
        (
            next[..next.len() - 9].to_owned(),
            "shorter than its length states",
        ),
        (next[5..].to_owned(), "bytes before the beginning"),
        (format!("{next}{next}"), "bytes after the message"),
        ("{}".to_owned(), "bytes before the beginning"),
        (String::new(), "shorter than its length states"),
    ] {
        let mut recording = whole();
        recording.line(&damaged);
        let report = recording.replay();
        assert_eq!((report.checksums_ok, report.checksums_failed), (6, 1));
        let found = problems(&report);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("11 not a message: ") && found[0].contains(detail),
            "{damaged}: {found:?}"
        );
        assert_eq!(report.books["EURUSD"].final_state, "valid");
        assert!(!report.is_whole());
        // the next number shows what is missing
        recording.receive("0|34=8");
        let report = recording.replay();
        assert_eq!(report.session.expect("a session").lost, 1);
        assert_eq!(report.books["EURUSD"].final_state, "stale: gap");
    }
}

#[test]
fn recording_may_begin_within_a_connection() {
    let mut recording = Recording::new();
    recording.lines.clear();
    recording.receive(&format!("W|34=57|55=1|{DEPTH}"));
    recording.receive(&format!("W|34=58|55=1|{QUOTE}"));
    let report = recording.replay();
    assert!(report.is_whole(), "{report:?}");
    // nothing says its name
    assert_eq!(report.quotes["1"], 1);
    assert_eq!(report.books["1"].snapshots, 1);
}

#[test]
fn symbols_have_the_names_of_their_requests() {
    for (requests, name) in [([LIST, WANTED[0]], "EURUSD"), ([WANTED[0], LIST], "1")] {
        let mut recording = Recording::new();
        recording.receive(LOGON);
        for request in requests {
            match request.starts_with("35=") {
                true => recording.send(request),
                false => recording.receive(request),
            }
        }
        // without a depth, a message without entries is a quote
        recording.receive("W|34=3|55=1|268=0");
        let report = recording.replay();
        assert!(report.is_whole(), "{report:?}");
        assert_eq!(report.quotes.keys().collect::<Vec<_>>(), [name]);
        assert_eq!(report.books.len(), 0);
    }
}

#[test]
fn connections_are_sessions_of_their_own() {
    let mut recording = whole();
    recording.receive("5|34=7|58=bye");
    recording.open();
    recording.receive(LOGON);
    // the numbers of the broker may have changed
    recording.receive(&LIST.replace("55=7", "55=8").replace("55=1|", "55=7|"));
    recording.receive(&format!("W|34=3|55=7|{QUOTE}"));
    let report = recording.replay();
    assert_eq!((report.connections, report.checksums_failed), (2, 0));
    assert_eq!(report.quotes["EURUSD"], 2);
    assert_eq!(report.instruments.listed, 2, "those of the last list");
    assert_eq!(problems(&report), [""; 0]);
}

#[test]
fn messages_after_the_end_of_a_session_are_problems() {
    let mut recording = whole();
    recording.receive("0|34=2");
    recording.receive(&format!("W|34=8|55=1|{QUOTE}"));
    let report = recording.replay();
    let found = problems(&report);
    assert!(
        found[0].contains("the session has ended before this message: MsgSeqNum too low"),
        "{found:?}"
    );
    assert_eq!(report.quotes["EURUSD"], 1);
    assert_eq!(
        report.session.expect("a session").counts["number_too_low"],
        1
    );
}
