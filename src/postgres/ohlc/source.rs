//! Where the candles of a timeframe are made.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::PgConnection;

use crate::db::{CandleRelationKind, DbError, candle_relations};
use crate::domain::Timeframe;
use crate::error::{Database, RepositoryError};

/// How long an answer of the catalog is believed.
const TIME_TO_LIVE: Duration = Duration::from_secs(60);

/// Where the candles of a timeframe are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// By the continuous aggregate `ohlc_…`.
    Aggregate,
    /// By the query itself. The plain views of the Apache edition are no better: they are planned
    /// worse, and make the same candles of the same ticks.
    Ticks,
}

/// Remembers which continuous aggregates there are.
#[derive(Debug, Default)]
pub(super) struct Sources {
    known: Mutex<Option<Known>>,
}

#[derive(Debug)]
struct Known {
    since: Instant,
    aggregates: Vec<String>,
}

impl Sources {
    /// Calls `read` with the source of `timeframe`; once more where the aggregate has gone.
    pub(super) fn with_source<T>(
        &self,
        connection: &mut PgConnection,
        timeframe: Timeframe,
        mut read: impl FnMut(&mut PgConnection, Source) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let source = self.source(connection, timeframe)?;
        let result = read(connection, source)
            .map_err(|error| error.into_repository(Database::Timeseries, "read candles"));
        match result {
            Err(RepositoryError::Schema { .. }) if source == Source::Aggregate => {
                self.forget();
                let source = self.source(connection, timeframe)?;
                read(connection, source)
            }
            result => Ok(result?),
        }
    }

    fn source(
        &self,
        connection: &mut PgConnection,
        timeframe: Timeframe,
    ) -> Result<Source, DbError> {
        let name = relation(timeframe);
        let source = |aggregates: &[String]| match aggregates.contains(&name) {
            true => Source::Aggregate,
            false => Source::Ticks,
        };
        if let Some(known) = self.lock().as_ref()
            && known.since.elapsed() < TIME_TO_LIVE
        {
            return Ok(source(&known.aggregates));
        }
        let aggregates: Vec<_> = candle_relations(connection)?
            .into_iter()
            .filter(|(_, kind)| *kind == CandleRelationKind::Aggregate)
            .map(|(name, _)| name)
            .collect();
        let source = source(&aggregates);
        *self.lock() = Some(Known {
            since: Instant::now(),
            aggregates,
        });
        Ok(source)
    }

    fn forget(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of the aggregate of `timeframe`.
pub(super) fn relation(timeframe: Timeframe) -> String {
    format!("ohlc_{timeframe}")
}
