//! The outbox in PostgreSQL.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Numeric, Text, Timestamptz};
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::MetadataConnections;
use tickbook::domain::{Page, PageLimit, SymbolId};
use tickbook::{Entity, RepositoryError};

use super::amount::PgAmount;
use super::json::{PgJson, event_of};
use super::stored::invalid;
use crate::domain::{
    AccountId, HistoryEvent, OrderId, PositionAfter, RecordedEvent, StrategyId, Venue,
};
use crate::repository::{
    AccountSequence, EventRange, OutboxBacklog, OutboxEntry, OutboxPosition, OutboxRepository,
    merged_ranges,
};
use tickbook::postgres::PgDecimal;

/// [`OutboxRepository`] over PostgreSQL.
///
/// The age of transactions of other users is known only to a member of the role `pg_read_all_stats`.
pub struct PgOutboxRepository {
    connections: Box<dyn MetadataConnections>,
}

impl PgOutboxRepository {
    /// Reads and trims over `connections`; connects on first use.
    pub fn new(connections: impl MetadataConnections) -> Self {
        Self {
            connections: Box::new(connections),
        }
    }
}

impl fmt::Debug for PgOutboxRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOutboxRepository")
            .field("database", &self.connections.metadata())
            .finish_non_exhaustive()
    }
}

#[derive(Debug, QueryableByName)]
struct EntryRow {
    #[diesel(sql_type = BigInt)]
    transaction: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    account_id: i64,
    #[diesel(sql_type = BigInt)]
    first_sequence: i64,
    #[diesel(sql_type = BigInt)]
    last_sequence: i64,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: DateTime<Utc>,
}

impl EntryRow {
    fn into_entry(self) -> OutboxEntry {
        let account_id = AccountId::new(self.account_id);
        let events = EventRange::new(account_id, self.first_sequence, self.last_sequence);
        let position = OutboxPosition::new(self.transaction, self.id);
        OutboxEntry::new(position, events, self.recorded_at)
    }
}

#[derive(Debug, QueryableByName)]
struct EventRow {
    #[diesel(sql_type = BigInt)]
    account_id: i64,
    #[diesel(sql_type = BigInt)]
    sequence: i64,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    order_id: String,
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
    #[diesel(sql_type = Text)]
    side: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    strategy_id: Option<i64>,
    #[diesel(sql_type = Text)]
    venue: String,
    #[diesel(sql_type = Nullable<Text>)]
    position_name: Option<String>,
    #[diesel(sql_type = Nullable<Numeric>)]
    position_quantity: Option<PgDecimal>,
    #[diesel(sql_type = Nullable<Numeric>)]
    position_open_cost: Option<PgAmount>,
    #[diesel(sql_type = Nullable<Numeric>)]
    position_realized: Option<PgAmount>,
    #[diesel(sql_type = Jsonb)]
    payload: PgJson,
}

impl EventRow {
    fn into_event(self) -> Result<HistoryEvent, RepositoryError> {
        let key = format!("{} of account {}", self.sequence, self.account_id);
        let error =
            |column, reason: &dyn fmt::Display| invalid(Entity::OrderEvent, &key, column, reason);
        let recorded = RecordedEvent {
            sequence: self.sequence,
            recorded_at: self.recorded_at,
            order_id: OrderId::new(self.order_id).map_err(|it| error("order_id", &it))?,
            event: event_of(self.sequence, &self.payload)?,
        };
        let side = self.side.parse();
        let side = side.map_err(|it: crate::domain::UnknownName| error("side", &it))?;
        let venue = Venue::new(self.venue).map_err(|it| error("venue", &it))?;
        let position = match (
            self.position_name,
            self.position_quantity,
            self.position_open_cost,
            self.position_realized,
        ) {
            (Some(name), Some(quantity), Some(open_cost), Some(realized)) => Some(
                PositionAfter::new(name, quantity.0, open_cost.0, realized.0),
            ),
            _ => None,
        };
        let account_id = AccountId::new(self.account_id);
        let symbol_id = SymbolId::new(self.symbol_id);
        let event = HistoryEvent::new(account_id, recorded, symbol_id, side, venue);
        let event = event.with_strategy(self.strategy_id.map(StrategyId::new));
        Ok(event.with_position(position))
    }
}

#[derive(Debug, QueryableByName)]
struct HeadRow {
    #[diesel(sql_type = BigInt)]
    account_id: i64,
    #[diesel(sql_type = BigInt)]
    sequence: i64,
}

#[derive(Debug, QueryableByName)]
struct BacklogRow {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    oldest: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    held_since: Option<DateTime<Utc>>,
}

