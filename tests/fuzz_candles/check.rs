//! Whether an answer is what the ticks of one instant make.

use std::collections::BTreeSet;

use tickbook::domain::{Candle, CandleCursor, Page, SortOrder};

use crate::exact::{Folded, time_of};
use crate::view::{Call, View};

/// More combinations of undecided batches are not tried one by one.
const MOST: usize = 4_096;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// One combination makes exactly this answer.
    Right,
    /// Each candle is within the bounds that all combinations have; there are too many of them.
    WithinBounds,
    /// What differs, by the combination that comes nearest.
    Wrong(String),
}

/// Compares `page` with `view`.
pub(crate) fn check(call: &Call, view: &View, page: &Page<Candle, CandleCursor>) -> Verdict {
    if let Some(problem) = shape(call, page) {
        return Verdict::Wrong(problem);
    }
    let count = view
        .undecided
        .iter()
        .fold(1_usize, |count, it| count.saturating_mul(it.len() + 1));
    if count > MOST {
        return bounds(call, view, page);
    }
    let mut nearest: Option<(usize, String)> = None;
    for number in 0..count {
        let applied = combination(view, number);
        let expected: Vec<_> = view
            .buckets
            .iter()
            .filter_map(|bucket| bucket.fold(call, &applied))
            .collect();
        let (differences, text) = compare(call, page, &expected);
        if differences == 0 {
            return Verdict::Right;
        }
        if nearest
            .as_ref()
            .is_none_or(|(least, _)| differences < *least)
        {
            let said = format!(
                "{differences} differences, with {} of the batches {:?} applied\n{text}",
                applied.len(),
                view.undecided
            );
            nearest = Some((differences, said));
        }
    }
    Verdict::Wrong(nearest.map_or_else(String::new, |(_, text)| text))
}

/// What is wrong whatever the ticks are.
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

/// The batches that are in: of each writer the first few, since it waits for each of them.
fn combination(view: &View, mut number: usize) -> BTreeSet<usize> {
    let mut applied = BTreeSet::new();
    for batches in &view.undecided {
        let choices = batches.len() + 1;
        applied.extend(&batches[..number % choices]);
        number /= choices;
    }
    applied
}

/// How many candles differ, and the first of them.
fn compare(call: &Call, page: &Page<Candle, CandleCursor>, expected: &[Folded]) -> (usize, String) {
    let limit = call.query.limit.get();
    let has_more = expected.len() > limit;
    let expected = &expected[..expected.len().min(limit)];
    let mut differences = 0;
    let mut text = String::new();
    if has_more && page.next.is_none() {
        differences += 1;
        text = "there are more candles, and no next page\n".to_owned();
    }
    let mut tell = |difference: String| {
        differences += 1;
        if differences <= 5 {
            text += &difference;
            text.push('\n');
        }
    };
    let key = |time: i64| match call.query.order {
        SortOrder::Ascending => time,
        SortOrder::Descending => -time,
    };
    let (mut got, mut wanted) = (page.items.iter().peekable(), expected.iter().peekable());
    loop {
        match (got.peek(), wanted.peek()) {
            (None, None) => break,
            (Some(one), Some(other)) if one.open_time.timestamp_micros() == other.open_time => {
                if let Some(fields) = fields(one, other) {
                    tell(format!("{}: {fields}", one.open_time));
                }
                (got.next(), wanted.next());
            }
            (Some(one), other)
                if other.is_none_or(|other| {
                    key(one.open_time.timestamp_micros()) < key(other.open_time)
                }) =>
            {
                tell(format!("{}: not expected: {one:?}", one.open_time));
                got.next();
            }
            (_, Some(other)) => {
                let time = time_of(other.open_time);
                tell(format!("{time}: missing: {}", written(other)));
                wanted.next();
            }
            (Some(_), None) => break,
        }
    }
    text += &format!(
        "got {} candles, expected {}",
        page.items.len(),
        expected.len()
    );
    (differences, text)
}

fn written(folded: &Folded) -> String {
    let [open, high, low, close, volume] = folded.numbers();
    let count = folded.tick_count;
    format!("open {open} high {high} low {low} close {close} volume {volume} ticks {count}")
}

/// The fields in which they differ.
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

/// Each candle alone: what it must know, and what it may know.
fn bounds(call: &Call, view: &View, page: &Page<Candle, CandleCursor>) -> Verdict {
    let all: BTreeSet<_> = view.undecided.iter().flatten().copied().collect();
    let is_cut = page.items.len() == call.query.limit.get();
    for bucket in &view.buckets {
        let least = bucket.fold(call, &BTreeSet::new());
        let Some(most) = bucket.fold(call, &all) else {
            continue;
        };
        let open_time = most.open_time;
        let mut items = page.items.iter();
        let found = items.find(|it| it.open_time.timestamp_micros() == open_time);
        let Some(found) = found else {
            if least.is_some() && !is_cut {
                return Verdict::Wrong(format!("{}: missing", time_of(open_time)));
            }
            continue;
        };
        let at_least = least.map_or(1, |it| it.tick_count);
        if !(at_least..=most.tick_count).contains(&found.tick_count) {
            let bounds = (at_least, most.tick_count);
            return Verdict::Wrong(format!("{found:?}: tick_count is not within {bounds:?}"));
        }
        let [_, high, low, ..] = most.numbers();
        if found.high > high || found.low < low {
            return Verdict::Wrong(format!("{found:?}: beyond {low} to {high}"));
        }
    }
    Verdict::WithinBounds
}
