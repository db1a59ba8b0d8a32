//! Checks that a page equals the candles of the ticks of one instant.

use std::collections::BTreeSet;

use tickbook::domain::{Candle, CandleCursor, Page, SortOrder};

use super::exact::{Folded, time_of};
use super::view::{Call, View};

/// The largest number of combinations of undecided batches that are tried one by one.
const MAX_CANDLES: usize = 4_096;

/// The kind of a difference that only the bounds show.
const BEYOND: &str = "candles are out of bounds";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The page equals the candles of one combination.
    Right,
    /// Each candle is within the bounds of all combinations, which are too many to try.
    WithinBounds,
    /// Each candle matches some combination, but no combination matches all of them.
    Torn(String),
    /// The kind of the difference, and the differences from the nearest combination.
    Wrong(&'static str, String),
}

/// The differences between a page and one combination.
#[derive(Debug, Default)]
struct Differences {
    missing: usize,
    unexpected: usize,
    changed: usize,
    text: String,
}

impl Differences {
    fn count(&self) -> usize {
        self.missing + self.unexpected + self.changed
    }

    fn kind(&self) -> &'static str {
        match self {
            Self { missing: 1.., .. } => "candles are missing",
            Self { changed: 1.., .. } => "candles have other numbers",
            _ => "candles are not expected",
        }
    }

    fn add(&mut self, difference: &str) {
        if self.count() <= 5 {
            self.text += difference;
            self.text.push('\n');
        }
    }
}

/// Compares `page` with `view`.
pub(crate) fn check(call: &Call, view: &View, page: &Page<Candle, CandleCursor>) -> Verdict {
    if let Some(problem) = shape(call, page) {
        return Verdict::Wrong("pages have another shape", problem);
    }
    let count = view
        .undecided
        .iter()
        .fold(1_usize, |count, it| count.saturating_mul(it.len() + 1));
    if count > MAX_CANDLES {
        return bounds(call, view, page);
    }
    let mut nearest: Option<(Differences, usize)> = None;
    for number in 0..count {
        let applied = combination(view, number);
        let expected: Vec<_> = view
            .buckets
            .iter()
            .filter_map(|bucket| bucket.fold(call, &applied))
            .collect();
        let found = compare(call, page, &expected);
        if found.count() == 0 {
            return Verdict::Right;
        }
        if nearest
            .as_ref()
            .is_none_or(|(least, _)| found.count() < least.count())
        {
            nearest = Some((found, applied.len()));
        }
    }
    let (nearest, applied) = nearest.expect("there is one combination at least");
    let text = format!(
        "{} differences, with {applied} of the batches {:?} applied\n{}",
        nearest.count(),
        view.undecided,
        nearest.text
    );
    if each_is_right(call, view, page, count) {
        return Verdict::Torn(text);
    }
    Verdict::Wrong(nearest.kind(), text)
}

/// Whether each candle, or its absence, matches one of `count` combinations.
fn each_is_right(
    call: &Call,
    view: &View,
    page: &Page<Candle, CandleCursor>,
    count: usize,
) -> bool {
    let is_cut = page.items.len() == call.query.limit.get();
    let mut items = page.items.iter().peekable();
    for bucket in &view.buckets {
        if is_cut && items.peek().is_none() {
            break;
        }
        let item = items
            .peek()
            .filter(|it| it.open_time.timestamp_micros() == bucket.open_time);
        let is_right =
            (0..count).any(
                |number| match (item, bucket.fold(call, &combination(view, number))) {
                    (None, None) => true,
                    (Some(item), Some(folded)) => fields(item, &folded).is_none(),
                    _ => false,
                },
            );
        if !is_right {
            return false;
        }
        if item.is_some() {
            items.next();
        }
    }
    items.next().is_none()
}

/// Returns a problem of the page that does not depend on the ticks.
fn shape(call: &Call, page: &Page<Candle, CandleCursor>) -> Option<String> {
    let query = &call.query;
    if page.items.len() > query.limit.get() {
        return Some(format!("{} candles on one page", page.items.len()));
    }
    for candle in &page.items {
        let wanted = (query.symbol_id, query.timeframe, query.basis);
        if (candle.symbol_id, candle.timeframe, candle.basis) != wanted {
            return Some(format!("a candle of something else: {candle:?}"));
        }
        let end = candle.close_time();
        let is_closed = (end <= call.begin.1, end <= call.end.1);
        if (candle.closed && !is_closed.1) || (!candle.closed && is_closed.0) {
            return Some(format!("closed is wrong: {candle:?}"));
        }
    }
    match (page.next, page.items.last()) {
        (Some(next), Some(last)) if next != CandleCursor::of(last) => Some(format!(
            "the next page begins behind {next:?}, not {last:?}"
        )),
        (Some(next), None) => Some(format!("an empty page has a next one: {next:?}")),
        (Some(next), _) if page.items.len() < query.limit.get() => {
            Some(format!("a page that is not full has a next one: {next:?}"))
        }
        _ => None,
    }
}

