//! Loads the part of the ledger of an account that a batch of events needs. The head of the account is locked.

use std::collections::{BTreeMap, BTreeSet};

use diesel::sql_types::{BigInt, Binary, Text, Uuid};
use diesel::{PgConnection, RunQueryDsl as _};
use tickbook::db::DbError;
use tickbook::{Entity, RepositoryError};

use super::fill_rows::{FillColumns, FillRow, content_hash, fill_columns};
use super::position_rows::{self, strategy_of};
use super::rows::{
    OrderColumns, OrderRow, client_order_id, order_columns, order_id, venue_order_id,
};
use super::statement::{Parameter, PgKey, Statement, StatementText};
use super::stored::invalid;
use crate::domain::{
    AccountLedger, FillId, OrderEvent, OrderEventKind, OrderId, OrderTerms, PositionKey, Venue,
};

/// Loads what `events`, in their stored form, refer to, unless it is loaded.
pub(super) fn load(
    connection: &mut PgConnection,
    ledger: &mut AccountLedger,
    events: &[OrderEvent],
) -> Result<(), DbError> {
    let mut orders: BTreeSet<OrderId> =
        events.iter().filter_map(|it| it.order_id.clone()).collect();
    load_client_order_ids(connection, ledger, events, &mut orders)?;
    load_venue_order_ids(connection, ledger, events, &mut orders)?;
    let mut positions = load_fills(connection, ledger, events, &mut orders)?;
    orders.retain(|id| !ledger.has_order(id));
    load_orders(connection, ledger, &orders)?;
    let named = named_orders(ledger, events);
    load_booked(connection, ledger, events, &named)?;
    positions.extend(positions_of(ledger, events, &named));
    positions.retain(|key| !ledger.has_position(key));
    load_positions(connection, ledger, positions)
}

