//! Stores the trades that a feed lost, from the history of its venue.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tickbook::domain::{
    FeedChannel, FeedGap, MarketEvent as _, PageLimit, SymbolId, TimeRange, Trade, earliest_time,
    latest_time,
};
use tickbook::repository::{FeedGapQuery, InsertReceipt, TradeQuery, TradeRepository};
use tickbook::{Repositories, RepositoryError};
use tokio::time::{Instant, sleep_until};

use super::fill_error::FillError;
use super::gap_signal::GapSignal;
use super::monitor::VenueMonitor;
use super::records::{Record, trade};
use super::walk::{Step, Walk};
use crate::event::FeedEvent;
use crate::history::TradeHistory;
use crate::protocol::Frame;
use crate::transport::{RateLimiter, Transport};

/// How far the time of a trade may differ between the stream and the history of a venue.
const TOLERANCE: TimeDelta = TimeDelta::seconds(1);

/// The largest number of characters of a stored failure.
const MAX_FAILURE: usize = 500;

/// Stores trades of the past.
#[async_trait]
pub trait FilledTrades: fmt::Debug + Send + Sync {
    /// Stores trades, which may be stored already.
    ///
    /// # Errors
    /// The errors of the repository.
    async fn store(&self, trades: Vec<Trade>) -> Result<InsertReceipt<Trade>, RepositoryError>;
}

/// Stores trades without telling any client.
#[derive(Debug)]
struct Quietly(Arc<dyn TradeRepository>);

#[async_trait]
impl FilledTrades for Quietly {
    async fn store(&self, trades: Vec<Trade>) -> Result<InsertReceipt<Trade>, RepositoryError> {
        self.0.insert_batch(&trades).await
    }
}

/// The trades of a gap that was filled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilledGap {
    /// Trades that were stored.
    pub stored: u64,
    /// Trades that were stored before.
    pub known: u64,
}

/// Fills the gaps of the trades of a feed.
///
/// A trade is known by the number of the venue, so that a trade of the feed is not stored again if the history gives
/// its time with other digits.
#[derive(Debug)]
pub struct GapFiller {
    feed: String,
    history: TradeHistory,
    transport: Transport,
    repositories: Repositories,
    target: Arc<dyn FilledTrades>,
    monitor: Option<VenueMonitor>,
    pub(super) signal: GapSignal,
    limiter: RateLimiter,
    /// The venue asked for a pause until then.
    paused_until: Option<Instant>,
}

impl GapFiller {
    /// Fills gaps of `feed` from `history`.
    #[must_use]
    pub fn new(
        feed: impl Into<String>,
        history: TradeHistory,
        transport: Transport,
        repositories: Repositories,
    ) -> Self {
        Self {
            feed: feed.into(),
            limiter: RateLimiter::new(&[history.rate()]),
            history,
            transport,
            target: Arc::new(Quietly(Arc::clone(&repositories.trades))),
            repositories,
            monitor: None,
            signal: GapSignal::default(),
            paused_until: None,
        }
    }

    /// Stores trades with `target`, which may also publish them.
    #[must_use]
    pub fn with_target(mut self, target: Arc<dyn FilledTrades>) -> Self {
        self.target = target;
        self
    }

    /// Waits for the gaps of a running feed, and counts filled gaps in the state of its connection.
    pub(super) fn of_running(mut self, signal: GapSignal, monitor: VenueMonitor) -> Self {
        (self.signal, self.monitor) = (signal, Some(monitor));
        self
    }

    /// The name of the feed.
    #[must_use]
    pub fn feed(&self) -> &str {
        &self.feed
    }

    /// The gaps of trades that have an end and are not filled, by ascending key.
    ///
    /// # Errors
    /// The errors of the repository.
    pub async fn unfilled(&self) -> Result<Vec<FeedGap>, RepositoryError> {
        let query = FeedGapQuery::default().feed(self.feed.as_str());
        let query = query.channel(FeedChannel::Trades).open(false).filled(false);
        let mut query = query.limit(PageLimit::MAX);
        let mut gaps = Vec::new();
        loop {
            let page = self.repositories.feeds.gaps(&query).await?;
            gaps.extend(page.items);
            match page.next {
                Some(next) => query = query.after(next),
                None => return Ok(gaps),
            }
        }
    }

    /// Stores the trades of a gap that are not stored yet, and then the result: that the gap is filled, or why it is
    /// not. A gap that is filled already has no effect. Trades of a gap that cannot be filled are stored as far as
    /// the history has them.
    ///
    /// # Errors
    /// The gap is not filled.
    pub async fn fill(&mut self, gap: &FeedGap) -> Result<FilledGap, FillError> {
        if gap.filled_at.is_some() {
            return Ok(FilledGap::default());
        }
        let result = self.fill_trades(gap).await;
        let noted = match &result {
            Ok(_) => gap.clone().filled_at(self.transport.clock().now()),
            // the gap itself is as it was
            Err(FillError::Lasts | FillError::Channel) => return result,
            Err(error) => {
                let text = error.to_string().replace('\0', "\u{fffd}");
                gap.clone()
                    .failure(text.chars().take(MAX_FAILURE).collect::<String>())
            }
        };
        let noted = self.repositories.feeds.put_gaps(&[noted]).await;
        let filled = result?;
        noted?;
        if let Some(monitor) = &self.monitor {
            monitor.filled(filled.stored);
        }
        Ok(filled)
    }

