//! The repositories of quarantined ticks and trades, each in a plain table of its own.

use std::fmt;
use std::marker::PhantomData;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::sql_types::{Array, BigInt, Nullable, Numeric, Text, Timestamptz};
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};

use super::numeric::StoredNumeric;
use super::schema::timeseries::{tick_quarantine, trade_quarantine};
use super::ticks::{TickRow, tick_columns};
use super::trades::{TradeRow, trade_columns};
use super::writing::{Column, TableRow, insert_missing, names};
use crate::db::TimeseriesConnections;
use crate::domain::{MarketEvent, Page, SymbolId, Tick, Trade, UnknownRule, Verdict};
use crate::error::{Entity, RepositoryError};
use crate::repository::{
    QuarantineEntry, QuarantineId, QuarantineQuery, QuarantineRepository, Quarantined,
    QuarantinedTick, QuarantinedTrade, Resolution, UnknownQuarantineState, dedup_sorted_ids,
    normalized_quarantine,
};

impl TableRow for QuarantinedTick {
    type Table = tick_quarantine::table;

    const TABLE: &'static str = "tick_quarantine";
    const COLUMNS: &'static [Column<Self>] = tick_columns!(
        tick_quarantine,
        |it| it.event,
        Column::big_int(tick_quarantine::occurrence, |it| {
            it.event.occurrence.map(i64::from)
        }),
        Column::text(tick_quarantine::rule, |it| Some(it.verdict.rule.as_str())),
        Column::numeric(tick_quarantine::observed, |it| Some(it.verdict.observed)),
        Column::numeric(tick_quarantine::rule_limit, |it| Some(it.verdict.limit)),
        Column::timestamptz(tick_quarantine::quarantined_at, |it| {
            Some(it.quarantined_at)
        }),
    );
}

impl TableRow for QuarantinedTrade {
    type Table = trade_quarantine::table;

    const TABLE: &'static str = "trade_quarantine";
    const COLUMNS: &'static [Column<Self>] = trade_columns!(
        trade_quarantine,
        |it| it.event,
        Column::big_int(trade_quarantine::occurrence, |it| {
            it.event.occurrence.map(i64::from)
        }),
        Column::text(trade_quarantine::rule, |it| Some(it.verdict.rule.as_str())),
        Column::numeric(trade_quarantine::observed, |it| Some(it.verdict.observed)),
        Column::numeric(trade_quarantine::rule_limit, |it| Some(it.verdict.limit)),
        Column::timestamptz(trade_quarantine::quarantined_at, |it| {
            Some(it.quarantined_at)
        }),
    );
}

/// An event with a table for its quarantine.
trait QuarantinedEvent: MarketEvent {
    /// The columns of an event.
    type Row: QueryableByName<Pg> + 'static;

    /// The kind of the event in errors.
    const ENTITY: Entity;

    /// Reads an event. `invalid` creates the error of a value that is not valid.
    fn read(
        row: Self::Row,
        occurrence: Option<u32>,
        invalid: impl Fn(String) -> RepositoryError,
    ) -> Result<Self, RepositoryError>;
}

impl QuarantinedEvent for Tick {
    type Row = TickRow;

    const ENTITY: Entity = Entity::Tick;

    fn read(
        row: TickRow,
        occurrence: Option<u32>,
        invalid: impl Fn(String) -> RepositoryError,
    ) -> Result<Self, RepositoryError> {
        Ok(row.into_tick_or(invalid)?.with_occurrence(occurrence))
    }
}

impl QuarantinedEvent for Trade {
    type Row = TradeRow;

    const ENTITY: Entity = Entity::Trade;

    fn read(
        row: TradeRow,
        occurrence: Option<u32>,
        invalid: impl Fn(String) -> RepositoryError,
    ) -> Result<Self, RepositoryError> {
        Ok(row.into_trade_or(invalid)?.with_occurrence(occurrence))
    }
}

/// Selects every column of an entry; rows are read by column name.
fn select<E: MarketEvent>() -> String
where
    Quarantined<E>: TableRow,
{
    let (table, columns) = (Quarantined::<E>::TABLE, names(Quarantined::<E>::COLUMNS));
    format!("SELECT quarantine_id, {columns}, state FROM {table}")
}

/// [`QuarantineRepository`] over TimescaleDB, either edition.
pub struct PgQuarantineRepository<E: MarketEvent = Tick> {
    connections: Box<dyn TimeseriesConnections>,
    event: PhantomData<fn() -> E>,
}

impl<E: MarketEvent> PgQuarantineRepository<E> {
    /// Reads and writes over `connections`; connects on first use.
    pub fn new(connections: impl TimeseriesConnections) -> Self {
        Self {
            connections: Box::new(connections),
            event: PhantomData,
        }
    }
}

impl<E: MarketEvent> fmt::Debug for PgQuarantineRepository<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgQuarantineRepository")
            .field("database", &self.connections.timeseries())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<E: QuarantinedEvent> QuarantineRepository<E> for PgQuarantineRepository<E>
