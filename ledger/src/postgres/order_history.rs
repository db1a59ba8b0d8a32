//! The order history in TimescaleDB.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use diesel::sql_types::{Array, BigInt, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::RepositoryError;
use tickbook::db::{DbError, TimeseriesConnections, transaction};
use tickbook::domain::Page;

use super::history_columns::{EventColumns, FillColumns, PositionColumns};
use super::history_rows::{EventRow, FillRow, PositionRow};
use crate::domain::{AccountId, FillReport, HistoryEvent, PositionState, RecordedEvent};
use crate::repository::{
    AccountSequence, HistoryKey, HistoryQuery, HistoryReceipt, OrderHistoryRepository,
};

/// [`OrderHistoryRepository`] over TimescaleDB, either edition.
pub struct PgOrderHistoryRepository {
    connections: Box<dyn TimeseriesConnections>,
}

impl PgOrderHistoryRepository {
    /// Reads and writes over `connections`; connects on first use.
    pub fn new(connections: impl TimeseriesConnections) -> Self {
        Self {
            connections: Box::new(connections),
        }
    }

    /// Reads a page of rows; `sql` has the parameters of [`bound`].
    async fn page<R, T>(
        &self,
        operation: &'static str,
        sql: &'static str,
        query: &HistoryQuery,
        read: fn(R) -> Result<T, RepositoryError>,
        key: fn(&T) -> HistoryKey,
    ) -> Result<Page<T, HistoryKey>, RepositoryError>
    where
        R: QueryableByName<diesel::pg::Pg> + Send + 'static,
        T: Send + 'static,
    {
        let (timeseries, wanted) = (self.connections.timeseries(), query.clone());
        let items = timeseries
            .read(operation, move |connection| {
                let rows: Vec<R> = bound(connection, sql, &wanted)?;
                let items = rows.into_iter().map(read);
                Ok(items.collect::<Result<Vec<_>, _>>()?)
            })
            .await?;
        Ok(Page::from_limit_plus_one(items, query.limit, key))
    }
}

impl fmt::Debug for PgOrderHistoryRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOrderHistoryRepository")
            .field("database", &self.connections.timeseries())
            .finish_non_exhaustive()
    }
}

/// Binds the account, the end of the range, the key after which rows are read (time, number, booking), and the limit.
fn bound<R>(
    connection: &mut PgConnection,
    sql: &str,
    query: &HistoryQuery,
) -> Result<Vec<R>, DbError>
where
    R: QueryableByName<diesel::pg::Pg> + 'static,
{
    // before the first key of the range, so that chunks before it are not opened
    let start = HistoryKey::new(query.range.start(), 0, query.range.start());
    let after = query.after.map_or(start, |after| after.max(start));
    let rows = sql_query(sql)
        .bind::<BigInt, _>(query.account_id.get())
        .bind::<Timestamptz, _>(query.range.end())
        .bind::<Timestamptz, _>(after.time)
        .bind::<BigInt, _>(after.sequence)
        .bind::<Timestamptz, _>(after.recorded_at)
        // at most 10,001
        .bind::<BigInt, _>(query.limit.get() as i64 + 1)
        .load(connection)?;
    Ok(rows)
}

#[derive(Debug, QueryableByName)]
struct CursorRow {
    #[diesel(sql_type = BigInt)]
    account_id: i64,
    #[diesel(sql_type = BigInt)]
    sequence: i64,
}

#[async_trait]
impl OrderHistoryRepository for PgOrderHistoryRepository {
    async fn cursors(
        &self,
        account_ids: &[AccountId],
    ) -> Result<BTreeMap<AccountId, i64>, RepositoryError> {
        if account_ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ids: Vec<_> = account_ids.iter().map(|id| id.get()).collect();
        let timeseries = self.connections.timeseries();
        timeseries
            .read("relay_cursors", move |connection| {
                let rows: Vec<CursorRow> = sql_query(
                    "SELECT account_id, sequence FROM ledger_relay_cursor \
                     WHERE account_id = ANY($1)",
                )
                .bind::<Array<BigInt>, _>(&ids)
                .load(connection)?;
                let cursors = rows.into_iter();
                let cursors = cursors.map(|row| (AccountId::new(row.account_id), row.sequence));
                Ok(cursors.collect())
            })
            .await
    }

