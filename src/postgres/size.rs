//! The size of a database.

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::TimeseriesDb;
use crate::error::RepositoryError;

#[derive(QueryableByName)]
struct Size {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// Returns the number of bytes that the database takes on the disk of its server, without the write-ahead log. The
/// server examines each of its files, so call it every few minutes at most.
///
/// # Errors
/// Those of a read.
///
/// # Examples
///
/// ```
/// use tickbook::RepositoryError;
/// use tickbook::db::DatabasePools;
/// use tickbook::postgres::database_bytes;
///
/// # async fn gibibytes(pools: &DatabasePools) -> Result<u64, RepositoryError> {
/// Ok(database_bytes(&pools.timeseries()).await? >> 30)
/// # }
/// ```
pub async fn database_bytes(db: &TimeseriesDb) -> Result<u64, RepositoryError> {
    let bytes = db.executor().read("database_bytes", |connection| {
        let size: Size = sql_query("SELECT pg_database_size(current_database()) AS bytes")
            .get_result(connection)?;
        Ok(size.bytes)
    });
    // a size is never negative
    Ok(bytes.await?.unsigned_abs())
}
