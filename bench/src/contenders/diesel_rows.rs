//! The table of ticks and its rows, as a diesel user declares them.

use chrono::{DateTime, Utc};
use diesel::Insertable;
use rust_decimal::Decimal;
use tickbook::domain::Tick;

diesel::table! {
    ticks (symbol_id, tick_time, sequence) {
        symbol_id -> Int8,
        tick_time -> Timestamptz,
        sequence -> Int8,
        bid_price -> Nullable<Numeric>,
        ask_price -> Nullable<Numeric>,
        bid_volume -> Nullable<Numeric>,
        ask_volume -> Nullable<Numeric>,
        received_at -> Nullable<Timestamptz>,
    }
}

#[derive(Insertable)]
#[diesel(table_name = ticks)]
pub(super) struct NewTick {
    symbol_id: i64,
    tick_time: DateTime<Utc>,
    sequence: i64,
    bid_price: Option<Decimal>,
    ask_price: Option<Decimal>,
    bid_volume: Option<Decimal>,
    ask_volume: Option<Decimal>,
    received_at: Option<DateTime<Utc>>,
}

impl From<&Tick> for NewTick {
    fn from(tick: &Tick) -> Self {
        Self {
            symbol_id: tick.symbol_id.get(),
            tick_time: tick.tick_time,
            sequence: tick.sequence,
            bid_price: tick.bid_price,
            ask_price: tick.ask_price,
            bid_volume: tick.bid_volume,
            ask_volume: tick.ask_volume,
            received_at: tick.received_at,
        }
    }
}
