//! Cursor codec of accounts, orders, events, fills and positions.

use tickbook::domain::{SymbolId, TimeRange};
use tickbook_ledger::domain::{FillOrder, MAX_ID_CHARS, PositionKey, StrategyId};

use super::{CursorError, VERSION, instant, open, possible, seal, split, strip, whole};

/// A listing of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LedgerList {
    /// Accounts.
    Accounts = b'a',
    /// The orders of an account.
    Orders = b'o',
    /// The journal of an account, or of one of its orders.
    Events = b'j',
    /// The fills of an account.
    Fills = b'f',
    /// The positions of an account.
    Positions = b'p',
    /// The events of an account that were not booked.
    Quarantine = b'q',
    /// Risk events.
    RiskEvents = b'r',
    /// Entries of the audit log.
    AuditEntries = b'l',
}

/// A listing and its parameters, except the limit and the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerListing {
    list: LedgerList,
    /// A checksum of the account and the other parameters.
    parameters: u32,
}

impl LedgerListing {
    /// A listing. `path` names what is listed, such as the account, and `parameters` are the other parameters as given.
    #[must_use]
    pub fn new(list: LedgerList, path: &str, parameters: &str) -> Self {
        // a checksum is enough: it only guards against mistakes
        let mut digest = crc32fast::Hasher::new();
        digest.update(path.as_bytes());
        digest.update(b"?");
        digest.update(parameters.as_bytes());
        Self {
            list,
            parameters: digest.finalize(),
        }
    }

    fn header(self) -> Vec<u8> {
        let mut bytes = vec![VERSION, self.list as u8];
        bytes.extend(self.parameters.to_be_bytes());
        bytes
    }
}

/// Cursor codec of the listings of the ledger.
pub trait LedgerCursorText: Sized {
    /// Encodes this position in a listing.
    fn encode(&self, listing: LedgerListing) -> String;

    /// Decodes a position in a listing.
    ///
    /// # Errors
    /// The text is not a cursor, or belongs to another version or another listing.
    fn decode(text: &str, listing: LedgerListing) -> Result<Self, CursorError>;
}

/// The id of an account or of a risk event, or the number of an audit entry, of an event, of the first event of an order, or of a quarantined event.
impl LedgerCursorText for i64 {
    fn encode(&self, listing: LedgerListing) -> String {
        let mut bytes = listing.header();
        bytes.extend(self.to_be_bytes());
        seal(bytes)
    }

    fn decode(text: &str, listing: LedgerListing) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let number = i64::from_be_bytes(whole(strip(&bytes, &listing.header())?)?);
        possible(number, number > 0)
    }
}

impl LedgerCursorText for FillOrder {
    fn encode(&self, listing: LedgerListing) -> String {
        let mut bytes = listing.header();
        bytes.extend(self.trade_time.timestamp_micros().to_be_bytes());
        bytes.extend(self.venue_sequence.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        seal(bytes)
    }

    fn decode(text: &str, listing: LedgerListing) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let (time, rest) = split::<8>(strip(&bytes, &listing.header())?)?;
        let (venue_sequence, rest) = split::<8>(rest)?;
        let sequence = i64::from_be_bytes(whole(rest)?);
        let time = instant(time)?;
        let order = Self::new(time, i64::from_be_bytes(venue_sequence), sequence);
        possible(order, TimeRange::all().contains(time) && sequence > 0)
    }
}

impl LedgerCursorText for PositionKey {
    fn encode(&self, listing: LedgerListing) -> String {
        let mut bytes = listing.header();
        let strategy_id = self.strategy_id.map_or(0, StrategyId::get);
        bytes.extend(strategy_id.to_be_bytes());
        bytes.extend(self.symbol_id.get().to_be_bytes());
        bytes.extend(self.name.as_bytes());
        seal(bytes)
    }

    fn decode(text: &str, listing: LedgerListing) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let (strategy_id, rest) = split::<8>(strip(&bytes, &listing.header())?)?;
        let (symbol_id, name) = split::<8>(rest)?;
        let strategy_id = i64::from_be_bytes(strategy_id);
        let symbol_id = i64::from_be_bytes(symbol_id);
        let name = std::str::from_utf8(name).map_err(|_| CursorError::Broken)?;
        let is_name = (1..=MAX_ID_CHARS).contains(&name.chars().count())
            && !name.chars().any(char::is_control);
        let is_possible = is_name && strategy_id >= 0 && symbol_id > 0;
        let strategy_id = (strategy_id > 0).then(|| StrategyId::new(strategy_id));
        let key = Self::new(strategy_id, SymbolId::new(symbol_id), name);
        possible(key, is_possible)
    }
}
