//! Reader for CSV files of quotes with a header row.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::setters;

use super::error::{FileError, LineError};
use super::field::Columns;
use super::header::Header;
use super::lines::Lines;
use super::quote::{Quote, QuoteColumn};
use super::source::Entry;
use super::time_format::TimeFormat;

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
    places: [Option<usize>; QuoteColumn::ALL.len()],
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
        let mut places = [None; QuoteColumn::ALL.len()];
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
        let mut quote = Quote::new(self.lines.number());
        for (&column, place) in QuoteColumn::ALL.iter().zip(self.places) {
            if let Some(place) = place {
                quote.read(column, &self.columns, place, self.time_format)?;
            }
        }
        if quote.bid_price.is_none() && quote.ask_price.is_none() {
            return Err("bid_price and ask_price are empty: write at least one".to_owned());
        }
        Ok(quote)
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
