//! Recomputes the candles that an audit found wrong.

use async_trait::async_trait;

use crate::audit::{CandleRefresh, RefreshWindow};
use crate::db::TimeseriesDb;
use crate::error::RepositoryError;
use crate::postgres::force_refresh;

/// [`CandleRefresh`] over the continuous aggregates of the Community edition.
#[derive(Debug, Clone)]
pub struct PgCandleRefresh {
    db: TimeseriesDb,
}

impl PgCandleRefresh {
    /// Creates a refresh over `db`; all of `ohlc_1m` to `ohlc_1d` must be continuous aggregates.
    #[must_use]
    pub fn new(db: TimeseriesDb) -> Self {
        Self { db }
    }
}

#[async_trait]
impl CandleRefresh for PgCandleRefresh {
    async fn refresh(
        &self,
        windows: &[RefreshWindow],
    ) -> Result<Vec<RefreshWindow>, RepositoryError> {
        force_refresh(&self.db, windows.to_vec()).await
    }
}
