//! Orders as rows.

use std::fmt::Display;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::Queryable;
use diesel::sql_types::{Array, BigInt, Date, Jsonb, Nullable, Numeric, Text, Timestamptz};
use tickbook::domain::SymbolId;
use tickbook::postgres::PgDecimal;
use tickbook::{Entity, RepositoryError};

use super::amount::PgAmount;
use super::json::PgJson;
use super::stored::invalid;
use crate::domain::{
    ClientOrderId, Order, OrderId, OrderTerms, PendingRequest, StrategyId, Venue, VenueOrderId,
};

/// The columns of an [`OrderRow`].
macro_rules! order_columns {
    () => {
        "order_id, symbol_id, side, order_type, time_in_force, quantity, limit_price, stop_price, arrival_price, \
         expires_at, strategy_id, position_id, parent_order_id, client_order_id, venue_order_id, filled, \
         filled_notional, adjustment, notional_adjustment, facts, closed_by, pending, done_for, active_on, \
         first_sequence, last_sequence, created_at, updated_at"
    };
}

pub(super) use order_columns;

pub(super) type OrderColumns = (
    Text,
    BigInt,
    Text,
    Text,
    Text,
    Nullable<Numeric>,
    Nullable<Numeric>,
    Nullable<Numeric>,
    Nullable<Numeric>,
    Nullable<Timestamptz>,
    Nullable<BigInt>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Numeric,
    Numeric,
    Numeric,
    Numeric,
    Array<Text>,
    Nullable<Text>,
    Jsonb,
    Nullable<Date>,
    Nullable<Date>,
    BigInt,
    BigInt,
    Timestamptz,
    Timestamptz,
);

#[derive(Debug, Queryable)]
pub(super) struct OrderRow {
    order_id: String,
    symbol_id: i64,
    side: String,
    order_type: String,
    time_in_force: String,
    quantity: Option<PgDecimal>,
    limit_price: Option<PgDecimal>,
    stop_price: Option<PgDecimal>,
    arrival_price: Option<PgDecimal>,
    expires_at: Option<DateTime<Utc>>,
    strategy_id: Option<i64>,
    position_id: Option<String>,
    parent_order_id: Option<String>,
    client_order_id: Option<String>,
    venue_order_id: Option<String>,
    filled: PgDecimal,
    filled_notional: PgAmount,
    adjustment: PgDecimal,
    notional_adjustment: PgAmount,
    facts: Vec<String>,
    closed_by: Option<String>,
    pending: PgJson,
    done_for: Option<NaiveDate>,
    active_on: Option<NaiveDate>,
    first_sequence: i64,
    last_sequence: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// The names of the facts of an order, in the order of the alphabet.
pub(super) fn facts_of(order: &Order) -> String {
    let facts = [
        (order.is_acknowledged, "acknowledged"),
        (order.done_for.is_some(), "done_for_day"),
        (order.is_external, "external"),
        (order.terms.is_post_only, "post_only"),
        (order.terms.is_reduce_only, "reduce_only"),
        (order.is_stopped, "stopped"),
        (order.is_submitted, "submitted"),
        (order.is_suspended, "suspended"),
        (order.is_triggered, "triggered"),
    ];
    let facts = facts.into_iter().filter(|(holds, _)| *holds);
    facts.map(|(_, name)| name).collect::<Vec<_>>().join(",")
}

/// The pending requests of an order as JSON: `[["cancel", "Y"], ["replace", null]]`.
pub(super) fn pending_of(order: &Order) -> String {
    let pairs = order.pending.iter().map(|request| {
        let id = request.client_order_id.as_ref().map(ClientOrderId::as_str);
        serde_json::json!([request.kind.as_str(), id])
    });
    serde_json::Value::Array(pairs.collect()).to_string()
}

impl OrderRow {
    pub(super) fn into_order(self) -> Result<Order, RepositoryError> {
        let key = self.order_id.clone();
        let error = |column: &'static str| {
            let key = key.clone();
            move |reason: &dyn Display| invalid(Entity::Order, &key, column, reason)
        };
        // each id and each name was valid when it was stored
        let parsed = |column, text: String| Parsed {
            text,
            error: error(column),
        };
        let optional = |column, text: Option<String>| text.map(|text| parsed(column, text));
        let decimal = |value: Option<PgDecimal>| value.map(|value| value.0);
        let has = |fact: &str| self.facts.iter().any(|held| held == fact);
        let mut terms = OrderTerms::market(
            SymbolId::new(self.symbol_id),
            parsed("side", self.side).read()?,
            decimal(self.quantity),
        );
        terms.order_type = parsed("order_type", self.order_type).read()?;
        terms.time_in_force = parsed("time_in_force", self.time_in_force).read()?;
        terms.limit_price = decimal(self.limit_price);
        terms.stop_price = decimal(self.stop_price);
        terms.arrival_price = decimal(self.arrival_price);
        terms.expires_at = self.expires_at;
        terms.is_post_only = has("post_only");
        terms.is_reduce_only = has("reduce_only");
        terms.strategy_id = self.strategy_id.map(StrategyId::new);
        terms.position_id = read(optional("position_id", self.position_id))?;
        terms.parent_order_id = read(optional("parent_order_id", self.parent_order_id))?;
        let order_id = parsed("order_id", self.order_id.clone()).read()?;
        let mut order = Order::new(order_id, terms, self.first_sequence, self.created_at);
        order.client_order_id = read(optional("client_order_id", self.client_order_id))?;
        order.venue_order_id = read(optional("venue_order_id", self.venue_order_id))?;
        order.is_external = has("external");
        order.filled = self.filled.0;
        order.filled_notional = self.filled_notional.0;
        order.adjustment = self.adjustment.0;
        order.notional_adjustment = self.notional_adjustment.0;
        order.is_submitted = has("submitted");
        order.is_acknowledged = has("acknowledged");
        order.is_triggered = has("triggered");
        order.is_stopped = has("stopped");
        order.is_suspended = has("suspended");
        order.closed_by = read(optional("closed_by", self.closed_by))?;
        order.pending = pending(&self.pending.0).map_err(|reason| error("pending")(&reason))?;
        order.done_for = has("done_for_day").then_some(self.done_for);
        order.active_on = self.active_on;
        order.last_sequence = self.last_sequence;
        order.updated_at = self.updated_at;
        Ok(order)
    }
}

