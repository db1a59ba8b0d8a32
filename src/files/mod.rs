//! Streaming readers for zipped or plain market-data files. No file is held in memory as a whole.
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
//! A [`FileError`] concerns a file or an entry as a whole. A [`LineError`] concerns one line, after which the
//! iterator continues with the next line. Both name the location, the problem and the remedy.

mod csv_candles;
mod csv_rows;
mod error;
mod field;
mod file_trade;
mod header;
mod lean_bars;
mod lean_day;
mod lean_name;
mod lean_quotes;
mod lean_rows;
mod lean_survey;
mod lean_symbols;
mod lean_trades;
mod lean_zone;
mod lines;
mod price_scale;
mod quote;
mod row;
mod row_format;
mod source;
mod time_format;

pub use csv_candles::{CsvCandle, CsvCandles, FILLED};
pub use csv_rows::{CsvLayout, CsvQuotes, CsvRows, CsvTrades};
pub use error::{FileError, LineError};
pub use file_trade::{FileTrade, TradeColumn, UnknownTradeColumn};
pub use lean_bars::{BarPrices, LeanBars, MinuteBar};
pub use lean_quotes::LeanQuotes;
pub use lean_rows::LeanRows;
pub use lean_survey::LeanSurvey;
pub use lean_symbols::{LeanSymbols, ListedSymbol};
pub use lean_trades::LeanTrades;
pub use price_scale::{PriceScale, UnknownPriceScale};
pub use quote::{Quote, QuoteColumn, UnknownQuoteColumn};
pub use row::{FileColumn, FileRow, LeanRow, Rows};
pub use row_format::{RowFormat, RowOptions, UnknownRowFormat};
pub use source::{Entry, MarketFile};
pub use time_format::TimeFormat;

#[cfg(test)]
mod fuzz;
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
mod tests_trades;
#[cfg(test)]
mod tests_width;
