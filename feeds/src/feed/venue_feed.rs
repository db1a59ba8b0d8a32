//! A venue as a feed.

use async_trait::async_trait;
use tickbook::Repositories;
use tickbook::ingest::feed::{Feed, FeedError, FeedOutput, SentRecords};

use super::directory::SymbolDirectory;
use super::gap_filler::GapFiller;
use super::gap_queue::GapQueue;
use super::gap_signal::GapSignal;
use super::gaps::GapTracker;
use super::last_run::prepare;
use super::listing::{InstrumentLists, ListCollector};
use super::message_log::MessageRecorder;
use super::monitor::VenueMonitor;
use super::records::Records;
use super::sending::{Progress, Sending};
use crate::subscription::Channel;
use crate::transport::Transport;
use crate::venue::Venue;

/// A feed that connects to a venue, and sends its quotes as ticks, and its trades and books if the pipeline has use
/// for them. It ends only with an error.
#[derive(Debug)]
pub struct VenueFeed {
    name: String,
    venue: Box<dyn Venue>,
    directory: SymbolDirectory,
    transport: Transport,
    monitor: VenueMonitor,
    /// Where gaps are stored.
    repositories: Option<Repositories>,
    /// Gaps that wait to be stored.
    gap_queue: GapQueue,
    /// Sent when a gap has ended.
    signal: GapSignal,
    recorder: Option<MessageRecorder>,
    lists: ListCollector,
}

impl VenueFeed {
    /// A feed of the symbols of `directory`. Its name is that of the venue.
    #[must_use]
    pub fn new(venue: Box<dyn Venue>, directory: SymbolDirectory, transport: Transport) -> Self {
        Self {
            name: venue.name().to_owned(),
            monitor: VenueMonitor::new(venue.book_symbols()),
            venue,
            directory,
            transport,
            repositories: None,
            gap_queue: GapQueue::default(),
            signal: GapSignal::default(),
            recorder: None,
            lists: ListCollector::default(),
        }
    }

    /// The lists of instruments that the connection brings: see [`Venue::list_every`].
    #[must_use]
    pub fn instrument_lists(&self) -> InstrumentLists {
        self.lists.subscribe()
    }

    /// Stores the times in which records may be lost, also those since the last run.
    #[must_use]
    pub fn with_gaps(mut self, repositories: Repositories) -> Self {
        self.repositories = Some(repositories);
        self
    }

    /// Records every message of the connection.
    #[must_use]
    pub fn with_recorder(mut self, recorder: MessageRecorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Uses another name, for several feeds of one venue.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Fills the gaps of trades that the feed stores. `None` if it stores none or has no trades, or if the venue has no
    /// history of trades.
    #[must_use]
    pub fn gap_filler(&self) -> Option<GapFiller> {
        let repositories = self.repositories.clone()?;
        let history = self.venue.trade_history()?;
        let has_trades = self.venue.subscription().has(Channel::Trades);
        has_trades.then(|| {
            let transport = self.transport.clone();
            let filler = GapFiller::new(self.name.as_str(), history, transport, repositories);
            filler.of_running(self.signal.clone(), self.monitor.clone())
        })
    }

    /// Observes the connection, also after the end of the feed.
    #[must_use]
    pub fn monitor(&self) -> VenueMonitor {
        self.monitor.clone()
    }
}

#[async_trait]
impl Feed for VenueFeed {
    fn name(&self) -> &str {
        &self.name
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        let from_books = self.venue.has_quotes_in_books();
        let subscription = self.venue.subscription();
        let directory = self.directory.clone();
        let mut gaps = GapTracker::new(&self.name, directory.clone(), subscription, from_books);
        let has_books = subscription.book_depth().is_some() && output.accepts_books();
        let gap_queue = &self.gap_queue;
        let mut start = 0;
        if let Some(repositories) = &self.repositories {
            prepare(&self.name, &mut gaps, repositories).await;
            self.monitor.set_gaps(gaps.counts());
            start = gap_queue.push(gaps.take_changed(), SentRecords::default());
        }
        let mut sending = Sending {
            feed: &self.name,
            records: Records::new(directory, from_books).with_books(has_books),
            output,
            monitor: &self.monitor,
            progress: Progress::new(&gaps, start),
            gaps,
            gap_queue: self.repositories.is_some().then_some(gap_queue),
            recorder: self.recorder.as_mut(),
            lists: &mut self.lists,
            clock: self.transport.clock(),
            failure: None,
        };
        let writing = async {
            match &self.repositories {
                Some(repositories) => {
                    let signal = &self.signal;
                    gap_queue.write(&self.name, repositories, signal).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.transport.run(&mut self.venue, &mut sending) => {}
            () = writing => {}
        }
        match sending.failure {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    async fn finish(&mut self) {
        if let Some(repositories) = &self.repositories {
            let (queue, signal) = (&self.gap_queue, &self.signal);
            queue.finish(&self.name, repositories, signal).await;
        }
    }
}