    async fn fill_trades(&mut self, gap: &FeedGap) -> Result<FilledGap, FillError> {
        if gap.channel != FeedChannel::Trades {
            return Err(FillError::Channel);
        }
        let next = gap.next.ok_or(FillError::Lasts)?;
        let end = next.sequence.ok_or(FillError::Unnumbered)?;
        let mut walk = Walk::new(&self.history, gap, end);
        let mut filled = FilledGap::default();
        if walk.is_empty() {
            return Ok(filled);
        }
        let symbol = self.name(gap.symbol_id).await?;
        loop {
            let page = self.page(&walk, &symbol, gap.symbol_id).await?;
            let (trades, step) = walk.take(page);
            self.store(gap.symbol_id, trades, &mut filled).await?;
            match step {
                Step::More => {}
                Step::Done => return Ok(filled),
                Step::Short { reason, is_final } => {
                    return Err(FillError::Short { reason, is_final });
                }
            }
        }
    }

    /// The name of a symbol at the venue.
    async fn name(&self, id: SymbolId) -> Result<String, FillError> {
        let names = self.repositories.symbols.feed_symbols(id).await?;
        let mut names = names.into_iter().filter(|name| name.feed == self.feed);
        let name = names.next().ok_or(FillError::Symbol(id))?;
        Ok(name.feed_key)
    }

    /// Waits until a request is allowed.
    async fn admission(&mut self) {
        if let Some(until) = self.paused_until.take() {
            sleep_until(until).await;
        }
        while !self.limiter.try_act(Instant::now()) {
            if let Some(next) = self.limiter.next() {
                sleep_until(next).await;
            }
        }
    }

    /// Fetches a page; the sequences of its trades are the numbers of the venue.
    async fn page(
        &mut self,
        walk: &Walk,
        symbol: &str,
        id: SymbolId,
    ) -> Result<Vec<Trade>, FillError> {
        self.admission().await;
        let request = self.history.request(&walk.page(symbol));
        let body = self.transport.request(&request).await;
        let address = request.address;
        let body = match body {
            Ok(body) => body,
            Err(source) => {
                let pause: Option<Duration> = source.retry_after();
                self.paused_until = pause.map(|pause| Instant::now() + pause);
                return Err(FillError::Fetch { address, source });
            }
        };
        let mut trades = Vec::new();
        let mut is_numbered = true;
        let body = Frame::new(&body, self.transport.clock().now());
        let read = self.history.read(symbol, body, &mut |event| {
            if let FeedEvent::Trade(event) = event {
                match trade(id, &event) {
                    Record::Trade(mut trade, Some(number)) => {
                        trade.number(number, None);
                        trades.push(trade);
                    }
                    _ => is_numbered = false,
                }
            }
        });
        read.map_err(|source| FillError::Unreadable { address, source })?;
        match is_numbered {
            true => Ok(trades),
            false => Err(FillError::Unnumbered),
        }
    }

    /// Stores the trades whose numbers are not stored.
    async fn store(
        &self,
        id: SymbolId,
        mut trades: Vec<Trade>,
        filled: &mut FilledGap,
    ) -> Result<(), FillError> {
        let times = trades.iter().map(|trade| trade.trade_time);
        let Some((first, last)) = times.clone().min().zip(times.max()) else {
            return Ok(());
        };
        let known = self.known(id, first, last).await?;
        let all = trades.len();
        trades.retain(|trade| !known.contains(&trade.sequence));
        filled.known += (all - trades.len()) as u64;
        if trades.is_empty() {
            return Ok(());
        }
        let receipt = self.target.store(trades).await?;
        filled.stored += receipt.inserted;
        filled.known += receipt.duplicates;
        let mut conflicts = receipt.conflicts.iter();
        let taken = conflicts.next().map(|conflict| {
            let (time, number) = (conflict.refused.trade_time, conflict.refused.sequence);
            format!("another trade {number} of {time} is stored")
        });
        let mut rejected = receipt.rejected.iter();
        let reason = taken.or_else(|| Some(rejected.next()?.reason.clone()));
        match reason {
            None => Ok(()),
            Some(reason) => Err(FillError::Refused {
                count: receipt.conflicts.len() + receipt.rejected.len(),
                reason,
            }),
        }
    }

    /// The sequences of the stored trades from `first` to `last`.
    async fn known(
        &self,
        id: SymbolId,
        first: DateTime<Utc>,
        last: DateTime<Utc>,
    ) -> Result<BTreeSet<i64>, RepositoryError> {
        let start = (first - TOLERANCE).max(earliest_time());
        let end = (last + TOLERANCE).min(latest_time());
        let Ok(range) = TimeRange::new(start, end) else {
            return Ok(BTreeSet::new());
        };
        let mut query = TradeQuery::new(id, range).limit(PageLimit::MAX);
        let mut known = BTreeSet::new();
        loop {
            let page = self.repositories.trades.range(&query).await?;
            known.extend(page.items.iter().map(|trade| trade.sequence));
            match page.next {
                Some(next) => query = query.after(next),
                None => return Ok(known),
            }
        }
    }
}
