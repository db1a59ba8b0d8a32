//! Columns of rows to insert into the order history.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Numeric, Text, Timestamptz};
use diesel::{PgConnection, RunQueryDsl as _, sql_query};
use tickbook::RepositoryError;
use tickbook::db::DbError;
use tickbook::postgres::PgDecimal;

use super::amount::PgAmount;
use super::json::text_of;
use crate::domain::{FillReport, HistoryEvent, PositionState};

/// One value of each row.
fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// A text of each row.
fn texts<R>(rows: &[R], value: impl Fn(&R) -> Option<&str>) -> Vec<Option<String>> {
    rows.iter()
        .map(|row| value(row).map(str::to_owned))
        .collect()
}

/// The columns of `order_event_history`.
#[derive(Debug)]
pub(super) struct EventColumns {
    account_id: Vec<i64>,
    recorded_at: Vec<DateTime<Utc>>,
    sequence: Vec<i64>,
    order_id: Vec<Option<String>>,
    kind: Vec<Option<String>>,
    symbol_id: Vec<i64>,
    side: Vec<Option<String>>,
    strategy_id: Vec<Option<i64>>,
    venue: Vec<Option<String>>,
    exec_id: Vec<Option<String>>,
    client_order_id: Vec<Option<String>>,
    venue_time: Vec<Option<DateTime<Utc>>>,
    received_at: Vec<Option<DateTime<Utc>>>,
    last_quantity: Vec<Option<PgDecimal>>,
    last_price: Vec<Option<PgDecimal>>,
    payload: Vec<String>,
}

impl EventColumns {
    pub(super) fn of(events: &[&HistoryEvent]) -> Result<Self, RepositoryError> {
        let payload = events.iter().map(|it| text_of(&it.recorded.event));
        Ok(Self {
            account_id: column(events, |it| it.account_id.get()),
            recorded_at: column(events, |it| it.recorded.recorded_at),
            sequence: column(events, |it| it.recorded.sequence),
            order_id: texts(events, |it| Some(it.recorded.order_id.as_str())),
            kind: texts(events, |it| Some(it.recorded.event.kind.as_str())),
            symbol_id: column(events, |it| it.symbol_id.get()),
            side: texts(events, |it| Some(it.side.as_str())),
            strategy_id: column(events, |it| it.strategy_id.map(|id| id.get())),
            venue: texts(events, |it| Some(it.venue.as_str())),
            exec_id: texts(events, |it| {
                Some(it.recorded.event.exec_id.as_ref()?.as_str())
            }),
            client_order_id: texts(events, |it| {
                Some(it.recorded.event.client_order_id.as_ref()?.as_str())
            }),
            venue_time: column(events, |it| it.recorded.event.venue_time),
            received_at: column(events, |it| it.recorded.event.received_at),
            last_quantity: column(events, |it| Some(PgDecimal(it.last()?.0))),
            last_price: column(events, |it| Some(PgDecimal(it.last()?.1))),
            payload: payload.collect::<Result<_, _>>()?,
        })
    }

    /// Inserts the rows that are not there, and returns their number.
    pub(super) fn insert(&self, connection: &mut PgConnection) -> Result<usize, DbError> {
        if self.sequence.is_empty() {
            return Ok(0);
        }
        let inserted = sql_query(
            "INSERT INTO order_event_history (account_id, recorded_at, sequence, order_id, kind, \
             symbol_id, side, strategy_id, venue, exec_id, client_order_id, venue_time, received_at, \
             last_quantity, last_price, payload) \
             SELECT account_id, recorded_at, sequence, order_id, kind, symbol_id, side, strategy_id, \
             venue, exec_id, client_order_id, venue_time, received_at, last_quantity, last_price, \
             payload::jsonb FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
             $15, $16) AS rows (account_id, recorded_at, sequence, order_id, kind, symbol_id, side, \
             strategy_id, venue, exec_id, client_order_id, venue_time, received_at, last_quantity, \
             last_price, payload) ON CONFLICT DO NOTHING",
        )
        .bind::<Array<BigInt>, _>(&self.account_id)
        .bind::<Array<Timestamptz>, _>(&self.recorded_at)
        .bind::<Array<BigInt>, _>(&self.sequence)
        .bind::<Array<Nullable<Text>>, _>(&self.order_id)
        .bind::<Array<Nullable<Text>>, _>(&self.kind)
        .bind::<Array<BigInt>, _>(&self.symbol_id)
        .bind::<Array<Nullable<Text>>, _>(&self.side)
        .bind::<Array<Nullable<BigInt>>, _>(&self.strategy_id)
        .bind::<Array<Nullable<Text>>, _>(&self.venue)
        .bind::<Array<Nullable<Text>>, _>(&self.exec_id)
        .bind::<Array<Nullable<Text>>, _>(&self.client_order_id)
        .bind::<Array<Nullable<Timestamptz>>, _>(&self.venue_time)
        .bind::<Array<Nullable<Timestamptz>>, _>(&self.received_at)
        .bind::<Array<Nullable<Numeric>>, _>(&self.last_quantity)
        .bind::<Array<Nullable<Numeric>>, _>(&self.last_price)
        .bind::<Array<Text>, _>(&self.payload)
        .execute(connection)?;
        Ok(inserted)
    }
}

