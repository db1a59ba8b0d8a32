//! Identifies the committed state of a database.

use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::TimeseriesDb;
use crate::error::RepositoryError;

/// Identifies the committed state of a database: while two of them are equal, no transaction that writes has
/// committed in between, so every statement returns the same rows. They may differ although no row has changed.
///
/// PostgreSQL names the transactions whose rows a snapshot sees by the next transaction id and the list of running
/// transactions. A statement that only reads has no transaction id. A replica in recovery does not list the running
/// transactions, so the position of its replay is part of the state. After a restart, or on another server, the time
/// of the start differs.
///
/// # Examples
///
/// ```
/// use tickbook::RepositoryError;
/// use tickbook::db::DatabasePools;
/// use tickbook::postgres::CommittedState;
///
/// # async fn example(pools: &DatabasePools) -> Result<(), RepositoryError> {
/// let before = CommittedState::read(&pools.timeseries_reads()).await?;
/// // … read rows, and some time later:
/// let is_unchanged = CommittedState::read(&pools.timeseries_reads()).await? == before;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedState(String);

#[derive(QueryableByName)]
struct StateRow {
    #[diesel(sql_type = Text)]
    state: String,
}

const SELECT: &str = "SELECT concat_ws(' ', pg_current_snapshot(), pg_last_wal_replay_lsn(), \
     extract(epoch FROM pg_postmaster_start_time()), inet_server_addr(), inet_server_port()) AS state";

impl CommittedState {
    /// Reads the present state, in a snapshot between the start and the end of the call.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn read(database: &TimeseriesDb) -> Result<Self, RepositoryError> {
        let row = database.read("committed_state", |connection| {
            Ok(sql_query(SELECT).get_result::<StateRow>(connection)?)
        });
        Ok(Self(row.await?.state))
    }
}
