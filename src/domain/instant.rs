//! Assigns sequences to unsequenced ticks and trades of an instant.

use std::collections::{BTreeSet, HashMap};

#[cfg(feature = "postgres")]
use chrono::{DateTime, Utc};

use super::market_event::MarketEvent;
#[cfg(feature = "postgres")]
use super::symbol_id::SymbolId;
use super::tick::Tick;

/// The stored rows of one symbol and one instant. Decides which rows an unsequenced tick or trade adds.
///
/// # Examples
/// ```
/// use chrono::DateTime;
/// use tickbook::domain::{InstantRows, SymbolId, Tick};
///
/// let quote = |bid: i64| {
///     Tick::quote(SymbolId::new(1), DateTime::UNIX_EPOCH, bid.into(), 9.into())
/// };
/// let stored = [quote(5).with_sequence(0), quote(6).with_sequence(1)];
/// let mut rows: InstantRows = stored.iter().collect();
/// // one stored row has the content of this tick
/// assert_eq!(rows.add(&quote(6).with_occurrence(0)), []);
/// // the source sent one equal tick before this one
/// assert_eq!(rows.add(&quote(6).with_occurrence(1)), [quote(6).with_sequence(2)]);
/// ```
#[derive(Debug, Clone)]
pub struct InstantRows<E: MarketEvent = Tick> {
    /// The number of rows per content.
    equal: HashMap<E::Content, u32>,
    sequences: BTreeSet<i64>,
}

impl<E: MarketEvent> Default for InstantRows<E> {
    fn default() -> Self {
        Self {
            equal: HashMap::new(),
            sequences: BTreeSet::new(),
        }
    }
}

impl<E: MarketEvent> InstantRows<E> {
    /// Records a row.
    pub fn note(&mut self, row: &E) {
        if self.sequences.insert(row.sequence()) {
            *self.equal.entry(row.content()).or_default() += 1;
        }
    }

    /// Returns and records the rows that an event of this symbol and instant adds: as many as are needed for
    /// [`occurrence`](MarketEvent::occurrence) + 1 rows with its content, each with the next free sequence.
    /// Returns no rows if that many exist already; then the event is a duplicate.
    pub fn add(&mut self, event: &E) -> Vec<E> {
        let occurrence = event.occurrence().unwrap_or(0);
        let present = self.equal.get(&event.content()).copied().unwrap_or(0);
        let mut rows = Vec::new();
        for _ in present..=occurrence {
            let Some(sequence) = self.next_free() else {
                break;
            };
            let mut row = event.clone();
            row.number(sequence, None);
            self.note(&row);
            rows.push(row);
        }
        rows
    }

    /// The sequence after all others, so that rows keep the order of arrival; if that overflows, the first
    /// free one.
    fn next_free(&self) -> Option<i64> {
        let Some(last) = self.sequences.last() else {
            return Some(0);
        };
        last.checked_add(1)
            .or_else(|| (0..i64::MAX).find(|sequence| !self.sequences.contains(sequence)))
    }
}

impl<'a, E: MarketEvent> FromIterator<&'a E> for InstantRows<E> {
    fn from_iter<I: IntoIterator<Item = &'a E>>(rows: I) -> Self {
        let mut instant = Self::default();
        for row in rows {
            instant.note(row);
        }
        instant
    }
}

/// Returns the rows that unsequenced events add to the stored ones, in key order, each with the index of its
/// event.
///
/// Events get their sequences in the given order. `stored` must hold all rows of their symbols and instants.
#[cfg(feature = "postgres")]
pub(crate) fn placed_events<E: MarketEvent>(stored: &[E], given: &[E]) -> Vec<(E, usize)> {
    let mut instants: HashMap<(SymbolId, DateTime<Utc>), InstantRows<E>> = HashMap::new();
    for row in stored {
        let instant = instants.entry((row.symbol_id(), row.time())).or_default();
        instant.note(row);
    }
    let mut placed = Vec::with_capacity(given.len());
    for (index, event) in given.iter().enumerate() {
        let instant = instants
            .entry((event.symbol_id(), event.time()))
            .or_default();
        let rows = instant.add(event);
        placed.extend(rows.into_iter().map(|row| (row, index)));
    }
    placed.sort_by_key(|(row, _)| row.key());
    placed
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    fn row(sequence: i64, bid: i64) -> Tick {
        let time = DateTime::from_timestamp(1_398_902_400, 0).expect("a time");
        Tick::quote(SymbolId::new(1), time, bid.into(), 9.into()).with_sequence(sequence)
    }

    fn unsequenced(bid: i64, occurrence: u32) -> Tick {
        row(0, bid).with_occurrence(occurrence)
    }

    fn places(placed: &[(Tick, usize)]) -> Vec<(i64, usize)> {
        let places = placed.iter().map(|(row, index)| (row.sequence, *index));
        places.collect()
    }

    #[test]
    fn ticks_of_a_new_instant_are_counted_from_0() {
        let ticks = [unsequenced(5, 0), unsequenced(6, 0), unsequenced(5, 1)];
        let placed = placed_events(&[], &ticks);
        assert_eq!(places(&placed), [(0, 0), (1, 1), (2, 2)]);
        assert!(placed.iter().all(|(row, _)| row.occurrence.is_none()));
    }

    #[test]
    fn stored_ticks_are_not_placed_again() {
        let stored = [row(0, 5), row(1, 6), row(7, 5)];
        let ticks = [unsequenced(5, 0), unsequenced(5, 1), unsequenced(6, 0)];
        assert_eq!(places(&placed_events(&stored, &ticks)), []);
        let ticks = [unsequenced(6, 1), unsequenced(5, 2), unsequenced(8, 0)];
        let placed = placed_events(&stored, &ticks);
        assert_eq!(places(&placed), [(8, 0), (9, 1), (10, 2)]);
    }

    #[test]
    fn occurrence_before_the_earlier_ones_adds_all() {
        let ticks = [unsequenced(5, 2), unsequenced(5, 0), unsequenced(5, 1)];
        let placed = placed_events(&[], &ticks);
        assert_eq!(places(&placed), [(0, 0), (1, 0), (2, 0)]);
    }

    #[test]
    fn sequence_after_the_last_one_is_the_first_free() {
        let stored = [row(i64::MAX, 5), row(0, 6)];
        let placed = placed_events(&stored, &[unsequenced(7, 0)]);
        assert_eq!(places(&placed), [(1, 0)]);
    }
}
