//! Rows of files that become ticks or trades.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::domain::{MarketEvent, SymbolId, excerpt};

use super::error::{FileError, LineError};
use super::price_scale::PriceScale;
use super::source::Entry;
use super::time_format::TimeFormat;

/// The meaning of a column in a file with a header row.
pub trait FileColumn:
    Debug + Copy + Ord + Display + FromStr<Err: Display> + Send + Sync + 'static
{
    /// All columns, in the order in which files are written.
    const ALL: &'static [Self];

    /// The name in files that the library writes, such as `tick_time`.
    fn as_str(self) -> &'static str {
        self.names()[0]
    }

    /// The names by which the column is found if none is given; at least one.
    fn names(self) -> &'static [&'static str];

    /// Whether every file has the column.
    fn is_required(self) -> bool;
}

/// A row of a file: a [`Quote`](super::Quote) or a [`FileTrade`](super::FileTrade). The file does not contain
/// its symbol.
pub trait FileRow: Debug + Sized + Send + 'static {
    /// The columns of a file with a header row.
    type Column: FileColumn;

    /// The event of the row: a tick or a trade.
    type Event: MarketEvent;

    /// Creates the row of a line without values.
    fn of_line(line: u64) -> Self;

    /// Sets the value of a column.
    ///
    /// # Errors
    /// The field is not a value of the column.
    fn read(
        &mut self,
        column: Self::Column,
        field: &[u8],
        time_format: TimeFormat,
    ) -> Result<(), String>;

    /// Checks a row whose columns are all read.
    ///
    /// # Errors
    /// The row lacks a value, with the remedy.
    fn check(&self) -> Result<(), String>;

    /// The line number in the entry, starting at 1.
    fn line(&self) -> u64;

    /// The name of the column with the time, for errors.
    fn time_name() -> &'static str;

    /// The time, UTC, truncated to whole microseconds.
    fn time(&self) -> DateTime<Utc>;

    /// The venue's number, if the file contains one. A row without it is unsequenced.
    fn sequence(&self) -> Option<i64>;

    /// Converts the row into an event of `symbol_id`. If the row has no sequence, an
    /// [`OccurrenceCounter`](crate::ingest::OccurrenceCounter) must assign its occurrence.
    fn into_event(self, symbol_id: SymbolId) -> Self::Event;
}

/// The rows of an entry, in file order.
pub type Rows<'a, R> = Box<dyn Iterator<Item = Result<R, LineError>> + 'a>;

/// A row that LEAN files have.
pub trait LeanRow: FileRow {
    /// Reads an entry of a LEAN file, whose prices are multiplied by `scale`.
    ///
    /// # Errors
    /// If no name of the entry starts with a date.
    fn read_lean(entry: Entry<'_>, scale: PriceScale) -> Result<Rows<'_, Self>, FileError>;
}

/// Parses the column `sequence`.
pub(super) fn sequence(field: &[u8]) -> Result<i64, String> {
    let number = std::str::from_utf8(field)
        .ok()
        .and_then(|text| text.parse::<i64>().ok());
    number.filter(|&number| number >= 0).ok_or_else(|| {
        let shown = excerpt(field);
        let most = i64::MAX;
        format!("invalid sequence {shown}: expected a whole number from 0 to {most}")
    })
}
