//! Reader for CSV files of quotes or trades with a header row.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use super::error::{FileError, LineError};
use super::field::Columns;
use super::file_trade::FileTrade;
use super::header::Header;
use super::lines::Lines;
use super::quote::{Quote, QuoteColumn};
use super::row::{FileColumn, FileRow};
use super::source::Entry;
use super::time_format::TimeFormat;

/// The layout of a file of quotes or trades with a header row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CsvLayout<C: FileColumn = QuoteColumn> {
    /// The names of columns that do not have their usual names, compared without regard to case. A column of
    /// the file that is named here has no other meaning.
    pub columns: BTreeMap<C, String>,
    /// The format of instants.
    pub time_format: TimeFormat,
}

impl<C: FileColumn> Default for CsvLayout<C> {
    fn default() -> Self {
        Self {
            columns: BTreeMap::new(),
            time_format: TimeFormat::default(),
        }
    }
}

impl<C: FileColumn> CsvLayout<C> {
    /// Sets the name of a column.
    #[must_use]
    pub fn column(mut self, column: C, name: impl Into<String>) -> Self {
        self.columns.insert(column, name.into());
        self
    }

    /// Sets the names of the columns.
    #[must_use]
    pub fn columns(mut self, columns: BTreeMap<C, String>) -> Self {
        self.columns = columns;
        self
    }

    /// Sets the format of instants.
    #[must_use]
    pub fn time_format(mut self, time_format: TimeFormat) -> Self {
        self.time_format = time_format;
        self
    }
}

/// Iterates over the quotes of a file with a header row; see [`CsvRows`].
///
/// An empty price means an absent side, and an empty volume an unknown one. A row without any price is an
/// error.
pub type CsvQuotes<'a> = CsvRows<'a, Quote>;

/// Iterates over the trades of a file with a header row; see [`CsvRows`].
///
/// An empty side or id is unknown, and an empty block flag is false.
pub type CsvTrades<'a> = CsvRows<'a, FileTrade>;

/// Iterates over the rows of a file with a header row, in file order.
///
/// Columns are separated by commas and may be quoted. Lines that start with `#` are comments. A row with
/// another number of columns than the header is an error.
pub struct CsvRows<'a, R: FileRow> {
    lines: Lines<'a>,
    time_format: TimeFormat,
    header: Header,
    /// The columns that the file has, and their indexes.
    places: Vec<(R::Column, usize)>,
    line: Vec<u8>,
    columns: Columns,
    row: PhantomData<fn() -> R>,
}

impl<'a, R: FileRow> CsvRows<'a, R> {
    /// Reads `entry`, starting with its header row.
    ///
    /// # Errors
    /// If a required column is missing, or two columns have the same name.
    pub fn new(entry: Entry<'a>, layout: &CsvLayout<R::Column>) -> Result<Self, FileError> {
        let mut lines = Lines::new(entry);
        let header = Header::read(&mut lines)?;
        let mut places = Vec::new();
        for column in R::Column::ALL {
            let found = find(&header, *column, layout)
                .map_err(|reason| FileError::new(lines.place(), reason))?;
            places.extend(found.map(|place| (*column, place)));
        }
        Ok(Self {
            lines,
            time_format: layout.time_format,
            header,
            places,
            line: Vec::new(),
            columns: Columns::default(),
            row: PhantomData,
        })
    }

    fn row(&mut self) -> Result<R, String> {
        self.columns.read(&self.line);
        self.header.check_width(&self.columns)?;
        let mut row = R::of_line(self.lines.number());
        for (column, place) in &self.places {
            row.read(*column, self.columns.get(*place), self.time_format)?;
        }
        row.check()?;
        Ok(row)
    }
}

impl<R: FileRow> Iterator for CsvRows<'_, R> {
    type Item = Result<R, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.lines.next_into(&mut self.line) {
                Ok(true) if self.line.starts_with(b"#") => {}
                Ok(true) => {
                    return Some(self.row().map_err(|reason| self.lines.error(reason)));
                }
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<R: FileRow> fmt::Debug for CsvRows<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CsvRows").field(self.lines.place()).finish()
    }
}

fn find<C: FileColumn>(
    header: &Header,
    column: C,
    layout: &CsvLayout<C>,
) -> Result<Option<usize>, String> {
    let said = layout.columns.get(&column);
    let mut found = match said {
        Some(name) => header.find(&[name]),
        None => header.find(column.names()),
    };
    if said.is_none() {
        let named: Vec<_> = layout.columns.values().map(String::as_str).collect();
        let taken = header.find(&named);
        found.retain(|place| !taken.contains(place));
    }
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
