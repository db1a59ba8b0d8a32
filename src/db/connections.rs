//! Traits that give connections to repositories.

use super::pools::{DatabasePools, MetadataDb, TimeseriesDb};

/// A source of connections to the metadata database: a [`MetadataDb`], shared [`DatabasePools`], or a closure
/// such as `move
///
/// pools.metadata()`.
///
/// # Examples
///
/// ```
/// use tickbook::db::DatabasePools;
/// use tickbook::postgres::PgSymbolRepository;
///
/// fn symbols(pools: DatabasePools) -> PgSymbolRepository {
///     // called for each call of the repository
///     PgSymbolRepository::new(move || pools.metadata())
/// }
/// ```
pub trait MetadataConnections: Send + Sync + 'static {
    /// Returns the pool to use for one call.
    fn metadata(&self) -> MetadataDb;
}

/// A source of connections to the time-series database: a [`TimeseriesDb`], shared [`DatabasePools`], or a
/// closure such as `move
///
/// pools.timeseries()`.
///
/// # Examples
///
/// ```
/// use tickbook::db::DatabasePools;
/// use tickbook::postgres::PgTickRepository;
///
/// fn ticks(pools: DatabasePools) -> PgTickRepository {
///     // called for each call of the repository
///     PgTickRepository::new(move || pools.timeseries())
/// }
/// ```
pub trait TimeseriesConnections: Send + Sync + 'static {
    /// Returns the pool to use for one call.
    fn timeseries(&self) -> TimeseriesDb;
}

impl MetadataConnections for MetadataDb {
    fn metadata(&self) -> MetadataDb {
        self.clone()
    }
}

impl TimeseriesConnections for TimeseriesDb {
    fn timeseries(&self) -> TimeseriesDb {
        self.clone()
    }
}

impl MetadataConnections for DatabasePools {
    fn metadata(&self) -> MetadataDb {
        Self::metadata(self)
    }
}

impl TimeseriesConnections for DatabasePools {
    fn timeseries(&self) -> TimeseriesDb {
        Self::timeseries(self)
    }
}

impl<F: Fn() -> MetadataDb + Send + Sync + 'static> MetadataConnections for F {
    fn metadata(&self) -> MetadataDb {
        self()
    }
}

impl<F: Fn() -> TimeseriesDb + Send + Sync + 'static> TimeseriesConnections for F {
    fn timeseries(&self) -> TimeseriesDb {
        self()
    }
}