fn account(ledger: &AccountLedger) -> Parameter {
    Parameter::BigInt(ledger.account().account_id.get())
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Parameter {
    Parameter::Texts(
        texts
            .into_iter()
            .map(|text| Some(text.to_owned()))
            .collect(),
    )
}

struct ClientOrderIds;

impl StatementText for ClientOrderIds {
    const SQL: &'static str = "SELECT client_order_id, order_id FROM order_client_ids \
         WHERE account_id = ? AND client_order_id = ANY(?)";
    type Row = (Text, Text);
}

fn load_client_order_ids(
    connection: &mut PgConnection,
    ledger: &mut AccountLedger,
    events: &[OrderEvent],
    orders: &mut BTreeSet<OrderId>,
) -> Result<(), DbError> {
    let ids = events.iter().flat_map(|event| {
        let ids = [&event.client_order_id, &event.orig_client_order_id];
        ids.into_iter().flatten()
    });
    let ids: BTreeSet<_> = ids.map(|id| id.as_str()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let statement = Statement::<ClientOrderIds>::new([account(ledger), texts(ids)]);
    let rows: Vec<(String, String)> = statement.load(connection)?;
    for (id, owner) in rows {
        let owner = order_id(owner)?;
        ledger.load_client_order_id(client_order_id(id)?, owner.clone());
        orders.insert(owner);
    }
    Ok(())
}

struct VenueOrderIds;

impl StatementText for VenueOrderIds {
    const SQL: &'static str = "SELECT venue, venue_order_id, order_id FROM order_venue_ids \
         WHERE account_id = ? AND (venue, venue_order_id) IN (SELECT * FROM UNNEST(?::text[], ?::text[]))";
    type Row = (Text, Text, Text);
}

fn load_venue_order_ids(
    connection: &mut PgConnection,
    ledger: &mut AccountLedger,
    events: &[OrderEvent],
    orders: &mut BTreeSet<OrderId>,
) -> Result<(), DbError> {
    let of_account = &ledger.account().terms.venue;
    let ids = events.iter().filter_map(|event| {
        let venue = event.venue.as_ref().unwrap_or(of_account);
        Some((venue.as_str(), event.venue_order_id.as_ref()?.as_str()))
    });
    let ids: BTreeSet<_> = ids.collect();
    if ids.is_empty() {
        return Ok(());
    }
    let (venues, ids): (Vec<_>, Vec<_>) = ids.into_iter().unzip();
    let parameters = [account(ledger), texts(venues), texts(ids)];
    let rows: Vec<(String, String, String)> =
        Statement::<VenueOrderIds>::new(parameters).load(connection)?;
    for (venue, id, owner) in rows {
        let owner = order_id(owner)?;
        ledger.load_venue_order_id(venue_order_id(venue, id)?, owner.clone());
        orders.insert(owner);
    }
    Ok(())
}

struct ReportedFills;

impl StatementText for ReportedFills {
    const SQL: &'static str = concat!(
        "SELECT e.venue, e.exec_id, e.kind, ",
        fill_columns!(),
        " FROM order_events e JOIN fills f ON f.account_id = e.account_id AND f.sequence = e.fill_sequence \
         WHERE e.account_id = ? AND e.exec_id = ANY(?)"
    );
    type Row = (Text, Text, Text, FillColumns);
}

/// Loads the fills that busts and corrections name. Returns their positions.
fn load_fills(
    connection: &mut PgConnection,
    ledger: &mut AccountLedger,
    events: &[OrderEvent],
    orders: &mut BTreeSet<OrderId>,
) -> Result<BTreeSet<PositionKey>, DbError> {
    let ids = events.iter().flat_map(|event| {
        let reference = match &event.kind {
            OrderEventKind::FillBusted(reference) => Some(reference),
            OrderEventKind::FillCorrected(correction) => Some(&correction.reference),
            _ => None,
        };
        let own = reference.and(event.exec_id.as_ref());
        reference.map(|it| &it.exec_id).into_iter().chain(own)
    });
    let ids: BTreeSet<_> = ids.map(|id| id.as_str()).collect();
    let mut positions = BTreeSet::new();
    if ids.is_empty() {
        return Ok(positions);
    }
    let statement = Statement::<ReportedFills>::new([account(ledger), texts(ids)]);
    let rows: Vec<(String, String, String, FillRow)> = statement.load(connection)?;
    for (venue, exec_id, kind, fill) in rows {
        let fill = fill.into_fill()?;
        let effect = match &fill.fill_id {
            FillId::Report { effect, .. } => *effect,
            FillId::Content(_) => None,
        };
        if kind != "filled" {
            let error = |error| invalid(Entity::OrderEvent, &exec_id, "exec_id", error);
            let exec = exec_id.parse().map_err(error)?;
            let venue = Venue::new(venue).map_err(error)?;
            ledger.load_report((venue, exec, effect), fill.fill_id.clone());
        }
        positions.insert(fill.position.clone());
        orders.insert(fill.order_id.clone());
        if ledger.fill(&fill.fill_id).is_none() {
            ledger.load_fill(fill);
        }
    }
    Ok(positions)
}

struct Orders;

impl StatementText for Orders {
    const SQL: &'static str = concat!(
        "SELECT ",
        order_columns!(),
        " FROM orders WHERE account_id = ? AND order_id = ANY(?)"
    );
    type Row = OrderColumns;
}

fn load_orders(
    connection: &mut PgConnection,
    ledger: &mut AccountLedger,
    ids: &BTreeSet<OrderId>,
) -> Result<(), DbError> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids = texts(ids.iter().map(|id| id.as_str()));
    let rows: Vec<OrderRow> = Statement::<Orders>::new([account(ledger), ids]).load(connection)?;
    for row in rows {
        ledger.load_order(row.into_order()?);
    }
    Ok(())
}

/// The order of each event, as far as it is known: an event may name an order by a request of an earlier event.
fn named_orders(ledger: &AccountLedger, events: &[OrderEvent]) -> Vec<Option<OrderId>> {
    let mut requests = BTreeMap::new();
    let named = events.iter().map(|event| {
        let found = ledger.order_named_by(event).or_else(|| {
            let ids = [&event.client_order_id, &event.orig_client_order_id];
            let found = ids.into_iter().flatten().find_map(|id| requests.get(id));
            found.cloned()
        });
        if let (Some(id), Some(order_id)) = (&event.client_order_id, &found) {
            requests
                .entry(id.clone())
                .or_insert_with(|| order_id.clone());
        }
        found
    });
    named.collect()
}

