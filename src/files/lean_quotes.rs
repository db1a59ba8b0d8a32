//! Reader for LEAN files of the quotes of a day: `milliseconds since midnight UTC,bid,ask`.

use super::error::{FileError, LineError};
use super::field::Columns;
use super::lean_day::LeanDay;
use super::lines::Lines;
use super::price_scale::PriceScale;
use super::quote::Quote;
use super::row::{FileRow as _, LeanRow, Rows};
use super::source::Entry;

/// Iterates over the quotes of a LEAN tick file, in file order.
///
/// A line is `time,bid,ask` or `time,bid,bid size,ask,ask size`; the first line with one of these widths
/// decides for the whole entry. The time is in milliseconds since midnight UTC, with or without a fraction,
/// of the date at the start of the name of the entry or file. In a line with sizes, price and size of one
/// side may be empty, which means an absent side. A price of 0 means no price; such a line is an error,
/// because nothing else marks the side as absent.
///
/// The reader assumes that the file contains one instrument with times in UTC.
/// [`LeanSurvey`](super::LeanSurvey) checks this.
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
    /// If no name starts with a date such as `20140501`.
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
        // a line with sizes that was cut must not be read as a line without sizes
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
        // if the last column of a line without sizes is empty, the line may have been cut
        let side = |price: usize, size: Option<usize>, name: &str| match (columns.get(price), size)
        {
            (b"", Some(size)) if columns.get(size).is_empty() => Ok((None, None)),
            (b"", _) => Err(format!("{name} is empty: correct it, or remove the line")),
            _ => match columns.decimal(price, name)? {
                zero if zero.is_zero() => Err(format!(
                    "{name} is 0, which means no price: leave it and its size empty"
                )),
                scaled => {
                    let size = size.map(|size| columns.decimal(size, &format!("{name} size")));
                    Ok((Some(self.scale.price(scaled)?), size.transpose()?))
                }
            },
        };
        let (bid_price, bid_volume) = side(1, sizes.map(|sizes| sizes.0), "bid")?;
        let (ask_price, ask_volume) = side(ask, sizes.map(|sizes| sizes.1), "ask")?;
        if bid_price.is_none() && ask_price.is_none() {
            return Err("has neither bid nor ask: remove the line".to_owned());
        }
        let quote = Quote {
            tick_time: self.day.time(columns.get(0), "time")?,
            bid_price,
            ask_price,
            bid_volume,
            ask_volume,
            ..Quote::of_line(self.lines.number())
        };
        self.width = Some(width);
        Ok(quote)
    }
}

impl LeanRow for Quote {
    fn read_lean(entry: Entry<'_>, scale: PriceScale) -> Result<Rows<'_, Self>, FileError> {
        Ok(Box::new(LeanQuotes::new(entry)?.scaled(scale)))
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
