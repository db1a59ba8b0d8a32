//! The sink that stores the ticks of a fan-out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use metrics::counter;
use tokio::time::Instant;

use crate::domain::SymbolId;
use crate::ingest::fanout::{Event, Gap, Published, RecordSink, SinkEnded};
use crate::ingest::{PushError, TickPersister};
use crate::metrics::ingest::FEED_TICKS_REFUSED;

/// The interval of log lines about refused ticks.
const REPORT: Duration = Duration::from_secs(10);

/// Gives every tick to the persister.
///
/// If the persister has no space, this waits, and the feed waits with it. With
/// [`OnFull::Error`](crate::ingest::OnFull::Error) it refuses the tick instead and does not store it: refused
/// ticks are counted, also as `feed_ticks_refused_total`, and the log has their ranges, so that they can be
/// requested again from the venue. Attach it with
/// [`QueueOptions::storing`](crate::ingest::fanout::QueueOptions::storing).
#[derive(Debug)]
pub struct StoreSink {
    persister: TickPersister,
    refused: RefusedTicks,
    /// The refused ticks of each symbol since the last log line.
    gaps: BTreeMap<SymbolId, Gap>,
    /// The earliest time of the next log line.
    report_at: Instant,
}

/// The number of ticks that a [`StoreSink`] refused. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct RefusedTicks(Arc<AtomicU64>);

impl RefusedTicks {
    /// The number of refused ticks so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl StoreSink {
    /// Creates a sink that stores through `persister`.
    #[must_use]
    pub fn new(persister: TickPersister) -> Self {
        // initialize to 0, so that rate() sees the first increment
        counter!(FEED_TICKS_REFUSED).increment(0);
        Self {
            persister,
            refused: RefusedTicks::default(),
            gaps: BTreeMap::new(),
            report_at: Instant::now(),
        }
    }

    /// The number of refused ticks, also after the sink has ended.
    #[must_use]
    pub fn refused(&self) -> RefusedTicks {
        self.refused.clone()
    }

    async fn push(&mut self, published: Published) -> Result<(), SinkEnded> {
        match self.persister.push(published.record.clone()).await {
            Ok(()) => {
                self.report();
                Ok(())
            }
            Err(PushError::SpoolFull) => {
                self.refuse(&published);
                Ok(())
            }
            Err(_) => Err(SinkEnded),
        }
    }

    fn refuse(&mut self, published: &Published) {
        self.refused.0.fetch_add(1, Ordering::Relaxed);
        counter!(FEED_TICKS_REFUSED).increment(1);
        let gap = Gap::of(published);
        self.gaps
            .entry(gap.symbol_id)
            .and_modify(|whole| *whole = whole.joined(gap))
            .or_insert(gap);
        self.report();
    }

    fn report(&mut self) {
        if !self.gaps.is_empty() && Instant::now() >= self.report_at {
            self.report_at = Instant::now() + REPORT;
            self.report_now();
        }
    }

    fn report_now(&mut self) {
        for gap in std::mem::take(&mut self.gaps).into_values() {
            let (symbol_id, refused) = (gap.symbol_id, gap.missed);
            let (from, to) = (gap.from.to_rfc3339(), gap.to.to_rfc3339());
            tracing::error!(
                %symbol_id, refused, from, to,
                "ticks are not stored: the spool is full or fails, and spool.on_full is \"error\""
            );
        }
    }
}

impl Drop for StoreSink {
    fn drop(&mut self) {
        self.report_now();
    }
}

#[async_trait]
impl RecordSink for StoreSink {
    async fn deliver(&mut self, events: Vec<Event>) -> Result<(), SinkEnded> {
        for event in events {
            match event {
                Event::Record(published) => self.push(published).await?,
                // the queue has the policy `Block`, so it has no gaps
                Event::Gap(gap) => tracing::error!(?gap, "ticks did not reach the store"),
            }
        }
        Ok(())
    }
}