/// A text that has to be an id or a name.
struct Parsed<E> {
    text: String,
    error: E,
}

impl<E: Fn(&dyn Display) -> RepositoryError> Parsed<E> {
    fn read<T: std::str::FromStr<Err: Display>>(self) -> Result<T, RepositoryError> {
        self.text.parse().map_err(|error| (self.error)(&error))
    }
}

fn read<T, E>(value: Option<Parsed<E>>) -> Result<Option<T>, RepositoryError>
where
    T: std::str::FromStr<Err: Display>,
    E: Fn(&dyn Display) -> RepositoryError,
{
    value.map(Parsed::read).transpose()
}

fn pending(json: &str) -> Result<Vec<PendingRequest>, String> {
    let pairs: Vec<(String, Option<String>)> =
        serde_json::from_str(json).map_err(|error| error.to_string())?;
    let requests = pairs.into_iter().map(|(kind, id)| {
        let id = id.map(ClientOrderId::new).transpose();
        Ok(PendingRequest {
            kind: kind
                .parse()
                .map_err(|error: crate::domain::UnknownName| error.to_string())?,
            client_order_id: id.map_err(|error| error.to_string())?,
        })
    });
    requests.collect()
}

/// The order of a request or of an id of a venue.
pub(super) fn order_id(text: String) -> Result<OrderId, RepositoryError> {
    let key = text.clone();
    OrderId::new(text).map_err(|error| invalid(Entity::Order, key, "order_id", error))
}

pub(super) fn client_order_id(text: String) -> Result<ClientOrderId, RepositoryError> {
    let key = text.clone();
    ClientOrderId::new(text).map_err(|error| invalid(Entity::Order, key, "client_order_id", error))
}

pub(super) fn venue_order_id(
    venue: String,
    text: String,
) -> Result<(Venue, VenueOrderId), RepositoryError> {
    let key = text.clone();
    let error = |column, error| invalid(Entity::Order, &key, column, error);
    let venue = Venue::new(venue).map_err(|source| error("venue", source))?;
    let id = VenueOrderId::new(text).map_err(|source| error("venue_order_id", source))?;
    Ok((venue, id))
}
