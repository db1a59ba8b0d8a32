//! The book at a time: a snapshot and the updates after it.

use chrono::{DateTime, Utc};
use diesel::PgConnection;

use crate::db::DbError;
use crate::domain::book::{BookSnapshot, BookUpdate};
use crate::domain::{PageLimit, SortOrder, SymbolId, TimeRange};
use crate::error::{Database, Entity, RepositoryError};
use crate::postgres::reading::{Listing, newest_in, page};

use super::intervals::known_interval;

/// The largest number of reads of a book while its rows are deleted.
const ROUNDS: usize = 10;

/// The book at the end of `range`, which begins at the earliest time and ends after the last instant to include.
///
/// A deletion and a drop also change what [`known_interval`] reads. If that differs after the rows were read, the
/// rows may be incomplete and are read again.
pub(super) fn book_at(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
    now: DateTime<Utc>,
) -> Result<Option<BookSnapshot>, DbError> {
    let mut known = known_interval(connection, symbol_id, range)?;
    for _ in 0..ROUNDS {
        let Some(from) = known.valid_from() else {
            return Ok(None);
        };
        let since = TimeRange::new(from, range.end()).map_err(RepositoryError::invalid)?;
        let book = read_book(connection, symbol_id, since, now)?;
        let after = known_interval(connection, symbol_id, range)?;
        if after == known {
            return Ok(book);
        }
        known = after;
    }
    Err(RepositoryError::Conflict {
        database: Database::Timeseries,
        operation: "book_at",
        source: "rows of the book kept being deleted".into(),
    }
    .into())
}

/// The newest snapshot of `range` with all later updates of the range.
fn read_book(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
    now: DateTime<Utc>,
) -> Result<Option<BookSnapshot>, DbError> {
    let Some(mut book) = newest_in::<BookSnapshot>(connection, symbol_id, range, now)? else {
        return Ok(None);
    };
    loop {
        let later = TimeRange::new(book.snapshot_time, range.end());
        let listing = Listing {
            symbol_id,
            range: later.map_err(RepositoryError::invalid)?,
            order: SortOrder::Ascending,
            after: Some((book.snapshot_time, book.sequence)),
            limit: PageLimit::default().get(),
        };
        let updates: Vec<BookUpdate> = page(connection, &listing, now)?;
        for update in &updates {
            book.apply(update).map_err(|reason| RepositoryError::Data {
                entity: Entity::Book,
                key: format!("of symbol {symbol_id} at {}", update.update_time),
                reason: reason.to_string(),
            })?;
        }
        if updates.len() <= listing.limit {
            return Ok(Some(book));
        }
    }
}
