//! The model's knowledge of the buckets of one page.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use tickbook::domain::SortOrder;
use tickbook::repository::CandleQuery;

use super::exact::{Folded, Quote};
use super::model::{Inner, Model};

/// A query, and the begin and end of its call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) query: CandleQuery,
    /// The number of the model, and the time.
    pub(crate) begin: (u64, DateTime<Utc>),
    pub(crate) end: (u64, DateTime<Utc>),
}

/// The ticks of one bucket, in order.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) open_time: i64,
    ticks: Vec<Known>,
}

/// A tick that is stored, unless the batch that contains it or the delete that deleted it is undecided.
#[derive(Debug)]
struct Known {
    quote: Quote,
    batch: Option<usize>,
    deleted: Option<usize>,
}

impl Known {
    fn is_certain(&self) -> bool {
        self.batch.is_none() && self.deleted.is_none()
    }
}

impl Bucket {
    /// The candle if exactly the calls `applied` of the undecided calls have been applied.
    pub(crate) fn fold(&self, call: &Call, applied: &BTreeSet<usize>) -> Option<Folded> {
        let is_in = |tick: &&Known| {
            tick.batch.is_none_or(|batch| applied.contains(&batch))
                && tick.deleted.is_none_or(|delete| !applied.contains(&delete))
        };
        let known = self.ticks.iter().filter(is_in).map(|tick| tick.quote);
        Folded::of(self.open_time, call.query.basis, known)
    }
}

#[derive(Debug)]
pub(crate) struct View {
    /// The buckets in the order of the query, not limited to one page.
    pub(crate) buckets: Vec<Bucket>,
    /// By writer, the batches and deletes that may or may not have been applied, in order.
    pub(crate) undecided: Vec<Vec<usize>>,
    /// The deletes among them.
    pub(crate) deletes: BTreeSet<usize>,
}

impl View {
    /// The buckets that `call` may have read if its time was `now`. Waits until all calls that were in
    /// progress have ended. `None` if their result is unknown.
    pub(crate) async fn of(model: &Model, call: &Call, now: DateTime<Utc>) -> Option<Self> {
        let mut view = None;
        model
            .wait_until(|inner| match gather(inner, call, now) {
                Gathered::Waits => false,
                Gathered::Unknown => true,
                Gathered::Known(known) => {
                    view = Some(known);
                    true
                }
            })
            .await;
        view
    }
}

enum Gathered {
    Known(View),
    Waits,
    Unknown,
}

fn gather(inner: &Inner, call: &Call, now: DateTime<Utc>) -> Gathered {
    let query = &call.query;
    let symbol = query.symbol_id.get();
    let width = query.timeframe.duration().num_microseconds().expect("fits");
    let (from, to) = opens(query, width, now);
    let mut view = View {
        buckets: Vec::new(),
        undecided: Vec::new(),
        deletes: BTreeSet::new(),
    };
    let Some(of_symbol) = inner.ticks.get(&symbol).filter(|_| from < to) else {
        return Gathered::Known(view);
    };
    let ticks = of_symbol.range((from, i64::MIN)..(to, i64::MIN));
    let ticks: Box<dyn Iterator<Item = _>> = match query.order {
        SortOrder::Ascending => Box::new(ticks),
        SortOrder::Descending => Box::new(ticks.rev()),
    };
    let mut undecided: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let mut certain = 0;
    let entries = ticks.flat_map(|(key, entries)| entries.iter().map(move |entry| (key, entry)));
    // a bucket without such ticks has no candle and does not count towards the limit
    let entries = entries.filter(|(_, entry)| entry.quote.price(query.basis).is_some());
    for ((time, _), entry) in entries {
        let open_time = time - time.rem_euclid(width);
        if view.buckets.last().map(|it| it.open_time) != Some(open_time) {
            if let Some(last) = view.buckets.last()
                && last.ticks.iter().any(Known::is_certain)
            {
                certain += 1;
            }
            if certain > query.limit.get() {
                break;
            }
            let days = open_time.div_euclid(86_400_000_000);
            if inner.unknown.contains(&(symbol, days)) {
                return Gathered::Unknown;
            }
            let ticks = Vec::new();
            view.buckets.push(Bucket { open_time, ticks });
        }
        let batch = match state(inner, call, entry.batch) {
            State::Done => None,
            State::Later => continue,
            State::Waits => return Gathered::Waits,
            State::Undecided(writer) => {
                undecided.entry(writer).or_default().insert(entry.batch);
                Some(entry.batch)
            }
        };
        let deleted = match entry.deleted.map(|op| (op, state(inner, call, op))) {
            None | Some((_, State::Later)) => None,
            Some((_, State::Done)) => continue,
            Some((_, State::Waits)) => return Gathered::Waits,
            Some((op, State::Undecided(writer))) => {
                undecided.entry(writer).or_default().insert(op);
                view.deletes.insert(op);
                Some(op)
            }
        };
        if let Some(last) = view.buckets.last_mut() {
            last.ticks.push(Known {
                quote: entry.quote,
                batch,
                deleted,
            });
        }
    }
    if query.order == SortOrder::Descending {
        for bucket in &mut view.buckets {
            bucket.ticks.reverse();
        }
    }
    view.undecided = undecided
        .into_values()
        .map(|batches| batches.into_iter().collect())
        .collect();
    Gathered::Known(view)
}

/// The state of a writer's call at the time of a read.
enum State {
    Done,
    Later,
    Waits,
    /// The call may or may not have been applied; the number of its writer.
    Undecided(usize),
}

fn state(inner: &Inner, call: &Call, op: usize) -> State {
    let op = &inner.ops[op];
    match op.end {
        Some(end) if end < call.begin.0 => State::Done,
        _ if op.begin > call.end.0 => State::Later,
        None => State::Waits,
        Some(_) => State::Undecided(op.writer.unwrap_or_default()),
    }
}

/// The requested open times: the first, inclusive, and the end, exclusive, in microseconds.
fn opens(query: &CandleQuery, width: i64, now: DateTime<Utc>) -> (i64, i64) {
    let next_start = |time: i64| time + (width - time.rem_euclid(width)) % width;
    let mut from = query.range.start().timestamp_micros();
    let mut to = query.range.end().timestamp_micros();
    if query.closed_only {
        let now = now.timestamp_micros();
        to = to.min(now - now.rem_euclid(width));
    }
    if let Some(after) = query.after {
        let after = after.open_time.timestamp_micros();
        match query.order {
            SortOrder::Ascending => from = from.max(after + 1),
            SortOrder::Descending => to = to.min(after),
        }
    }
    (next_start(from), next_start(to))
}
