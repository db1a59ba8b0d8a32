//! A transport in a task, and what it reported.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tickbook::domain::book::BookSide;
use tickbook::{Backoff, Clock};
use tickbook_feeds::ctrader::{CtraderAccount, CtraderVenue};
use tickbook_feeds::transport::{Receiver, Tls, Transport, TransportEvent, TransportSettings};
use tickbook_feeds::{BookChange, Channel, FeedEvent, Subscription, Venue};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::acceptor::CLIENT;
use super::market::NAME;

/// The longest time for anything. It only ends a test that would never end.
const LIMIT: Duration = Duration::from_secs(120);

/// The reports of the transport.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    pub(super) opened: usize,
    /// The reasons of the ends of connections.
    pub(super) ends: Vec<String>,
    /// The bids of the quotes in hundredths, and the connection that each came on.
    pub(super) quotes: Vec<(i64, usize)>,
    pub(super) snapshots: usize,
    pub(super) updates: usize,
    /// The levels of the book while it is valid.
    pub(super) levels: Option<Vec<String>>,
    /// The reasons of stale books.
    pub(super) stale: Vec<String>,
    pub(super) lost: u64,
    pub(super) counted: BTreeMap<&'static str, usize>,
    pub(super) instruments: BTreeSet<String>,
    /// The lists of instruments.
    pub(super) lists: usize,
    pub(super) refused: Vec<String>,
    /// The lines of a recording.
    #[cfg(feature = "replay")]
    pub(super) lines: Vec<String>,
    stops: bool,
}

impl Seen {
    /// Whether quotes and a book arrived.
    pub(crate) fn has_data(&self) -> bool {
        self.levels.is_some() && !self.quotes.is_empty()
    }

    pub(super) fn count(&self, event: &str) -> usize {
        self.counted.get(event).copied().unwrap_or(0)
    }

    fn change(&mut self, change: &BookChange<'_>) {
        assert_eq!(change.symbol, NAME);
        let view = change.book.view().expect("only valid books are reported");
        let mut levels = Vec::new();
        for side in [BookSide::Bid, BookSide::Ask] {
            let level = |(price, quantity): (rust_decimal::Decimal, rust_decimal::Decimal)| {
                format!("{side} {price:.2} {}", quantity.normalize())
            };
            let mut of_side: Vec<_> = view.decimals(side).map(level).collect();
            of_side.sort();
            levels.extend(of_side);
        }
        self.levels = Some(levels);
    }

    fn event(&mut self, event: TransportEvent<'_>) {
        #[cfg(feature = "replay")]
        self.record(&event);
        match event {
            TransportEvent::Opened { .. } => self.opened += 1,
            TransportEvent::Ended(end) => {
                assert_eq!(
                    self.levels, None,
                    "the end of a connection makes books stale"
                );
                self.ends.push(end.to_string());
            }
            TransportEvent::Refused(error) => self.refused.push(error.to_string()),
            TransportEvent::Feed(event) => self.feed(&event),
            _ => {}
        }
    }

    #[cfg(feature = "replay")]
    fn record(&mut self, event: &TransportEvent<'_>) {
        use tickbook_feeds::session::SessionLine;
        let address = "tcp://broker";
        let line = match event {
            TransportEvent::Opened { at, .. } => SessionLine::Opened { address, at: *at },
            TransportEvent::Sent { text, at } => SessionLine::Sent {
                address,
                at: *at,
                text,
            },
            TransportEvent::Message(frame) => SessionLine::Received {
                at: frame.received_at,
                text: frame.text,
            },
            _ => return,
        };
        self.lines.push(line.to_string());
    }

    pub(super) fn feed(&mut self, event: &FeedEvent<'_>) {
        match event {
            FeedEvent::BookSnapshot(change) => {
                self.snapshots += 1;
                self.change(change);
            }
            FeedEvent::BookUpdate(change) => {
                assert!(self.levels.is_some(), "an update of a stale book");
                self.updates += 1;
                self.change(change);
            }
            FeedEvent::BookStale(stale) => {
                self.levels = None;
                self.stale.push(stale.reason.to_string());
            }
            FeedEvent::Quote(quote) => {
                let (bid, _) = quote.bid.expect("a bid");
                let hundredths = (bid * rust_decimal::Decimal::ONE_HUNDRED).normalize();
                let bid = hundredths.to_string().parse().expect("a number");
                self.quotes.push((bid, self.opened));
            }
            FeedEvent::MessagesLost(lost) => self.lost += lost.count,
            FeedEvent::Counted(event) => *self.counted.entry(*event).or_default() += 1,
            FeedEvent::Instrument(listed) => {
                let key = listed.key.as_deref().expect("a number");
                self.instruments.insert(format!("{key} {}", listed.symbol));
            }
            FeedEvent::InstrumentsListed => self.lists += 1,
            _ => {}
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Notify,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Recorder(Arc<Shared>);

impl Receiver for Recorder {
    fn event(&mut self, event: TransportEvent<'_>) {
        self.0.seen().event(event);
        self.0.changed.notify_waiters();
    }

    async fn ready(&mut self) -> ControlFlow<()> {
        match self.0.seen().stops {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// A venue at an address.
pub(crate) fn venue(address: &str, password: &str, channels: &[Channel]) -> CtraderVenue {
    let account = CtraderAccount::new(address, CLIENT, password.to_owned());
    let subscription = Subscription::new([NAME], channels.iter().copied());
    let venue = CtraderVenue::new(subscription, &account, Clock::system());
    venue.expect("a venue")
}

/// A transport that runs until it is stopped.
pub(crate) struct Client {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Client {
    /// Connects to a port of this machine.
    pub(super) fn start(port: u16, password: &str, channels: &[Channel]) -> Self {
        let address = format!("tcp://127.0.0.1:{port}");
        let tls = Tls::of_the_system().expect("TLS");
        Self::connect(venue(&address, password, channels), tls)
    }

    /// Connects to a venue with certificates of its own, or with other settings.
    pub(crate) fn connect(venue: CtraderVenue, tls: Tls) -> Self {
        let mut venue: Box<dyn Venue> = Box::new(venue);
        let mut settings = TransportSettings::default();
        settings.backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(5));
        let transport = Transport::new(tls, Clock::system()).with_settings(settings);
        let shared = Arc::new(Shared::default());
        let mut recorder = Recorder(Arc::clone(&shared));
        let task = tokio::spawn(async move { transport.run(&mut venue, &mut recorder).await });
        Self { shared, task }
    }

    pub(super) fn seen(&self) -> Seen {
        self.shared.seen().clone()
    }

    /// Waits until the condition holds.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&Seen) -> bool) -> Seen {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if condition(&self.shared.seen()) {
                    return;
                }
                changed.await;
            }
        };
        let in_time = tokio::time::timeout(LIMIT, waiting).await;
        assert!(in_time.is_ok(), "no {what}: {:?}", self.seen());
        self.seen()
    }

    /// Stops after the next event.
    pub(super) fn stop_soon(&self) {
        self.shared.seen().stops = true;
    }

    /// Waits for the end of the transport.
    pub(super) async fn ended(mut self) {
        let ended = tokio::time::timeout(LIMIT, &mut self.task).await;
        ended.expect("in time").expect("no panic");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}
