//! Trades as records.

use chrono::{DateTime, Utc};

use super::{Record, RecordReader, RecordWriter};
use crate::domain::{AggressorSide, SymbolId, Trade, TradeKey};

pub(super) const KIND: u8 = 3;
pub(super) const NAMES: &str = "trades";

/// Flag of a buying aggressor.
const BUY: u8 = 1;
/// Flag of a selling aggressor.
const SELL: u8 = 2;
/// Flag of a block trade.
const BLOCK: u8 = 4;
/// Flag of a present trade id.
const TRADE_ID: u8 = 8;
/// Flag of a present receive time.
const RECEIVED_AT: u8 = 16;
/// Flag of a present occurrence, as unsequenced trades have.
const OCCURRENCE: u8 = 32;

impl Record for Trade {
    type Key = TradeKey;

    const KIND: u8 = KIND;
    const VERSION: u8 = 1;
    const MIN_BYTES: usize = 9;
    const NAME: &'static str = "trade";
    const NAMES: &'static str = NAMES;
    const METRICS: &'static str = "trade";

    fn key(&self) -> TradeKey {
        Self::key(self)
    }

    fn symbol_id(&self) -> SymbolId {
        self.symbol_id
    }

    fn time(&self) -> DateTime<Utc> {
        self.trade_time
    }

    /// Writes the symbol as a difference to the previous trade. One byte has the aggressor side, the block
    /// flag, and the flags of the id, the receive time and the occurrence that follow the numbers.
    fn encode(&self, before: Option<&Self>, writer: &mut RecordWriter) {
        writer.signed(self.symbol_id.get().wrapping_sub(symbol(before)));
        writer.time(self.trade_time);
        writer.signed(self.sequence);
        let mut flags = match self.aggressor_side {
            Some(AggressorSide::Buy) => BUY,
            Some(AggressorSide::Sell) => SELL,
            None => 0,
        };
        flags |= u8::from(self.is_block) * BLOCK;
        flags |= u8::from(self.trade_id.is_some()) * TRADE_ID;
        flags |= u8::from(self.received_at.is_some()) * RECEIVED_AT;
        flags |= u8::from(self.occurrence.is_some()) * OCCURRENCE;
        writer.byte(flags);
        writer.decimal(self.price);
        writer.decimal(self.quantity);
        if let Some(trade_id) = &self.trade_id {
            writer.text(trade_id);
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
        let (time, sequence) = (reader.time()?, reader.signed()?);
        let flags = reader.byte()?;
        if flags >= OCCURRENCE << 1 {
            return None;
        }
        let side = match flags & (BUY | SELL) {
            0 => None,
            BUY => Some(AggressorSide::Buy),
            SELL => Some(AggressorSide::Sell),
            _ => return None,
        };
        let mut trade = Self::new(symbol_id, time, reader.decimal()?, reader.decimal()?)
            .with_sequence(sequence)
            .with_aggressor_side(side)
            .with_block(flags & BLOCK != 0);
        if flags & TRADE_ID != 0 {
            trade.trade_id = Some(reader.text()?.to_owned());
        }
        if flags & RECEIVED_AT != 0 {
            trade.received_at = Some(reader.time_nearby()?);
        }
        if flags & OCCURRENCE != 0 {
            trade.occurrence = Some(u32::try_from(reader.signed()?).ok()?);
        }
        Some(trade)
    }
}

/// The symbol of the previous trade.
fn symbol(before: Option<&Trade>) -> i64 {
    before.map_or(0, |before| before.symbol_id.get())
}
