//! Listings of any length as streams with bounded memory.

use std::fmt;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use chrono::{DateTime, Utc};
use futures_core::Stream;
use futures_core::future::BoxFuture;
use tokio::task::JoinHandle;

use super::{
    BookIntervalQuery, BookSnapshotQuery, BookUpdateQuery, CandleQuery, OhlcRepository,
    OrderBookRepository, TickQuery, TickRepository, TradeQuery, TradeRepository, filled_candles,
};
use crate::domain::book::{BookInterval, BookSnapshot, BookUpdate};
use crate::domain::{
    BookCursor, Candle, CandleCursor, CandleSlot, GapFill, Page, Tick, TickCursor, Trade,
    TradeCursor,
};
use crate::error::RepositoryError;

/// Streams all ticks of a listing, fetched page by page. `query.limit` is the page size; use
/// [`PageLimit::MAX`](crate::domain::PageLimit::MAX) for long ranges.
///
/// *Ordering* and *duplicates*: as [`TickRepository::range`]. *Memory*: at most two pages, the one being read
/// and the next one, which is fetched meanwhile. Nothing more is fetched until the reader continues.
/// *Cancelling*: dropping the stream ends it; a page that the database is sending still arrives within
/// milliseconds and is discarded. After an error the stream ends.
///
/// The stream must be polled within a tokio runtime.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::future::poll_fn;
/// use std::pin::Pin;
///
/// use futures_core::Stream as _;
/// use tickbook::Repositories;
/// use tickbook::domain::{SymbolId, Tick, TimeRange};
/// use tickbook::repository::{TickQuery, tick_stream};
///
/// let ticks = Repositories::in_memory().ticks;
/// let (symbol, time) = (SymbolId::new(7), "2024-05-01T12:00:00Z".parse()?);
/// ticks.insert_batch(&[Tick::quote(symbol, time, 1.into(), 2.into())]).await?;
/// let mut stream = tick_stream(ticks, TickQuery::new(symbol, TimeRange::all()));
/// let mut count = 0;
/// while let Some(tick) = poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await {
///     assert_eq!(tick?.tick_time, time);
///     count += 1;
/// }
/// assert_eq!(count, 1);
/// # Ok(())
/// # }
/// ```
pub fn tick_stream(
    ticks: Arc<dyn TickRepository>,
    query: TickQuery,
) -> impl Stream<Item = Result<Tick, RepositoryError>> + Send + Unpin + fmt::Debug {
    PagedStream::new(query.after, move |after: Option<TickCursor>| {
        let ticks = Arc::clone(&ticks);
        Box::pin(async move { ticks.range(&TickQuery { after, ..query }).await })
    })
}

/// Streams all trades of a listing, fetched page by page. Otherwise like [`tick_stream`].
pub fn trade_stream(
    trades: Arc<dyn TradeRepository>,
    query: TradeQuery,
) -> impl Stream<Item = Result<Trade, RepositoryError>> + Send + Unpin + fmt::Debug {
    PagedStream::new(query.after, move |after: Option<TradeCursor>| {
        let trades = Arc::clone(&trades);
        Box::pin(async move { trades.range(&TradeQuery { after, ..query }).await })
    })
}

/// Streams all snapshots of a listing, fetched page by page. Otherwise like [`tick_stream`].
pub fn book_snapshot_stream(
    books: Arc<dyn OrderBookRepository>,
    query: BookSnapshotQuery,
) -> impl Stream<Item = Result<BookSnapshot, RepositoryError>> + Send + Unpin + fmt::Debug {
    PagedStream::new(query.after, move |after: Option<BookCursor>| {
        let books = Arc::clone(&books);
        Box::pin(async move { books.snapshots(&BookSnapshotQuery { after, ..query }).await })
    })
}

/// Streams all updates of a listing, fetched page by page. Otherwise like [`tick_stream`].
pub fn book_update_stream(
    books: Arc<dyn OrderBookRepository>,
    query: BookUpdateQuery,
) -> impl Stream<Item = Result<BookUpdate, RepositoryError>> + Send + Unpin + fmt::Debug {
    PagedStream::new(query.after, move |after: Option<BookCursor>| {
        let books = Arc::clone(&books);
        Box::pin(async move { books.updates(&BookUpdateQuery { after, ..query }).await })
    })
}

/// Streams all intervals of a listing, fetched page by page.
pub(super) fn book_interval_stream(
    books: Arc<dyn OrderBookRepository>,
    query: BookIntervalQuery,
) -> impl Stream<Item = Result<BookInterval, RepositoryError>> + Send + Unpin + fmt::Debug {
    PagedStream::new(query.after, move |after: Option<DateTime<Utc>>| {
        let books = Arc::clone(&books);
        Box::pin(async move { books.intervals(&BookIntervalQuery { after, ..query }).await })
    })
}

