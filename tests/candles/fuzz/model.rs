//! What was begun and what was acknowledged, in one order; and the ticks of it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tickbook::domain::{SymbolId, Tick, TickKey, TimeRange};
use tickbook::repository::{DeletedTicks, InsertReceipt};
use tokio::sync::Notify;

use super::exact::Quote;

pub(crate) const SYMBOLS: [SymbolId; 3] = [SymbolId::new(7), SymbolId::new(8), SymbolId::new(9)];

/// One call, of a writer or of anybody else but readers.
#[derive(Debug)]
pub(crate) struct Op {
    pub(crate) kind: &'static str,
    /// SQL, or a command of the product as a comment.
    pub(crate) text: String,
    /// Which writer's batch it is.
    pub(crate) writer: Option<usize>,
    pub(crate) ticks: Vec<Tick>,
    pub(crate) begin: u64,
    pub(crate) began_at: DateTime<Utc>,
    pub(crate) end: Option<u64>,
    pub(crate) ended_at: Option<DateTime<Utc>>,
    pub(crate) outcome: String,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) quote: Quote,
    /// The number of the batch that brought it.
    pub(crate) batch: usize,
    /// The number of what deleted it.
    pub(crate) deleted: Option<usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    next: u64,
    pub(crate) ops: Vec<Op>,
    /// By symbol, then by time in microseconds and sequence: each was stored, deleted, stored again.
    pub(crate) ticks: BTreeMap<i64, BTreeMap<(i64, i64), Vec<Entry>>>,
    /// Days of a symbol of which it is not known what became of a tick.
    pub(crate) unknown: BTreeSet<(i64, i64)>,
}

impl Inner {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The ticks of a range that nothing deleted.
    fn stored(&mut self, symbol: SymbolId, range: TimeRange) -> impl Iterator<Item = &mut Entry> {
        let (from, to) = (
            range.start().timestamp_micros(),
            range.end().timestamp_micros(),
        );
        let of_symbol = self.ticks.entry(symbol.get()).or_default();
        let inside = of_symbol.range_mut((from, i64::MIN)..(to, i64::MIN));
        let last = inside.filter_map(|(_, entries)| entries.last_mut());
        last.filter(|entry| entry.deleted.is_none())
    }

    fn push(&mut self, kind: &'static str, text: String) -> usize {
        let begin = self.number();
        self.ops.push(Op {
            kind,
            text,
            writer: None,
            ticks: Vec::new(),
            begin,
            began_at: suite::now(),
            end: None,
            ended_at: None,
            outcome: String::new(),
        });
        self.ops.len() - 1
    }
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    inner: Mutex<Inner>,
    ended: Notify,
}

impl Model {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number between those of what was begun or ended before and after it.
    pub(crate) fn position(&self) -> u64 {
        self.lock().number()
    }

    /// To be called before what it is about.
    pub(crate) fn begin(&self, kind: &'static str, text: String) -> usize {
        self.lock().push(kind, text)
    }

    /// To be called after it.
    pub(crate) fn end(&self, op: usize, outcome: String) {
        {
            let mut inner = self.lock();
            let end = inner.number();
            let op = &mut inner.ops[op];
            op.end = Some(end);
            op.ended_at = Some(suite::now());
            op.outcome = outcome;
        }
        self.ended.notify_waiters();
    }

    /// Registers the ticks that are not known yet; of one key the first counts.
    pub(crate) fn begin_batch(&self, kind: &'static str, writer: usize, ticks: &[Tick]) -> usize {
        let mut inner = self.lock();
        let op = inner.push(kind, String::new());
        for tick in ticks {
            let of_symbol = inner.ticks.entry(tick.symbol_id.get()).or_default();
            let of_key = of_symbol.entry(place(&tick.key())).or_default();
            if of_key.last().is_none_or(|last| last.deleted.is_some()) {
                of_key.push(Entry {
                    quote: Quote::of(tick),
                    batch: op,
                    deleted: None,
                });
            }
        }
        inner.ops[op].writer = Some(writer);
        inner.ops[op].ticks = ticks.to_vec();
        op
    }

