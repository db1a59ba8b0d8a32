//! Records: the trait of everything that the spool, the persister and the fan-out can handle.

mod book;
mod codec;
mod quarantined;
mod tick;
mod trade;

use std::fmt::Debug;

use chrono::{DateTime, Utc};

pub use self::book::{BookRecord, BookRecordKey};
pub use self::codec::{RecordReader, RecordWriter};
pub use self::quarantined::QuarantinableRecord;
use crate::domain::{SymbolId, Tick, Trade};

/// An item that a feed delivers and a repository stores: a tick, a trade, a change of an order book.
///
/// The spool writes records one by one with [`encode`](Self::encode) into blocks that begin with the
/// kind and the version of the records. It refuses blocks of another kind or version, so that no
/// record is decoded as another type.
///
/// # Examples
///
/// ```
/// use chrono::{DateTime, Utc};
/// use tickbook::domain::SymbolId;
/// use tickbook::ingest::record::{Record, RecordReader, RecordWriter};
///
/// /// A venue opened or closed trading of a symbol.
/// #[derive(Debug, Clone, PartialEq, Eq)]
/// struct TradingState {
///     symbol_id: SymbolId,
///     changed_at: DateTime<Utc>,
///     is_open: bool,
/// }
///
/// impl Record for TradingState {
///     type Key = (SymbolId, DateTime<Utc>);
///
///     const KIND: u8 = 200;
///     const VERSION: u8 = 1;
///     const MIN_BYTES: usize = 4;
///     const NAME: &'static str = "trading state";
///     const NAMES: &'static str = "trading states";
///     const METRICS: &'static str = "trading_state";
///
///     fn key(&self) -> Self::Key {
///         (self.symbol_id, self.changed_at)
///     }
///
///     fn symbol_id(&self) -> SymbolId {
///         self.symbol_id
///     }
///
///     fn time(&self) -> DateTime<Utc> {
///         self.changed_at
///     }
///
///     fn encode(&self, _: Option<&Self>, writer: &mut RecordWriter) {
///         writer.signed(self.symbol_id.get());
///         writer.time(self.changed_at);
///         writer.byte(self.is_open.into());
///     }
///
///     fn decode(_: Option<&Self>, reader: &mut RecordReader<'_>) -> Option<Self> {
///         Some(Self {
///             symbol_id: SymbolId::new(reader.signed()?),
///             changed_at: reader.time()?,
///             is_open: reader.byte()? == 1,
///         })
///     }
/// }
///
/// let closed = TradingState {
///     symbol_id: SymbolId::new(7),
///     changed_at: DateTime::UNIX_EPOCH,
///     is_open: false,
/// };
/// let mut writer = RecordWriter::default();
/// closed.encode(None, &mut writer);
/// let bytes = writer.into_bytes();
/// assert_eq!(bytes.len(), TradingState::MIN_BYTES);
/// let decoded = TradingState::decode(None, &mut RecordReader::new(&bytes));
/// assert_eq!(decoded, Some(closed));
/// ```
pub trait Record: Debug + Clone + PartialEq + Send + Sync + 'static {
    /// Identifies a record. Records are stored in key order.
    type Key: Debug + Ord;

    /// The kind of the records in blocks of the spool. It must be unique and must not change between versions
    /// of a program. This library uses kinds below 128.
    const KIND: u8;
    /// The version of the format that [`encode`](Self::encode) writes; every change of the format requires a
    /// new version.
    const VERSION: u8;
    /// The minimum size of a record.
    const MIN_BYTES: usize;
    /// The name of one record in logs and errors: `tick`.
    const NAME: &'static str;
    /// The name of several records in logs and errors: `ticks`.
    const NAMES: &'static str;
    /// The prefix of metric names: `tick` for `tick_retry_total`.
    const METRICS: &'static str;

    /// The key of the record.
    fn key(&self) -> Self::Key;

    /// The symbol of the record, by which the fan-out routes it.
    fn symbol_id(&self) -> SymbolId;

    /// The time of the record.
    fn time(&self) -> DateTime<Utc>;

    /// Whether its bid is above its ask. Such a record is counted, and stored like others. False for records
    /// without bid and ask.
    fn is_crossed(&self) -> bool {
        false
    }

    /// The gauge of the records that wait to be stored.
    #[must_use]
    fn waiting_gauge() -> String {
        format!("{}_buffer_size_events", Self::METRICS)
    }

    /// Writes the record. `before` is the previous record of the same block; the reader has it as well, so
    /// common parts may be omitted.
    fn encode(&self, before: Option<&Self>, writer: &mut RecordWriter);

    /// Reads a record that [`encode`](Self::encode) wrote; `None` for bytes that it never writes.
    fn decode(before: Option<&Self>, reader: &mut RecordReader<'_>) -> Option<Self>;
}

/// The kinds of this library, for errors.
const KINDS: [(u8, &str); 5] = [
    (tick::KIND, tick::NAMES),
    (Tick::QUARANTINED_KIND, Tick::QUARANTINED_NAMES),
    (trade::KIND, trade::NAMES),
    (book::KIND, book::NAMES),
    (Trade::QUARANTINED_KIND, Trade::QUARANTINED_NAMES),
];

/// The name of the records of a kind.
pub(super) fn names_of(kind: u8) -> String {
    let known = KINDS.iter().find(|(known, _)| *known == kind);
    known.map_or_else(
        || format!("records of the unknown kind {kind}"),
        |(_, names)| (*names).to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::{QuarantinedTick, QuarantinedTrade};

    #[test]
    fn kinds_are_different_and_never_change() {
        assert_eq!((Tick::KIND, Tick::VERSION), (1, 2));
        assert_eq!((QuarantinedTick::KIND, QuarantinedTick::VERSION), (2, 2));
        assert_eq!((Trade::KIND, Trade::VERSION), (3, 1));
        let of_trade = (QuarantinedTrade::KIND, QuarantinedTrade::VERSION);
        assert_eq!(of_trade, (6, 1));
        assert_eq!(names_of(1), "ticks");
        assert_eq!(names_of(2), "quarantined ticks");
        assert_eq!(names_of(3), "trades");
        assert_eq!((BookRecord::KIND, BookRecord::VERSION), (4, 1));
        assert_eq!(names_of(4), "book records");
        assert_eq!(names_of(5), "records of the unknown kind 5");
        assert_eq!(names_of(6), "quarantined trades");
    }
}
