//! Records what a transport reports, and checks that nothing comes from a stale book.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tickbook_feeds::transport::{EndReason, Receiver, TransportEvent};
use tickbook_feeds::{BookChange, FeedEvent, TradeId};

/// The events of a transport.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// Set by the server at the end of its session.
    is_finished: Arc<AtomicBool>,
    /// The symbols that have a valid book.
    valid: BTreeSet<String>,
    /// The number of books that have to be valid at the end.
    books: usize,
    /// Symbols and reasons of stale books, in their order.
    pub(crate) stale: Vec<(String, &'static str)>,
    /// Snapshots and updates of each book.
    pub(crate) changes: BTreeMap<String, usize>,
    /// The number of the last update of each book, since its snapshot.
    last: BTreeMap<String, i64>,
    /// Symbol and id of each trade, in their order.
    pub(crate) trades: Vec<(String, String)>,
    pub(crate) quotes: usize,
    pub(crate) refused: Vec<String>,
    pub(crate) failed_snapshots: usize,
    pub(crate) opened: usize,
    pub(crate) renewed: usize,
    pub(crate) ends: Vec<EndReason>,
    /// Ends after this number of connections.
    ends_after: Option<usize>,
}

impl Recorder {
    pub(crate) fn new(is_finished: Arc<AtomicBool>, books: usize) -> Self {
        Self {
            is_finished,
            books,
            ..Self::default()
        }
    }

    /// A recorder that stops after the end of `connections`.
    pub(crate) fn until_end(connections: usize) -> Self {
        Self {
            ends_after: Some(connections),
            ..Self::default()
        }
    }

    fn change(&mut self, change: &BookChange<'_>, is_snapshot: bool) {
        let symbol = change.symbol.to_owned();
        assert!(change.book.view().is_some(), "{symbol} is not valid");
        if is_snapshot {
            self.valid.insert(symbol.clone());
        } else {
            assert!(self.valid.contains(&symbol), "update of the stale {symbol}");
            let last = self.last.get(&symbol).copied();
            assert!(
                last.is_none() || change.sequence > last,
                "{symbol} is repeated"
            );
        }
        if let Some(sequence) = change.sequence {
            self.last.insert(symbol.clone(), sequence);
        }
        *self.changes.entry(symbol).or_default() += 1;
    }

    fn feed(&mut self, event: FeedEvent<'_>) {
        match event {
            FeedEvent::BookSnapshot(change) => self.change(&change, true),
            FeedEvent::BookUpdate(change) => self.change(&change, false),
            FeedEvent::BookStale(stale) => {
                self.valid.remove(stale.symbol);
                self.last.remove(stale.symbol);
                let reason = stale.reason.as_str();
                self.stale.push((stale.symbol.to_owned(), reason));
            }
            FeedEvent::Trade(trade) => {
                let id = match trade.id {
                    TradeId::Number(id) => id.to_string(),
                    TradeId::Text(id) => id.to_owned(),
                    _ => String::new(),
                };
                self.trades.push((trade.symbol.to_owned(), id));
            }
            FeedEvent::Quote(_) => self.quotes += 1,
            event => panic!("{event:?}"),
        }
    }
}

impl Receiver for Recorder {
    fn event(&mut self, event: TransportEvent<'_>) {
        match event {
            TransportEvent::Opened { .. } => {
                self.opened += 1;
                assert!(self.valid.is_empty(), "{:?}", self.valid);
                self.last.clear();
            }
            TransportEvent::Feed(event) => self.feed(event),
            TransportEvent::Refused(error) => self.refused.push(error.to_string()),
            TransportEvent::SnapshotFailed { .. } => self.failed_snapshots += 1,
            TransportEvent::Ended(end) => {
                assert!(self.valid.is_empty(), "{:?}", self.valid);
                self.ends.push(end.reason);
            }
            TransportEvent::Renewed { .. } => self.renewed += 1,
            TransportEvent::Sent { .. }
            | TransportEvent::Message(_)
            | TransportEvent::Answer { .. } => {}
            event => panic!("{event:?}"),
        }
    }

    async fn ready(&mut self) -> ControlFlow<()> {
        if self.ends_after.is_some_and(|ends| self.ends.len() >= ends) {
            return ControlFlow::Break(());
        }
        let is_whole = self.valid.len() == self.books;
        match self.is_finished.load(Ordering::Acquire) && is_whole {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
