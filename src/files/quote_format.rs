//! The formats of files of quotes: their names, options and readers.

use std::fmt;
use std::str::FromStr;

use super::csv_quotes::{CsvLayout, CsvQuotes};
use super::error::{FileError, LineError};
use super::lean_quotes::LeanQuotes;
use super::price_scale::PriceScale;
use super::quote::Quote;
use super::source::{Entry, MarketFile};
use crate::domain::setters;

/// The quotes of an entry, in file order.
pub type Quotes<'a> = Box<dyn Iterator<Item = Result<Quote, LineError>> + 'a>;

/// The format of a file of quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QuoteFormat {
    /// A file of LEAN, read by [`LeanQuotes`].
    Lean,
    /// Comma-separated values with a header row, read by [`CsvQuotes`].
    Csv,
}

/// Properties of files that the files do not state. A format ignores the options of other formats.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct QuoteOptions {
    /// The divisor of the prices of a LEAN file.
    pub price_scale: PriceScale,
    /// The layout of a CSV file.
    pub csv_layout: CsvLayout,
}

setters!(QuoteOptions {
    set {
        /// Sets the divisor of the prices of a LEAN file.
        price_scale: PriceScale,
        /// Sets the layout of a CSV file.
        csv_layout: CsvLayout,
    }
});

impl QuoteFormat {
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

    /// Reads the quotes of `entry`.
    ///
    /// # Errors
    /// If the entry does not begin as the format requires: a missing column, or a file name without a date.
    pub fn read<'a>(
        self,
        entry: Entry<'a>,
        options: &QuoteOptions,
    ) -> Result<Quotes<'a>, FileError> {
        Ok(match self {
            Self::Lean => Box::new(LeanQuotes::new(entry)?.scaled(options.price_scale)),
            Self::Csv => Box::new(CsvQuotes::new(entry, &options.csv_layout)?),
        })
    }

    /// Detects the format of the entry at `index`: an entry with a header row is CSV, and one without is a
    /// file of LEAN.
    ///
    /// # Errors
    /// If the entry has neither format: the error of its header row.
    pub fn detect(file: &mut MarketFile, index: usize) -> Result<Self, FileError> {
        let options = QuoteOptions::default();
        // a reader cannot return its entry, so each reader opens its own
        let no_header = Self::Csv.read(file.entry(index)?, &options).err();
        let Some(error) = no_header else {
            return Ok(Self::Csv);
        };
        let is_lean = Self::Lean.read(file.entry(index)?, &options).is_ok();
        if is_lean { Ok(Self::Lean) } else { Err(error) }
    }
}

impl fmt::Display for QuoteFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid format {0:?}: expected one of {known}", known = names())]
#[non_exhaustive]
pub struct UnknownQuoteFormat(pub String);

fn names() -> String {
    let names: Vec<_> = QuoteFormat::ALL.iter().map(|it| it.as_str()).collect();
    names.join(", ")
}

impl FromStr for QuoteFormat {
    type Err = UnknownQuoteFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|format| format.as_str() == text);
        found
            .copied()
            .ok_or_else(|| UnknownQuoteFormat(text.to_owned()))
    }
}
