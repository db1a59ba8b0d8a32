//! Opaque texts that say where a listing goes on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use super::page::SortOrder;
use super::symbol::SymbolId;
use super::timeframe::Timeframe;
use super::{Candle, PriceBasis, Tick};

const VERSION: u8 = 1;
const TICKS: u8 = b't';
const CANDLES: u8 = b'c';
const SYMBOLS: u8 = b's';

/// Why a text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not made by this library, cut off, or changed.
    #[error("the cursor is broken: pass next_cursor of the page before, unchanged")]
    Broken,
    /// Made by another version.
    #[error("the cursor has version {0}, this server knows {VERSION}: start again without one")]
    Version(u8),
    /// Made by a listing of something else.
    #[error(
        "the cursor belongs to another listing: \
         keep symbol, timeframe, basis and order while paging"
    )]
    Foreign,
}

/// The last tick of a page of ticks; the next page starts behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickCursor {
    /// Time of that tick.
    pub tick_time: DateTime<Utc>,
    /// Sequence of that tick.
    pub sequence: i32,
}

impl TickCursor {
    /// The place of `tick`.
    #[must_use]
    pub fn of(tick: &Tick) -> Self {
        Self {
            tick_time: tick.tick_time,
            sequence: tick.sequence,
        }
    }

    /// The text of this place in the listing of `symbol_id` in `order`.
    #[must_use]
    pub fn encode(&self, symbol_id: SymbolId, order: SortOrder) -> String {
        let mut bytes = header(TICKS, symbol_id, order);
        bytes.extend(self.tick_time.timestamp_micros().to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        seal(bytes)
    }

    /// The place that `text` names in the listing of `symbol_id` in `order`.
    ///
    /// # Errors
    /// A text that is no cursor, of another version or of another listing.
    pub fn decode(text: &str, symbol_id: SymbolId, order: SortOrder) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let rest = strip(&bytes, &header(TICKS, symbol_id, order))?;
        let (time, rest) = split::<8>(rest)?;
        let (sequence, _) = split::<4>(rest)?;
        Ok(Self {
            tick_time: instant(time)?,
            sequence: i32::from_be_bytes(sequence),
        })
    }
}

/// The last candle of a page of candles; the next page starts behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleCursor {
    /// Open time of that candle.
    pub open_time: DateTime<Utc>,
}

impl CandleCursor {
    /// The place of `candle`.
    #[must_use]
    pub fn of(candle: &Candle) -> Self {
        Self {
            open_time: candle.open_time,
        }
    }

    /// The text of this place in that listing.
    #[must_use]
    pub fn encode(
        &self,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
        order: SortOrder,
    ) -> String {
        let mut bytes = candle_header(symbol_id, timeframe, basis, order);
        bytes.extend(self.open_time.timestamp_micros().to_be_bytes());
        seal(bytes)
    }

    /// The place that `text` names in that listing.
    ///
    /// # Errors
    /// A text that is no cursor, of another version or of another listing.
    pub fn decode(
        text: &str,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
        order: SortOrder,
    ) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let rest = strip(&bytes, &candle_header(symbol_id, timeframe, basis, order))?;
        let (time, _) = split::<8>(rest)?;
        Ok(Self {
            open_time: instant(time)?,
        })
    }
}

/// The last symbol of a page of symbols; the next page starts behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SymbolCursor {
    /// Id of that symbol.
    pub symbol_id: SymbolId,
}

impl SymbolCursor {
    /// The text of this place in the listing of symbols.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = vec![VERSION, SYMBOLS];
        bytes.extend(self.symbol_id.get().to_be_bytes());
        seal(bytes)
    }

    /// The place that `text` names in the listing of symbols.
    ///
    /// # Errors
    /// A text that is no cursor, of another version or of another listing.
    pub fn decode(text: &str) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let (id, _) = split::<8>(strip(&bytes, &[VERSION, SYMBOLS])?)?;
        Ok(Self {
            symbol_id: SymbolId::new(i64::from_be_bytes(id)),
        })
    }
}

fn header(kind: u8, symbol_id: SymbolId, order: SortOrder) -> Vec<u8> {
    let mut bytes = vec![VERSION, kind, order as u8];
    bytes.extend(symbol_id.get().to_be_bytes());
    bytes
}