#[async_trait]
impl OutboxRepository for PgOutboxRepository {
    async fn entries(&self, limit: PageLimit) -> Result<Vec<OutboxEntry>, RepositoryError> {
        let metadata = self.connections.metadata();
        metadata
            .read("outbox_entries", move |connection| {
                // all transactions before the oldest open one have ended, so no entry appears among these later
                let rows: Vec<EntryRow> = sql_query(
                    "SELECT xid::text::bigint AS transaction, id, account_id, first_sequence, \
                     last_sequence, recorded_at FROM ledger_outbox \
                     WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, id LIMIT $1",
                )
                // at most 10,000
                .bind::<BigInt, _>(limit.get() as i64)
                .load(connection)?;
                Ok(rows.into_iter().map(EntryRow::into_entry).collect())
            })
            .await
    }

    async fn events(&self, ranges: &[EventRange]) -> Result<Vec<HistoryEvent>, RepositoryError> {
        let ranges = merged_ranges(ranges);
        if ranges.is_empty() {
            return Ok(Vec::new());
        }
        let metadata = self.connections.metadata();
        metadata
            .read("outbox_events", move |connection| {
                let numbers =
                    |number: fn(&EventRange) -> i64| ranges.iter().map(number).collect::<Vec<_>>();
                let rows: Vec<EventRow> = sql_query(
                    "SELECT event.account_id, event.sequence, event.recorded_at, event.order_id, \
                     event.symbol_id, event.side, event.strategy_id, event.venue, \
                     event.position_name, event.position_quantity, event.position_open_cost, \
                     event.position_realized, event.payload \
                     FROM UNNEST($1, $2, $3) AS wanted (account_id, first, last) \
                     CROSS JOIN LATERAL (SELECT * FROM order_events \
                     WHERE order_events.account_id = wanted.account_id \
                     AND order_events.sequence BETWEEN wanted.first AND wanted.last) AS event \
                     ORDER BY event.account_id, event.sequence",
                )
                .bind::<Array<BigInt>, _>(numbers(|range| range.account_id.get()))
                .bind::<Array<BigInt>, _>(numbers(|range| range.first))
                .bind::<Array<BigInt>, _>(numbers(|range| range.last))
                .load(connection)?;
                let events = rows.into_iter().map(EventRow::into_event);
                Ok(events.collect::<Result<Vec<_>, _>>()?)
            })
            .await
    }

    async fn heads(
        &self,
        after: Option<AccountId>,
        limit: PageLimit,
    ) -> Result<Page<AccountSequence, AccountId>, RepositoryError> {
        let metadata = self.connections.metadata();
        let items = metadata
            .read("outbox_heads", move |connection| {
                let rows: Vec<HeadRow> = sql_query(
                    "SELECT accounts.account_id, coalesce(account_heads.sequence, 0) AS sequence \
                     FROM accounts LEFT JOIN account_heads USING (account_id) \
                     WHERE accounts.account_id > $1 ORDER BY accounts.account_id LIMIT $2",
                )
                .bind::<BigInt, _>(after.map_or(0, AccountId::get))
                // at most 10,001
                .bind::<BigInt, _>(limit.get() as i64 + 1)
                .load(connection)?;
                let heads = rows.into_iter();
                let heads = heads
                    .map(|row| AccountSequence::new(AccountId::new(row.account_id), row.sequence));
                Ok(heads.collect())
            })
            .await?;
        Ok(Page::from_limit_plus_one(
            items,
            limit,
            |head: &AccountSequence| head.account_id,
        ))
    }

    async fn trim(&self, position: OutboxPosition) -> Result<u64, RepositoryError> {
        let metadata = self.connections.metadata();
        metadata
            .run_idempotent("trim_outbox", move |connection| {
                let removed =
                    sql_query("DELETE FROM ledger_outbox WHERE (xid, id) <= ($1::text::xid8, $2)")
                        .bind::<Text, _>(position.transaction.to_string())
                        .bind::<BigInt, _>(position.id)
                        .execute(connection)?;
                Ok(removed as u64)
            })
            .await
    }

    async fn backlog(&self) -> Result<OutboxBacklog, RepositoryError> {
        let metadata = self.connections.metadata();
        metadata
            .read("outbox_backlog", move |connection| {
                let row: BacklogRow = sql_query(
                    "SELECT (SELECT recorded_at FROM ledger_outbox ORDER BY xid, id LIMIT 1) \
                     AS oldest, \
                     (SELECT min(began) FROM (SELECT xact_start AS began FROM pg_stat_activity \
                     WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() \
                     UNION ALL SELECT prepared FROM pg_prepared_xacts) AS open_transactions \
                     WHERE EXISTS (SELECT FROM ledger_outbox \
                     WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()))) AS held_since",
                )
                .get_result(connection)?;
                Ok(OutboxBacklog::new(row.oldest, row.held_since))
            })
            .await
    }
}
