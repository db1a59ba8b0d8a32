//! Fills in statements of brokers: CSV files with a header row.
//!
//! [`StatementReader`] reads the rows of a file, and [`fill_events`] makes events of them. Both are exact: a row that
//! cannot be read without a guess is a [`RowProblem`] with its line and the reason.
//!
//! ```
//! use tickbook::domain::SymbolId;
//! use tickbook_ledger::domain::Currency;
//! use tickbook_ledger::statement::{
//!     StatementFormat, StatementReader, StatementSymbol, Tz, fill_events,
//! };
//!
//! let usd: Currency = "USD".parse()?;
//! let text = "Date/Time;Symbol;Quantity;Price;Comm\n2024-05-01, 09:30:00;AAPL;-10;170,25;-1,00\n";
//! let format = StatementFormat::default()
//!     .delimiter(b';')
//!     .decimal_comma(true)
//!     .fees_are_negative(true)
//!     .fee_currency(usd)
//!     .time_zone(Tz::America__New_York);
//! let statement = StatementReader::new(&format)?.read(text.as_bytes())?;
//! assert_eq!(statement.problems, []);
//! let aapl = StatementSymbol::new(SymbolId::new(7), Default::default());
//! let events = fill_events(&statement.rows, |_| Some(aapl));
//! assert_eq!(events.len(), 1);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod column;
mod events;
mod format;
mod number;
mod reader;
mod time;

pub use column::{StatementColumn, UnknownStatementColumn};
pub use events::{StatementEvent, StatementSymbol, fill_events};
pub use format::StatementFormat;
pub use number::NumberFormat;
pub use reader::{RowProblem, Statement, StatementError, StatementReader, StatementRow};
pub use time::{InvalidTimeFormat, StatementTimeFormat};

/// Time zones are those of this crate. Using this re-export guarantees the same version.
pub use chrono_tz::Tz;
