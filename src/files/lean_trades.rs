//! Reader for LEAN files of the trades of a day: `milliseconds since midnight UTC,price,quantity`.

use crate::domain::excerpt;

use super::error::{FileError, LineError};
use super::field::Columns;
use super::file_trade::FileTrade;
use super::lean_day::LeanDay;
use super::lines::Lines;
use super::price_scale::PriceScale;
use super::row::{FileRow as _, LeanRow, Rows};
use super::source::Entry;

/// Iterates over the trades of a LEAN tick file, in file order.
///
/// A line is `time,price,quantity` or `time,price,quantity,exchange,condition,suspicious`; the first line with
/// one of these widths decides for the whole entry. The time is in milliseconds since midnight UTC, with or
/// without a fraction, of the date at the start of the name of the entry or file. Exchange and condition are
/// not read. A line that is marked as suspicious with `1` is an error. The files state neither the side nor an
/// id, so the trades are unsequenced.
///
/// The reader assumes that the file contains one instrument with times in UTC.
/// [`LeanSurvey`](super::LeanSurvey) checks this.
pub struct LeanTrades<'a> {
    lines: Lines<'a>,
    day: LeanDay,
    scale: PriceScale,
    width: Option<usize>,
    line: Vec<u8>,
    columns: Columns,
}

impl<'a> LeanTrades<'a> {
    /// Reads `entry`.
    ///
    /// # Errors
    /// If no name starts with a date such as `20131007`.
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

    fn trade(&mut self) -> Result<FileTrade, String> {
        self.columns.read(&self.line);
        let columns = &self.columns;
        let width = columns.len();
        // a line that was cut must not be read as a line without exchange
        let expected = self.width.unwrap_or(width);
        if width != expected || !matches!(width, 3 | 6) {
            let expected = match self.width {
                Some(width) => format!("{width} as above"),
                None => {
                    "3 (time, price, quantity) or 6 (… exchange, condition, suspicious)".to_owned()
                }
            };
            return Err(format!("has {width} columns, not {expected}: correct it"));
        }
        match columns.get(5) {
            b"" | b"0" => {}
            b"1" => return Err("is marked as suspicious: remove the line, or the mark".to_owned()),
            other => {
                let shown = excerpt(other);
                return Err(format!("invalid suspicious {shown}: expected 0 or 1"));
            }
        }
        let trade = FileTrade {
            trade_time: self.day.time(columns.get(0), "time")?,
            price: self.scale.price(columns.decimal(1, "price")?)?,
            quantity: columns.decimal(2, "quantity")?,
            ..FileTrade::of_line(self.lines.number())
        };
        self.width = Some(width);
        Ok(trade)
    }
}

impl LeanRow for FileTrade {
    fn read_lean(entry: Entry<'_>, scale: PriceScale) -> Result<Rows<'_, Self>, FileError> {
        Ok(Box::new(LeanTrades::new(entry)?.scaled(scale)))
    }
}

impl Iterator for LeanTrades<'_> {
    type Item = Result<FileTrade, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.lines.next_into(&mut self.line) {
            Ok(true) => Some(self.trade().map_err(|reason| self.lines.error(reason))),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl std::fmt::Debug for LeanTrades<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LeanTrades")
            .field(self.lines.place())
            .finish()
    }
}
