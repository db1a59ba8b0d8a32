//! Planned reconnections: what the old connection still has on its way when another one is ready.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tickbook::Clock;
use tickbook_feeds::binance::BinanceVenue;
use tickbook_feeds::transport::{Tls, Transport};
use tickbook_feeds::{Channel, Endpoints, Subscription, Venue};
use venue_server::{Play, Step, VenueServer};

use super::recorder::Recorder;
use super::{LIMIT, settings};

/// Sends the trades 1 to 3 and an announced end, and the trade 5 to the next connection. The trade 4 is on its way to
/// the first connection until the next one has subscribed: it arrives before the answer to the next ping.
#[derive(Debug, Default)]
struct Late {
    /// The messages that each subscribed connection gets.
    queues: BTreeMap<usize, VecDeque<String>>,
    is_late_sent: bool,
    waits: usize,
    is_finished: Arc<AtomicBool>,
}

fn trade(number: u32) -> String {
    let time = 1_633_998_500_000_000_u64 + u64::from(number);
    let trade = json!({
        "e": "trade", "E": time, "s": "LRCBTC", "t": number, "p": "0.5", "q": "1", "T": time, "m": true
    });
    json!({"stream": "lrcbtc@trade", "data": trade}).to_string()
}

impl Play for Late {
    fn open(&mut self, _: &str) -> bool {
        true
    }

    fn next(&mut self) -> Step {
        Step::Idle
    }

    fn text(&mut self, _: &str) {}

    fn text_on(&mut self, connection: usize, text: &str) {
        let request: Value = serde_json::from_str(text).expect("JSON");
        let answer = json!({"result": null, "id": request["id"]}).to_string();
        let end = json!({"event": {"e": "serverShutdown", "E": 1_770_123_456_789_u64}});
        let messages = match connection {
            1 => vec![answer, trade(1), trade(2), trade(3), end.to_string()],
            _ => vec![answer, trade(5)],
        };
        self.queues.insert(connection, messages.into());
    }

    fn next_on(&mut self, connection: usize) -> Step {
        let Some(queue) = self.queues.get_mut(&connection) else {
            return Step::Idle;
        };
        if let Some(text) = queue.pop_front() {
            return Step::SendAndWait(text);
        }
        if connection == 1 || self.queues.contains_key(&1) {
            return Step::Follow;
        }
        self.waits += 1;
        self.is_finished.store(true, Ordering::Release);
        // the client gives the receiver a chance to end
        match self.waits {
            1 | 2 => Step::Wait,
            _ => Step::Idle,
        }
    }

    fn pinged_on(&mut self, connection: usize) -> Option<String> {
        let has_successor = self.queues.contains_key(&2);
        let is_due = connection == 1 && has_successor && !self.is_late_sent;
        self.is_late_sent |= is_due;
        is_due.then(|| trade(4))
    }

    fn closed_on(&mut self, connection: usize) {
        self.queues.remove(&connection);
    }
}

#[tokio::test]
async fn last_messages_of_the_old_connection_count() {
    let play = Late::default();
    let is_finished = Arc::clone(&play.is_finished);
    let server = VenueServer::start(play).await;
    let endpoints = Endpoints::new(server.websocket(), server.http());
    let subscription = Subscription::new(["LRCBTC"], [Channel::Trades]);
    let venue = BinanceVenue::new(subscription, Some(endpoints));
    let mut venue: Box<dyn Venue> = Box::new(venue);
    let mut recorder = Recorder::new(is_finished, 0);
    let tls = Tls::of_the_system().expect("TLS");
    let transport = Transport::new(tls, Clock::system()).with_settings(settings());
    let run = transport.run(&mut venue, &mut recorder);
    let in_time = tokio::time::timeout(LIMIT, run).await;
    assert!(in_time.is_ok(), "{recorder:?} {:?}", server.play());
    let numbers: Vec<_> = recorder.trades.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5"]);
    let counts = (recorder.opened, recorder.renewed, recorder.ends.len());
    assert_eq!(counts, (1, 1, 0));
}
