//! The sink that stores the ticks of a fan-out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use metrics::{Counter, counter};
use tokio::time::Instant;

use crate::domain::{SymbolId, Tick};
use crate::ingest::fanout::{Event, Gap, Published, RecordSink, SinkEnded};
use crate::ingest::record::Record;
use crate::ingest::{Persister, PushError};
use crate::metrics::ingest::feed_refused;

/// The interval of log lines about refused ticks.
const REPORT: Duration = Duration::from_secs(10);

/// Gives every record to the persister.
///
/// If the persister has no space, this waits, and the feed waits with it. With
/// [`OnFull::Error`](crate::ingest::OnFull::Error) it refuses the record instead and does not store it:
/// refused records are counted, also as `feed_ticks_refused_total` or `feed_trades_refused_total`, and the log has their ranges, so that they can be
/// requested again from the venue. Attach it with
/// [`QueueOptions::storing`](crate::ingest::fanout::QueueOptions::storing).
#[derive(Debug)]
pub struct StoreSink<R: Record = Tick> {
    persister: Persister<R>,
    refused: RefusedRecords,
    refused_meter: Counter,
    /// The refused records of each symbol since the last log line.
    gaps: BTreeMap<SymbolId, Gap>,
    /// The earliest time of the next log line.
    report_at: Instant,
}

/// The number of records that a [`StoreSink`] refused. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct RefusedRecords(Arc<AtomicU64>);

impl RefusedRecords {
    /// The number of refused records so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl<R: Record> StoreSink<R> {
    /// Creates a sink that stores through `persister`.
    #[must_use]
    pub fn new(persister: Persister<R>) -> Self {
        let refused_meter = counter!(feed_refused(R::NAMES));
        // initialize to 0, so that rate() sees the first increment
        refused_meter.increment(0);
        Self {
            persister,
            refused: RefusedRecords::default(),
            refused_meter,
            gaps: BTreeMap::new(),
            report_at: Instant::now(),
        }
    }

    /// The number of refused records, also after the sink has ended.
    #[must_use]
    pub fn refused(&self) -> RefusedRecords {
        self.refused.clone()
    }

    async fn push(&mut self, published: Published<R>) -> Result<(), SinkEnded> {
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

    fn refuse(&mut self, published: &Published<R>) {
        self.refused.0.fetch_add(1, Ordering::Relaxed);
        self.refused_meter.increment(1);
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
            let records = R::NAMES;
            tracing::error!(
                records, %symbol_id, refused, from, to,
                "records are not stored: the spool is full or fails, and spool.on_full is \"error\""
            );
        }
    }
}

impl<R: Record> Drop for StoreSink<R> {
    fn drop(&mut self) {
        self.report_now();
    }
}

#[async_trait]
impl<R: Record> RecordSink<R> for StoreSink<R> {
    async fn deliver(&mut self, events: Vec<Event<R>>) -> Result<(), SinkEnded> {
        for event in events {
            match event {
                Event::Record(published) => self.push(published).await?,
                // the queue has the policy `Block`, so it has no gaps
                Event::Gap(gap) => tracing::error!(?gap, "records did not reach the store"),
            }
        }
        Ok(())
    }
}
