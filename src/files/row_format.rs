//! The formats of files of quotes and trades: their names, options and readers.

use std::fmt;
use std::str::FromStr;

use super::csv_rows::{CsvLayout, CsvRows};
use super::error::FileError;
use super::price_scale::PriceScale;
use super::row::{FileColumn, LeanRow, Rows};
use super::source::{Entry, MarketFile};

/// The format of a file of quotes or trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RowFormat {
    /// A file of LEAN, read by [`LeanQuotes`](super::LeanQuotes) or [`LeanTrades`](super::LeanTrades).
    Lean,
    /// Comma-separated values with a header row, read by [`CsvRows`].
    Csv,
}

/// Properties of files that the files do not state. A format ignores the options of other formats.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowOptions<C: FileColumn> {
    /// The divisor of the prices of a LEAN file.
    pub price_scale: PriceScale,
    /// The layout of a CSV file.
    pub csv_layout: CsvLayout<C>,
}

impl<C: FileColumn> Default for RowOptions<C> {
    fn default() -> Self {
        Self {
            price_scale: PriceScale::default(),
            csv_layout: CsvLayout::default(),
        }
    }
}

impl<C: FileColumn> RowOptions<C> {
    /// Sets the divisor of the prices of a LEAN file.
    #[must_use]
    pub fn price_scale(mut self, price_scale: PriceScale) -> Self {
        self.price_scale = price_scale;
        self
    }

    /// Sets the layout of a CSV file.
    #[must_use]
    pub fn csv_layout(mut self, csv_layout: CsvLayout<C>) -> Self {
        self.csv_layout = csv_layout;
        self
    }
}

impl RowFormat {
    /// All formats.
    pub const ALL: &'static [Self] = &[Self::Lean, Self::Csv];

    /// The name of the format on the command line, such as `csv`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lean => "lean",
            Self::Csv => "csv",
        }
    }

    /// Reads the rows of `entry`.
    ///
    /// # Errors
    /// If the entry does not begin as the format requires: a missing column, or a file name without a date.
    pub fn read<'a, R: LeanRow>(
        self,
        entry: Entry<'a>,
        options: &RowOptions<R::Column>,
    ) -> Result<Rows<'a, R>, FileError> {
        match self {
            Self::Lean => R::read_lean(entry, options.price_scale),
            Self::Csv => Ok(Box::new(CsvRows::new(entry, &options.csv_layout)?)),
        }
    }

    /// Detects the format of the entry at `index`, which has rows of the type `R`: an entry with a header row
    /// is CSV, and one without is a file of LEAN.
    ///
    /// # Errors
    /// If the entry has neither format: the error of its header row.
    pub fn detect<R: LeanRow>(file: &mut MarketFile, index: usize) -> Result<Self, FileError> {
        let options = RowOptions::default();
        // a reader cannot return its entry, so each reader opens its own
        let no_header = Self::Csv.read::<R>(file.entry(index)?, &options).err();
        let Some(error) = no_header else {
            return Ok(Self::Csv);
        };
        let is_lean = Self::Lean.read::<R>(file.entry(index)?, &options).is_ok();
        if is_lean { Ok(Self::Lean) } else { Err(error) }
    }
}

impl fmt::Display for RowFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid format {0:?}: expected one of {known}", known = names())]
#[non_exhaustive]
pub struct UnknownRowFormat(pub String);

fn names() -> String {
    let names: Vec<_> = RowFormat::ALL.iter().map(|it| it.as_str()).collect();
    names.join(", ")
}

impl FromStr for RowFormat {
    type Err = UnknownRowFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|format| format.as_str() == text);
        found
            .copied()
            .ok_or_else(|| UnknownRowFormat(text.to_owned()))
    }
}
