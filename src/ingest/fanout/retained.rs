//! The last published events, for sinks that connect again, and the newest record of each symbol.

use std::collections::{BTreeMap, VecDeque};

use super::event::{Event, Gap, Published};
use crate::domain::SymbolId;
use crate::ingest::record::Record;

/// The last events, at most `max_events` of all symbols together.
#[derive(Debug)]
pub(super) struct Retained<R: Record> {
    max_events: usize,
    by_symbol: BTreeMap<SymbolId, RetainedSymbol<R>>,
    /// The symbol of each retained event, the oldest event first.
    order: VecDeque<SymbolId>,
}

#[derive(Debug)]
struct RetainedSymbol<R: Record> {
    /// By ascending number.
    events: VecDeque<Event<R>>,
    forgotten: Forgotten,
    newest: Option<Published<R>>,
}

/// The events of a symbol that are no longer retained, as gaps by ascending number. Each gap has at least as many
/// records as all later ones together, so the number of gaps is logarithmic, and later gaps are more exact.
#[derive(Debug, Default)]
struct Forgotten(Vec<Gap>);

impl<R: Record> Retained<R> {
    pub(super) fn new(max_events: usize) -> Self {
        Self {
            max_events,
            by_symbol: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }

    pub(super) fn add(&mut self, event: &Event<R>) {
        let symbol_id = event.symbol_id();
        let of_symbol = self.by_symbol.entry(symbol_id);
        let of_symbol = of_symbol.or_insert_with(|| RetainedSymbol {
            events: VecDeque::new(),
            forgotten: Forgotten::default(),
            newest: None,
        });
        if let Event::Record(published) = event {
            let is_newest = |newest: &Published<R>| newest.record.time() <= published.record.time();
            if of_symbol.newest.as_ref().is_none_or(is_newest) {
                of_symbol.newest = Some(published.clone());
            }
        }
        of_symbol.events.push_back(event.clone());
        self.order.push_back(symbol_id);
        while self.order.len() > self.max_events {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.order.pop_front();
        let of_symbol = oldest.and_then(|symbol_id| self.by_symbol.get_mut(&symbol_id));
        if let Some(of_symbol) = of_symbol
            && let Some(event) = of_symbol.events.pop_front()
        {
            of_symbol.forgotten.push(event.as_missed());
        }
    }

    /// The newest records of those symbols that have any.
    pub(super) fn newest(&self, symbol_ids: &[SymbolId]) -> Vec<Published<R>> {
        let of_symbols = symbol_ids.iter().filter_map(|id| self.by_symbol.get(id));
        of_symbols
            .filter_map(|of_symbol| of_symbol.newest.clone())
            .collect()
    }

    /// The events of these symbols, or of every symbol, after the number `after`: a gap for each symbol with events
    /// that are not retained, then the others by ascending number.
    pub(super) fn after(&self, symbol_ids: Option<&[SymbolId]>, after: u64) -> Vec<Event<R>> {
        let (mut gaps, mut events) = (Vec::new(), Vec::new());
        let mut take = |of_symbol: &RetainedSymbol<R>| {
            gaps.extend(of_symbol.forgotten.after(after).map(Event::Gap));
            let is_before = |event: &Event<R>| event.as_missed().last <= after;
            let first = of_symbol.events.partition_point(is_before);
            events.extend(of_symbol.events.range(first..).cloned());
        };
        match symbol_ids {
            Some(symbol_ids) => {
                let of_symbols = symbol_ids.iter().filter_map(|id| self.by_symbol.get(id));
                of_symbols.for_each(&mut take);
            }
            None => self.by_symbol.values().for_each(&mut take),
        }
        events.sort_by_key(|event| event.as_missed().last);
        gaps.extend(events);
        gaps
    }
}

impl Forgotten {
    fn push(&mut self, gap: Gap) {
        let gaps = &mut self.0;
        gaps.push(gap);
        let mut later = 0;
        for index in (0..gaps.len()).rev() {
            if gaps[index].missed < later {
                let next = gaps.remove(index + 1);
                later -= next.missed;
                gaps[index] = gaps[index].joined(next);
            }
            later += gaps[index].missed;
        }
    }

    /// The gap of all records after that number; it may begin before.
    fn after(&self, number: u64) -> Option<Gap> {
        let later = self.0.iter().filter(|gap| gap.last > number).copied();
        later.reduce(Gap::joined)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::Tick;

    fn event(number: u64, symbol: i64) -> Event {
        let seconds = i64::try_from(number).expect("small");
        let time = DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let record = Tick::quote(SymbolId::new(symbol), time, Decimal::ONE, Decimal::TWO);
        Event::Record(Published { number, record })
    }

    /// First number, last number and number of missed records.
    fn numbers(events: &[Event]) -> Vec<(u64, u64, u64)> {
        let number = |event: &Event| match event {
            Event::Record(published) => (published.number, published.number, 0),
            Event::Gap(gap) => (gap.first, gap.last, gap.missed),
        };
        events.iter().map(number).collect()
    }

    #[test]
    fn events_after_a_number_come_back_in_order() {
        let mut retained = Retained::new(10);
        for number in 1..=6 {
            retained.add(&event(
                number,
                1 + i64::try_from(number % 3).expect("small"),
            ));
        }
        let of = |symbols: Option<&[SymbolId]>, after| numbers(&retained.after(symbols, after));
        assert_eq!(of(None, 4), [(5, 5, 0), (6, 6, 0)]);
        assert_eq!(of(Some(&[SymbolId::new(1)]), 0), [(3, 3, 0), (6, 6, 0)]);
        assert_eq!(of(Some(&[SymbolId::new(9)]), 0), []);
        assert_eq!(of(None, 6), []);
    }

    #[test]
    fn forgotten_events_are_a_gap_of_their_symbol() {
        let mut retained = Retained::new(2);
        for (number, symbol) in [(1, 1), (2, 2), (3, 1), (4, 1), (5, 2)] {
            retained.add(&event(number, symbol));
        }
        let all = retained.after(None, 1);
        assert_eq!(
            numbers(&all),
            [(3, 3, 1), (2, 2, 1), (4, 4, 0), (5, 5, 0)],
            "{all:?}"
        );
        // a symbol without forgotten events after the number has no gap
        let of_second = retained.after(Some(&[SymbolId::new(2)]), 2);
        assert_eq!(numbers(&of_second), [(5, 5, 0)]);
    }

    #[test]
    fn forgotten_gaps_are_few_and_exact_at_the_end() {
        let mut retained = Retained::new(1);
        for number in 1..=100_000 {
            retained.add(&event(number, 1));
        }
        let forgotten = &retained.by_symbol[&SymbolId::new(1)].forgotten;
        assert!(forgotten.0.len() <= 18, "{}", forgotten.0.len());
        for back in [1, 10, 100, 1_000, 10_000] {
            let gap = forgotten.after(99_999 - back).expect("a gap");
            assert_eq!(gap.last, 99_999);
            assert_eq!(gap.missed, gap.last - gap.first + 1);
            assert!((back..=4 * back).contains(&gap.missed), "{back}: {gap:?}");
        }
        assert_eq!(forgotten.after(99_999), None);
    }

    #[test]
    fn late_record_is_not_the_newest() {
        let mut retained = Retained::new(10);
        retained.add(&event(7, 1));
        let mut late = event(1, 1);
        if let Event::Record(published) = &mut late {
            published.number = 8;
        }
        retained.add(&late);
        let newest = retained.newest(&[SymbolId::new(1), SymbolId::new(2)]);
        assert_eq!(newest.len(), 1);
        assert_eq!(newest[0].number, 7);
    }
}
