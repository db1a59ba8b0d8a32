//! The newest written key of each symbol.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::SymbolId;

use super::table::KeyedRow;

/// The newest key of each symbol that this process has written or found. A newer row was almost certainly
/// not sent before; any other row may have been.
#[derive(Debug)]
pub(super) struct HighWaterMarks<R: KeyedRow>(Mutex<HashMap<SymbolId, R::Key>>);

impl<R: KeyedRow> Default for HighWaterMarks<R> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<R: KeyedRow> HighWaterMarks<R> {
    /// Whether all of `rows`, which are in key order, are newer than the noted key of their symbol; `false`
    /// for a symbol without a noted key.
    pub(super) fn all_newer(&self, rows: &[R]) -> bool {
        let newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        of_symbols(rows).all(|(oldest, _)| {
            newest
                .get(&oldest.symbol_id())
                .is_some_and(|newest| *newest < oldest.key())
        })
    }

    /// Notes that `rows`, which are in key order, are stored.
    pub(super) fn advance(&self, rows: &[R]) {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, last) in of_symbols(rows) {
            let key = newest.entry(last.symbol_id()).or_insert(last.key());
            *key = last.key().max(*key);
        }
    }
}

/// The oldest and the newest row of each symbol.
fn of_symbols<R: KeyedRow>(rows: &[R]) -> impl Iterator<Item = (&R, &R)> {
    rows.chunk_by(|one, next| one.symbol_id() == next.symbol_id())
        .filter_map(|rows| Some((rows.first()?, rows.last()?)))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::Tick;

    fn ticks(keys: &[(i64, i64)]) -> Vec<Tick> {
        let tick = |&(symbol, micros)| {
            let time = DateTime::from_timestamp_micros(micros).expect("in range");
            Tick::quote(SymbolId::new(symbol), time, Decimal::ONE, Decimal::ONE)
        };
        keys.iter().map(tick).collect()
    }

    #[test]
    fn rows_newer_than_all_written_are_surely_new() {
        let high_water_marks = HighWaterMarks::default();
        assert!(!high_water_marks.all_newer(&ticks(&[(1, 10)])));
        high_water_marks.advance(&ticks(&[(1, 10), (1, 20), (2, 5)]));
        assert!(high_water_marks.all_newer(&ticks(&[(1, 21), (2, 6)])));
        assert!(!high_water_marks.all_newer(&ticks(&[(1, 20), (2, 6)])));
        assert!(!high_water_marks.all_newer(&ticks(&[(1, 21), (2, 5)])));
        assert!(!high_water_marks.all_newer(&ticks(&[(1, 21), (3, 6)])));
        high_water_marks.advance(&ticks(&[(1, 15)]));
        assert!(!high_water_marks.all_newer(&ticks(&[(1, 16)])));
    }
}
