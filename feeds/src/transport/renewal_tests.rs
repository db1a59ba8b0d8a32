//! Connections that replace others: which events are passed on, and what happens if they cannot be opened.

use std::ops::ControlFlow;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::{Backoff, Clock};
use venue_server::{Play, Step, VenueServer};

use super::event::{EndReason, Receiver, TransportEvent};
use super::seen::Once;
use super::{Tls, Transport, TransportSettings};
use crate::event::{Aggressor, FeedEvent, TradeId, VenueQuote, VenueTrade};
use crate::test_venue::TestVenue;
use crate::venue::Venue;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

/// Notes events as texts.
#[derive(Debug, Default)]
struct Log {
    texts: Vec<String>,
    /// Ends after this text.
    last: &'static str,
}

impl Receiver for Log {
    fn event(&mut self, event: TransportEvent<'_>) {
        self.texts.push(match event {
            TransportEvent::Feed(FeedEvent::Trade(trade)) => match trade.id {
                TradeId::Number(number) => format!("trade {number}"),
                id => format!("{id:?}"),
            },
            TransportEvent::Feed(FeedEvent::Quote(quote)) => {
                let bid = quote.bid.map(|(price, _)| price).expect("a bid");
                format!("quote {} {bid}", quote.time.timestamp())
            }
            TransportEvent::Feed(FeedEvent::BookSnapshot(change)) => {
                format!("snapshot {:?}", change.sequence)
            }
            TransportEvent::Feed(FeedEvent::BookUpdate(change)) => {
                format!("update {:?}", change.sequence)
            }
            TransportEvent::Opened { .. } => "opened".to_owned(),
            TransportEvent::Renewed { .. } => "renewed".to_owned(),
            TransportEvent::ConnectFailed { .. } => "failed".to_owned(),
            TransportEvent::Ended(end) => end.reason.as_str().to_owned(),
            _ => return,
        });
    }

