//! Transactions that detect silently failed commits.

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
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

/// Runs `work` in a transaction, which is committed if it returns `Ok` and rolled back otherwise. `begin` begins the
/// transaction and prepares it, in one round trip.
pub(crate) fn transaction_begun_by<T>(
    connection: &mut PgConnection,
    begin: &str,
    work: impl FnOnce(&mut PgConnection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    if let Err(error) = AnsiTransactionManager::begin_transaction_sql(connection, begin) {
        // if a later statement of `begin` failed, diesel does not know of the transaction; if this fails as well, the
        // connection is lost
        let _ = connection.batch_execute("ROLLBACK");
        return Err(error.into());
    }
    match work(connection) {
        Ok(value) => {
            AnsiTransactionManager::commit_transaction(connection)?;
            Ok(value)
        }
        Err(error) => {
            // the error of `work` tells more; a connection whose rollback failed is not used again
            let _ = AnsiTransactionManager::rollback_transaction(connection);
            Err(error)
        }
    }
}
