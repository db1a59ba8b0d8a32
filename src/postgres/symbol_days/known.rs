//! Records the days of a batch before it is written.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use diesel::sql_types::{Array, BigInt, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl as _, sql_query};

use crate::domain::SymbolId;

/// The time after which days are recorded again. A server that loses its last commits, as a replica that
/// becomes the primary may, loses recorded days as well.
const VALID: Duration = Duration::from_secs(60);

/// A symbol and a day in UTC.
type SymbolDay = (SymbolId, NaiveDate);

/// The days that this process has recorded, so that most batches cost no statement.
#[derive(Debug, Default)]
pub(in crate::postgres) struct KnownDays(Mutex<Option<Known>>);

#[derive(Debug)]
struct Known {
    days: HashSet<SymbolDay>,
    since: Instant,
}

impl KnownDays {
    /// Records the days of `ticks` in `table` and commits, if this process has not done so. Call it outside
    /// of a transaction, before the ticks are written.
    pub(in crate::postgres) fn record(
        &self,
        connection: &mut PgConnection,
        table: &str,
        ticks: impl Iterator<Item = (SymbolId, DateTime<Utc>)>,
    ) -> QueryResult<()> {
        let missing = self.missing(ticks);
        if missing.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        let (symbols, days): (Vec<_>, Vec<_>) = missing
            .iter()
            .map(|(symbol, day)| (symbol.get(), day.and_time(NaiveTime::MIN).and_utc()))
            .unzip();
        // in the order of the key, so that two writers cannot wait for each other
        sql_query(format!(
            "INSERT INTO {table} (symbol_id, day) SELECT * FROM UNNEST($1, $2) ON CONFLICT DO NOTHING"
        ))
        .bind::<Array<BigInt>, _>(symbols)
        .bind::<Array<Timestamptz>, _>(days)
        .execute(connection)?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_with(|| Known {
            days: HashSet::new(),
            since: begun,
        });
        known.days.extend(missing);
        Ok(())
    }

    /// Forgets all days, so that they are recorded again. Call it after a failed write, since the database may
    /// have lost commits.
    pub(in crate::postgres) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn missing(
        &self,
        ticks: impl Iterator<Item = (SymbolId, DateTime<Utc>)>,
    ) -> BTreeSet<SymbolDay> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known
            .as_ref()
            .is_some_and(|known| known.since.elapsed() >= VALID)
        {
            *known = None;
        }
        let mut missing = BTreeSet::new();
        let mut last = None;
        for (symbol, time) in ticks {
            let day = (symbol, time.date_naive());
            // most rows have the symbol and the day of the row before them
            if last.replace(day) != Some(day)
                && !known
                    .as_ref()
                    .is_some_and(|known| known.days.contains(&day))
            {
                missing.insert(day);
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).expect("in range")
    }

    fn symbol_day((symbol, day): &(i64, i64)) -> SymbolDay {
        (SymbolId::new(*symbol), at(day * 86_400).date_naive())
    }

    fn known(days: &[(i64, i64)], since: Instant) -> KnownDays {
        let days = days.iter().map(symbol_day).collect();
        KnownDays(Mutex::new(Some(Known { days, since })))
    }

    fn missing(known: &KnownDays, ticks: &[(i64, i64)]) -> Vec<(i64, i64)> {
        let ticks = ticks
            .iter()
            .map(|(symbol, second)| (SymbolId::new(*symbol), at(*second)));
        let missing = known.missing(ticks).into_iter();
        let days = missing.map(|(symbol, day)| {
            let since_1970 = day.signed_duration_since(NaiveDate::default());
            (symbol.get(), since_1970.num_days())
        });
        days.collect()
    }

    #[test]
    fn days_are_recorded_once_for_each_symbol() {
        let all = [(1, -1), (1, 0), (1, 86_399), (1, 86_400), (2, 5)];
        let none = KnownDays::default();
        assert_eq!(missing(&none, &all), [(1, -1), (1, 0), (1, 1), (2, 0)]);
        let some = known(&[(1, 0), (2, 1)], Instant::now());
        assert_eq!(missing(&some, &all), [(1, -1), (1, 1), (2, 0)]);
    }

    #[test]
    fn days_are_recorded_again_after_a_while() {
        let some = known(&[(1, 0)], Instant::now());
        assert_eq!(missing(&some, &[(1, 0)]), []);
        some.forget();
        assert_eq!(missing(&some, &[(1, 0)]), [(1, 0)]);
        let Some(then) = Instant::now().checked_sub(VALID) else {
            return;
        };
        assert_eq!(missing(&known(&[(1, 0)], then), &[(1, 0)]), [(1, 0)]);
    }
}