    async fn ready(&mut self) -> ControlFlow<()> {
        match self.texts.last().is_some_and(|text| text == self.last) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

fn trade(once: &mut Once<'_, Log>, id: TradeId<'_>) {
    once.event(TransportEvent::Feed(FeedEvent::Trade(VenueTrade {
        symbol: "A",
        time: at(0),
        received_at: at(0),
        price: Decimal::ONE,
        quantity: Decimal::ONE,
        aggressor: Aggressor::Buy,
        id,
        merged: 1,
        is_replayed: false,
    })));
}

fn trades(once: &mut Once<'_, Log>, numbers: &[i64]) {
    for number in numbers {
        trade(once, TradeId::Number(*number));
    }
}

fn quotes(once: &mut Once<'_, Log>, quotes: &[(i64, i64)]) {
    for (second, bid) in quotes {
        once.event(TransportEvent::Feed(FeedEvent::Quote(VenueQuote {
            symbol: "A",
            time: at(*second),
            received_at: at(0),
            sequence: None,
            bid: Some((Decimal::from(*bid), None)),
            ask: None,
        })));
    }
}

#[test]
fn trades_of_both_connections_come_once() {
    let mut log = Log::default();
    let mut once = Once::new(&mut log);
    trades(&mut once, &[1, 2, 2]);
    once.begin();
    trades(&mut once, &[4, 5]);
    once.replace();
    // the other connection repeats older trades, and has one that the first one lacks
    trades(&mut once, &[1, 2, 3, 4, 5, 6]);
    trade(&mut once, TradeId::Unknown);
    // a connection that replaces none may repeat everything
    let address = "";
    once.event(TransportEvent::Opened { address, at: at(0) });
    trades(&mut once, &[5]);
    let expected = [
        "trade 1", "trade 2", "trade 2", "trade 4", "trade 5", "trade 3", "trade 6", "Unknown",
        "opened", "trade 5",
    ];
    assert_eq!(log.texts, expected);
}

#[test]
fn quotes_of_both_connections_come_once() {
    let mut log = Log::default();
    let mut once = Once::new(&mut log);
    quotes(&mut once, &[(1, 7)]);
    once.begin();
    // two equal quotes of one instant are two
    quotes(&mut once, &[(2, 7), (2, 7), (2, 8)]);
    once.replace();
    quotes(
        &mut once,
        &[(1, 9), (2, 7), (2, 7), (2, 7), (2, 8), (3, 7), (2, 7)],
    );
    let expected = [
        "quote 1 7",
        "quote 2 7",
        "quote 2 7",
        "quote 2 8",
        "quote 2 7",
        "quote 3 7",
        "quote 2 7",
    ];
    assert_eq!(log.texts, expected);
}

/// Announces the end of the first connection, and refuses some attempts to open another one.
#[derive(Debug, Default)]
struct Announcing {
    opened: usize,
    refusals: usize,
    position: [usize; 3],
    /// The connections that ended.
    closed: Vec<usize>,
}

impl Play for Announcing {
    fn open(&mut self, _: &str) -> bool {
        if self.opened > 0 && self.refusals > 0 {
            self.refusals -= 1;
            return false;
        }
        self.opened += 1;
        true
    }

    fn next(&mut self) -> Step {
        Step::Idle
    }

    fn text(&mut self, _: &str) {}

    fn text_on(&mut self, connection: usize, text: &str) {
        if text.starts_with('+') {
            self.position[connection] = 1;
        }
    }

    fn next_on(&mut self, connection: usize) -> Step {
        let book = |number, first| {
            format!(
                "{{\"book\":{{\"symbol\":\"A\",\"number\":{number},\"first\":{first},\"bids\":[[\"1\",\"2\"]]}}}}"
            )
        };
        let position = &mut self.position[connection];
        let step = match (connection, *position) {
            (1, 1) => Step::SendAndWait(book(1, true)),
            (1, 2) => Step::SendAndWait("{\"bye\":1}".to_owned()),
            // the first one is ahead of the second one when that is ready
            (1, 3) if self.opened == 2 => Step::SendAndWait(book(2, false)),
            (2, 1) if self.position[1] < 4 => return Step::Follow,
            (2, 1) => Step::SendAndWait(book(1, true)),
            (2, 2) if self.closed.is_empty() => Step::SendAndWait(book(2, false)),
            (2, 3) => Step::SendAndWait(book(3, false)),
            _ => return Step::Follow,
        };
        self.position[connection] += 1;
        step
    }

    fn closed_on(&mut self, connection: usize) {
        self.closed.push(connection);
    }
}

async fn run(play: Announcing, settings: TransportSettings, last: &'static str) -> Vec<String> {
    let server = VenueServer::start(play).await;
    let mut venue: Box<dyn Venue> = Box::new(TestVenue::new(&["A"], &server.websocket()));
    let mut log = Log {
        last,
        ..Log::default()
    };
    let transport = Transport::new(Tls::of_the_system().expect("TLS"), Clock::system());
    let transport = transport.with_settings(settings);
    let run = transport.run(&mut venue, &mut log);
    let in_time = tokio::time::timeout(Duration::from_secs(60), run).await;
    assert!(in_time.is_ok(), "{log:?} {:?}", server.play());
    log.texts
}

fn settings() -> TransportSettings {
    TransportSettings {
        backoff: Backoff::new(Duration::from_millis(1), Duration::from_millis(5)),
        ..TransportSettings::default()
    }
}

#[tokio::test]
async fn connection_is_replaced_when_the_other_is_ready() {
    for refusals in [0, 3] {
        let play = Announcing {
            refusals,
            ..Announcing::default()
        };
        let found = run(play, settings(), "update Some(3)").await;
        let failed = found.iter().filter(|text| *text == "failed").count();
        assert_eq!(failed, refusals);
        let others: Vec<_> = found.iter().filter(|text| *text != "failed").collect();
        // the book of the other connection has the update that it has received meanwhile
        let expected = [
            "opened",
            "snapshot Some(1)",
            "update Some(2)",
            "renewed",
            "snapshot Some(2)",
            "update Some(3)",
        ];
        assert_eq!(others, expected);
    }
}

#[tokio::test]
async fn connection_without_a_successor_ends_as_planned() {
    let play = Announcing {
        refusals: usize::MAX,
        ..Announcing::default()
    };
    let mut settings = settings();
    settings.renewal_timeout = Duration::from_millis(20);
    let found = run(play, settings, EndReason::Planned.as_str()).await;
    let others: Vec<_> = found.iter().filter(|text| *text != "failed").collect();
    assert_eq!(others, ["opened", "snapshot Some(1)", "planned"]);
}
