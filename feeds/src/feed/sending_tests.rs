//! Records after a loss.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::ingest::fanout::{FanOut, QueueOptions};
use tickbook::ingest::feed::FeedOutput;
use tickbook::{Clock, Repositories};
use tokio::time::Instant;

use super::directory::SymbolDirectory;
use super::gap_queue::GapQueue;
use super::gap_queue_tests::{slow, stored};
use super::gap_signal::GapSignal;
use super::gaps::GapTracker;
use super::listing::ListCollector;
use super::monitor::VenueMonitor;
use super::records::Records;
use super::sending::{Progress, Sending};
use crate::error::ProtocolError;
use crate::event::{Aggressor, FeedEvent, TradeId, VenueTrade};
use crate::protocol::Frame;
use crate::subscription::{Channel, Subscription};
use crate::transport::{Receiver as _, TransportEvent};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn trade(second: i64) -> TransportEvent<'static> {
    TransportEvent::Feed(FeedEvent::Trade(VenueTrade {
        symbol: "A",
        time: at(second),
        received_at: at(second),
        price: Decimal::ONE,
        quantity: Decimal::ONE,
        aggressor: Aggressor::Buy,
        id: TradeId::Number(second),
        merged: 1,
        is_replayed: false,
    }))
}

/// Sends a trade, a message that cannot be read, and another trade, twice. Returns how long each pair took, and how
/// many gaps were stored when its second trade was published.
async fn losses(repositories: &Repositories) -> Vec<(Duration, usize)> {
    let symbols = &*repositories.symbols;
    let directory = SymbolDirectory::open(symbols, "test", ["A"], &[]).await;
    let directory = directory.expect("memory");
    let subscription = Subscription::new(["A"], [Channel::Trades]);
    let gaps = GapTracker::new("test", directory.clone(), &subscription, false);
    let trades = FanOut::new();
    let mut published = trades.open(QueueOptions::dropping_oldest("test", 100));
    let mut output = FeedOutput::new(FanOut::new()).with_trades(trades);
    let (monitor, clock) = (VenueMonitor::default(), Clock::standing_at(at(0)));
    let (queue, signal) = (GapQueue::default(), GapSignal::default());
    let mut sending = Sending {
        feed: "test",
        records: Records::new(directory, false),
        output: &mut output,
        monitor: &monitor,
        progress: Progress::new(&gaps, 0),
        gaps,
        gap_queue: Some(&queue),
        recorder: None,
        lists: &mut ListCollector::default(),
        clock: &clock,
        failure: None,
    };
    let mut found = Vec::new();
    let unreadable = ProtocolError::Unreadable(String::new());
    let sent = async {
        for second in [1, 11] {
            let begun = Instant::now();
            for offset in 0..3 {
                let received = Frame::new("", at(second + offset));
                sending.event(TransportEvent::Message(received));
                match offset {
                    1 => sending.event(TransportEvent::Refused(&unreadable)),
                    _ => sending.event(trade(second + offset)),
                }
            }
            assert!(sending.ready().await.is_continue());
            assert_eq!(published.next().await.map(|events| events.len()), Some(2));
            found.push((begun.elapsed(), stored(repositories).await.len()));
        }
    };
    tokio::select! {
        () = sent => {}
        () = queue.write("test", repositories, &signal) => {}
    }
    found
}

#[tokio::test(start_paused = true)]
async fn records_after_a_loss_wait_for_its_gap() {
    let second = Duration::from_secs(1);
    let found = losses(&slow(second)).await;
    // of the paused clock; the record after a gap is added to it afterwards
    assert!(found.iter().all(|(took, _)| *took >= second), "{found:?}");
    assert_eq!([found[0].1, found[1].1], [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn records_do_not_wait_for_a_lasting_outage() {
    let found = losses(&slow(Duration::from_secs(3_600))).await;
    let found = found.iter().map(|(took, gaps)| (took.as_secs(), *gaps));
    let found: Vec<_> = found.collect();
    assert_eq!(found, [(5, 0), (0, 0)]);
}
