//! A trade as read from a file, and the columns of files of trades.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;

use crate::domain::{AggressorSide, SymbolId, Trade, UnknownAggressorSide, excerpt};

use super::field::{decimal, text};
use super::row::{FileColumn, FileRow, sequence};
use super::time_format::TimeFormat;

/// A trade of a file. The file does not contain its symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileTrade {
    /// The line number in the entry, starting at 1.
    pub line: u64,
    /// The time, UTC, truncated to whole microseconds.
    pub trade_time: DateTime<Utc>,
    /// The venue's number of the trade, if the file contains one.
    pub sequence: Option<i64>,
    /// See [`Trade::price`].
    pub price: Decimal,
    /// See [`Trade::quantity`].
    pub quantity: Decimal,
    /// See [`Trade::aggressor_side`]; `None` if the file does not contain it.
    pub aggressor_side: Option<AggressorSide>,
    /// See [`Trade::is_block`]; false if the file does not contain it.
    pub is_block: bool,
    /// See [`Trade::trade_id`]; `None` if the file does not contain it.
    pub trade_id: Option<String>,
    /// See [`Trade::received_at`]; `None` if the file does not contain it.
    pub received_at: Option<DateTime<Utc>>,
}

impl FileTrade {
    /// Converts the row into a trade of `symbol_id`. If the file has no sequence, an
    /// [`OccurrenceCounter`](crate::ingest::OccurrenceCounter) must assign its occurrence.
    #[must_use]
    pub fn into_trade(self, symbol_id: SymbolId) -> Trade {
        Trade::new(symbol_id, self.trade_time, self.price, self.quantity)
            .with_sequence(self.sequence.unwrap_or(0))
            .with_aggressor_side(self.aggressor_side)
            .with_block(self.is_block)
            .with_trade_id(self.trade_id)
            .with_received_at(self.received_at)
    }
}

impl FileRow for FileTrade {
    type Column = TradeColumn;
    type Event = Trade;

    /// A trade of 1970 without price and quantity.
    fn of_line(line: u64) -> Self {
        Self {
            line,
            trade_time: DateTime::UNIX_EPOCH,
            sequence: None,
            price: Decimal::ZERO,
            quantity: Decimal::ZERO,
            aggressor_side: None,
            is_block: false,
            trade_id: None,
            received_at: None,
        }
    }

    fn read(
        &mut self,
        column: TradeColumn,
        field: &[u8],
        time_format: TimeFormat,
    ) -> Result<(), String> {
        let name = column.as_str();
        match column {
            TradeColumn::TradeTime => self.trade_time = time_format.read(field, name)?,
            TradeColumn::Sequence => self.sequence = Some(sequence(field)?),
            TradeColumn::Price => self.price = decimal(field, name)?,
            TradeColumn::Quantity => self.quantity = decimal(field, name)?,
            TradeColumn::AggressorSide => self.aggressor_side = side(field)?,
            TradeColumn::IsBlock => self.is_block = is_block(field)?,
            TradeColumn::TradeId if field.is_empty() => {}
            TradeColumn::TradeId => self.trade_id = Some(text(field, name)?.to_owned()),
            TradeColumn::ReceivedAt if field.is_empty() => {}
            TradeColumn::ReceivedAt => self.received_at = Some(time_format.read(field, name)?),
        }
        Ok(())
    }

    /// Every value that a trade needs is required in its column.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn time_name() -> &'static str {
        "trade_time"
    }

    fn time(&self) -> DateTime<Utc> {
        self.trade_time
    }

    fn sequence(&self) -> Option<i64> {
        self.sequence
    }

    fn into_event(self, symbol_id: SymbolId) -> Trade {
        self.into_trade(symbol_id)
    }
}

/// Parses `buy` or `sell` without regard to case; an empty field is an unknown side.
fn side(field: &[u8]) -> Result<Option<AggressorSide>, String> {
    if field.is_empty() {
        return Ok(None);
    }
    let mut sides = AggressorSide::ALL.iter();
    let found = sides.find(|side| field.eq_ignore_ascii_case(side.as_str().as_bytes()));
    match found {
        Some(side) => Ok(Some(*side)),
        None => Err(UnknownAggressorSide(excerpt(field)).to_string()),
    }
}

