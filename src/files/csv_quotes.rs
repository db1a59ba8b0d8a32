//! Reader for CSV files of quotes with a header row.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::domain::{InvalidTime, excerpt, parse_time, setters, truncate_to_micros};

use super::error::{FileError, LineError};
use super::field::Columns;
use super::header::Header;
use super::lines::Lines;
use super::quote::Quote;
use super::source::Entry;

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
    /// All columns.
    pub const ALL: &'static [Self] = &[
        Self::TickTime,
        Self::BidPrice,
        Self::AskPrice,
        Self::BidVolume,
        Self::AskVolume,
        Self::Sequence,
        Self::ReceivedAt,
    ];

    /// `tick_time`, `bid_price`, `ask_price`, `bid_volume`, `ask_volume`, `sequence` or `received_at`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.names()[0]
    }

    /// The names by which the column is found if none is given.
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
#[error(
    "invalid column {0:?}: expected tick_time, bid_price, ask_price, bid_volume, ask_volume, \
     sequence or received_at"
)]
#[non_exhaustive]
pub struct UnknownQuoteColumn(pub String);

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

/// The format of instants in a quote file. The reader does not guess it, since a number has no meaning
/// without its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TimeFormat {
    /// RFC 3339 with any offset, such as `2014-05-01T00:00:00.292Z`.
    #[default]
    Rfc3339,
    /// Whole seconds since 1970-01-01 UTC.
    Seconds,
    /// Whole milliseconds since 1970-01-01 UTC.
    Milliseconds,
    /// Whole microseconds since 1970-01-01 UTC.
    Microseconds,
    /// Whole nanoseconds since 1970-01-01 UTC.
    Nanoseconds,
}

impl TimeFormat {
    fn read(self, field: &[u8], name: &str) -> Result<DateTime<Utc>, String> {
        let text = std::str::from_utf8(field).unwrap_or("");
        let number = text.parse::<i64>().ok();
        let time = match self {
            Self::Rfc3339 => match parse_time(text) {
                Ok(time) => Some(time),
                Err(error @ InvalidTime::LeapSecond(_)) => {
                    return Err(format!("{name} {error}"));
                }
                Err(_) => None,
            },
            Self::Seconds => number.and_then(|number| DateTime::from_timestamp(number, 0)),
            Self::Milliseconds => number.and_then(DateTime::from_timestamp_millis),
            Self::Microseconds => number.and_then(DateTime::from_timestamp_micros),
            Self::Nanoseconds => number.map(DateTime::from_timestamp_nanos),
        };
        time.map(truncate_to_micros).ok_or_else(|| {
            let shown = excerpt(field);
            let expected = match self {
                Self::Rfc3339 if number.is_some() => {
                    "RFC 3339; for numbers set their unit (s, ms, us or ns)"
                }
                Self::Rfc3339 => "RFC 3339 such as 2014-05-01T00:00:00.292Z",
                _ => "a whole number in the time unit; correct it, or set another format",
            };
            format!("invalid {name} {shown}: expected {expected}")
        })
    }
}

/// The layout of a quote file with a header row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CsvLayout {
    /// The names of columns that do not have their usual names, compared without regard to case.
    pub columns: BTreeMap<QuoteColumn, String>,
    /// The format of instants.
    pub time_format: TimeFormat,
}

impl CsvLayout {
    /// Sets the name of a column.
    #[must_use]
    pub fn column(mut self, column: QuoteColumn, name: impl Into<String>) -> Self {
        self.columns.insert(column, name.into());
        self
    }
}

setters!(CsvLayout {
    set {
        /// Sets the names of the columns.
        columns: BTreeMap<QuoteColumn, String>,
        /// Sets the format of instants.
        time_format: TimeFormat,
    }
});

/// Iterates over the quotes of a file with a header row, in file order.
///
/// Columns are separated by commas and may be quoted. Lines that start with `#` are comments. A row with
/// another number of columns than the header is an error. An empty price means an absent side, and an empty
/// volume an unknown one. A row without any price is an error.
pub struct CsvQuotes<'a> {
    lines: Lines<'a>,
    time_format: TimeFormat,
    header: Header,
    /// The index of each of `QuoteColumn::ALL`.
    places: [Option<usize>; 7],
    line: Vec<u8>,
    columns: Columns,
}