where
    Quarantined<E>: TableRow,
{
    async fn put(&self, events: &[Quarantined<E>]) -> Result<u64, RepositoryError> {
        let events = normalized_quarantine(events)?;
        if events.is_empty() {
            return Ok(0);
        }
        let timeseries = self.connections.timeseries();
        timeseries
            .run_idempotent("put", move |connection| {
                let put = insert_missing(connection, &events)?;
                Ok(put as u64)
            })
            .await
    }

    async fn list(
        &self,
        query: &QuarantineQuery,
    ) -> Result<Page<QuarantineEntry<E>, QuarantineId>, RepositoryError> {
        let query = *query;
        let timeseries = self.connections.timeseries();
        let items = timeseries
            .read("list", move |connection| {
                let (select, time) = (select::<E>(), Quarantined::<E>::COLUMNS[1].name());
                let rows: Vec<QuarantineRow<E::Row>> = sql_query(format!(
                    "{select} WHERE {time} >= $1 AND {time} < $2 AND quarantine_id > $3 \
                     AND ($4 IS NULL OR symbol_id = $4) AND ($5 IS NULL OR rule = $5) \
                     AND ($6 IS NULL OR state = $6) ORDER BY quarantine_id LIMIT $7"
                ))
                .bind::<Timestamptz, _>(query.range.start())
                .bind::<Timestamptz, _>(query.range.end())
                .bind::<BigInt, _>(query.after.map_or(i64::MIN, |after| after.get()))
                .bind::<Nullable<BigInt>, _>(query.symbol_id.map(SymbolId::get))
                .bind::<Nullable<Text>, _>(query.rule.map(|rule| rule.as_str()))
                .bind::<Nullable<Text>, _>(query.state.map(|state| state.as_str()))
                // at most 10,001
                .bind::<BigInt, _>(query.limit.get() as i64 + 1)
                .load(connection)?;
                Ok(entries(rows)?)
            })
            .await?;
        Ok(Page::from_limit_plus_one(items, query.limit, |entry| {
            entry.id
        }))
    }

    async fn get(&self, ids: &[QuarantineId]) -> Result<Vec<QuarantineEntry<E>>, RepositoryError> {
        let ids = dedup_sorted_ids(ids)?;
        let timeseries = self.connections.timeseries();
        timeseries
            .read("get", move |connection| {
                let select = select::<E>();
                let select =
                    format!("{select} WHERE quarantine_id = ANY($1) ORDER BY quarantine_id");
                let rows: Vec<QuarantineRow<E::Row>> = sql_query(select)
                    .bind::<Array<BigInt>, _>(&ids)
                    .load(connection)?;
                Ok(entries(rows)?)
            })
            .await
    }

    async fn resolve(
        &self,
        ids: &[QuarantineId],
        resolution: Resolution,
    ) -> Result<u64, RepositoryError> {
        let ids = dedup_sorted_ids(ids)?;
        if ids.is_empty() {
            return Ok(0);
        }
        let timeseries = self.connections.timeseries();
        timeseries
            .run_once("resolve", move |connection| {
                // lock in one order, so that concurrent decisions cannot deadlock
                let table = Quarantined::<E>::TABLE;
                let changed = sql_query(format!(
                    "UPDATE {table} SET state = $2, resolved_at = now() \
                     WHERE quarantine_id IN (SELECT quarantine_id FROM {table} \
                     WHERE quarantine_id = ANY($1) AND state = 'pending' \
                     ORDER BY quarantine_id FOR UPDATE)"
                ))
                .bind::<Array<BigInt>, _>(&ids)
                .bind::<Text, _>(resolution.state().as_str())
                .execute(connection)?;
                Ok(changed as u64)
            })
            .await
    }
}

#[derive(Debug, QueryableByName)]
struct QuarantineRow<T> {
    #[diesel(sql_type = BigInt)]
    quarantine_id: i64,
    #[diesel(embed)]
    event: T,
    #[diesel(sql_type = Nullable<BigInt>)]
    occurrence: Option<i64>,
    #[diesel(sql_type = Text)]
    rule: String,
    #[diesel(sql_type = Numeric)]
    observed: StoredNumeric,
    #[diesel(sql_type = Numeric)]
    rule_limit: StoredNumeric,
    #[diesel(sql_type = Timestamptz)]
    quarantined_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    state: String,
}

fn entries<E: QuarantinedEvent>(
    rows: Vec<QuarantineRow<E::Row>>,
) -> Result<Vec<QuarantineEntry<E>>, RepositoryError> {
    rows.into_iter().map(QuarantineRow::into_entry).collect()
}

impl<T> QuarantineRow<T> {
    fn into_entry<E: QuarantinedEvent<Row = T>>(
        self,
    ) -> Result<QuarantineEntry<E>, RepositoryError> {
        let data = |reason: String| RepositoryError::Data {
            entity: E::ENTITY,
            key: format!("{} of the quarantine", self.quarantine_id),
            reason,
        };
        let number = |column: &str, value: StoredNumeric| {
            let number = value.0;
            number.map_err(|error| data(format!("{column}: {error}")))
        };
        let occurrence = self.occurrence.map(u32::try_from).transpose();
        let occurrence = occurrence.map_err(|error| data(format!("occurrence: {error}")))?;
        Ok(QuarantineEntry {
            id: QuarantineId::new(self.quarantine_id),
            item: Quarantined {
                event: E::read(self.event, occurrence, data)?,
                verdict: Verdict {
                    rule: self
                        .rule
                        .parse()
                        .map_err(|error: UnknownRule| data(error.to_string()))?,
                    observed: number("observed", self.observed)?,
                    limit: number("rule_limit", self.rule_limit)?,
                },
                quarantined_at: self.quarantined_at,
            },
            state: self
                .state
                .parse()
                .map_err(|error: UnknownQuarantineState| data(error.to_string()))?,
        })
    }
}