fn is_block(field: &[u8]) -> Result<bool, String> {
    match field.to_ascii_lowercase().as_slice() {
        b"" | b"false" | b"0" => Ok(false),
        b"true" | b"1" => Ok(true),
        _ => {
            let shown = excerpt(field);
            Err(format!(
                "invalid is_block {shown}: expected true or false, or 1 or 0"
            ))
        }
    }
}

/// The meaning of a column in a file of trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TradeColumn {
    /// The instant: `trade_time`, `time` or `timestamp`. Required.
    TradeTime,
    /// The venue's number of the trade: `sequence`; optional.
    Sequence,
    /// The price of one unit: `price`. Required.
    Price,
    /// The traded quantity: `quantity`, `size`, `volume` or `amount`. Required.
    Quantity,
    /// The side of the order that removed liquidity, `buy` or `sell`: `aggressor_side` or `side`; optional,
    /// empty if unknown.
    AggressorSide,
    /// Whether the trade was negotiated outside of the order book, `true` or `false`: `is_block` or `block`;
    /// optional, empty for false.
    IsBlock,
    /// The id of a venue whose ids are not integers: `trade_id`; optional, empty without one.
    TradeId,
    /// The time of receipt: `received_at`; optional, empty if unknown.
    ReceivedAt,
}

impl TradeColumn {
    /// All columns, in the order in which files are written.
    pub const ALL: &'static [Self] = &[
        Self::TradeTime,
        Self::Sequence,
        Self::Price,
        Self::Quantity,
        Self::AggressorSide,
        Self::IsBlock,
        Self::TradeId,
        Self::ReceivedAt,
    ];

    /// The name in files that the library writes, such as `trade_time`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        FileColumn::as_str(self)
    }

    /// The text of the column for `trade`; empty for an absent value. Times are in RFC 3339 with microseconds.
    #[must_use]
    pub fn text(self, trade: &Trade) -> String {
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
        match self {
            Self::TradeTime => time(trade.trade_time),
            Self::Sequence => trade.sequence.to_string(),
            Self::Price => trade.price.to_string(),
            Self::Quantity => trade.quantity.to_string(),
            Self::AggressorSide => {
                let side = trade.aggressor_side.map_or("", AggressorSide::as_str);
                side.to_owned()
            }
            Self::IsBlock => trade.is_block.to_string(),
            Self::TradeId => trade.trade_id.clone().unwrap_or_default(),
            Self::ReceivedAt => trade.received_at.map_or(String::new(), time),
        }
    }
}

impl FileColumn for TradeColumn {
    const ALL: &'static [Self] = Self::ALL;

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::TradeTime => &["trade_time", "time", "timestamp"],
            Self::Sequence => &["sequence"],
            Self::Price => &["price"],
            Self::Quantity => &["quantity", "size", "volume", "amount"],
            Self::AggressorSide => &["aggressor_side", "side"],
            Self::IsBlock => &["is_block", "block"],
            Self::TradeId => &["trade_id"],
            Self::ReceivedAt => &["received_at"],
        }
    }

    fn is_required(self) -> bool {
        matches!(self, Self::TradeTime | Self::Price | Self::Quantity)
    }
}

impl fmt::Display for TradeColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a column of a trade.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid column {0:?}: expected one of {known}", known = column_names())]
#[non_exhaustive]
pub struct UnknownTradeColumn(pub String);

fn column_names() -> String {
    let names: Vec<_> = TradeColumn::ALL.iter().map(|it| it.as_str()).collect();
    names.join(", ")
}

impl FromStr for TradeColumn {
    type Err = UnknownTradeColumn;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut columns = Self::ALL.iter().copied();
        columns
            .find(|column| column.as_str() == text)
            .ok_or_else(|| UnknownTradeColumn(text.to_owned()))
    }
}