impl<'a> CsvQuotes<'a> {
    /// Reads `entry`, starting with its header row.
    ///
    /// # Errors
    /// If a required column is missing, or two columns have the same name.
    pub fn new(entry: Entry<'a>, layout: &CsvLayout) -> Result<Self, FileError> {
        let mut lines = Lines::new(entry);
        let header = Header::read(&mut lines)?;
        let mut places = [None; 7];
        for (place, column) in places.iter_mut().zip(QuoteColumn::ALL.iter().copied()) {
            *place = find(&header, column, layout)
                .map_err(|reason| FileError::new(lines.place(), reason))?;
        }
        Ok(Self {
            lines,
            time_format: layout.time_format,
            header,
            places,
            line: Vec::new(),
            columns: Columns::default(),
        })
    }

    fn quote(&mut self) -> Result<Quote, String> {
        self.columns.read(&self.line);
        self.header.check_width(&self.columns)?;
        let [
            time,
            bid_price,
            ask_price,
            bid_volume,
            ask_volume,
            sequence,
            received_at,
        ] = self.places;
        let number = |place: Option<usize>, column: QuoteColumn| {
            let given = place.filter(|place| !self.columns.get(*place).is_empty());
            let read = given.map(|place| self.columns.decimal(place, column.as_str()));
            read.transpose()
        };
        let bid_price = number(bid_price, QuoteColumn::BidPrice)?;
        let ask_price = number(ask_price, QuoteColumn::AskPrice)?;
        if bid_price.is_none() && ask_price.is_none() {
            return Err("bid_price and ask_price are empty: write at least one".to_owned());
        }
        let time = time.map_or(&b""[..], |time| self.columns.get(time));
        Ok(Quote {
            line: self.lines.number(),
            tick_time: self
                .time_format
                .read(time, QuoteColumn::TickTime.as_str())?,
            sequence: match sequence {
                Some(place) => Some(read_sequence(self.columns.get(place))?),
                None => None,
            },
            bid_price,
            ask_price,
            bid_volume: number(bid_volume, QuoteColumn::BidVolume)?,
            ask_volume: number(ask_volume, QuoteColumn::AskVolume)?,
            received_at: match received_at.map(|place| self.columns.get(place)) {
                None | Some(b"") => None,
                Some(field) => {
                    let name = QuoteColumn::ReceivedAt.as_str();
                    Some(self.time_format.read(field, name)?)
                }
            },
        })
    }
}

impl Iterator for CsvQuotes<'_> {
    type Item = Result<Quote, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.lines.next_into(&mut self.line) {
                Ok(true) if self.line.starts_with(b"#") => {}
                Ok(true) => {
                    return Some(self.quote().map_err(|reason| self.lines.error(reason)));
                }
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl fmt::Debug for CsvQuotes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CsvQuotes")
            .field(self.lines.place())
            .finish()
    }
}

fn find(header: &Header, column: QuoteColumn, layout: &CsvLayout) -> Result<Option<usize>, String> {
    let said = layout.columns.get(&column);
    let found = match said {
        Some(name) => header.find(&[name]),
        None => header.find(column.names()),
    };
    let names = said.map_or_else(|| column.names().join(" or "), Clone::clone);
    match found.as_slice() {
        [] if said.is_none() && !column.is_required() => Ok(None),
        [] => Err(format!(
            "has no column {names} among {}: set the name of the column {column}",
            header.list()
        )),
        [place] => Ok(Some(*place)),
        _ => Err(format!(
            "has several columns {names}: set the name of the column {column}"
        )),
    }
}

fn read_sequence(field: &[u8]) -> Result<i64, String> {
    let number = std::str::from_utf8(field)
        .ok()
        .and_then(|text| text.parse::<i64>().ok());
    number.filter(|&number| number >= 0).ok_or_else(|| {
        let shown = excerpt(field);
        let most = i64::MAX;
        format!("invalid sequence {shown}: expected a whole number from 0 to {most}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leap_seconds_are_refused_by_name() {
        for text in ["2016-12-31T23:59:60Z", "2017-01-01T00:59:60.5+01:00"] {
            let refused = TimeFormat::Rfc3339.read(text.as_bytes(), "tick_time");
            let reason = refused.expect_err("it would be another tick's time");
            assert!(reason.contains("leap second"), "{reason}");
            assert!(reason.contains(text), "{reason}");
        }
        let around = TimeFormat::Rfc3339.read(b"2016-12-31T23:59:59.999999Z", "tick_time");
        around.expect("a second that every clock has");
    }
}