/// The columns of `fill_history`.
#[derive(Debug)]
pub(super) struct FillColumns {
    reports: Vec<FillReport>,
}

impl FillColumns {
    pub(super) fn of(events: &[&HistoryEvent]) -> Self {
        let reports = events.iter().filter_map(|event| event.fill_report());
        Self {
            reports: reports.collect(),
        }
    }

    /// Inserts the rows that are not there.
    pub(super) fn insert(&self, connection: &mut PgConnection) -> Result<(), DbError> {
        let rows = &self.reports;
        if rows.is_empty() {
            return Ok(());
        }
        sql_query(
            "INSERT INTO fill_history (account_id, trade_time, sequence, recorded_at, order_id, kind, \
             symbol_id, side, strategy_id, quantity, price, venue, exec_id, ref_exec_id, fee_amount, \
             fee_currency, fee_is_taken_from_quantity, liquidity) \
             SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
             $16, $17, $18) ON CONFLICT DO NOTHING",
        )
        .bind::<Array<BigInt>, _>(column(rows, |it| it.account_id.get()))
        .bind::<Array<Timestamptz>, _>(column(rows, |it| it.trade_time))
        .bind::<Array<BigInt>, _>(column(rows, |it| it.sequence))
        .bind::<Array<Timestamptz>, _>(column(rows, |it| it.recorded_at))
        .bind::<Array<Nullable<Text>>, _>(texts(rows, |it| Some(it.order_id.as_str())))
        .bind::<Array<Nullable<Text>>, _>(texts(rows, |it| Some(it.kind.as_str())))
        .bind::<Array<BigInt>, _>(column(rows, |it| it.symbol_id.get()))
        .bind::<Array<Nullable<Text>>, _>(texts(rows, |it| Some(it.side.as_str())))
        .bind::<Array<Nullable<BigInt>>, _>(column(rows, |it| it.strategy_id.map(|id| id.get())))
        .bind::<Array<Nullable<Numeric>>, _>(column(rows, |it| Some(PgDecimal(it.last?.0))))
        .bind::<Array<Nullable<Numeric>>, _>(column(rows, |it| Some(PgDecimal(it.last?.1))))
        .bind::<Array<Nullable<Text>>, _>(texts(rows, |it| Some(it.venue.as_str())))
        .bind::<Array<Nullable<Text>>, _>(texts(rows, |it| Some(it.exec_id.as_ref()?.as_str())))
        .bind::<Array<Nullable<Text>>, _>(texts(rows, |it| {
            Some(it.ref_exec_id.as_ref()?.as_str())
        }))
        .bind::<Array<Nullable<Numeric>>, _>(column(rows, |it| {
            Some(PgDecimal(it.fee.as_ref()?.amount))
        }))
        .bind::<Array<Nullable<Text>>, _>(texts(rows, |it| {
            Some(it.fee.as_ref()?.currency.as_str())
        }))
        .bind::<Array<Nullable<Bool>>, _>(column(rows, |it| {
            Some(it.fee.as_ref()?.is_taken_from_quantity)
        }))
        .bind::<Array<Nullable<Text>>, _>(texts(rows, |it| Some(it.liquidity?.as_str())))
        .execute(connection)?;
        Ok(())
    }
}

/// The columns of `position_history`.
#[derive(Debug)]
pub(super) struct PositionColumns {
    states: Vec<PositionState>,
}

impl PositionColumns {
    pub(super) fn of(events: &[&HistoryEvent]) -> Self {
        let states = events.iter().filter_map(|event| event.position_state());
        Self {
            states: states.collect(),
        }
    }

    /// Inserts the rows that are not there.
    pub(super) fn insert(&self, connection: &mut PgConnection) -> Result<(), DbError> {
        let rows = &self.states;
        if rows.is_empty() {
            return Ok(());
        }
        sql_query(
            "INSERT INTO position_history (account_id, symbol_id, as_of, sequence, recorded_at, \
             strategy_id, position_name, quantity, open_cost, realized) \
             SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        )
        .bind::<Array<BigInt>, _>(column(rows, |it| it.account_id.get()))
        .bind::<Array<BigInt>, _>(column(rows, |it| it.key.symbol_id.get()))
        .bind::<Array<Timestamptz>, _>(column(rows, |it| it.as_of))
        .bind::<Array<BigInt>, _>(column(rows, |it| it.sequence))
        .bind::<Array<Timestamptz>, _>(column(rows, |it| it.recorded_at))
        .bind::<Array<Nullable<BigInt>>, _>(column(rows, |it| {
            it.key.strategy_id.map(|id| id.get())
        }))
        .bind::<Array<Nullable<Text>>, _>(texts(rows, |it| Some(it.key.name.as_str())))
        .bind::<Array<Numeric>, _>(column(rows, |it| PgDecimal(it.after.quantity)))
        .bind::<Array<Numeric>, _>(column(rows, |it| PgAmount(it.after.open_cost)))
        .bind::<Array<Numeric>, _>(column(rows, |it| PgAmount(it.after.realized)))
        .execute(connection)?;
        Ok(())
    }
}
