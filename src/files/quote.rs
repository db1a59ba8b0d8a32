//! A quote as read from a file, and the columns of files of quotes.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;

use crate::domain::{SymbolId, Tick};

use super::field::decimal;
use super::row::{FileColumn, FileRow, sequence};
use super::time_format::TimeFormat;

/// A quote of a file. The file does not contain its symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quote {
    /// The line number in the entry, starting at 1.
    pub line: u64,
    /// The time, UTC, truncated to whole microseconds.
    pub tick_time: DateTime<Utc>,
    /// The venue's number within the instant, if the file contains one.
    pub sequence: Option<i64>,
    /// See [`Tick::bid_price`].
    pub bid_price: Option<Decimal>,
    /// See [`Tick::ask_price`].
    pub ask_price: Option<Decimal>,
    /// See [`Tick::bid_volume`]; `None` if the file does not contain it.
    pub bid_volume: Option<Decimal>,
    /// See [`Tick::ask_volume`]; `None` if the file does not contain it.
    pub ask_volume: Option<Decimal>,
    /// See [`Tick::received_at`]; `None` if the file does not contain it.
    pub received_at: Option<DateTime<Utc>>,
}

impl Quote {
    /// Converts the quote into a tick of `symbol_id`. If the file has no sequence, an
    /// [`OccurrenceCounter`](crate::ingest::OccurrenceCounter) must assign its occurrence.
    #[must_use]
    pub fn into_tick(self, symbol_id: SymbolId) -> Tick {
        Tick::new(symbol_id, self.tick_time)
            .with_bid(self.bid_price)
            .with_ask(self.ask_price)
            .with_sequence(self.sequence.unwrap_or(0))
            .with_volumes(self.bid_volume, self.ask_volume)
            .with_received_at(self.received_at)
    }
}

impl FileRow for Quote {
    type Column = QuoteColumn;
    type Event = Tick;

    /// A quote of 1970 without values.
    fn of_line(line: u64) -> Self {
        Self {
            line,
            tick_time: DateTime::UNIX_EPOCH,
            sequence: None,
            bid_price: None,
            ask_price: None,
            bid_volume: None,
            ask_volume: None,
            received_at: None,
        }
    }

    fn read(
        &mut self,
        column: QuoteColumn,
        field: &[u8],
        time_format: TimeFormat,
    ) -> Result<(), String> {
        let name = column.as_str();
        let number = || match field {
            b"" => Ok(None),
            _ => decimal(field, name).map(Some),
        };
        match column {
            QuoteColumn::TickTime => self.tick_time = time_format.read(field, name)?,
            QuoteColumn::Sequence => self.sequence = Some(sequence(field)?),
            QuoteColumn::BidPrice => self.bid_price = number()?,
            QuoteColumn::AskPrice => self.ask_price = number()?,
            QuoteColumn::BidVolume => self.bid_volume = number()?,
            QuoteColumn::AskVolume => self.ask_volume = number()?,
            QuoteColumn::ReceivedAt if field.is_empty() => {}
            QuoteColumn::ReceivedAt => self.received_at = Some(time_format.read(field, name)?),
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        if self.bid_price.is_none() && self.ask_price.is_none() {
            return Err("bid_price and ask_price are empty: write at least one".to_owned());
        }
        Ok(())
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn time_name() -> &'static str {
        "tick_time"
    }

    fn time(&self) -> DateTime<Utc> {
        self.tick_time
    }

    fn sequence(&self) -> Option<i64> {
        self.sequence
    }

    fn into_event(self, symbol_id: SymbolId) -> Tick {
        self.into_tick(symbol_id)
    }
}

/// The meaning of a column in a quote file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum QuoteColumn {
    /// The instant: `tick_time`, `time` or `timestamp`. Required.
    TickTime,
    /// The bid: `bid_price` or `bid`. Required; an empty field is an absent bid.
    BidPrice,
    /// The ask: `ask_price` or `ask`. Required; an empty field is an absent ask.
    AskPrice,
    /// The quantity at the bid: `bid_volume` or `bid_size`; optional, empty if unknown.
    BidVolume,
    /// The quantity at the ask: `ask_volume` or `ask_size`; optional, empty if unknown.
    AskVolume,
    /// The order within the instant: `sequence`; optional.
    Sequence,
    /// The time of receipt: `received_at`; optional, empty if unknown.
    ReceivedAt,
}

impl QuoteColumn {
    /// All columns, in the order in which files are written.
    pub const ALL: &'static [Self] = &[
        Self::TickTime,
        Self::Sequence,
        Self::BidPrice,
        Self::AskPrice,
        Self::BidVolume,
        Self::AskVolume,
        Self::ReceivedAt,
    ];

    /// The name in files that the library writes, such as `tick_time`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        FileColumn::as_str(self)
    }

    /// The text of the column for `tick`; empty for an absent value. Times are in RFC 3339 with microseconds.
    #[must_use]
    pub fn text(self, tick: &Tick) -> String {
        let number = |number: Option<Decimal>| number.map_or(String::new(), |it| it.to_string());
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
        match self {
            Self::TickTime => time(tick.tick_time),
            Self::Sequence => tick.sequence.to_string(),
            Self::BidPrice => number(tick.bid_price),
            Self::AskPrice => number(tick.ask_price),
            Self::BidVolume => number(tick.bid_volume),
            Self::AskVolume => number(tick.ask_volume),
            Self::ReceivedAt => tick.received_at.map_or(String::new(), time),
        }
    }
}

impl FileColumn for QuoteColumn {
    const ALL: &'static [Self] = Self::ALL;

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::TickTime => &["tick_time", "time", "timestamp"],
            Self::BidPrice => &["bid_price", "bid"],
            Self::AskPrice => &["ask_price", "ask"],
            Self::BidVolume => &["bid_volume", "bid_size"],
            Self::AskVolume => &["ask_volume", "ask_size"],
            Self::Sequence => &["sequence"],
            Self::ReceivedAt => &["received_at"],
        }
    }

    fn is_required(self) -> bool {
        matches!(self, Self::TickTime | Self::BidPrice | Self::AskPrice)
    }
}

impl fmt::Display for QuoteColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a column of a quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid column {0:?}: expected one of {known}", known = column_names())]
#[non_exhaustive]
pub struct UnknownQuoteColumn(pub String);

fn column_names() -> String {
    let names: Vec<_> = QuoteColumn::ALL.iter().map(|it| it.as_str()).collect();
    names.join(", ")
}

impl FromStr for QuoteColumn {
    type Err = UnknownQuoteColumn;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|column| column.as_str() == text)
            .ok_or_else(|| UnknownQuoteColumn(text.to_owned()))
    }
}
