//! Numbers equal ticks and trades of sources without sequence numbers.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use chrono::{DateTime, Utc};

use crate::domain::{MarketEvent, SymbolId, Tick, truncate_to_micros};

/// Maximum number of remembered instants.
const MAX_INSTANTS: usize = 65_536;

/// Numbers the ticks, or the trades, of one unsequenced source. Sets the [`occurrence`](Tick::occurrence) of
/// each tick, which counts 0, 1, 2 … among equal ticks of one symbol and instant, and its
/// [`sequence`](Tick::sequence), which counts all ticks of that symbol and instant.
///
/// A source is one file or one connection to a venue; each source needs its own counter. Sources may overlap
/// and arrive in any order: [`insert_batch`](crate::repository::TickRepository::insert_batch) stores a tick
/// once if two sources deliver it, and twice if one source delivers it twice.
///
/// The counter remembers the last 65,536 instants. If more instants lie between two equal ticks of one
/// instant, the two count as one tick.
///
/// # Examples
///
/// ```
/// use chrono::DateTime;
/// use tickbook::domain::{SymbolId, Tick};
/// use tickbook::ingest::OccurrenceCounter;
///
/// let quote = |bid: i64| {
///     Tick::quote(SymbolId::new(1), DateTime::UNIX_EPOCH, bid.into(), 9.into())
/// };
/// let mut ticks = [quote(5), quote(6), quote(5)];
/// let mut counter = OccurrenceCounter::new();
/// for tick in &mut ticks {
///     counter.count(tick);
/// }
/// assert_eq!(ticks.each_ref().map(|tick| tick.occurrence), [Some(0), Some(0), Some(1)]);
/// assert_eq!(ticks.each_ref().map(|tick| tick.sequence), [0, 1, 2]);
/// ```
#[derive(Debug)]
pub struct OccurrenceCounter<E: MarketEvent = Tick> {
    instants: HashMap<(SymbolId, DateTime<Utc>), Seen<E::Content>>,
    /// The keys of `instants`, in the order in which they were first seen.
    oldest: VecDeque<(SymbolId, DateTime<Utc>)>,
}

/// The events of one symbol and instant. Most instants have one event, and an empty map costs nothing.
#[derive(Debug)]
struct Seen<C> {
    first: C,
    equal_to_first: u32,
    others: HashMap<C, u32>,
    events: i64,
}

impl<E: MarketEvent> Default for OccurrenceCounter<E> {
    fn default() -> Self {
        Self {
            instants: HashMap::new(),
            oldest: VecDeque::new(),
        }
    }
}

impl<E: MarketEvent> OccurrenceCounter<E> {
    /// Creates the counter of a source that has sent nothing so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the occurrence and the sequence of the source's next tick or trade. Compares times in whole
    /// microseconds.
    pub fn count(&mut self, event: &mut E) {
        let key = (event.symbol_id(), truncate_to_micros(event.time()));
        let content = event.content();
        let (occurrence, sequence) = match self.instants.get_mut(&key) {
            Some(seen) => seen.next(content),
            None => {
                self.remember(key, content);
                (0, 0)
            }
        };
        event.number(sequence, Some(occurrence));
    }

    fn remember(&mut self, key: (SymbolId, DateTime<Utc>), first: E::Content) {
        if self.oldest.len() == MAX_INSTANTS
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.instants.remove(&oldest);
        }
        self.oldest.push_back(key);
        let seen = Seen {
            first,
            equal_to_first: 1,
            others: HashMap::new(),
            events: 1,
        };
        self.instants.insert(key, seen);
    }
}

impl<C: Eq + Hash> Seen<C> {
    /// The occurrence of an event, and its position among all events of the instant.
    fn next(&mut self, content: C) -> (u32, i64) {
        let equal = if content == self.first {
            &mut self.equal_to_first
        } else {
            self.others.entry(content).or_default()
        };
        let next = (*equal, self.events);
        *equal = equal.saturating_add(1);
        self.events = self.events.saturating_add(1);
        next
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;

    fn quote(symbol: i64, nanos: i64, bid: i64) -> Tick {
        let time = DateTime::from_timestamp_nanos(nanos);
        Tick::quote(SymbolId::new(symbol), time, bid.into(), 9.into())
    }

    fn counted(ticks: impl IntoIterator<Item = Tick>) -> Vec<(u32, i64)> {
        let mut counter = OccurrenceCounter::new();
        let ticks = ticks.into_iter().map(|mut tick| {
            counter.count(&mut tick);
            (tick.occurrence.expect("set"), tick.sequence)
        });
        ticks.collect()
    }

    #[test]
    fn equal_ticks_of_one_instant_are_counted() {
        let bids = [5, 6, 5, 6, 6].map(|bid| quote(1, 1_000, bid));
        assert_eq!(counted(bids), [(0, 0), (0, 1), (1, 2), (1, 3), (2, 4)]);
        let [mut one, mut two] = [quote(1, 1_000, 5), quote(1, 1_000, 5)];
        one = one.with_bid_volume(Decimal::from(10));
        two = two.with_bid_volume(Decimal::from(11));
        assert_eq!(counted([one, two]), [(0, 0), (0, 1)]);
    }

    #[test]
    fn symbols_and_instants_are_counted_apart() {
        let ticks = [
            quote(1, 1_000, 5),
            quote(2, 1_000, 5),
            quote(1, 2_000, 5),
            quote(1, 1_000, 5),
        ];
        assert_eq!(counted(ticks), [(0, 0), (0, 0), (0, 0), (1, 1)]);
    }

    #[test]
    fn times_are_compared_in_whole_microseconds() {
        let ticks = [quote(1, 1_000, 5), quote(1, 1_999, 5), quote(1, 2_000, 5)];
        assert_eq!(counted(ticks), [(0, 0), (1, 1), (0, 0)]);
    }

    #[test]
    fn instants_seen_long_ago_are_forgotten() {
        let mut counter = OccurrenceCounter::new();
        for instant in 0..=MAX_INSTANTS as i64 {
            counter.count(&mut quote(1, instant * 1_000, 5));
        }
        assert_eq!(counter.instants.len(), MAX_INSTANTS);
        assert_eq!(counter.oldest.len(), MAX_INSTANTS);
        let [mut first, mut second] = [quote(1, 0, 5), quote(1, 2_000, 5)];
        counter.count(&mut second);
        counter.count(&mut first);
        assert_eq!((first.occurrence, second.occurrence), (Some(0), Some(1)));
    }
}
