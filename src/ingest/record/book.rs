//! Snapshots, updates and intervals of order books as records.

use chrono::{DateTime, Utc};

use super::{Record, RecordReader, RecordWriter};
use crate::domain::SymbolId;
use crate::domain::book::{
    BookInterval, BookSide, BookSnapshot, BookUpdate, EndReason, PriceLevel,
};

pub(super) const KIND: u8 = 4;
pub(super) const NAMES: &str = "book records";

/// The first byte of an interval.
const INTERVAL: u8 = 0;
/// The first byte of an update.
const UPDATE: u8 = 1;
/// The first byte of a snapshot.
const SNAPSHOT: u8 = 2;

/// The smallest size of a level: two numbers of two bytes.
const MIN_LEVEL_BYTES: usize = 4;

/// A row of an order book. One type, so that one spool keeps the rows of a book in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BookRecord {
    /// The start or the end of a time in which the book was valid.
    Interval(BookInterval),
    /// The changes of a message.
    Update(BookUpdate),
    /// The levels of the book.
    Snapshot(BookSnapshot),
}

/// The identity of a record: symbol, time, sequence, and the order of the records with these.
///
/// The start of an interval comes before, and its end after, all other records of its instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BookRecordKey {
    symbol_id: SymbolId,
    time: DateTime<Utc>,
    sequence: i64,
    kind: u8,
}

impl From<BookInterval> for BookRecord {
    fn from(interval: BookInterval) -> Self {
        Self::Interval(interval)
    }
}

impl From<BookUpdate> for BookRecord {
    fn from(update: BookUpdate) -> Self {
        Self::Update(update)
    }
}

impl From<BookSnapshot> for BookRecord {
    fn from(snapshot: BookSnapshot) -> Self {
        Self::Snapshot(snapshot)
    }
}

impl BookRecord {
    fn kind(&self) -> u8 {
        match self {
            Self::Interval(_) => INTERVAL,
            Self::Update(_) => UPDATE,
            Self::Snapshot(_) => SNAPSHOT,
        }
    }
}

impl Record for BookRecord {
    type Key = BookRecordKey;

    const KIND: u8 = KIND;
    const VERSION: u8 = 1;
    const MIN_BYTES: usize = 5;
    const NAME: &'static str = "book record";
    const NAMES: &'static str = NAMES;
    const METRICS: &'static str = "book";

    fn key(&self) -> BookRecordKey {
        let sequence = match self {
            Self::Interval(interval) if interval.end.is_some() => i64::MAX,
            Self::Interval(_) => i64::MIN,
            Self::Update(update) => update.sequence,
            Self::Snapshot(snapshot) => snapshot.sequence,
        };
        BookRecordKey {
            symbol_id: self.symbol_id(),
            time: self.time(),
            sequence,
            kind: self.kind(),
        }
    }

    fn symbol_id(&self) -> SymbolId {
        match self {
            Self::Interval(interval) => interval.symbol_id,
            Self::Update(update) => update.symbol_id,
            Self::Snapshot(snapshot) => snapshot.symbol_id,
        }
    }

    fn time(&self) -> DateTime<Utc> {
        match self {
            Self::Interval(interval) => interval.end.map_or(interval.valid_from, |end| end.at),
            Self::Update(update) => update.update_time,
            Self::Snapshot(snapshot) => snapshot.snapshot_time,
        }
    }

    /// Writes the symbol as a difference to the previous record.
    fn encode(&self, before: Option<&Self>, writer: &mut RecordWriter) {
        writer.byte(self.kind());
        writer.signed(self.symbol_id().get().wrapping_sub(symbol(before)));
        match self {
            Self::Interval(interval) => encode_interval(interval, writer),
            Self::Update(update) => {
                writer.time(update.update_time);
                writer.signed(update.sequence);
                encode_levels(&update.bids, writer);
                encode_levels(&update.asks, writer);
            }
            Self::Snapshot(snapshot) => encode_snapshot(snapshot, writer),
        }
    }

    fn decode(before: Option<&Self>, reader: &mut RecordReader<'_>) -> Option<Self> {
        let kind = reader.byte()?;
        let symbol_id = SymbolId::new(symbol(before).wrapping_add(reader.signed()?));
        match kind {
            INTERVAL => decode_interval(symbol_id, reader).map(Self::Interval),
            UPDATE => {
                let update = BookUpdate::new(symbol_id, reader.time()?);
                let update = update.with_sequence(reader.signed()?);
                let update = update.with_bids(decode_levels(reader)?);
                Some(Self::Update(update.with_asks(decode_levels(reader)?)))
            }
            SNAPSHOT => decode_snapshot(symbol_id, reader).map(Self::Snapshot),
            _ => None,
        }
    }
}

/// The symbol of the previous record.
fn symbol(before: Option<&BookRecord>) -> i64 {
    before.map_or(0, |before| before.symbol_id().get())
}

fn encode_interval(interval: &BookInterval, writer: &mut RecordWriter) {
    writer.time(interval.valid_from);
    match interval.end {
        Some(end) => {
            writer.text(end.reason.as_str());
            writer.time_nearby(end.at);
        }
        None => writer.text(""),
    }
}

fn decode_interval(symbol_id: SymbolId, reader: &mut RecordReader<'_>) -> Option<BookInterval> {
    let interval = BookInterval::open(symbol_id, reader.time()?);
    match reader.text()? {
        "" => Some(interval),
        reason => {
            let reason: EndReason = reason.parse().ok()?;
            Some(interval.closed(reader.time_nearby()?, reason))
        }
    }
}

fn encode_snapshot(snapshot: &BookSnapshot, writer: &mut RecordWriter) {
    writer.time(snapshot.snapshot_time);
    writer.signed(snapshot.sequence);
    writer.time_nearby(snapshot.valid_since);
    writer.unsigned(snapshot.depth as u128);
    match snapshot.checksum {
        Some(checksum) => {
            writer.byte(1);
            writer.signed(checksum);
        }
        None => writer.byte(0),
    }
    writer.text(&snapshot.source);
    encode_levels(snapshot.side(BookSide::Bid), writer);
    encode_levels(snapshot.side(BookSide::Ask), writer);
}

fn decode_snapshot(symbol_id: SymbolId, reader: &mut RecordReader<'_>) -> Option<BookSnapshot> {
    let (time, sequence) = (reader.time()?, reader.signed()?);
    let valid_since = reader.time_nearby()?;
    let depth = usize::try_from(reader.unsigned()?).ok()?;
    let checksum = match reader.byte()? {
        0 => None,
        1 => Some(reader.signed()?),
        _ => return None,
    };
    let snapshot = BookSnapshot::new(symbol_id, time, reader.text()?)
        .with_sequence(sequence)
        .with_valid_since(valid_since)
        .with_depth(depth)
        .with_checksum(checksum)
        .with_bids(decode_levels(reader)?);
    Some(snapshot.with_asks(decode_levels(reader)?))
}

fn encode_levels(levels: &[PriceLevel], writer: &mut RecordWriter) {
    writer.unsigned(levels.len() as u128);
    for level in levels {
        writer.decimal(level.price);
        writer.decimal(level.quantity);
    }
}

fn decode_levels(reader: &mut RecordReader<'_>) -> Option<Vec<PriceLevel>> {
    let count = usize::try_from(reader.unsigned()?).ok()?;
    // a damaged number must not reserve more memory than the rest of the record may take
    let mut levels = Vec::with_capacity(count.min(reader.remaining() / MIN_LEVEL_BYTES));
    for _ in 0..count {
        levels.push(PriceLevel::new(reader.decimal()?, reader.decimal()?));
    }
    Some(levels)
}
