//! The model: the begin and the end of all calls in one order, and their ticks.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tickbook::domain::{SymbolId, Tick, TickKey, TimeRange, Trade};
use tickbook::repository::InsertReceipt;
use tokio::sync::Notify;

use super::exact::Quote;

/// The symbol that has trades and no ticks. In the model a trade is a tick with a bid alone.
pub(crate) const TRADED: SymbolId = SymbolId::new(10);

pub(crate) const SYMBOLS: [SymbolId; 4] =
    [SymbolId::new(7), SymbolId::new(8), SymbolId::new(9), TRADED];

/// The receipt of a batch of ticks or of trades.
#[derive(Debug)]
pub(crate) struct Receipt {
    inserted: u64,
    duplicates: u64,
    conflicts: usize,
    rejected: HashSet<TickKey>,
}

impl From<InsertReceipt<Tick>> for Receipt {
    fn from(receipt: InsertReceipt<Tick>) -> Self {
        Self {
            inserted: receipt.inserted,
            duplicates: receipt.duplicates,
            conflicts: receipt.conflicts.len(),
            rejected: receipt.rejected.iter().map(|it| it.row.key()).collect(),
        }
    }
}

impl From<InsertReceipt<Trade>> for Receipt {
    fn from(receipt: InsertReceipt<Trade>) -> Self {
        let key = |trade: &Trade| {
            let tick = Tick::new(trade.symbol_id, trade.trade_time);
            tick.with_sequence(trade.sequence).key()
        };
        Self {
            inserted: receipt.inserted,
            duplicates: receipt.duplicates,
            conflicts: receipt.conflicts.len(),
            rejected: receipt.rejected.iter().map(|it| key(&it.row)).collect(),
        }
    }
}

/// One call of any task except readers.
#[derive(Debug)]
pub(crate) struct Op {
    pub(crate) kind: &'static str,
    /// The SQL text, or a command of tickbook as a comment.
    pub(crate) text: String,
    /// The writer of a batch.
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
    /// The number of the batch that contained the tick.
    pub(crate) batch: usize,
    /// The number of the delete that deleted the tick.
    pub(crate) deleted: Option<usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    next: u64,
    pub(crate) ops: Vec<Op>,
    /// By symbol, then by time in microseconds and sequence. A tick may have been stored, deleted and
    /// stored again.
    pub(crate) ticks: BTreeMap<i64, BTreeMap<(i64, i64), Vec<Entry>>>,
    /// Days of a symbol in which the state of some tick is unknown.
    pub(crate) unknown: BTreeSet<(i64, i64)>,
}

impl Inner {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The ticks of a range that were not deleted.
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

    /// Returns a number that is greater than the numbers of all earlier begins and ends, and less than
    /// all later ones.
    pub(crate) fn position(&self) -> u64 {
        self.lock().number()
    }

    /// Records the begin of a call; call it before the call.
    pub(crate) fn begin(&self, kind: &'static str, text: String) -> usize {
        self.lock().push(kind, text)
    }

    /// Records the end of a call; call it after the call.
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

    /// Records the ticks of a batch that are new. If a key is repeated, the first tick counts.
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

    /// Removes the ticks that the receipt rejected. Returns the problem of a wrong receipt. `again` means
    /// that an earlier attempt failed and may have been applied nevertheless.
    pub(crate) fn end_batch(&self, batch: usize, receipt: &Receipt, again: bool) -> Option<String> {
        let rejected = &receipt.rejected;
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
            receipt.conflicts,
            receipt.rejected.len(),
            if again { ", at a second attempt" } else { "" }
        );
        self.end(batch, outcome);
        wrong
    }

    /// Records the begin of a delete of a range, in the order of the calls of `writer`. No batch may be
    /// in progress.
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

    /// Records the result of the delete. `deleted` has the number of deleted ticks and the rest of the range; it
    /// is `None` if nothing was deleted; if that is uncertain, call [`forget`](Self::forget) as well. Returns the problem of a wrong receipt.
    pub(crate) fn end_delete(
        &self,
        op: usize,
        (symbol, range): (SymbolId, TimeRange),
        deleted: Option<(u64, Option<TimeRange>)>,
        outcome: String,
    ) -> Option<String> {
        let mut wrong = None;
        {
            let mut inner = self.lock();
            let behind = match deleted {
                Some((_, None)) => range.end(),
                Some((_, Some(rest))) => rest.start(),
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
            if let Some((deleted, _)) = deleted
                && deleted != count
            {
                wrong = Some(format!(
                    "{deleted} ticks are said to be deleted, {count} were stored"
                ));
            }
        }
        self.end(op, outcome);
        wrong
    }

    /// Marks the state of these days as unknown.
    pub(crate) fn forget(&self, symbol: SymbolId, range: TimeRange) {
        let day = |time: DateTime<Utc>| time.timestamp().div_euclid(86_400);
        let mut inner = self.lock();
        for day in day(range.start())..=day(range.end()) {
            inner.unknown.insert((symbol.get(), day));
        }
    }

    /// Waits until `is_met` is true; checks it again whenever a call has ended.
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

/// The position of a tick with `key`.
fn place(key: &TickKey) -> (i64, i64) {
    (key.tick_time.timestamp_micros(), key.sequence)
}