    async fn write(
        &self,
        events: &[HistoryEvent],
        cursors: &[AccountSequence],
    ) -> Result<HistoryReceipt, RepositoryError> {
        if events.is_empty() && cursors.is_empty() {
            return Ok(HistoryReceipt::default());
        }
        let total = events.len() as u64;
        let mut sorted: Vec<_> = events.iter().collect();
        // by key, so that two relays take the locks of rows in one order
        sorted.sort_by_key(|it| (it.account_id, it.recorded.recorded_at, it.recorded.sequence));
        let rows = EventColumns::of(&sorted)?;
        let fills = FillColumns::of(&sorted);
        let positions = PositionColumns::of(&sorted);
        let cursors: BTreeMap<_, _> = cursors
            .iter()
            .map(|cursor| (cursor.account_id.get(), cursor.sequence))
            .collect();
        let (accounts, sequences): (Vec<_>, Vec<_>) = cursors.into_iter().unzip();
        let timeseries = self.connections.timeseries();
        timeseries
            .run_idempotent("write_order_history", move |connection| {
                transaction(connection, |connection| {
                    let inserted = rows.insert(connection)? as u64;
                    fills.insert(connection)?;
                    positions.insert(connection)?;
                    if !accounts.is_empty() {
                        sql_query(
                            "INSERT INTO ledger_relay_cursor (account_id, sequence, relayed_at) \
                             SELECT account_id, sequence, now() \
                             FROM UNNEST($1, $2) AS cursors (account_id, sequence) \
                             ON CONFLICT (account_id) DO UPDATE \
                             SET sequence = EXCLUDED.sequence, relayed_at = EXCLUDED.relayed_at",
                        )
                        .bind::<Array<BigInt>, _>(&accounts)
                        .bind::<Array<BigInt>, _>(&sequences)
                        .execute(connection)?;
                    }
                    Ok(HistoryReceipt::new(inserted, total - inserted))
                })
            })
            .await
    }

    async fn events(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<RecordedEvent, HistoryKey>, RepositoryError> {
        self.page(
            "history_events",
            "SELECT sequence, recorded_at, order_id, payload FROM order_event_history \
             WHERE account_id = $1 AND recorded_at >= $3 AND recorded_at < $2 \
             AND (recorded_at, sequence, recorded_at) > ($3, $4, $5) \
             ORDER BY recorded_at, sequence LIMIT $6",
            query,
            EventRow::into_event,
            |it| HistoryKey::new(it.recorded_at, it.sequence, it.recorded_at),
        )
        .await
    }

    async fn fills(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<FillReport, HistoryKey>, RepositoryError> {
        self.page(
            "history_fills",
            "SELECT account_id, trade_time, sequence, recorded_at, order_id, kind, symbol_id, side, \
             strategy_id, quantity, price, venue, exec_id, ref_exec_id, fee_amount, fee_currency, \
             fee_is_taken_from_quantity, liquidity FROM fill_history \
             WHERE account_id = $1 AND trade_time >= $3 AND trade_time < $2 \
             AND (trade_time, sequence, recorded_at) > ($3, $4, $5) \
             ORDER BY trade_time, sequence, recorded_at LIMIT $6",
            query,
            FillRow::into_report,
            |it| HistoryKey::new(it.trade_time, it.sequence, it.recorded_at),
        )
        .await
    }

    async fn positions(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<PositionState, HistoryKey>, RepositoryError> {
        self.page(
            "history_positions",
            "SELECT account_id, symbol_id, as_of, sequence, recorded_at, strategy_id, \
             position_name, quantity, open_cost, realized FROM position_history \
             WHERE account_id = $1 AND as_of >= $3 AND as_of < $2 \
             AND (as_of, sequence, recorded_at) > ($3, $4, $5) \
             ORDER BY as_of, sequence, recorded_at LIMIT $6",
            query,
            PositionRow::into_state,
            |it| HistoryKey::new(it.as_of, it.sequence, it.recorded_at),
        )
        .await
    }
}
