//! Numbers for ticks of feeds that have none.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::domain::{SymbolId, Tick, truncate_to_micros};

/// Counts 0, 1, 2 … within equal `(symbol_id, tick_time)`, in feed order.
///
/// A feed or a file read again from the start of an instant gets the same numbers, so that sending
/// it again stores nothing twice. Of each symbol only the newest instant is remembered: ticks of
/// one instant must come without others of the same symbol between them, as they do in a feed
/// ordered by time.
///
/// # Examples
///
/// ```
/// use tickbook::domain::SymbolId;
/// use tickbook::ingest::SequenceAssigner;
///
/// let (symbol, time) = (SymbolId::new(7), "2024-05-01T12:00:00Z".parse()?);
/// let mut sequences = SequenceAssigner::new();
/// assert_eq!(sequences.next(symbol, time), 0);
/// assert_eq!(sequences.next(symbol, time), 1);
/// # Ok::<_, chrono::ParseError>(())
/// ```
#[derive(Debug, Default)]
pub struct SequenceAssigner {
    newest: HashMap<SymbolId, (DateTime<Utc>, i64)>,
}

impl SequenceAssigner {
    /// Has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of the next tick of `symbol_id` at `tick_time`, compared in whole microseconds.
    pub fn next(&mut self, symbol_id: SymbolId, tick_time: DateTime<Utc>) -> i64 {
        let tick_time = truncate_to_micros(tick_time);
        let newest = self
            .newest
            .entry(symbol_id)
            .and_modify(|(time, sequence)| {
                if *time == tick_time {
                    *sequence = sequence.saturating_add(1);
                } else {
                    (*time, *sequence) = (tick_time, 0);
                }
            })
            .or_insert((tick_time, 0));
        newest.1
    }

    /// Sets the sequence of `tick` to its number.
    pub fn assign(&mut self, tick: &mut Tick) {
        tick.sequence = self.next(tick.symbol_id, tick.tick_time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EURUSD: SymbolId = SymbolId::new(1);
    const GBPUSD: SymbolId = SymbolId::new(2);

    fn nanos(nanos: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(nanos)
    }

    #[test]
    fn counts_within_one_instant_and_starts_again_with_the_next() {
        let mut assigner = SequenceAssigner::new();
        let numbers =
            [1_000, 1_000, 1_000, 2_000, 2_000].map(|time| assigner.next(EURUSD, nanos(time)));
        assert_eq!(numbers, [0, 1, 2, 0, 1]);
    }

    #[test]
    fn symbols_do_not_disturb_each_other() {
        let mut assigner = SequenceAssigner::new();
        let feed = [
            (EURUSD, 1_000),
            (GBPUSD, 1_000),
            (EURUSD, 1_000),
            (GBPUSD, 2_000),
        ];
        let numbers = feed.map(|(symbol, time)| assigner.next(symbol, nanos(time)));
        assert_eq!(numbers, [0, 0, 1, 0]);
    }

    #[test]
    fn instants_are_whole_microseconds() {
        let mut assigner = SequenceAssigner::new();
        assert_eq!(assigner.next(EURUSD, nanos(1_001)), 0);
        assert_eq!(assigner.next(EURUSD, nanos(1_999)), 1);
    }
}