/// Streams all candles of a listing, fetched page by page. Otherwise like [`tick_stream`].
pub fn candle_stream(
    candles: Arc<dyn OhlcRepository>,
    query: CandleQuery,
) -> impl Stream<Item = Result<Candle, RepositoryError>> + Send + Unpin + fmt::Debug {
    PagedStream::new(query.after, move |after: Option<CandleCursor>| {
        let candles = Arc::clone(&candles);
        Box::pin(async move { candles.candles(&CandleQuery { after, ..query }).await })
    })
}

/// Streams all buckets of a gap-filled listing, fetched page by page. Otherwise like [`tick_stream`] and
/// [`filled_candles`]. `now` applies to the whole listing.
pub fn filled_candle_stream(
    candles: Arc<dyn OhlcRepository>,
    query: CandleQuery,
    fill: GapFill,
    now: DateTime<Utc>,
) -> impl Stream<Item = Result<CandleSlot, RepositoryError>> + Send + Unpin + fmt::Debug {
    PagedStream::new(query.after, move |after: Option<CandleCursor>| {
        let candles = Arc::clone(&candles);
        let query = CandleQuery { after, ..query };
        Box::pin(async move { filled_candles(&*candles, &query, fill, now).await })
    })
}

type Fetched<T, C> = Result<Page<T, C>, RepositoryError>;

struct PagedStream<T, C, F> {
    items: vec::IntoIter<T>,
    fetch: F,
    next: Next<T, C>,
}

/// The source of the items after the current page.
enum Next<T, C> {
    /// Not fetched yet: the stream has not been polled.
    Start(Option<C>),
    /// Fetched by a separate task, so that the page arrives, and its connection is returned, while the reader
    /// processes the previous page.
    Fetching(Fetching<T, C>),
    /// Returned immediately by a store that did not have to wait.
    Fetched(Fetched<T, C>),
    Nothing,
}

/// A task that is aborted on drop.
struct Fetching<T, C>(JoinHandle<Fetched<T, C>>);

impl<T, C> Drop for Fetching<T, C> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T, C, F> PagedStream<T, C, F>
where
    T: Send + 'static,
    C: Send + 'static,
    F: Fn(Option<C>) -> BoxFuture<'static, Fetched<T, C>>,
{
    fn new(after: Option<C>, fetch: F) -> Self {
        Self {
            items: Vec::new().into_iter(),
            fetch,
            next: Next::Start(after),
        }
    }

    fn fetch(&self, after: Option<C>, context: &mut Context<'_>) -> Next<T, C> {
        let mut page = (self.fetch)(after);
        // poll the read before the reader continues: a spawned task would start only when the reader,
        // which may use the same thread, waits
        match page.as_mut().poll(context) {
            Poll::Ready(fetched) => Next::Fetched(fetched),
            Poll::Pending => Next::Fetching(Fetching(tokio::spawn(page))),
        }
    }
}

impl<T, C, F> Stream for PagedStream<T, C, F>
where
    T: Send + Unpin + 'static,
    C: Send + Unpin + 'static,
    F: Fn(Option<C>) -> BoxFuture<'static, Fetched<T, C>> + Unpin,
{
    type Item = Result<T, RepositoryError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(item) = this.items.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            let fetched = match std::mem::replace(&mut this.next, Next::Nothing) {
                Next::Start(after) => {
                    this.next = this.fetch(after, context);
                    continue;
                }
                Next::Fetching(mut fetching) => match Pin::new(&mut fetching.0).poll(context) {
                    Poll::Ready(Ok(fetched)) => fetched,
                    Poll::Ready(Err(error)) if error.is_panic() => {
                        std::panic::resume_unwind(error.into_panic())
                    }
                    Poll::Ready(Err(_)) => Err(shutting_down()),
                    Poll::Pending => {
                        this.next = Next::Fetching(fetching);
                        return Poll::Pending;
                    }
                },
                Next::Fetched(fetched) => fetched,
                Next::Nothing => return Poll::Ready(None),
            };
            let page = match fetched {
                Ok(page) => page,
                Err(error) => return Poll::Ready(Some(Err(error))),
            };
            this.items = page.items.into_iter();
            if let Some(after) = page.next {
                this.next = this.fetch(Some(after), context);
            }
        }
    }
}

impl<T, C, F> fmt::Debug for PagedStream<T, C, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PagedStream")
            .field("at_hand", &self.items.as_slice().len())
            .field("ended", &matches!(self.next, Next::Nothing))
            .finish_non_exhaustive()
    }
}

fn shutting_down() -> RepositoryError {
    RepositoryError::Internal {
        operation: "stream",
        reason: "the runtime is shutting down".to_owned(),
    }
}

#[cfg(test)]
mod tests;