/// The batches that this combination applies: the first few of each writer, since a writer waits for each
/// of its batches.
fn combination(view: &View, mut number: usize) -> BTreeSet<usize> {
    let mut applied = BTreeSet::new();
    for batches in &view.undecided {
        let choices = batches.len() + 1;
        applied.extend(&batches[..number % choices]);
        number /= choices;
    }
    applied
}

/// The number of differing candles, and the first of them.
fn compare(call: &Call, page: &Page<Candle, CandleCursor>, expected: &[Folded]) -> Differences {
    let limit = call.query.limit.get();
    let has_more = expected.len() > limit;
    let expected = &expected[..expected.len().min(limit)];
    let mut found = Differences::default();
    if has_more && page.next.is_none() {
        found.missing += 1;
        found.add("there are more candles, and no next page");
    }
    let key = |time: i64| match call.query.order {
        SortOrder::Ascending => time,
        SortOrder::Descending => -time,
    };
    let (mut got, mut wanted) = (page.items.iter().peekable(), expected.iter().peekable());
    loop {
        let (one, other) = match (got.peek(), wanted.peek()) {
            (None, None) => break,
            (one, other) => (one.copied(), other.copied()),
        };
        let place = one.map(|it| key(it.open_time.timestamp_micros()));
        let other_place = other.map(|it| key(it.open_time));
        match (one, other) {
            (Some(one), Some(other)) if place == other_place => {
                if let Some(fields) = fields(one, other) {
                    found.changed += 1;
                    found.add(&format!("{}: {fields}", one.open_time));
                }
                got.next();
                wanted.next();
            }
            (Some(one), other) if other.is_none() || place < other_place => {
                found.unexpected += 1;
                found.add(&format!("{}: not expected: {one:?}", one.open_time));
                got.next();
            }
            (_, Some(other)) => {
                found.missing += 1;
                let time = time_of(other.open_time);
                found.add(&format!("{time}: missing: {}", written(other)));
                wanted.next();
            }
            _ => break,
        }
    }
    found.text += &format!(
        "got {} candles, expected {}",
        page.items.len(),
        expected.len()
    );
    found
}

fn written(folded: &Folded) -> String {
    let [open, high, low, close, volume] = folded.numbers();
    let count = folded.tick_count;
    format!("open {open} high {high} low {low} close {close} volume {volume} ticks {count}")
}

/// The fields in which the candles differ.
fn fields(got: &Candle, expected: &Folded) -> Option<String> {
    let found = [got.open, got.high, got.low, got.close, got.volume];
    let names = ["open", "high", "low", "close", "volume"];
    let mut texts: Vec<_> = names
        .into_iter()
        .zip(found.into_iter().zip(expected.numbers()))
        .filter(|(_, (found, expected))| found != expected)
        .map(|(name, (found, expected))| format!("{name} is {found}, expected {expected}"))
        .collect();
    if got.tick_count != expected.tick_count {
        let (found, expected) = (got.tick_count, expected.tick_count);
        texts.push(format!("tick_count is {found}, expected {expected}"));
    }
    if texts.is_empty() {
        return None;
    }
    Some(format!("{} (source {:?})", texts.join(", "), got.source))
}

/// Checks each candle separately against the ticks that it must include and the ticks that it may
/// include.
fn bounds(call: &Call, view: &View, page: &Page<Candle, CandleCursor>) -> Verdict {
    let all = view.undecided.iter().flatten().copied();
    let batches: BTreeSet<_> = all.filter(|it| !view.deletes.contains(it)).collect();
    let is_cut = page.items.len() == call.query.limit.get();
    for bucket in &view.buckets {
        let least = bucket.fold(call, &view.deletes);
        let Some(most) = bucket.fold(call, &batches) else {
            continue;
        };
        let open_time = most.open_time;
        let mut items = page.items.iter();
        let found = items.find(|it| it.open_time.timestamp_micros() == open_time);
        let Some(found) = found else {
            if least.is_some() && !is_cut {
                return Verdict::Wrong(BEYOND, format!("{}: missing", time_of(open_time)));
            }
            continue;
        };
        let at_least = least.map_or(1, |it| it.tick_count);
        if !(at_least..=most.tick_count).contains(&found.tick_count) {
            let bounds = (at_least, most.tick_count);
            return Verdict::Wrong(
                BEYOND,
                format!("{found:?}: tick_count is not within {bounds:?}"),
            );
        }
        let [_, high, low, ..] = most.numbers();
        if found.high > high || found.low < low {
            return Verdict::Wrong(BEYOND, format!("{found:?}: beyond {low} to {high}"));
        }
    }
    Verdict::WithinBounds
}
