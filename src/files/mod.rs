//! Market-data files, read line by line, zipped or plain; no file is ever held whole.
//!
//! ```no_run
//! use tickbook::files::{LeanQuotes, MarketFile};
//!
//! let mut file = MarketFile::open("20140501_quote.zip")?;
//! for index in 0..file.entry_count() {
//!     for quote in LeanQuotes::new(file.entry(index)?)? {
//!         match quote {
//!             Ok(quote) => println!("{} {:?} {:?}", quote.tick_time, quote.bid_price, quote.ask_price),
//!             Err(error) => eprintln!("{error}"),
//!         }
//!     }
//! }
//! # Ok::<(), tickbook::files::FileError>(())
//! ```
//!
//! What concerns a file or an entry as a whole is a [`FileError`]; what concerns one line is a
//! [`LineError`], after which the iterator goes on with the next line. Both say where, what is
//! wrong and what to do.

mod csv_candles;
mod csv_quotes;
mod error;
mod field;
mod header;
mod lean_bars;
mod lean_day;
mod lean_name;
mod lean_quotes;
mod lean_survey;
mod lean_symbols;
mod lean_zone;
mod lines;
mod price_scale;
mod quote;
mod source;

pub use csv_candles::{CsvCandle, CsvCandles, FILLED};
pub use csv_quotes::{CsvLayout, CsvQuotes, QuoteColumn, TimeFormat, UnknownQuoteColumn};
pub use error::{FileError, LineError};
pub use lean_bars::{BarPrices, LeanBars, MinuteBar};
pub use lean_quotes::LeanQuotes;
pub use lean_survey::{LeanRows, LeanSurvey};
pub use lean_symbols::{LeanSymbols, ListedSymbol};
pub use price_scale::{PriceScale, UnknownPriceScale};
pub use quote::Quote;
pub use source::{Entry, MarketFile};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_bytes;
#[cfg(test)]
mod tests_candles;
#[cfg(test)]
mod tests_lean;
#[cfg(test)]
mod tests_symbols;
#[cfg(test)]
mod tests_width;