    /// Takes out what the receipt rejected. Returns what is wrong with the receipt. `again`: an
    /// attempt before this one failed, and may have been applied nevertheless.
    pub(crate) fn end_batch(
        &self,
        batch: usize,
        receipt: &InsertReceipt,
        again: bool,
    ) -> Option<String> {
        let rejected: HashSet<_> = receipt.rejected.iter().map(|it| it.tick.key()).collect();
        let mut wrong = None;
        {
            let mut inner = self.lock();
            let keys: HashSet<_> = inner.ops[batch].ticks.iter().map(Tick::key).collect();
            let mut new = 0;
            for key in keys {
                let of_symbol = inner.ticks.entry(key.symbol_id.get()).or_default();
                let of_key = of_symbol.entry(place(&key)).or_default();
                let is_new = of_key.last().map(|it| it.batch) == Some(batch);
                if is_new && rejected.contains(&key) {
                    of_key.pop();
                    if again {
                        let day = key.tick_time.timestamp().div_euclid(86_400);
                        inner.unknown.insert((key.symbol_id.get(), day));
                    }
                } else if is_new {
                    new += 1;
                }
            }
            if !again && new != receipt.inserted {
                wrong = Some(format!(
                    "{} ticks are said to be inserted, {new} are new",
                    receipt.inserted
                ));
            }
        }
        let outcome = format!(
            "inserted {}, duplicates {}, conflicts {}, rejected {}{}",
            receipt.inserted,
            receipt.duplicates,
            receipt.conflicts.len(),
            receipt.rejected.len(),
            if again { ", at a second attempt" } else { "" }
        );
        self.end(batch, outcome);
        wrong
    }

    /// Registers that ticks of a range are deleted, in the order of the calls of `writer`. No batch may be
    /// under way.
    pub(crate) fn begin_delete(&self, writer: usize, symbol: SymbolId, range: TimeRange) -> usize {
        let mut inner = self.lock();
        let (from, to) = (range.start().to_rfc3339(), range.end().to_rfc3339());
        let text = format!("-- tickbook delete ticks --symbol {symbol} --from {from} --to {to}");
        let op = inner.push("ticks deleted", text);
        inner.ops[op].writer = Some(writer);
        for entry in inner.stored(symbol, range) {
            entry.deleted = Some(op);
        }
        op
    }

    /// Registers what became of it: nothing by `None`, unless it may have been done. Returns what is
    /// wrong with the receipt.
    pub(crate) fn end_delete(
        &self,
        op: usize,
        (symbol, range): (SymbolId, TimeRange),
        deleted: Option<&DeletedTicks>,
        outcome: String,
    ) -> Option<String> {
        let mut wrong = None;
        {
            let mut inner = self.lock();
            let behind = match deleted {
                Some(DeletedTicks { rest: None, .. }) => range.end(),
                Some(DeletedTicks {
                    rest: Some(rest), ..
                }) => rest.start(),
                None => range.start(),
            };
            let behind = behind.timestamp_micros();
            let mut count = 0;
            let of_symbol = inner.ticks.entry(symbol.get()).or_default();
            for ((time, _), entries) in of_symbol.iter_mut() {
                for entry in entries.iter_mut().filter(|it| it.deleted == Some(op)) {
                    if *time >= behind {
                        entry.deleted = None;
                    } else {
                        count += 1;
                    }
                }
            }
            if let Some(deleted) = deleted
                && deleted.ticks != count
            {
                wrong = Some(format!(
                    "{} ticks are said to be deleted, {count} were stored",
                    deleted.ticks
                ));
            }
        }
        self.end(op, outcome);
        wrong
    }

    /// Takes what is stored of these days for unknown.
    pub(crate) fn forget(&self, symbol: SymbolId, range: TimeRange) {
        let day = |time: DateTime<Utc>| time.timestamp().div_euclid(86_400);
        let mut inner = self.lock();
        for day in day(range.start())..=day(range.end()) {
            inner.unknown.insert((symbol.get(), day));
        }
    }

    /// Waits until something more has ended than `is_met` was last asked about.
    pub(crate) async fn wait_until(&self, mut is_met: impl FnMut(&Inner) -> bool) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if is_met(&self.lock()) {
                return;
            }
            ended.await;
        }
    }
}

/// Where a tick of `key` stands.
fn place(key: &TickKey) -> (i64, i64) {
    (key.tick_time.timestamp_micros(), key.sequence)
}
