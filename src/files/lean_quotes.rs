//! Quotes of one day: `milliseconds since midnight UTC,bid,ask`.

use rust_decimal::Decimal;

use super::error::{FileError, LineError};
use super::field::Columns;
use super::lean_day::LeanDay;
use super::lines::Lines;
use super::price_scale::PriceScale;
use super::quote::Quote;
use super::source::Entry;

/// Iterates over the quotes of a LEAN tick file, in file order.
///
/// A line is `time,bid,ask`, or `time,bid,bid size,ask,ask size`; the first line that is one of
/// both decides for the whole entry. The time is in milliseconds since midnight UTC, with a fraction
/// or without; the date is the one the entry's or the file's name starts with. A price of 0 is none,
/// so that its line is an error: a tick has both.
///
/// It takes the file for one of one instrument in UTC; [`LeanSurvey`](super::LeanSurvey) finds out
/// whether it is.
pub struct LeanQuotes<'a> {
    lines: Lines<'a>,
    day: LeanDay,
    scale: PriceScale,
    width: Option<usize>,
    line: Vec<u8>,
    columns: Columns,
}

impl<'a> LeanQuotes<'a> {
    /// Reads `entry`.
    ///
    /// # Errors
    /// When no name starts with a date such as `20140501`.
    pub fn new(entry: Entry<'a>) -> Result<Self, FileError> {
        Ok(Self {
            day: LeanDay::of(&entry)?,
            lines: Lines::new(entry),
            scale: PriceScale::default(),
            width: None,
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

    fn quote(&mut self) -> Result<Quote, String> {
        self.columns.read(&self.line);
        let columns = &self.columns;
        let width = columns.len();
        // a longer line that was cut must not pass for a shorter one
        let expected = self.width.unwrap_or(width);
        if width != expected || !matches!(width, 3 | 5) {
            let expected = match self.width {
                Some(width) => format!("{width} as above"),
                None => "3 (time, bid, ask) or 5 (time, bid, bid size, ask, ask size)".to_owned(),
            };
            return Err(format!("has {width} columns, not {expected}: correct it"));
        }
        let (ask, sizes) = if width == 3 {
            (2, None)
        } else {
            (3, Some((2, 4)))
        };
        let size = |at: Option<usize>, name: &str| {
            at.map_or(Ok(Decimal::ZERO), |at| columns.decimal(at, name))
        };
        let price = |at: usize, name: &str| match columns.get(at) {
            b"" => Err(format!(
                "{name} is empty: a tick has both prices, leave it out"
            )),
            _ => match columns.decimal(at, name)? {
                zero if zero.is_zero() => Err(format!(
                    "{name} is 0, which stands for none: a tick has both prices, leave it out"
                )),
                scaled => self.scale.price(scaled),
            },
        };
        let quote = Quote {
            line: self.lines.number(),
            tick_time: self.day.time(columns.get(0), "time")?,
            sequence: None,
            bid_price: price(1, "bid")?,
            ask_price: price(ask, "ask")?,
            bid_volume: size(sizes.map(|sizes| sizes.0), "bid size")?,
            ask_volume: size(sizes.map(|sizes| sizes.1), "ask size")?,
            received_at: None,
        };
        self.width = Some(width);
        Ok(quote)
    }
}

impl Iterator for LeanQuotes<'_> {
    type Item = Result<Quote, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.lines.next_into(&mut self.line) {
            Ok(true) => Some(self.quote().map_err(|reason| self.lines.error(reason))),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl std::fmt::Debug for LeanQuotes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LeanQuotes")
            .field(self.lines.place())
            .finish()
    }
}
