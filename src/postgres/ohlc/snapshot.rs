//! Snapshots: one instant for a whole answer.

use diesel::PgConnection;

use crate::db::{DbError, transaction_begun_by};
use crate::domain::{CandleInput, TimeRange, Timeframe};
use crate::error::{Database, RepositoryError};

use super::caches::CandleCaches;
use super::catalog::{Catalog, Chunks, RowReads};

const OPERATION: &str = "candles";

/// Maximum number of reads of an answer while chunks change.
const ROUNDS: usize = 10;

/// The server keeps the plan of the statement that reads the catalog, unlike other plans of the session. That statement
/// makes the server plan all later ones.
const BEGIN: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL plan_cache_mode = auto";

/// A transaction that sees one instant.
pub(super) struct Snapshot<'a> {
    pub(super) connection: &'a mut PgConnection,
    caches: &'a CandleCaches,
    /// The chunks that answers were read from.
    chunks: Option<Chunks>,
}

impl Snapshot<'_> {
    /// Reads the aggregates of an input up to a timeframe and the changes within `range`. Must come before statements
    /// that read rows.
    pub(super) fn catalog(
        &mut self,
        of: (CandleInput, Timeframe),
        range: TimeRange,
        reads: RowReads,
    ) -> Result<Catalog, DbError> {
        let known = self.caches.tables.last(self.connection)?;
        let mut catalog = Catalog::read(self.connection, of, range, &known, reads)?;
        if catalog.is_none() {
            let known = self.caches.tables.read_again(self.connection)?;
            catalog = Catalog::read(self.connection, of, range, &known, reads)?;
        }
        // another snapshot may have replaced the cached relations meanwhile
        let catalog = catalog.ok_or_else(|| in_the_way("candle relations kept changing"))?;
        if reads == RowReads::Pending {
            self.caches.settled.record(&catalog, range);
        }
        match &mut self.chunks {
            Some(chunks) => chunks.extend(catalog.chunks()),
            None => self.chunks = Some(catalog.chunks().clone()),
        }
        Ok(catalog)
    }
}

/// Calls `read` with a snapshot of the database, and again with a newer one if chunks were created, dropped,
/// compressed or decompressed meanwhile.
///
/// Chunks are not part of a snapshot: the server plans a statement for the chunks that exist at that
/// time, and searches them for rows of the snapshot. It misses rows that were moved to another chunk
/// after the snapshot.
///
/// # Errors
/// Returns the errors of `read`, and `Conflict` if the chunks kept changing.
pub(super) fn at_one_instant<T>(
    connection: &mut PgConnection,
    caches: &CandleCaches,
    read: impl Fn(&mut Snapshot<'_>) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let mut error = in_the_way("chunks kept changing");
    for _ in 0..ROUNDS {
        match in_snapshot(connection, caches, &read) {
            Ok((answer, chunks)) => {
                let is_unchanged = match chunks {
                    Some(chunks) => chunks.are_unchanged(connection)?,
                    None => true,
                };
                if is_unchanged {
                    return Ok(answer);
                }
            }
            Err(failed) => {
                let failed = failed.into_repository(Database::Timeseries, OPERATION);
                // the error of a chunk or an aggregate that was just dropped does not occur in a newer
                // snapshot
                let is_missing =
                    |error: &RepositoryError| matches!(error, RepositoryError::Schema { .. });
                let may_help = matches!(failed, RepositoryError::Conflict { .. })
                    || (is_missing(&failed) && !is_missing(&error));
                if !may_help {
                    return Err(failed.into());
                }
                error = failed;
            }
        }
    }
    Err(error.into())
}

fn in_snapshot<T>(
    connection: &mut PgConnection,
    caches: &CandleCaches,
    read: impl Fn(&mut Snapshot<'_>) -> Result<T, DbError>,
) -> Result<(T, Option<Chunks>), DbError> {
    transaction_begun_by(connection, BEGIN, |connection| {
        let mut snapshot = Snapshot {
            connection,
            caches,
            chunks: None,
        };
        let answer = read(&mut snapshot)?;
        Ok((answer, snapshot.chunks))
    })
}

fn in_the_way(what: &str) -> RepositoryError {
    RepositoryError::Conflict {
        database: Database::Timeseries,
        operation: OPERATION,
        source: what.into(),
    }
}
