//! A session over TCP behind the driver, without a socket.

use std::time::Duration;

use chrono::DateTime;
use secrecy::ExposeSecret as _;
use tickbook::Clock;
use tokio::time::Instant;

use super::driver::{Action, Driver};
use super::event::{EndReason, TransportEvent};
use super::settings::TransportSettings;
use crate::ctrader::{CtraderAccount, CtraderVenue};
use crate::event::FeedEvent;
use crate::fix::{Framed, Framer, MessageBuilder, Redacted};
use crate::subscription::{Channel, Subscription};

/// A driver of cTrader, its time, and what it reported.
struct Run<'v> {
    driver: Driver<'v>,
    start: Instant,
    now: Instant,
    log: Vec<String>,
}

fn account() -> CtraderAccount {
    CtraderAccount::new("tcp://localhost:1", "demo.broker.7", "swordfish".to_owned())
}

fn venue(symbols: &str, channels: &[Channel]) -> CtraderVenue {
    let subscription = Subscription::new(symbols.split(' '), channels.iter().copied());
    let clock = Clock::standing_at(DateTime::UNIX_EPOCH);
    CtraderVenue::new(subscription, &account(), clock).expect("a venue")
}

fn note(log: &mut Vec<String>, event: TransportEvent<'_>) {
    log.push(match event {
        TransportEvent::Message(_) => return,
        TransportEvent::Feed(FeedEvent::BookSnapshot(change)) => {
            format!("snapshot {}", change.symbol)
        }
        TransportEvent::Feed(FeedEvent::BookStale(stale)) => {
            format!("stale {} {}", stale.symbol, stale.reason)
        }
        TransportEvent::Feed(FeedEvent::MessagesLost(lost)) => format!("lost {}", lost.count),
        TransportEvent::Feed(FeedEvent::Counted(name)) => name.to_owned(),
        TransportEvent::Refused(error) => format!("refused {error}"),
        TransportEvent::Ended(end) => format!("ended {end}"),
        event => format!("{event:?}"),
    });
}

impl<'v> Run<'v> {
    fn open(venue: &'v mut CtraderVenue) -> Self {
        let start = Instant::now();
        let mut driver = Driver::new(venue, &TransportSettings::default(), start);
        driver.opened(start);
        Self {
            driver,
            start,
            now: start,
            log: Vec::new(),
        }
    }

    /// A session that is logged on.
    fn logged_on(venue: &'v mut CtraderVenue) -> Self {
        let mut run = Self::open(venue);
        assert_eq!(run.written(), ["A"]);
        run.say("A|34=1|98=0|108=30|141=Y|");
        assert_eq!(run.log(), ["logged_on"]);
        run
    }

    fn at(&mut self, seconds: f64) {
        self.now = self.start + Duration::from_secs_f64(seconds);
    }

    /// The actions that are due. The deadline comes when there are none.
    fn actions(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        let log = &mut self.log;
        while let Some(action) = self.driver.poll(self.now, &mut |event| note(log, event)) {
            let is_end = matches!(action, Action::Close(_));
            actions.push(action);
            if is_end {
                return actions;
            }
        }
        assert!(self.driver.deadline() > self.now, "the deadline has passed");
        actions
    }

    /// The types of the messages that are written, with the ids of requests.
    fn written(&mut self) -> Vec<String> {
        let mut framer = Framer::new();
        for action in self.actions() {
            match action {
                Action::Write(bytes) | Action::Request { bytes, .. } => framer.push(&bytes),
                action => panic!("{action:?}"),
            }
        }
        described(&mut framer)
    }

    /// The venue sends a message; its names and its time are added.
    fn say(&mut self, fields: &str) {
        let (msg_type, fields) = fields.split_once('|').expect("fields");
        let usual = "49=CSERVER|56=demo.broker.7|57=QUOTE|50=QUOTE|52=19700101-00:00:00|";
        let fields = format!("{usual}{fields}").replace('|', "\u{1}");
        let message = MessageBuilder::new(msg_type).fields(fields.as_bytes());
        let bytes = message.finish().expect("a message");
        let log = &mut self.log;
        self.driver
            .bytes(&bytes, self.now, &mut |event| note(log, event));
    }

    fn log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }
}

fn described(framer: &mut Framer) -> Vec<String> {
    let mut messages = Vec::new();
    while let Some(Framed::Message(bytes)) = framer.next_message() {
        let text = Redacted(bytes).to_string();
        assert!(!text.contains(account().password.expose_secret()), "{text}");
        let field = |tag: &str| {
            let mut fields = text.split('|');
            fields.find_map(|field| field.strip_prefix(tag))
        };
        let id = field("262=").or(field("320=")).or(field("7="));
        let action = field("263=").unwrap_or_default();
        let kind = field("35=").expect("a type");
        messages.push(match id {
            Some(id) => format!("{kind} {id} {action}").trim_end().to_owned(),
            None => kind.to_owned(),
        });
    }
    assert_eq!(framer.waiting(), 0);
    messages
}

const BOOK: [Channel; 1] = [Channel::Book(10)];
const DEPTH: &str = "55=1|268=2|269=0|270=1|271=5|278=1|269=1|270=2|271=5|278=2|";

