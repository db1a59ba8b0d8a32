//! One instant for a whole answer.

use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;

use crate::db::DbError;
use crate::domain::{TimeRange, Timeframe};
use crate::error::{Database, RepositoryError};

use super::catalog::{Catalog, Chunks};
use super::relations::KnownRelations;

const OPERATION: &str = "read candles";

/// How often an answer is read again because chunks changed under it.
const ROUNDS: usize = 10;

/// A transaction that sees one instant.
pub(super) struct Snapshot<'a> {
    pub(super) connection: &'a mut PgConnection,
    relations: &'a KnownRelations,
    /// What answers were read from.
    chunks: Vec<Chunks>,
    /// Whether statements are planned for the chunks that there are.
    plans_anew: bool,
}

impl Snapshot<'_> {
    /// What is known of the aggregates up to `timeframe` and of the changes within `range`.
    pub(super) fn catalog(
        &mut self,
        timeframe: Timeframe,
        range: TimeRange,
    ) -> Result<Catalog, DbError> {
        let known = self.relations.last(self.connection)?;
        let mut catalog = Catalog::read(self.connection, timeframe, range, &known)?;
        if catalog.is_none() {
            let known = self.relations.look(self.connection)?;
            catalog = Catalog::read(self.connection, timeframe, range, &known)?;
        }
        // another snapshot may have replaced them meanwhile
        let catalog = catalog.ok_or_else(|| in_the_way("candle relations kept changing"))?;
        if !self.plans_anew {
            // a transaction is seen a moment before other sessions hear that it made a chunk, so that
            // a plan from before may lack one whose rows this snapshot has
            let planned = "SET LOCAL plan_cache_mode = force_custom_plan";
            self.connection.batch_execute(planned)?;
            self.plans_anew = true;
        }
        // all of one snapshot: those of the same hypertables are the same
        let chunks = catalog.chunks();
        if !self.chunks.contains(&chunks) {
            self.chunks.push(chunks);
        }
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
    relations: &KnownRelations,
    read: impl Fn(&mut Snapshot<'_>) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let mut error = in_the_way("chunks kept changing");
    for _ in 0..ROUNDS {
        match in_snapshot(connection, relations, &read) {
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
        if !chunks.are_unchanged(connection)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn in_snapshot<T>(
    connection: &mut PgConnection,
    relations: &KnownRelations,
    read: impl Fn(&mut Snapshot<'_>) -> Result<T, DbError>,
) -> Result<(T, Vec<Chunks>), DbError> {
    connection
        .build_transaction()
        .repeatable_read()
        .read_only()
        .run(|connection| {
            let mut snapshot = Snapshot {
                connection,
                relations,
                chunks: Vec::new(),
                plans_anew: false,
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
