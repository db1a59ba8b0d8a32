//! Ticks that were held back, in a plain table beside those that are stored.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Nullable, Numeric, Text, Timestamptz};
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;

use super::numeric::{PgDecimal, StoredNumeric};
use crate::db::TimeseriesConnections;
use crate::domain::{Page, SymbolId, Tick, UnknownRule, Verdict};
use crate::error::{Entity, RepositoryError};
use crate::repository::{
    QuarantineEntry, QuarantineId, QuarantineQuery, QuarantineRepository, QuarantineState,
    QuarantinedTick, UnknownQuarantineState, different_ids, normalized_quarantine,
};

const SELECT: &str = "SELECT quarantine_id, symbol_id, tick_time, sequence, bid_price, ask_price, \
                      bid_volume, ask_volume, received_at, rule, observed, rule_limit, \
                      quarantined_at, state FROM tick_quarantine";

/// [`QuarantineRepository`] over TimescaleDB, either edition.
pub struct PgQuarantineRepository {
    connections: Box<dyn TimeseriesConnections>,
}

impl PgQuarantineRepository {
    /// Reads and writes over `connections`; connects when it is first used.
    pub fn new(connections: impl TimeseriesConnections) -> Self {
        Self {
            connections: Box::new(connections),
        }
    }
}

