//! Where the candles of a timeframe are made.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::PgConnection;

use crate::db::{CandleRelationKind, DbError, candle_relations};
use crate::domain::Timeframe;
use crate::error::{Database, RepositoryError};

/// How long an answer of the catalog is believed.
const TIME_TO_LIVE: Duration = Duration::from_secs(60);

/// Where candles are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// By the continuous aggregate `ohlc_…` of their timeframe.
    Aggregate,
    /// By the query itself, of the continuous aggregate `ohlc_1m`.
    Minutes,
    /// By the query itself, of the ticks. The plain views of the Apache edition are no better: they
    /// are planned worse, and make the same candles of the same ticks.
    Ticks,
}

/// The continuous aggregates that there are.
#[derive(Debug, Clone)]
pub(super) struct Aggregates(Arc<[String]>);

impl Aggregates {
    pub(super) fn has(&self, timeframe: Timeframe) -> bool {
        self.0.contains(&relation(timeframe))
    }
}

/// Remembers which continuous aggregates there are.
#[derive(Debug, Default)]
pub(super) struct Sources {
    known: Mutex<Option<(Instant, Aggregates)>>,
}

impl Sources {
    /// Calls `read` with the aggregates; once more where one of them has gone.
    pub(super) fn with_aggregates<T>(
        &self,
        connection: &mut PgConnection,
        database: Database,
        mut read: impl FnMut(&mut PgConnection, &Aggregates) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let aggregates = self.aggregates(connection)?;
        let result = read(connection, &aggregates)
            .map_err(|error| error.into_repository(database, "read candles"));
        match result {
            Err(RepositoryError::Schema { .. }) if !aggregates.0.is_empty() => {
                *self.lock() = None;
                let aggregates = self.aggregates(connection)?;
                read(connection, &aggregates)
            }
            result => Ok(result?),
        }
    }

    fn aggregates(&self, connection: &mut PgConnection) -> Result<Aggregates, DbError> {
        if let Some((since, aggregates)) = self.lock().as_ref()
            && since.elapsed() < TIME_TO_LIVE
        {
            return Ok(aggregates.clone());
        }
        let names = candle_relations(connection)?
            .into_iter()
            .filter(|(_, kind)| *kind == CandleRelationKind::Aggregate)
            .map(|(name, _)| name)
            .collect();
        let aggregates = Aggregates(names);
        *self.lock() = Some((Instant::now(), aggregates.clone()));
        Ok(aggregates)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Aggregates)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of the aggregate of `timeframe`.
pub(super) fn relation(timeframe: Timeframe) -> String {
    format!("ohlc_{timeframe}")
}