struct Booked;

impl StatementText for Booked {
    const SQL: &'static str = "SELECT event_key, sequence, content_hash FROM order_events \
         WHERE account_id = ? AND event_key = ANY(?)";
    type Row = (Uuid, BigInt, Binary);
}

fn load_booked(
    connection: &mut PgConnection,
    ledger: &mut AccountLedger,
    events: &[OrderEvent],
    named: &[Option<OrderId>],
) -> Result<(), DbError> {
    let keys = events.iter().zip(named).flat_map(|(event, order_id)| {
        let keys = order_id
            .as_ref()
            .map(|order_id| ledger.keys_of(event, order_id));
        keys.unwrap_or_default()
    });
    let keys: BTreeSet<_> = keys.collect();
    let keys = Parameter::Keys(keys.into_iter().map(PgKey).collect());
    let rows: Vec<(PgKey, i64, Vec<u8>)> =
        Statement::<Booked>::new([account(ledger), keys]).load(connection)?;
    for (key, sequence, content) in rows {
        let error = |reason| invalid(Entity::OrderEvent, sequence, "content_hash", reason);
        ledger.load_booked(key.0, sequence, content_hash(&content).map_err(error)?);
    }
    Ok(())
}

/// The positions that fills among `events` may change.
fn positions_of(
    ledger: &AccountLedger,
    events: &[OrderEvent],
    named: &[Option<OrderId>],
) -> BTreeSet<PositionKey> {
    let mode = ledger.account().terms.position_mode;
    let key = |terms: &OrderTerms| {
        PositionKey::new(
            terms.strategy_id,
            terms.symbol_id,
            terms.position_name(mode),
        )
    };
    let mut created: BTreeMap<&OrderId, &OrderTerms> = BTreeMap::new();
    let mut positions = BTreeSet::new();
    for (event, order_id) in events.iter().zip(named) {
        let Some(order_id) = order_id else {
            continue;
        };
        let terms = match &event.kind {
            OrderEventKind::Created(terms) => Some(terms),
            _ => event.external.as_ref(),
        };
        if let Some(terms) = terms {
            created.entry(order_id).or_insert(terms);
        }
        if matches!(event.kind, OrderEventKind::Filled(_)) {
            let stored = ledger.order(order_id).map(|order| &order.terms);
            let terms = stored.or_else(|| created.get(order_id).copied());
            positions.extend(terms.map(key));
        }
    }
    positions
}

fn load_positions(
    connection: &mut PgConnection,
    ledger: &mut AccountLedger,
    keys: BTreeSet<PositionKey>,
) -> Result<(), DbError> {
    let keys: Vec<_> = keys.into_iter().collect();
    for (entry, last) in position_rows::of_keys(connection, ledger.account(), &keys)? {
        ledger.load_position(entry.key, entry.position, last);
    }
    Ok(())
}

struct FillsOfPosition;

impl StatementText for FillsOfPosition {
    const SQL: &'static str = concat!(
        "SELECT ",
        fill_columns!(),
        " FROM fills f WHERE f.account_id = ? AND f.symbol_id = ? AND f.position_name = ? \
         AND COALESCE(f.strategy_id, 0) = ?"
    );
    type Row = FillColumns;
}

/// Loads all fills of a position, so that it can be computed again.
pub(super) fn load_fills_of(
    connection: &mut PgConnection,
    ledger: &mut AccountLedger,
    key: &PositionKey,
) -> Result<(), DbError> {
    let statement = Statement::<FillsOfPosition>::new([
        account(ledger),
        Parameter::BigInt(key.symbol_id.get()),
        Parameter::Text(key.name.clone()),
        Parameter::BigInt(strategy_of(key)),
    ]);
    let rows: Vec<FillRow> = statement.load(connection)?;
    let fills: Result<Vec<_>, RepositoryError> = rows.into_iter().map(FillRow::into_fill).collect();
    ledger.load_fills_of(key, fills?);
    Ok(())
}
