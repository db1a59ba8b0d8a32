//! One instant for a whole answer.

use diesel::PgConnection;

use crate::db::{CatalogLayout, CatalogLayouts, DbError};
use crate::domain::{TimeRange, Timeframe};
use crate::error::{Database, RepositoryError};

use super::catalog::{Catalog, ChunkState, chunk_state};

const OPERATION: &str = "read candles";

/// How often an answer is read again because chunks changed under it.
const ROUNDS: usize = 10;

/// A transaction that sees one instant.
pub(super) struct Snapshot<'a> {
    pub(super) connection: &'a mut PgConnection,
    layouts: &'a CatalogLayouts,
    /// What answers were read from.
    chunks: Vec<Chunks>,
}

/// The chunks of some hypertables.
struct Chunks {
    layout: CatalogLayout,
    hypertables: Vec<i32>,
    /// At the instant of the snapshot.
    state: ChunkState,
}

impl Snapshot<'_> {
    /// What is known of the aggregates up to `timeframe` and of the changes within `range`.
    pub(super) fn catalog(
        &mut self,
        timeframe: Timeframe,
        range: TimeRange,
    ) -> Result<Catalog, DbError> {
        let (version, layout) = self.layouts.last(self.connection)?;
        let catalog = Catalog::read(self.connection, timeframe, range, layout)?;
        if catalog.version != version {
            self.layouts.look(self.connection)?;
            return Err(in_the_way("the extension was updated").into());
        }
        // all of one snapshot: those of the same hypertables are the same
        self.chunks
            .retain(|it| it.hypertables != catalog.hypertables);
        self.chunks.push(Chunks {
            layout,
            hypertables: catalog.hypertables.clone(),
            state: catalog.chunks,
        });
        Ok(catalog)
    }
}

/// Calls `read` with one snapshot of the database, and again with a newer one where chunks were made,
/// dropped, compressed or decompressed meanwhile.
///
/// Chunks are no part of a snapshot: the server plans a statement for those that there are now,
/// and looks in them for rows of then. What was moved in between would be in neither.
///
/// # Errors
/// Those of `read`; `Conflict` when the chunks kept changing.
pub(super) fn at_one_instant<T>(
    connection: &mut PgConnection,
    layouts: &CatalogLayouts,
    read: impl Fn(&mut Snapshot<'_>) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let mut error = in_the_way("chunks kept changing");
    for _ in 0..ROUNDS {
        match in_snapshot(connection, layouts, &read) {
            Ok((answer, chunks)) => {
                if are_unchanged(connection, &chunks)? {
                    return Ok(answer);
                }
            }
            Err(failed) => {
                let failed = failed.into_repository(Database::Timeseries, OPERATION);
                // a chunk or an aggregate that was just dropped is missing only once
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

fn are_unchanged(connection: &mut PgConnection, chunks: &[Chunks]) -> Result<bool, DbError> {
    for chunks in chunks {
        if chunk_state(connection, chunks.layout, &chunks.hypertables)? != chunks.state {
            return Ok(false);
        }
    }
    Ok(true)
}

fn in_snapshot<T>(
    connection: &mut PgConnection,
    layouts: &CatalogLayouts,
    read: impl Fn(&mut Snapshot<'_>) -> Result<T, DbError>,
) -> Result<(T, Vec<Chunks>), DbError> {
    connection
        .build_transaction()
        .repeatable_read()
        .read_only()
        .run(|connection| {
            let mut snapshot = Snapshot {
                connection,
                layouts,
                chunks: Vec::new(),
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
