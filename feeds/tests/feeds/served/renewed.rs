//! Planned reconnections: two connections overlap, and the second one replaces the first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tickbook::Clock;
use tickbook_feeds::transport::{Tls, Transport};
use venue_server::{Answer, Play, Step, VenueServer};

use super::filled::binance_with_trades;
use super::history::{ServedHistory, Traded};
use super::play::Part;
use super::recorder::Recorder;
use super::truth::Truth;
use super::venues::Dialect;
use super::whole::binance;
use super::{LIMIT, settings};
use crate::binance::Snapshots;
use crate::replay::book_digest;

/// A WebSocket of the server.
#[derive(Debug, Default)]
struct Client {
    /// The position of its next part; `None` before it has subscribed.
    position: Option<usize>,
    queue: VecDeque<String>,
    sent: usize,
}

/// Sends a session to several connections at once: each gets the parts after its subscription.
#[derive(Debug)]
struct Fanned {
    dialect: Dialect,
    parts: Vec<String>,
    /// The position of the session.
    position: usize,
    truth: Truth,
    answers: Snapshots,
    clients: BTreeMap<usize, Client>,
    /// The positions at which the end of a connection is announced.
    announcements: VecDeque<usize>,
    /// Whether the session goes on only with another connection.
    is_waiting: bool,
    /// How many parts a connection is behind that has a successor.
    lag: usize,
    /// Whether each connection that ended had a successor that had received something.
    is_seamless: bool,
    waits: usize,
    is_finished: Arc<AtomicBool>,
}

const ANNOUNCEMENT: &str = r#"{"event":{"e":"serverShutdown","E":1770123456789}}"#;

impl Fanned {
    fn has_successor(&self, connection: usize) -> bool {
        let mut later = self.clients.range(connection + 1..);
        later.any(|(_, client)| client.position.is_some())
    }

    /// The oldest connection that has subscribed decides when the session goes on.
    fn is_first(&self, connection: usize) -> bool {
        let mut subscribed = self.clients.iter().filter(|(_, it)| it.position.is_some());
        subscribed
            .next()
            .is_some_and(|(first, _)| *first == connection)
    }

    fn end(&mut self) -> Step {
        if self.clients.len() > 1 {
            return Step::Follow;
        }
        self.waits += 1;
        if self.waits == 2 {
            self.is_finished.store(true, Ordering::Release);
        }
        match self.waits {
            // the client gives the receiver a chance to end with each of them
            1 | 2 => Step::Wait,
            _ => Step::Idle,
        }
    }
}

impl Play for Fanned {
    fn open(&mut self, _: &str) -> bool {
        true
    }

    fn next(&mut self) -> Step {
        Step::Idle
    }

    fn text(&mut self, _: &str) {}

    fn next_on(&mut self, connection: usize) -> Step {
        let (is_first, has_successor) = (self.is_first(connection), self.has_successor(connection));
        let limit = match has_successor {
            true => self.position.saturating_sub(self.lag),
            false => self.position,
        };
        let client = self.clients.entry(connection).or_default();
        if let Some(text) = client.queue.pop_front() {
            client.sent += 1;
            return Step::SendAndWait(text);
        }
        let Some(position) = client.position else {
            return Step::Idle;
        };
        if position < limit {
            client.position = Some(position + 1);
            client.sent += 1;
            return Step::SendAndWait(self.parts[position].clone());
        }
        if !is_first {
            return Step::Follow;
        }
        self.is_waiting &= !has_successor;
        if self.is_waiting {
            return Step::Follow;
        }
        if self.announcements.front() == Some(&self.position) {
            if has_successor {
                return Step::Follow;
            }
            self.announcements.pop_front();
            self.is_waiting = true;
            return Step::SendAndWait(ANNOUNCEMENT.to_owned());
        }
        if self.position == self.parts.len() {
            return self.end();
        }
        self.position += 1;
        match has_successor && self.lag > 0 {
            // others get it first
            true => Step::Wait,
            false => {
                client.position = Some(position + 1);
                client.sent += 1;
                Step::SendAndWait(self.parts[position].clone())
            }
        }
    }

