use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use rust_decimal::Decimal;
use tokio::sync::Notify;

use super::*;
use crate::domain::{PageLimit, SymbolId, TimeRange};
use crate::double::{Double, TickCalls};

const SYMBOL: SymbolId = SymbolId::new(1);

/// An endless list of one tick per second. Counts the fetched pages, and hangs or fails at a chosen page.
#[derive(Debug, Default)]
struct Endless {
    begun: AtomicUsize,
    dropped: Arc<Notify>,
    stuck_at: Option<usize>,
    fails_at: Option<usize>,
}

struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[async_trait]
impl TickCalls for Endless {
    async fn range(&self, query: &TickQuery) -> Result<Page<Tick, TickCursor>, RepositoryError> {
        let page = self.begun.fetch_add(1, Ordering::SeqCst);
        if self.stuck_at == Some(page) {
            let _guard = Dropped(Arc::clone(&self.dropped));
            pending::<()>().await;
        }
        if self.fails_at == Some(page) {
            return Err(shutting_down());
        }
        let last = query.after.map_or(-1, |after| after.tick_time.timestamp());
        let count = query.limit.get() as i64;
        let items: Vec<_> = (last + 1..=last + count)
            .map(|second| {
                let time = DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
                Tick::quote(SYMBOL, time, Decimal::ONE, Decimal::TWO)
            })
            .collect();
        Ok(Page {
            next: items.last().map(TickCursor::of),
            items,
        })
    }
}

fn query() -> TickQuery {
    TickQuery {
        limit: PageLimit::new(10).expect("in range"),
        ..TickQuery::new(SYMBOL, TimeRange::all())
    }
}

async fn next(
    stream: &mut (impl Stream<Item = Result<Tick, RepositoryError>> + Unpin),
) -> Option<Result<Tick, RepositoryError>> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

/// Lets every task run until it waits.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn stream_reads_nothing_before_it_is_polled() {
    let endless = Arc::new(Double(Endless::default()));
    let _stream = tick_stream(endless.clone(), query());
    settle().await;
    assert_eq!(endless.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn stream_reads_one_page_ahead() {
    let endless = Arc::new(Double(Endless::default()));
    let mut stream = tick_stream(endless.clone(), query());
    for number in 0..95_i64 {
        let tick = next(&mut stream).await.expect("endless").expect("a tick");
        assert_eq!(tick.tick_time.timestamp(), number);
        settle().await;
        let pages = number as usize / 10 + 2;
        assert_eq!(endless.begun.load(Ordering::SeqCst), pages, "at {number}");
    }
}

#[tokio::test]
async fn next_page_is_requested_with_the_first_item() {
    let endless = Arc::new(Double(Endless {
        stuck_at: Some(1),
        ..Endless::default()
    }));
    let mut stream = tick_stream(endless.clone(), query());
    assert!(next(&mut stream).await.is_some_and(|tick| tick.is_ok()));
    // on this single-threaded runtime no other task has had a turn
    assert_eq!(endless.begun.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn dropped_stream_cancels_its_pending_read() {
    let endless = Arc::new(Double(Endless {
        stuck_at: Some(1),
        ..Endless::default()
    }));
    let mut stream = tick_stream(endless.clone(), query());
    for _ in 0..10 {
        assert!(next(&mut stream).await.is_some_and(|tick| tick.is_ok()));
    }
    settle().await;
    assert_eq!(endless.begun.load(Ordering::SeqCst), 2);
    drop(stream);
    let patience = std::time::Duration::from_secs(10);
    tokio::time::timeout(patience, endless.dropped.notified())
        .await
        .expect("the call is dropped");
    assert_eq!(Arc::strong_count(&endless), 1);
}

#[tokio::test]
async fn error_follows_the_last_page_and_ends_the_stream() {
    let endless = Arc::new(Double(Endless {
        fails_at: Some(2),
        ..Endless::default()
    }));
    let mut stream = tick_stream(endless, query());
    for _ in 0..20 {
        assert!(next(&mut stream).await.is_some_and(|tick| tick.is_ok()));
    }
    assert!(next(&mut stream).await.is_some_and(|tick| tick.is_err()));
    for _ in 0..3 {
        assert!(next(&mut stream).await.is_none());
    }
}

#[tokio::test]
#[should_panic(expected = "defect of a backend")]
async fn panic_of_the_repository_reaches_the_reader() {
    let mut stream: PagedStream<Tick, TickCursor, _> =
        PagedStream::new(None, |_| Box::pin(async { panic!("defect of a backend") }));
    next(&mut stream).await;
}
