//! Transactions that detect silently failed commits.

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};

use super::failure::DbError;

/// Runs `work` in a transaction, which is committed if it returns `Ok` and rolled back if it fails or panics.
/// Within a transaction it is a savepoint.
///
/// If a statement failed, PostgreSQL answers `COMMIT` with a rollback and no error. If `work` ignores the
/// failure, the loss would be silent. One more round trip before the commit detects this.
///
/// # Errors
/// The errors of `work`; an error that becomes [`RolledBack`](crate::error::RepositoryError::RolledBack) if
/// `work` returns `Ok` although a statement failed.
///
/// # Examples
///
/// ```
/// use diesel::{RunQueryDsl as _, sql_query};
/// use tickbook::db::{TimeseriesDb, transaction};
///
/// # async fn compact(db: &TimeseriesDb) -> Result<(), tickbook::RepositoryError> {
/// db.run("analyze_ticks", |connection| {
///     transaction(connection, |connection| {
///         sql_query("LOCK TABLE ticks IN SHARE MODE").execute(connection)?;
///         sql_query("ANALYZE ticks").execute(connection)?;
///         Ok(())
///     })
/// })
/// .await
/// # }
/// ```
pub fn transaction<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    connection.transaction(|connection| {
        let value = work(connection)?;
        connection.batch_execute("SELECT 1")?;
        Ok(value)
    })
}