#[test]
fn refusals_do_not_show_the_password() {
    let mut venue = venue("EURUSD", &[Channel::Quotes]);
    let mut run = Run::logged_on(&mut venue);
    run.say("j|34=2|372=V|380=0|58=no swordfish|");
    assert_eq!(run.log(), ["refused the venue refused a request: V no ***"]);
}

#[test]
fn nothing_is_subscribed_before_the_logon() {
    let mut venue = venue("EURUSD", &[Channel::Quotes, Channel::Book(10)]);
    let mut run = Run::open(&mut venue);
    assert_eq!(run.written(), ["A"]);
    run.at(5.0);
    assert_eq!(run.written(), [""; 0]);
    run.say("A|34=1|98=0|108=30|141=Y|");
    assert_eq!(run.written(), ["x instruments"]);
    run.say("y|34=2|560=0|146=1|55=1|1007=EURUSD|1008=5|");
    assert_eq!(run.written(), ["V quotes-1 1", "V depth-1 1"]);
    run.say(&format!("W|34=3|{DEPTH}"));
    assert_eq!(run.log(), ["logged_on", "snapshot EURUSD"]);
    run.say("W|34=4|55=9|268=0|");
    let log = run.log();
    assert!(
        log[0].starts_with("refused message about unknown symbol"),
        "{log:?}"
    );
}

#[test]
fn missing_messages_are_given_up_and_requested() {
    let mut venue = venue("1 2", &BOOK);
    let mut run = Run::logged_on(&mut venue);
    assert_eq!(run.written(), ["V depth-1 1", "V depth-2 1"]);
    run.say(&format!("W|34=2|{DEPTH}"));
    run.say("X|34=4|268=1|279=2|278=1|55=1|");
    assert_eq!(run.written(), ["2 3"]);
    assert_eq!(run.log(), ["snapshot 1", "queued", "gap_opened"]);
    run.at(9.9);
    assert_eq!(run.written(), [""; 0]);
    run.at(10.0);
    let mut written = run.written();
    written.sort();
    assert_eq!(written, ["V depth-1 1", "V depth-1 2"]);
    assert_eq!(run.log(), ["gap_expired", "lost 1", "stale 1 gap"]);
    // what comes before the new snapshot does not change the book
    run.say("X|34=5|268=1|279=2|278=1|55=1|");
    run.say(&format!("W|34=6|{DEPTH}"));
    assert_eq!(run.log(), ["snapshot 1"]);
}

#[test]
fn book_without_a_snapshot_is_requested_again() {
    let mut venue = venue("1", &BOOK);
    let mut run = Run::logged_on(&mut venue);
    run.written();
    run.at(19.9);
    assert_eq!(run.written(), [""; 0]);
    run.at(20.0);
    assert_eq!(run.written(), ["V depth-1 2", "V depth-1 1"]);
}

#[test]
fn session_decides_about_silence() {
    let mut venue = venue("1", &BOOK);
    let mut run = Run::logged_on(&mut venue);
    run.written();
    run.say(&format!("W|34=2|{DEPTH}"));
    run.at(30.0);
    assert_eq!(run.written(), ["0"], "no ping of the transport");
    run.at(36.0);
    assert_eq!(run.written(), ["1"]);
    run.at(72.0);
    let actions = run.actions();
    let [Action::Write(_), Action::Close(end)] = &actions[..] else {
        panic!("{actions:?}");
    };
    assert_eq!(end.reason, EndReason::Silence);
    let end = end.clone();
    assert_eq!(run.driver.farewell(run.now), None, "the logout was written");
    let log = &mut run.log;
    run.driver
        .closed(&end, run.now, &mut |event| note(log, event));
    assert!(run.log().contains(&"stale 1 silence".to_owned()));
}

#[test]
fn next_connection_begins_with_a_logon() {
    let mut venue = venue("1", &BOOK);
    let mut run = Run::logged_on(&mut venue);
    run.written();
    run.say(&format!("W|34=2|{DEPTH}"));
    run.say("5|34=3|58=maintenance|");
    let actions = run.actions();
    let [Action::Write(_), Action::Close(end)] = &actions[..] else {
        panic!("{actions:?}");
    };
    assert_eq!(end.reason, EndReason::Closed);
    assert_eq!(end.detail, "the venue logged out: maintenance");
    let end = end.clone();
    let log = &mut run.log;
    run.driver
        .closed(&end, run.now, &mut |event| note(log, event));
    run.log();
    assert_eq!(run.actions(), [], "the end was carried out");
    run.driver.opened(run.now);
    assert_eq!(run.written(), ["A"]);
    run.say("A|34=1|98=0|108=30|141=Y|");
    assert_eq!(run.written(), ["V depth-1 1"]);
    // a message of the last connection is not expected any more
    run.say("X|34=2|268=1|279=2|278=1|55=1|");
    assert_eq!(run.log(), ["logged_on"]);
}

#[test]
fn client_that_stops_logs_out() {
    let mut venue = venue("1", &BOOK);
    let mut run = Run::logged_on(&mut venue);
    run.written();
    let bytes = run.driver.farewell(run.now).expect("a logout");
    let mut framer = Framer::new();
    framer.push(&bytes);
    assert_eq!(described(&mut framer), ["5"]);
}
