//! One-minute bars of one day.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::error::{FileError, LineError};
use super::field::Columns;
use super::lean_day::LeanDay;
use super::lines::Lines;
use super::source::Entry;

const COLUMNS: [&str; 11] = [
    "time",
    "bid open",
    "bid high",
    "bid low",
    "bid close",
    "bid size",
    "ask open",
    "ask high",
    "ask low",
    "ask close",
    "ask size",
];

/// Open, high, low and close of one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarPrices {
    /// The first price.
    pub open: Decimal,
    /// The highest price.
    pub high: Decimal,
    /// The lowest price.
    pub low: Decimal,
    /// The last price.
    pub close: Decimal,
}

/// Bid and ask of one minute, `[open_time, open_time + 1 minute)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinuteBar {
    /// The number of its line in the entry, counted from 1.
    pub line: u64,
    /// When the minute begins, UTC.
    pub open_time: DateTime<Utc>,
    /// Bid prices.
    pub bid: BarPrices,
    /// Quantity at the bid, in units of the instrument.
    pub bid_size: Decimal,
    /// Ask prices.
    pub ask: BarPrices,
    /// Quantity at the ask, in units of the instrument.
    pub ask_size: Decimal,
}

/// Iterates over the bars of a LEAN one-minute quote file, in file order.
///
/// A line is `time,bid open,high,low,close,bid size,ask open,high,low,close,ask size`; the time is
/// in milliseconds since midnight UTC, and the date is the one the entry's or the file's name starts
/// with.
pub struct LeanBars<'a> {
    lines: Lines<'a>,
    day: LeanDay,
    line: Vec<u8>,
    columns: Columns,
}

impl<'a> LeanBars<'a> {
    /// Reads `entry`.
    ///
    /// # Errors
    /// When no name starts with a date such as `20140501`.
    pub fn new(entry: Entry<'a>) -> Result<Self, FileError> {
        Ok(Self {
            day: LeanDay::of(&entry)?,
            lines: Lines::new(entry),
            line: Vec::new(),
            columns: Columns::default(),
        })
    }

    fn bar(&mut self) -> Result<MinuteBar, String> {
        self.columns.read(&self.line);
        let width = self.columns.len();
        if width != COLUMNS.len() {
            let names = COLUMNS.join(", ");
            return Err(format!("has {width} columns, not 11 ({names}): correct it"));
        }
        Ok(MinuteBar {
            line: self.lines.number(),
            open_time: self.day.time(self.columns.get(0), COLUMNS[0])?,
            bid: self.prices(1)?,
            bid_size: self.number(5)?,
            ask: self.prices(6)?,
            ask_size: self.number(10)?,
        })
    }

    fn prices(&self, first: usize) -> Result<BarPrices, String> {
        Ok(BarPrices {
            open: self.number(first)?,
            high: self.number(first + 1)?,
            low: self.number(first + 2)?,
            close: self.number(first + 3)?,
        })
    }

    fn number(&self, index: usize) -> Result<Decimal, String> {
        self.columns.decimal(index, COLUMNS[index])
    }
}

impl Iterator for LeanBars<'_> {
    type Item = Result<MinuteBar, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.lines.next_into(&mut self.line) {
            Ok(true) => Some(self.bar().map_err(|reason| self.lines.error(reason))),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl std::fmt::Debug for LeanBars<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LeanBars").field(self.lines.place()).finish()
    }
}
