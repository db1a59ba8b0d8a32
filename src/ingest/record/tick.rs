//! Ticks as records.

use chrono::{DateTime, Utc};

use super::{Record, RecordReader, RecordWriter};
use crate::domain::{SymbolId, Tick, TickKey};

pub(super) const KIND: u8 = 1;
pub(super) const NAMES: &str = "ticks";

/// Flags of present numbers: bid price, ask price, bid volume, ask volume.
const NUMBERS: [u8; 4] = [1, 2, 4, 8];
/// Flag of a present receive time.
const RECEIVED_AT: u8 = 16;
/// Flag of a present occurrence, as unsequenced ticks have.
const OCCURRENCE: u8 = 32;

impl Record for Tick {
    type Key = TickKey;

    const KIND: u8 = KIND;
    const VERSION: u8 = 2;
    const MIN_BYTES: usize = 5;
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

    /// Writes the symbol as a difference to the previous tick, and times likewise. One byte has the flags of
    /// the prices, volumes, the receive time and the occurrence that follow.
    fn encode(&self, before: Option<&Self>, writer: &mut RecordWriter) {
        writer.signed(self.symbol_id.get().wrapping_sub(symbol(before)));
        writer.time(self.tick_time);
        writer.signed(self.sequence);
        let numbers = [
            self.bid_price,
            self.ask_price,
            self.bid_volume,
            self.ask_volume,
        ];
        let mut present = u8::from(self.received_at.is_some()) * RECEIVED_AT;
        present |= u8::from(self.occurrence.is_some()) * OCCURRENCE;
        for (number, flag) in numbers.into_iter().zip(NUMBERS) {
            present |= u8::from(number.is_some()) * flag;
        }
        writer.byte(present);
        for number in numbers.into_iter().flatten() {
            writer.decimal(number);
        }
        if let Some(received_at) = self.received_at {
            writer.time_nearby(received_at);
        }
        if let Some(occurrence) = self.occurrence {
            writer.signed(occurrence.into());
        }
    }

    fn decode(before: Option<&Self>, reader: &mut RecordReader<'_>) -> Option<Self> {
        let symbol_id = SymbolId::new(symbol(before).wrapping_add(reader.signed()?));
        let mut tick = Self::new(symbol_id, reader.time()?);
        tick.sequence = reader.signed()?;
        let present = reader.byte()?;
        if present >= OCCURRENCE << 1 {
            return None;
        }
        let numbers = [
            &mut tick.bid_price,
            &mut tick.ask_price,
            &mut tick.bid_volume,
            &mut tick.ask_volume,
        ];
        for (number, flag) in numbers.into_iter().zip(NUMBERS) {
            if present & flag != 0 {
                *number = Some(reader.decimal()?);
            }
        }
        if present & RECEIVED_AT != 0 {
            tick.received_at = Some(reader.time_nearby()?);
        }
        if present & OCCURRENCE != 0 {
            tick.occurrence = Some(u32::try_from(reader.signed()?).ok()?);
        }
        Some(tick)
    }
}

/// The symbol of the previous tick.
fn symbol(before: Option<&Tick>) -> i64 {
    before.map_or(0, |before| before.symbol_id.get())
}
