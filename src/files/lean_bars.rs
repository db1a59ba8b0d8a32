//! Reader for LEAN files of one-minute bars of a day.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::error::{FileError, LineError};
use super::field::Columns;
use super::lean_day::LeanDay;
use super::lines::Lines;
use super::price_scale::PriceScale;
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

/// Open, high, low and close of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
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

impl BarPrices {
    /// The prices in the order open, high, low and close.
    #[must_use]
    pub fn new(open: Decimal, high: Decimal, low: Decimal, close: Decimal) -> Self {
        Self {
            open,
            high,
            low,
            close,
        }
    }
}

/// Bid, ask or both of one minute, `[open_time, open_time + 1 minute)`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MinuteBar {
    /// The line number in the entry, starting at 1.
    pub line: u64,
    /// The start of the minute, UTC.
    pub open_time: DateTime<Utc>,
    /// Bid prices; `None` if there was no bid.
    pub bid: Option<BarPrices>,
    /// Quantity at the bid, in units of the instrument; 0 if there was no bid.
    pub bid_size: Decimal,
    /// Ask prices; `None` if there was no ask.
    pub ask: Option<BarPrices>,
    /// Quantity at the ask, in units of the instrument; 0 if there was no ask.
    pub ask_size: Decimal,
}

/// Iterates over the bars of a LEAN one-minute quote file, in file order.
///
/// A line is `time,bid open,high,low,close,bid size,ask open,high,low,close,ask size`. The time is in
/// milliseconds since midnight UTC of the date at the start of the name of the entry or file. A side whose
/// four prices are empty or 0 is absent. A line without both sides is an error.
///
/// The reader assumes that the file contains one instrument with times in UTC.
/// [`LeanSurvey`](super::LeanSurvey) checks this.
pub struct LeanBars<'a> {
    lines: Lines<'a>,
    day: LeanDay,
    scale: PriceScale,
    line: Vec<u8>,
    columns: Columns,
}

impl<'a> LeanBars<'a> {
    /// Reads `entry`.
    ///
    /// # Errors
    /// If no name starts with a date such as `20140501`.
    pub fn new(entry: Entry<'a>) -> Result<Self, FileError> {
        Ok(Self {
            day: LeanDay::of(&entry)?,
            lines: Lines::new(entry),
            scale: PriceScale::default(),
            line: Vec::new(),
            columns: Columns::default(),
        })
    }

    /// Divides each price by `scale`.
    #[must_use]
    pub fn scaled(mut self, scale: PriceScale) -> Self {
        self.scale = scale;
        self
    }

    fn bar(&mut self) -> Result<MinuteBar, String> {
        self.columns.read(&self.line);
        let width = self.columns.len();
        if width != COLUMNS.len() {
            let names = COLUMNS.join(", ");
            return Err(format!("has {width} columns, not 11: expected {names}"));
        }
        let open_time = self.day.time(self.columns.get(0), COLUMNS[0])?;
        let (bid, bid_size) = self.side(1)?;
        let (ask, ask_size) = self.side(6)?;
        if bid.is_none() && ask.is_none() {
            return Err("has neither bid nor ask: remove the line".to_owned());
        }
        Ok(MinuteBar {
            line: self.lines.number(),
            open_time,
            bid,
            bid_size,
            ask,
            ask_size,
        })
    }

    /// Reads prices and size of the side whose columns start at `first`.
    fn side(&self, first: usize) -> Result<(Option<BarPrices>, Decimal), String> {
        let size = first + 4;
        let is_absent = (first..size).all(|at| self.columns.get(at).is_empty());
        if !is_absent {
            let prices = self.prices(first)?;
            let BarPrices {
                open,
                high,
                low,
                close,
            } = prices;
            if [open, high, low, close] != [Decimal::ZERO; 4] {
                return Ok((Some(prices), self.number(size)?));
            }
        }
        let quantity = match self.columns.get(size) {
            b"" => Decimal::ZERO,
            _ => self.number(size)?,
        };
        match quantity.is_zero() {
            true => Ok((None, Decimal::ZERO)),
            false => Err(format!(
                "{} is {quantity} without prices: correct it",
                COLUMNS[size]
            )),
        }
    }

    fn prices(&self, first: usize) -> Result<BarPrices, String> {
        Ok(BarPrices {
            open: self.price(first)?,
            high: self.price(first + 1)?,
            low: self.price(first + 2)?,
            close: self.price(first + 3)?,
        })
    }

    fn price(&self, index: usize) -> Result<Decimal, String> {
        let price = self.scale.price(self.number(index)?);
        price.map_err(|error| format!("{} {error}", COLUMNS[index]))
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