fn candle_header(
    symbol_id: SymbolId,
    timeframe: Timeframe,
    basis: PriceBasis,
    order: SortOrder,
) -> Vec<u8> {
    let mut bytes = header(CANDLES, symbol_id, order);
    bytes.extend([timeframe as u8, basis as u8]);
    bytes
}

fn seal(mut bytes: Vec<u8>) -> String {
    let check = crc32fast::hash(&bytes);
    bytes.extend(check.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn open(text: &str) -> Result<Vec<u8>, CursorError> {
    let mut bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| CursorError::Broken)?;
    let check = bytes.split_off(bytes.len().saturating_sub(4));
    if check != crc32fast::hash(&bytes).to_be_bytes() {
        return Err(CursorError::Broken);
    }
    match bytes.first() {
        Some(&VERSION) => Ok(bytes),
        Some(&other) => Err(CursorError::Version(other)),
        None => Err(CursorError::Broken),
    }
}

fn strip<'a>(bytes: &'a [u8], header: &[u8]) -> Result<&'a [u8], CursorError> {
    bytes.strip_prefix(header).ok_or(CursorError::Foreign)
}

fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), CursorError> {
    bytes
        .split_first_chunk::<N>()
        .map(|(head, rest)| (*head, rest))
        .ok_or(CursorError::Broken)
}

fn instant(micros: [u8; 8]) -> Result<DateTime<Utc>, CursorError> {
    DateTime::from_timestamp_micros(i64::from_be_bytes(micros)).ok_or(CursorError::Broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SYMBOL: SymbolId = SymbolId::new(42);

    proptest! {
        #[test]
        fn a_tick_cursor_reads_back(micros in 0_i64..4_000_000_000_000_000, sequence in 0_i32..) {
            let tick_time = DateTime::from_timestamp_micros(micros).expect("in range");
            let cursor = TickCursor { tick_time, sequence };
            let text = cursor.encode(SYMBOL, SortOrder::Descending);
            prop_assert_eq!(TickCursor::decode(&text, SYMBOL, SortOrder::Descending), Ok(cursor));
            prop_assert_eq!(
                TickCursor::decode(&text, SYMBOL, SortOrder::Ascending),
                Err(CursorError::Foreign)
            );
        }

        #[test]
        fn any_changed_byte_is_noticed(at in 0_usize..24, change in 1_u8..) {
            let cursor = TickCursor { tick_time: DateTime::UNIX_EPOCH, sequence: 3 };
            let text = cursor.encode(SYMBOL, SortOrder::Ascending);
            let mut bytes = URL_SAFE_NO_PAD.decode(text).expect("own text");
            bytes[at] ^= change;
            let changed = URL_SAFE_NO_PAD.encode(bytes);
            let read = TickCursor::decode(&changed, SYMBOL, SortOrder::Ascending);
            prop_assert_eq!(read, Err(CursorError::Broken));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            prop_assert!(TickCursor::decode(&text, SYMBOL, SortOrder::Ascending).is_err());
        }
    }

    #[test]
    fn a_candle_cursor_belongs_to_its_listing() {
        let cursor = CandleCursor {
            open_time: DateTime::UNIX_EPOCH,
        };
        let (order, basis) = (SortOrder::Ascending, PriceBasis::Mid);
        let text = cursor.encode(SYMBOL, Timeframe::M5, basis, order);
        let read = |timeframe| CandleCursor::decode(&text, SYMBOL, timeframe, basis, order);
        assert_eq!(read(Timeframe::M5), Ok(cursor));
        assert_eq!(read(Timeframe::M1), Err(CursorError::Foreign));
        let as_ticks = TickCursor::decode(&text, SYMBOL, order);
        assert_eq!(as_ticks, Err(CursorError::Foreign));
    }

    #[test]
    fn a_symbol_cursor_is_no_tick_cursor() {
        let cursor = SymbolCursor { symbol_id: SYMBOL };
        assert_eq!(SymbolCursor::decode(&cursor.encode()), Ok(cursor));
        let tick_cursor = TickCursor {
            tick_time: DateTime::UNIX_EPOCH,
            sequence: 0,
        };
        let text = tick_cursor.encode(SYMBOL, SortOrder::Ascending);
        assert_eq!(SymbolCursor::decode(&text), Err(CursorError::Foreign));
    }
}
