//! Reads the rows of continuous aggregates, and the ranges that wait for a refresh.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Clock;
use crate::audit::{MaterializedCandles, MaterializedRows};
use crate::db::{DbError, TimeseriesDb};
use crate::domain::{CandleInput, PageLimit, SymbolId, TimeRange, Timeframe};
use crate::error::RepositoryError;
use crate::repository::CandleQuery;

use super::caches::CandleCaches;
use super::catalog::RowReads;
use super::select::all_materialized;
use super::snapshot::{self, Snapshot};

/// [`MaterializedCandles`] over the continuous aggregates of the Community edition.
#[derive(Clone)]
pub struct PgMaterializedCandles {
    db: TimeseriesDb,
    caches: Arc<CandleCaches>,
    clock: Clock,
}

impl PgMaterializedCandles {
    /// Reads over `db`; all candle relations must be continuous aggregates.
    #[must_use]
    pub fn new(db: TimeseriesDb) -> Self {
        Self {
            db,
            caches: Arc::new(CandleCaches::default()),
            clock: Clock::system(),
        }
    }

    /// Uses `now` instead of the system clock to decide, at each read, whether a candle is closed.
    #[must_use]
    pub fn with_clock(mut self, now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
        self
    }
}

impl fmt::Debug for PgMaterializedCandles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgMaterializedCandles")
            .field("database", &self.db)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl MaterializedCandles for PgMaterializedCandles {
    async fn rows(
        &self,
        symbol_id: SymbolId,
        input: CandleInput,
        window: TimeRange,
    ) -> Result<MaterializedRows, RepositoryError> {
        let caches = Arc::clone(&self.caches);
        let now = self.clock.now();
        self.db
            .read("materialized_candles", move |connection| {
                snapshot::at_one_instant(connection, &caches, |snapshot| {
                    read(snapshot, symbol_id, input, window, now)
                })
            })
            .await
    }
}

fn read(
    snapshot: &mut Snapshot<'_>,
    symbol_id: SymbolId,
    input: CandleInput,
    window: TimeRange,
    now: DateTime<Utc>,
) -> Result<MaterializedRows, DbError> {
    let mut all = MaterializedRows::default();
    for &timeframe in Timeframe::ALL {
        let catalog = snapshot.catalog((input, timeframe), window, RowReads::Pending)?;
        let Some(table) = catalog.table(timeframe) else {
            all.waiting.insert(timeframe, vec![window]);
            continue;
        };
        let waiting = catalog.waiting(window);
        let waiting = waiting.iter().map(|(from, to)| {
            let time = |micros| DateTime::from_timestamp_micros(micros).unwrap_or_default();
            TimeRange::new(time(from), time(to)).map_err(RepositoryError::invalid)
        });
        let waiting = waiting.collect::<Result<Vec<_>, _>>()?;
        all.waiting.insert(timeframe, waiting);
        for &basis in input.bases() {
            let query = CandleQuery {
                limit: PageLimit::MAX,
                ..CandleQuery::new(symbol_id, timeframe, basis, window)
            };
            let rows = all_materialized(snapshot.connection, &query, table, now)?;
            all.candles.extend(rows);
        }
    }
    Ok(all)
}
