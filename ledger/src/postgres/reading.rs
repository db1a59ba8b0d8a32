//! Reads of orders, events, fills and positions.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Jsonb, Text, Timestamptz};
use diesel::{PgConnection, RunQueryDsl as _};
use tickbook::RepositoryError;
use tickbook::db::DbError;
use tickbook::domain::{Page, SortOrder, TimeRange, earliest_time, latest_time};

use super::fill_rows::{FillColumns, FillRow, fill_columns};
use super::json::{PgJson, event_of};
use super::position_rows::{PositionColumns, PositionRow, complete, position_columns, strategy_of};
use super::rows::{OrderColumns, OrderRow, order_columns, order_id};
use super::statement::{Parameter, Selection};
use crate::domain::{
    Account, AccountId, Fill, FillOrder, Order, OrderId, PositionKey, RecordedEvent, positions_of,
};
use crate::repository::{FillQuery, OrderEventQuery, OrderQuery, PositionEntry, PositionQuery};

fn id(account_id: AccountId) -> Parameter {
    Parameter::BigInt(account_id.get())
}

fn text(text: &str) -> Parameter {
    Parameter::Text(text.to_owned())
}

/// At most a page and one more.
fn row_limit(limit: tickbook::domain::PageLimit) -> Parameter {
    Parameter::BigInt(limit.get() as i64 + 1)
}

/// The bounds of a range, which no stored time is outside of.
fn bounds(range: TimeRange) -> [Parameter; 2] {
    let clamped = |time: DateTime<Utc>| Parameter::Time(time.clamp(earliest_time(), latest_time()));
    [clamped(range.start()), clamped(range.end())]
}

pub(super) fn order(
    connection: &mut PgConnection,
    account_id: AccountId,
    order_id: &OrderId,
) -> Result<Option<Order>, DbError> {
    let mut select = Selection::<OrderColumns>::new(concat!("SELECT ", order_columns!()));
    select.push(
        " FROM orders WHERE account_id = ? AND order_id = ?",
        [id(account_id), text(order_id.as_str())],
    );
    let row: Option<OrderRow> = select.load(connection)?.pop();
    Ok(row.map(OrderRow::into_order).transpose()?)
}

pub(super) fn orders(
    connection: &mut PgConnection,
    query: &OrderQuery,
) -> Result<Page<Order, i64>, DbError> {
    let mut select = Selection::<OrderColumns>::new(concat!("SELECT ", order_columns!()));
    select.push(" FROM orders WHERE account_id = ?", [id(query.account_id)]);
    if let Some(symbol_id) = query.symbol_id {
        select.push(" AND symbol_id = ?", [Parameter::BigInt(symbol_id.get())]);
    }
    if let Some(strategy_id) = query.strategy_id {
        select.push(
            " AND strategy_id = ?",
            [Parameter::BigInt(strategy_id.get())],
        );
    }
    match query.open {
        Some(true) => select.push(" AND is_open", []),
        Some(false) => select.push(" AND NOT is_open", []),
        None => {}
    }
    select.push(
        " AND created_at >= ? AND created_at < ?",
        bounds(query.range),
    );
    if let Some(after) = query.after {
        let compares = match query.order {
            SortOrder::Ascending => " AND first_sequence > ?",
            SortOrder::Descending => " AND first_sequence < ?",
        };
        select.push(compares, [Parameter::BigInt(after)]);
    }
    // times of the journal never decrease, so this is the order of the first events
    let order = match query.order {
        SortOrder::Ascending => " ORDER BY created_at, first_sequence LIMIT ?",
        SortOrder::Descending => " ORDER BY created_at DESC, first_sequence DESC LIMIT ?",
    };
    select.push(order, [row_limit(query.limit)]);
    let orders = select.collect(connection, OrderRow::into_order)?;
    Ok(Page::from_limit_plus_one(
        orders,
        query.limit,
        |order: &Order| order.first_sequence,
    ))
}

type EventColumns = (BigInt, Timestamptz, Text, Jsonb);
type EventRow = (i64, DateTime<Utc>, String, PgJson);

fn recorded(row: EventRow) -> Result<RecordedEvent, RepositoryError> {
    let (sequence, recorded_at, order, payload) = row;
    Ok(RecordedEvent {
        sequence,
        recorded_at,
        order_id: order_id(order)?,
        event: event_of(sequence, &payload)?,
    })
}

pub(super) fn events(
    connection: &mut PgConnection,
    query: &OrderEventQuery,
) -> Result<Page<RecordedEvent, i64>, DbError> {
    let mut select =
        Selection::<EventColumns>::new("SELECT sequence, recorded_at, order_id, payload");
    select.push(
        " FROM order_events WHERE account_id = ?",
        [id(query.account_id)],
    );
    if let Some(order_id) = &query.order_id {
        select.push(" AND order_id = ?", [text(order_id.as_str())]);
    }
    let after = Parameter::BigInt(query.after.unwrap_or_default());
    select.push(
        " AND sequence > ? ORDER BY sequence LIMIT ?",
        [after, row_limit(query.limit)],
    );
    let events = select.collect(connection, recorded)?;
    Ok(Page::from_limit_plus_one(
        events,
        query.limit,
        |it: &RecordedEvent| it.sequence,
    ))
}

