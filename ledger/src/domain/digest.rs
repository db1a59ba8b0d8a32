//! Digests of projections.

use std::fmt::Display;

use super::event_key::{ContentHash, Hasher, hash_terms};
use super::fill::Fill;
use super::order::Order;
use super::position::Position;
use super::position_key::PositionKey;

/// A digest of orders, fills and positions. Two ledgers of an account have the same digest if and only if these are
/// equal. Orders and positions have to be sorted by id, and fills by their place in the account.
#[must_use]
pub fn digest<'a>(
    orders: impl IntoIterator<Item = &'a Order>,
    fills: impl IntoIterator<Item = &'a Fill>,
    positions: impl IntoIterator<Item = (&'a PositionKey, &'a Position)>,
) -> ContentHash {
    let mut hasher = Hasher::default();
    hasher.field("orders");
    for order in orders {
        hash_order(&mut hasher, order);
    }
    hasher.field("fills");
    for fill in fills {
        hash_fill(&mut hasher, fill);
    }
    hasher.field("positions");
    for (key, position) in positions {
        hash_key(&mut hasher, key);
        hash_position(&mut hasher, position);
    }
    hasher.finish()
}

/// A list with its length.
fn list<T>(hasher: &mut Hasher, items: &[T], mut hash: impl FnMut(&mut Hasher, &T)) {
    hasher.field(items.len());
    for item in items {
        hash(hasher, item);
    }
}

/// A time in microseconds.
fn time(hasher: &mut Hasher, time: Option<chrono::DateTime<chrono::Utc>>) {
    hasher.optional(time.map(|time| time.timestamp_micros()));
}

fn flag(value: bool) -> impl Display {
    u8::from(value)
}

fn hash_order(hasher: &mut Hasher, order: &Order) {
    hasher.field(&order.order_id);
    hash_terms(hasher, &order.terms);
    hasher.optional(order.client_order_id.as_ref());
    hasher.optional(order.venue_order_id.as_ref());
    for value in [order.filled, order.adjustment] {
        hasher.field(value.normalize());
    }
    hasher.field(order.filled_notional);
    hasher.field(order.notional_adjustment);
    for value in [
        order.is_external,
        order.is_submitted,
        order.is_acknowledged,
        order.is_triggered,
        order.is_stopped,
        order.is_suspended,
    ] {
        hasher.field(flag(value));
    }
    hasher.optional(order.closed_by);
    list(hasher, &order.pending, |hasher, request| {
        hasher.field(request.kind);
        hasher.optional(request.client_order_id.as_ref());
    });
    hasher.field(flag(order.done_for.is_some()));
    hasher.optional(order.done_for.flatten());
    hasher.optional(order.active_on);
    hasher.field(order.first_sequence);
    hasher.field(order.last_sequence);
    time(hasher, Some(order.created_at));
    time(hasher, Some(order.updated_at));
}

fn hash_fill(hasher: &mut Hasher, fill: &Fill) {
    hasher.field(&fill.fill_id).field(&fill.order_id);
    time(hasher, Some(fill.order.trade_time));
    hasher.field(fill.order.venue_sequence);
    hasher.field(fill.order.sequence);
    hash_key(hasher, &fill.position);
    hasher.field(fill.side);
    hasher.field(fill.quantity.normalize());
    hasher.field(fill.price.normalize());
    let fee = fill.fee.as_ref();
    hasher.optional(fee.map(|fee| fee.amount.normalize()));
    hasher.optional(fee.map(|fee| &fee.currency));
    hasher.optional(fee.map(|fee| flag(fee.is_taken_from_quantity)));
    hasher.optional(fill.liquidity);
    hasher.field(fill.contract.multiplier.normalize());
    hasher.field(flag(fill.contract.is_inverse));
    hasher.optional(fill.trading_day);
    hasher.optional(fill.latest_exec_id.as_ref());
    hasher.field(fill.versions);
    hasher.field(flag(fill.is_busted));
}

fn hash_key(hasher: &mut Hasher, key: &PositionKey) {
    hasher.optional(key.strategy_id);
    hasher.field(key.symbol_id).field(&key.name);
}

fn hash_position(hasher: &mut Hasher, position: &Position) {
    hasher.field(position.quantity.normalize());
    hasher.field(position.open_cost);
    hasher.field(position.realized);
    time(hasher, position.opened_at);
    hasher.field(position.fees.len());
    for (currency, amount) in &position.fees {
        hasher.field(currency).field(amount);
    }
    list(hasher, &position.lots, |hasher, lot| {
        hasher.field(lot.quantity.normalize());
        hasher.field(lot.price.normalize());
        hasher.field(lot.cost);
        hasher.optional(lot.fill_id.as_ref());
        time(hasher, lot.opened_at);
    });
}
