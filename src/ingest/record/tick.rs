//! Ticks as records.

use chrono::{DateTime, Utc};

use super::{Record, RecordReader, RecordWriter};
use crate::domain::{SymbolId, Tick, TickKey};

pub(super) const KIND: u8 = 1;
pub(super) const NAMES: &str = "ticks";

impl Record for Tick {
    type Key = TickKey;

    const KIND: u8 = KIND;
    const VERSION: u8 = 1;
    const MIN_BYTES: usize = 13;
    const NAME: &'static str = "tick";
    const NAMES: &'static str = NAMES;
    const METRICS: &'static str = "tick";

    fn key(&self) -> TickKey {
        Self::key(self)
    }

    fn symbol_id(&self) -> SymbolId {
        self.symbol_id
    }

    fn time(&self) -> DateTime<Utc> {
        self.tick_time
    }

    fn is_crossed(&self) -> bool {
        Self::is_crossed(self)
    }

    /// The symbol is a difference to the tick before, as the times are.
    fn encode(&self, before: Option<&Self>, writer: &mut RecordWriter) {
        writer.signed(self.symbol_id.get().wrapping_sub(symbol(before)));
        writer.time(self.tick_time);
        writer.signed(self.sequence);
        writer.decimal(self.bid_price);
        writer.decimal(self.ask_price);
        writer.decimal(self.bid_volume);
        writer.decimal(self.ask_volume);
        match self.received_at {
            None => writer.byte(0),
            Some(received_at) => {
                writer.byte(1);
                writer.time_nearby(received_at);
            }
        }
    }

    fn decode(before: Option<&Self>, reader: &mut RecordReader<'_>) -> Option<Self> {
        Some(Self {
            symbol_id: SymbolId::new(symbol(before).wrapping_add(reader.signed()?)),
            tick_time: reader.time()?,
            sequence: reader.signed()?,
            bid_price: reader.decimal()?,
            ask_price: reader.decimal()?,
            bid_volume: reader.decimal()?,
            ask_volume: reader.decimal()?,
            received_at: match reader.byte()? {
                0 => None,
                1 => Some(reader.time_nearby()?),
                _ => return None,
            },
        })
    }
}

/// The symbol of the tick before.
fn symbol(before: Option<&Tick>) -> i64 {
    before.map_or(0, |before| before.symbol_id.get())
}