pub(super) fn fills(
    connection: &mut PgConnection,
    query: &FillQuery,
) -> Result<Page<Fill, FillOrder>, DbError> {
    let mut select = Selection::<FillColumns>::new(concat!("SELECT ", fill_columns!()));
    select.push(
        " FROM fills f WHERE f.account_id = ?",
        [id(query.account_id)],
    );
    if let Some(symbol_id) = query.symbol_id {
        select.push(" AND f.symbol_id = ?", [Parameter::BigInt(symbol_id.get())]);
    }
    if let Some(order_id) = &query.order_id {
        select.push(" AND f.order_id = ?", [text(order_id.as_str())]);
    }
    select.push(
        " AND f.trade_time >= ? AND f.trade_time < ?",
        bounds(query.range),
    );
    if let Some(after) = query.after {
        select.push(
            " AND (f.trade_time, f.venue_sequence, f.sequence) > (?, ?, ?)",
            [
                Parameter::Time(after.trade_time),
                Parameter::BigInt(after.venue_sequence),
                Parameter::BigInt(after.sequence),
            ],
        );
    }
    // with a known limit the planner may sort all fills instead of reading the index in order
    let order = " ORDER BY f.trade_time, f.venue_sequence, f.sequence LIMIT (SELECT ?)";
    select.push(order, [row_limit(query.limit)]);
    let fills = select.collect(connection, FillRow::into_fill)?;
    Ok(Page::from_limit_plus_one(
        fills,
        query.limit,
        |fill: &Fill| fill.order,
    ))
}

pub(super) fn positions(
    connection: &mut PgConnection,
    account: &Account,
    query: &PositionQuery,
) -> Result<Page<PositionEntry, PositionKey>, DbError> {
    let entries = match query.as_of {
        Some(time) => positions_as_of(connection, account, query, time)?,
        None => stored_positions(connection, account, query)?,
    };
    Ok(Page::from_limit_plus_one(
        entries,
        query.limit,
        |entry: &PositionEntry| entry.key.clone(),
    ))
}

/// The stored positions, at most a page and one more.
fn stored_positions(
    connection: &mut PgConnection,
    account: &Account,
    query: &PositionQuery,
) -> Result<Vec<PositionEntry>, DbError> {
    let mut select = Selection::<PositionColumns>::new(concat!("SELECT ", position_columns!()));
    select.push(
        " FROM positions p WHERE p.account_id = ?",
        [id(account.account_id)],
    );
    if let Some(symbol_id) = query.symbol_id {
        select.push(" AND p.symbol_id = ?", [Parameter::BigInt(symbol_id.get())]);
    }
    match query.open {
        Some(true) => select.push(" AND p.quantity <> 0", []),
        Some(false) => select.push(" AND p.quantity = 0", []),
        None => {}
    }
    if let Some(after) = &query.after {
        select.push(
            " AND (p.strategy_id, p.symbol_id, p.position_name COLLATE \"C\") > (?, ?, ?)",
            [
                Parameter::BigInt(strategy_of(after)),
                Parameter::BigInt(after.symbol_id.get()),
                text(&after.name),
            ],
        );
    }
    let order = " ORDER BY p.strategy_id, p.symbol_id, p.position_name COLLATE \"C\" LIMIT ?";
    select.push(order, [row_limit(query.limit)]);
    let rows: Vec<PositionRow> = select.load(connection)?;
    complete(connection, account, rows)
}

/// The positions that all fills up to a time give, at most a page and one more.
fn positions_as_of(
    connection: &mut PgConnection,
    account: &Account,
    query: &PositionQuery,
    time: DateTime<Utc>,
) -> Result<Vec<PositionEntry>, DbError> {
    let time = time.clamp(earliest_time(), latest_time());
    let mut select = Selection::<FillColumns>::new(concat!("SELECT ", fill_columns!()));
    select.push(
        " FROM fills f WHERE f.account_id = ? AND f.trade_time <= ?",
        [id(account.account_id), Parameter::Time(time)],
    );
    if let Some(symbol_id) = query.symbol_id {
        select.push(" AND f.symbol_id = ?", [Parameter::BigInt(symbol_id.get())]);
    }
    let fills = select.collect(connection, FillRow::into_fill)?;
    let positions = positions_of(account.terms.cost_method, &fills);
    let positions = positions.map_err(RepositoryError::invalid)?;
    let found = positions.into_iter().filter(|(key, position)| {
        query
            .open
            .is_none_or(|open| position.quantity.is_zero() != open)
            && query.after.as_ref().is_none_or(|after| key > after)
    });
    let found = found.map(|(key, position)| PositionEntry::new(key, position));
    Ok(found.take(query.limit.get() + 1).collect())
}