    fn text_on(&mut self, connection: usize, text: &str) {
        let message: Value = serde_json::from_str(text).expect("JSON");
        let client = self.clients.entry(connection).or_default();
        client
            .queue
            .extend((self.dialect.acknowledgement)(&message));
        client.position.get_or_insert(self.position);
    }

    fn closed_on(&mut self, connection: usize) {
        let mut later = self.clients.range(connection + 1..);
        let has_received = later.any(|(_, client)| client.sent > 0);
        self.is_seamless &= has_received || self.is_finished.load(Ordering::Acquire);
        self.clients.remove(&connection);
    }

    fn get(&mut self, path: &str) -> Option<Answer> {
        let (_, rest) = path.split_once("symbol=")?;
        let symbol = rest.split('&').next()?.to_owned();
        if let Some((_, body)) = self.answers.get_mut(&symbol).and_then(VecDeque::pop_front) {
            return Some(Answer::ok(body));
        }
        self.truth.advance(self.position);
        let last = self.truth.last.get(&symbol).copied().unwrap_or(0);
        let book = self.truth.venue.protocol().book(&symbol)?;
        let is_valid = book.state().is_valid();
        is_valid.then(|| Answer::ok((self.dialect.snapshot)(&symbol, book, last)))
    }
}

/// Plays the session of Binance with announced ends at `announcements`, and returns what a client found.
async fn check(announcements: &[usize], lag: usize) {
    // the session has two trades only
    let (Some(play), Some((_, expected))) = (binance_with_trades(), binance()) else {
        return;
    };
    let history = ServedHistory::of(play.dialect(), play.symbols(), play.parts());
    let (dialect, symbols) = (play.dialect(), play.symbols().to_vec());
    let texts = play.parts().iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.clone()),
        Part::Reconnect => None,
    });
    let is_finished = Arc::new(AtomicBool::new(false));
    let fanned = Fanned {
        dialect,
        parts: texts.collect(),
        position: 0,
        truth: Truth::of(dialect, &symbols, play.parts().to_vec(), play.answers()),
        answers: play.answers(),
        clients: BTreeMap::new(),
        announcements: announcements.iter().copied().collect(),
        is_waiting: false,
        lag,
        is_seamless: true,
        waits: 0,
        is_finished: Arc::clone(&is_finished),
    };
    let server = VenueServer::start(fanned).await;
    let mut venue = (dialect.venue)(&symbols, &server.websocket(), &server.http());
    let mut recorder = Recorder::new(is_finished, symbols.len());
    let tls = Tls::of_the_system().expect("TLS");
    let transport = Transport::new(tls, Clock::system()).with_settings(settings());
    let run = transport.run(&mut venue, &mut recorder);
    let in_time = tokio::time::timeout(LIMIT, run).await;
    assert!(in_time.is_ok(), "{recorder:?} {:?}", server.play());
    for (symbol, expected) in expected["books"].as_object().expect("a map") {
        let found = book_digest(venue.protocol(), symbol);
        assert_eq!(
            found.as_deref(),
            expected["final"]["sha256"].as_str(),
            "{symbol}"
        );
    }
    let expected = history.trades.iter().flat_map(|(symbol, trades)| {
        let trade = |trade: &Traded| (symbol.clone(), trade.number.to_string());
        trades.iter().map(trade)
    });
    let mut expected: Vec<_> = expected.collect();
    expected.sort();
    let mut found = recorder.trades.clone();
    found.sort();
    assert_eq!(found, expected);
    let counts = (recorder.opened, recorder.renewed, recorder.ends.len());
    assert_eq!(counts, (1, announcements.len(), 0));
    assert_eq!((recorder.stale, recorder.refused), (Vec::new(), Vec::new()));
    assert!(server.play().is_seamless);
}

#[tokio::test]
async fn announced_end_loses_and_doubles_nothing() {
    for announcements in [&[100][..], &[20, 90, 180]] {
        check(announcements, 0).await;
    }
}

#[tokio::test]
async fn old_connection_that_lags_loses_nothing() {
    for lag in [1, 5, 20] {
        check(&[70, 150], lag).await;
    }
}