impl fmt::Debug for PgQuarantineRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgQuarantineRepository")
            .field("database", &self.connections.timeseries())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl QuarantineRepository for PgQuarantineRepository {
    async fn put(&self, ticks: &[QuarantinedTick]) -> Result<u64, RepositoryError> {
        let ticks = normalized_quarantine(ticks)?;
        if ticks.is_empty() {
            return Ok(0);
        }
        let timeseries = self.connections.timeseries();
        timeseries
            .run_idempotent("keep ticks in quarantine", move |connection| {
                let numbers = |number: fn(&QuarantinedTick) -> Decimal| -> Vec<PgDecimal> {
                    ticks.iter().map(|kept| PgDecimal(number(kept))).collect()
                };
                let put = sql_query(
                    "INSERT INTO tick_quarantine (symbol_id, tick_time, sequence, bid_price, \
                     ask_price, bid_volume, ask_volume, received_at, rule, observed, rule_limit, \
                     quarantined_at) \
                     SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
                     ON CONFLICT DO NOTHING",
                )
                .bind::<Array<BigInt>, _>(column(&ticks, |kept| kept.tick.symbol_id.get()))
                .bind::<Array<Timestamptz>, _>(column(&ticks, |kept| kept.tick.tick_time))
                .bind::<Array<BigInt>, _>(column(&ticks, |kept| kept.tick.sequence))
                .bind::<Array<Numeric>, _>(numbers(|kept| kept.tick.bid_price))
                .bind::<Array<Numeric>, _>(numbers(|kept| kept.tick.ask_price))
                .bind::<Array<Numeric>, _>(numbers(|kept| kept.tick.bid_volume))
                .bind::<Array<Numeric>, _>(numbers(|kept| kept.tick.ask_volume))
                .bind::<Array<Nullable<Timestamptz>>, _>(column(&ticks, |kept| {
                    kept.tick.received_at
                }))
                .bind::<Array<Text>, _>(column(&ticks, |kept| kept.verdict.rule.as_str()))
                .bind::<Array<Numeric>, _>(numbers(|kept| kept.verdict.observed))
                .bind::<Array<Numeric>, _>(numbers(|kept| kept.verdict.limit))
                .bind::<Array<Timestamptz>, _>(column(&ticks, |kept| kept.quarantined_at))
                .execute(connection)?;
                Ok(put as u64)
            })
            .await
    }

    async fn list(
        &self,
        query: &QuarantineQuery,
    ) -> Result<Page<QuarantineEntry, QuarantineId>, RepositoryError> {
        let query = *query;
        let timeseries = self.connections.timeseries();
        let items = timeseries
            .read("read the quarantine", move |connection| {
                let rows: Vec<Row> = sql_query(format!(
                    "{SELECT} WHERE tick_time >= $1 AND tick_time < $2 AND quarantine_id > $3 \
                     AND ($4 IS NULL OR symbol_id = $4) AND ($5 IS NULL OR rule = $5) \
                     AND ($6 IS NULL OR state = $6) ORDER BY quarantine_id LIMIT $7"
                ))
                .bind::<Timestamptz, _>(query.range.from())
                .bind::<Timestamptz, _>(query.range.to())
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
        Ok(Page::from_overfull(items, query.limit, |entry| entry.id))
    }

    async fn get(&self, ids: &[QuarantineId]) -> Result<Vec<QuarantineEntry>, RepositoryError> {
        let ids = different_ids(ids)?;
        let timeseries = self.connections.timeseries();
        timeseries
            .read("read ticks of the quarantine", move |connection| {
                let select =
                    format!("{SELECT} WHERE quarantine_id = ANY($1) ORDER BY quarantine_id");
                let rows = sql_query(select)
                    .bind::<Array<BigInt>, _>(&ids)
                    .load(connection)?;
                Ok(entries(rows)?)
            })
            .await
    }

    async fn decide(
        &self,
        ids: &[QuarantineId],
        state: QuarantineState,
    ) -> Result<u64, RepositoryError> {
        let ids = different_ids(ids)?;
        if ids.is_empty() || state == QuarantineState::Pending {
            return Ok(0);
        }
        let timeseries = self.connections.timeseries();
        timeseries
            .run_once("decide about the quarantine", move |connection| {
                // locked in one order, so that two who decide cannot wait for each other
                let changed = sql_query(
                    "UPDATE tick_quarantine SET state = $2, decided_at = now() \
                     WHERE quarantine_id IN (SELECT quarantine_id FROM tick_quarantine \
                     WHERE quarantine_id = ANY($1) AND state = 'pending' \
                     ORDER BY quarantine_id FOR UPDATE)",
                )
                .bind::<Array<BigInt>, _>(&ids)
                .bind::<Text, _>(state.as_str())
                .execute(connection)?;
                Ok(changed as u64)
            })
            .await
    }
}

fn column<T>(ticks: &[QuarantinedTick], value: impl Fn(&QuarantinedTick) -> T) -> Vec<T> {
    ticks.iter().map(value).collect()
}

#[derive(Debug, QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    quarantine_id: i64,
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
    #[diesel(sql_type = Timestamptz)]
    tick_time: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    sequence: i64,
    #[diesel(sql_type = Numeric)]
    bid_price: StoredNumeric,
    #[diesel(sql_type = Numeric)]
    ask_price: StoredNumeric,
    #[diesel(sql_type = Numeric)]
    bid_volume: StoredNumeric,
    #[diesel(sql_type = Numeric)]
    ask_volume: StoredNumeric,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    received_at: Option<DateTime<Utc>>,
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

fn entries(rows: Vec<Row>) -> Result<Vec<QuarantineEntry>, RepositoryError> {
    rows.into_iter().map(Row::into_entry).collect()
}

impl Row {
    fn into_entry(self) -> Result<QuarantineEntry, RepositoryError> {
        let data = |reason: String| RepositoryError::Data {
            entity: Entity::Tick,
            key: format!("{} of the quarantine", self.quarantine_id),
            reason,
        };
        let number = |column: &str, value: StoredNumeric| {
            let number = value.0;
            number.map_err(|error| data(format!("{column}: {error}")))
        };
        Ok(QuarantineEntry {
            id: QuarantineId::new(self.quarantine_id),
            kept: QuarantinedTick {
                tick: Tick {
                    symbol_id: SymbolId::new(self.symbol_id),
                    tick_time: self.tick_time,
                    sequence: self.sequence,
                    bid_price: number("bid_price", self.bid_price)?,
                    ask_price: number("ask_price", self.ask_price)?,
                    bid_volume: number("bid_volume", self.bid_volume)?,
                    ask_volume: number("ask_volume", self.ask_volume)?,
                    received_at: self.received_at,
                },
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
