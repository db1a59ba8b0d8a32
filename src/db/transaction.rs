//! Transactions that never report a commit that did not happen.

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};

use super::failure::DbError;

/// Runs `work` in a transaction: committed when it returns `Ok`, taken back when it fails or panics.
/// Within a transaction it is a savepoint.
///
/// PostgreSQL answers the `COMMIT` of a transaction in which a statement failed with a rollback and
/// no error, so that a failure that `work` swallows would be a silent loss. One more round trip
/// before the commit finds it.
///
/// # Errors
/// Those of `work`; one that becomes
/// [`RolledBack`](crate::error::RepositoryError::RolledBack) when `work` returns `Ok` although a statement failed.
///
/// # Examples
///
/// ```
/// use diesel::{RunQueryDsl as _, sql_query};
/// use tickbook::db::{TimeseriesDb, transaction};
///
/// # async fn compact(db: &TimeseriesDb) -> Result<(), tickbook::RepositoryError> {
/// db.run("lock and analyze ticks", |connection| {
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
