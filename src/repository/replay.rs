//! Replay of a stored order book: snapshots, updates and the ends of its validity in one stream.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use chrono::{DateTime, TimeDelta, Utc};
use futures_core::Stream;

use super::stream::{book_interval_stream, book_snapshot_stream, book_update_stream};
use super::{BookIntervalQuery, BookSnapshotQuery, BookUpdateQuery, OrderBookRepository};
use crate::domain::book::{BookInterval, BookSnapshot, BookUpdate, IntervalEnd};
use crate::domain::{PageLimit, SymbolId, TimeRange};
use crate::error::RepositoryError;

/// An event of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BookReplayEvent {
    /// The next update of the book.
    Update(BookUpdate),
    /// The book after all updates before this event.
    Snapshot(BookSnapshot),
    /// The book is not known from here on, until the next snapshot.
    Ended(IntervalEnd),
}

impl BookReplayEvent {
    /// The time of the event.
    #[must_use]
    pub fn time(&self) -> DateTime<Utc> {
        match self {
            Self::Update(update) => update.update_time,
            Self::Snapshot(snapshot) => snapshot.snapshot_time,
            Self::Ended(end) => end.at,
        }
    }

    /// The place in the order of the venue. A snapshot includes the update with its key, and the end of an interval
    /// comes after its last row.
    fn place(&self) -> (DateTime<Utc>, i64, u8) {
        match self {
            Self::Update(update) => (update.update_time, update.sequence, 0),
            Self::Snapshot(snapshot) => (snapshot.snapshot_time, snapshot.sequence, 1),
            Self::Ended(end) => (end.at, i64::MAX, 2),
        }
    }
}

/// Streams the stored book of a symbol in the order of the venue: by time, then sequence.
///
/// A reader that loads each snapshot, applies each update after it, and discards the book at each
/// [`Ended`](BookReplayEvent::Ended), has the book of each instant of the range, from the first snapshot on. Updates
/// before the first snapshot of the range are included; they belong to a book that begins before the range.
///
/// *Memory*: two pages of each table. *Cancelling* and errors: as [`tick_stream`](super::tick_stream). The
/// stream must be polled within a tokio runtime.
pub fn book_replay(
    books: Arc<dyn OrderBookRepository>,
    symbol_id: SymbolId,
    range: TimeRange,
) -> impl Stream<Item = Result<BookReplayEvent, RepositoryError>> + Send + Unpin + fmt::Debug {
    let of_snapshots = BookSnapshotQuery::new(symbol_id, range);
    let of_updates = BookUpdateQuery::new(symbol_id, range).limit(PageLimit::MAX);
    // an interval that ends at the start of the range has no instant in it
    let since = range.start() - TimeDelta::microseconds(1);
    let with_ends = TimeRange::new(since, range.end()).unwrap_or(range);
    let of_intervals = BookIntervalQuery::new(symbol_id, with_ends);
    Replay {
        updates: Source::new(book_update_stream(Arc::clone(&books), of_updates)),
        snapshots: Source::new(book_snapshot_stream(Arc::clone(&books), of_snapshots)),
        intervals: Source::new(book_interval_stream(books, of_intervals)),
        range,
        is_over: false,
    }
}

/// A stream with its next item.
struct Source<S, T> {
    stream: S,
    next: Option<T>,
    is_over: bool,
}

impl<S, T> Source<S, T>
where
    S: Stream<Item = Result<T, RepositoryError>> + Unpin,
{
    fn new(stream: S) -> Self {
        Self {
            stream,
            next: None,
            is_over: false,
        }
    }

    /// Reads the next item, unless there is one. Returns whether it is known.
    fn poll_fill(
        &mut self,
        context: &mut Context<'_>,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Poll<Result<(), RepositoryError>> {
        while self.next.is_none() && !self.is_over {
            match Pin::new(&mut self.stream).poll_next(context) {
                Poll::Ready(Some(Ok(item))) => self.next = Some(item).filter(&is_wanted),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => self.is_over = true,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

struct Replay<U, S, I> {
    updates: Source<U, BookUpdate>,
    snapshots: Source<S, BookSnapshot>,
    intervals: Source<I, BookInterval>,
    range: TimeRange,
    is_over: bool,
}

impl<U, S, I> Replay<U, S, I>
where
    U: Stream<Item = Result<BookUpdate, RepositoryError>> + Unpin,
    S: Stream<Item = Result<BookSnapshot, RepositoryError>> + Unpin,
    I: Stream<Item = Result<BookInterval, RepositoryError>> + Unpin,
{
    /// Reads the next item of each table.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<(), RepositoryError>> {
        let range = self.range;
        let ends_inside =
            |interval: &BookInterval| interval.end.is_some_and(|end| range.contains(end.at));
        let updates = self.updates.poll_fill(context, |_| true);
        let snapshots = self.snapshots.poll_fill(context, |_| true);
        let intervals = self.intervals.poll_fill(context, ends_inside);
        for filled in [updates, snapshots, intervals] {
            match filled {
                Poll::Ready(Ok(())) => {}
                other => return other,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes the first of the next items.
    fn take_first(&mut self) -> Option<BookReplayEvent> {
        let update = self.updates.next.take().map(BookReplayEvent::Update);
        let snapshot = self.snapshots.next.take().map(BookReplayEvent::Snapshot);
        let end = self.intervals.next.take().and_then(|interval| {
            let ended = interval.end.map(BookReplayEvent::Ended);
            ended.map(|ended| (ended, interval))
        });
        let interval = end.as_ref().map(|(_, interval)| *interval);
        let mut events: Vec<_> = [update, snapshot, end.map(|(ended, _)| ended)]
            .into_iter()
            .flatten()
            .collect();
        events.sort_by_key(BookReplayEvent::place);
        let mut events = events.into_iter();
        let first = events.next();
        for event in events {
            match event {
                BookReplayEvent::Update(update) => self.updates.next = Some(update),
                BookReplayEvent::Snapshot(snapshot) => self.snapshots.next = Some(snapshot),
                BookReplayEvent::Ended(_) => self.intervals.next = interval,
            }
        }
        first
    }
}

impl<U, S, I> Stream for Replay<U, S, I>
where
    U: Stream<Item = Result<BookUpdate, RepositoryError>> + Unpin,
    S: Stream<Item = Result<BookSnapshot, RepositoryError>> + Unpin,
    I: Stream<Item = Result<BookInterval, RepositoryError>> + Unpin,
{
    type Item = Result<BookReplayEvent, RepositoryError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        match this.poll_fill(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => {
                this.is_over = true;
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(Ok(())) => {
                let first = this.take_first();
                this.is_over = first.is_none();
                Poll::Ready(first.map(Ok))
            }
        }
    }
}

impl<U, S, I> fmt::Debug for Replay<U, S, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("range", &self.range)
            .field("ended", &self.is_over)
            .finish_non_exhaustive()
    }
}
