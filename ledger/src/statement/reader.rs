//! Reads the rows of a statement.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read};

use chrono::{DateTime, Utc};
use csv::{ByteRecord, ReaderBuilder};
use rust_decimal::Decimal;
use tickbook::domain::{check_tick_decimal, excerpt, printable};

use super::column::StatementColumn;
use super::format::StatementFormat;
use super::time;
use crate::domain::{Currency, ExecId, Fee, OrderId, Side};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// A longer line is not a row, and is not read into memory.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// A fill of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatementRow {
    /// The line of the file, starting at 1.
    pub line: u64,
    /// The instrument, as the file names it.
    pub symbol: String,
    /// The side.
    pub side: Side,
    /// The quantity; greater than zero.
    pub quantity: Decimal,
    /// The price of one unit.
    pub price: Decimal,
    /// The time at the venue.
    pub time: DateTime<Utc>,
    /// The fee; a rebate is negative.
    pub fee: Option<Fee>,
    /// The id of the fill, if the file has ids.
    pub exec_id: Option<ExecId>,
    /// The id of the order, if the file has ids.
    pub order_id: Option<OrderId>,
}

/// A row that is not a fill.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowProblem {
    /// The line of the file, starting at 1.
    pub line: u64,
    /// The reason.
    pub reason: String,
}

impl RowProblem {
    /// A problem in a line.
    #[must_use]
    pub fn new(line: u64, reason: impl Into<String>) -> Self {
        Self {
            line,
            reason: reason.into(),
        }
    }
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, printable(&self.reason))
    }
}

/// The rows of a statement in the order of the file, and its invalid rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement {
    /// The fills.
    pub rows: Vec<StatementRow>,
    /// The rows that are not fills.
    pub problems: Vec<RowProblem>,
}

/// Why a statement cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The file cannot be read.
    #[error("cannot be read")]
    Io(#[from] io::Error),
    /// The delimiter is not one ASCII character between columns.
    #[error("invalid delimiter: expected an ASCII character such as a semicolon")]
    Delimiter,
    /// The file has no header row.
    #[error("has no header row: add one with the names of the columns")]
    NoHeader,
    /// A column is missing.
    #[error("has no column {expected} among {headers}: set the header of the column {column}")]
    NoColumn {
        /// The column.
        column: StatementColumn,
        /// The header that was given, or the usual ones.
        expected: String,
        /// The headers of the file.
        headers: String,
    },
    /// Several columns have the header.
    #[error("has several columns {expected}: set the header of the column {column}")]
    SeveralColumns {
        /// The column.
        column: StatementColumn,
        /// The header that was given, or the usual ones.
        expected: String,
    },
}

/// Reads statements of one format.
///
/// # Examples
/// ```
/// use tickbook_ledger::statement::{StatementFormat, StatementReader};
///
/// let text = "time,symbol,side,qty,price\n2024-05-01T12:00:00Z,EURUSD,buy,1000,1.0672\n2024-05-01,EURUSD,hold,1,1\n";
/// let format = StatementFormat::default();
/// let reader = StatementReader::new(&format)?;
/// let statement = reader.read(text.as_bytes())?;
/// assert_eq!(statement.rows.len(), 1);
/// assert_eq!(statement.problems[0].line, 3);
/// # Ok::<_, tickbook_ledger::statement::StatementError>(())
/// ```
#[derive(Debug)]
pub struct StatementReader<'a> {
    format: &'a StatementFormat,
}

impl<'a> StatementReader<'a> {
    /// A reader of a format.
    ///
    /// # Errors
    /// The delimiter is not an ASCII character, or has another meaning.
    pub fn new(format: &'a StatementFormat) -> Result<Self, StatementError> {
        match format.delimiter {
            b'"' | b'\n' | b'\r' | 0x80.. => Err(StatementError::Delimiter),
            _ => Ok(Self { format }),
        }
    }

    /// Reads a file to its end. Blank lines are skipped, and a byte order mark is ignored. Columns may be quoted, but each
    /// line is a row of its own, so that a stray quotation mark affects no other row.
    ///
    /// # Errors
    /// The file cannot be read, or lacks a header row or a required column.
    pub fn read(&self, file: impl Read) -> Result<Statement, StatementError> {
        let mut file = BufReader::new(file);
        if file.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            file.consume(BYTE_ORDER_MARK.len());
        }
        let (mut number, mut text) = (0, Vec::new());
        let mut layout: Option<Layout> = None;
        let mut statement = Statement::default();
        while read_line(&mut file, &mut text)? {
            number += 1;
            if number <= u64::from(self.format.skipped_lines) {
                continue;
            }
            let record = self.record(&text);
            if record.iter().all(|field| field.trim_ascii().is_empty()) {
                continue;
            }
            let Some(layout) = &layout else {
                layout = Some(Layout::of(&record, self.format)?);
                continue;
            };
            match self.row(number, &record, layout) {
                Ok(row) => statement.rows.push(row),
                Err(reason) => statement.problems.push(RowProblem::new(number, reason)),
            }
        }
        match layout {
            Some(_) => Ok(statement),
            None => Err(StatementError::NoHeader),
        }
    }

    /// The columns of a line.
    fn record(&self, line: &[u8]) -> ByteRecord {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.format.delimiter)
            .from_reader(line);
        let mut record = ByteRecord::new();
        // bytes in memory can be read, and rows may have any width
        match reader.read_byte_record(&mut record) {
            Ok(true) => record,
            _ => ByteRecord::new(),
        }
    }

    fn row(&self, line: u64, record: &ByteRecord, layout: &Layout) -> Result<StatementRow, String> {
        if record.len() != layout.width {
            return Err(format!(
                "has {} columns, not {} as the header",
                record.len(),
                layout.width
            ));
        }
        use StatementColumn as Column;
        let text = |column| layout.text(record, column);
        let number = |column: Column, text: &str| {
            let value = self.format.numbers.parse(text);
            let value = value.map_err(|reason| format!("{column} {reason}"))?;
            check_tick_decimal(value)
                .map_err(|error| format!("{column} {}: {error}", excerpt(text)))
        };
        let given = number(Column::Quantity, text(Column::Quantity)?)?;
        let side = self.side(text(Column::Side)?, given, layout)?;
        let price = number(Column::Price, text(Column::Price)?)?;
        let time = self.time(text(Column::Date)?, text(Column::Time)?)?;
        let fee = match text(Column::Fee)? {
            "" => None,
            fee => {
                let amount = number(Column::Fee, fee)?;
                self.fee(amount, text(Column::FeeCurrency)?)?
            }
        };
        let symbol = match (text(Column::Symbol)?, &self.format.symbol) {
            ("", Some(symbol)) => symbol,
            ("", None) => return Err("symbol is empty".to_owned()),
            (symbol, _) => symbol,
        };
        Ok(StatementRow {
            line,
            symbol: symbol.to_owned(),
            side,
            quantity: given.abs(),
            price,
            time,
            fee,
            exec_id: id(text(Column::ExecId)?, ExecId::new)?,
            order_id: id(text(Column::OrderId)?, OrderId::new)?,
        })
    }

    fn side(&self, word: &str, quantity: Decimal, layout: &Layout) -> Result<Side, String> {
        if quantity.is_zero() {
            return Err("quantity is 0".to_owned());
        }
        let is_negative = quantity.is_sign_negative();
        if !layout.has(StatementColumn::Side) {
            return Ok(if is_negative { Side::Sell } else { Side::Buy });
        }
        let Some(side) = self.format.side(word) else {
            return Err(format!(
                "invalid side {}: expected a word such as buy or sell; for other words state their side",
                excerpt(word)
            ));
        };
        // sales may have negative quantities besides the word
        match (side, is_negative) {
            (Side::Buy, true) => Err("the quantity of a purchase is negative".to_owned()),
            _ => Ok(side),
        }
    }

    fn time(&self, date: &str, time: &str) -> Result<DateTime<Utc>, String> {
        let whole = match (date, time) {
            ("", "") => return Err("time is empty".to_owned()),
            ("", time) => time.to_owned(),
            (date, "") => date.to_owned(),
            (date, time) => format!("{date} {time}"),
        };
        time::parse(&whole, &self.format.times, self.format.time_zone)
    }

    fn fee(&self, amount: Decimal, currency: &str) -> Result<Option<Fee>, String> {
        if amount.is_zero() {
            return Ok(None);
        }
        let amount = if self.format.fees_are_negative {
            -amount
        } else {
            amount
        };
        let given = id(currency, Currency::new)?;
        let currency = given.or_else(|| self.format.fee_currency.clone());
        let currency = currency.ok_or("the fee has no currency: state it")?;
        Ok(Some(Fee::new(amount, currency)))
    }
}

/// Reads a line into `line`, up to its largest length. Returns `false` at the end of the file.
fn read_line(file: &mut BufReader<impl Read>, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    if file.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if !line.ends_with(b"\n") {
        file.skip_until(b'\n')?;
    }
    Ok(true)
}

/// An id, or `None` for an empty text.
fn id<T, E: fmt::Display>(
    text: &str,
    new: impl Fn(String) -> Result<T, E>,
) -> Result<Option<T>, String> {
    match text {
        "" => Ok(None),
        text => new(text.to_owned())
            .map(Some)
            .map_err(|error| error.to_string()),
    }
}

/// The places of the columns.
struct Layout {
    width: usize,
    places: Vec<(StatementColumn, usize)>,
}

impl Layout {
    fn of(header: &ByteRecord, format: &StatementFormat) -> Result<Self, StatementError> {
        let headers: Vec<_> = header
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim().to_owned())
            .collect();
        let given: Vec<_> = format.columns.values().collect();
        let mut layout = Self {
            width: headers.len(),
            places: Vec::new(),
        };
        for column in StatementColumn::ALL {
            let said = format.columns.get(column);
            let is_wanted = |header: &String| match said {
                Some(said) => header.eq_ignore_ascii_case(said),
                // a column that was given another meaning has no usual one
                None => {
                    let usual = column.headers();
                    usual.iter().any(|it| header.eq_ignore_ascii_case(it))
                        && !given.iter().any(|it| header.eq_ignore_ascii_case(it))
                }
            };
            let places = headers.iter().enumerate();
            let places = places.filter(|(_, header)| is_wanted(header));
            let places: Vec<_> = places.map(|(place, _)| place).collect();
            let expected = || {
                said.cloned()
                    .unwrap_or_else(|| column.headers().join(" or "))
            };
            match places[..] {
                [place] => layout.places.push((*column, place)),
                [] if said.is_none() && !Self::requires(*column, format) => {}
                [] => {
                    return Err(StatementError::NoColumn {
                        column: *column,
                        expected: expected(),
                        headers: printable(&headers.join(", ")),
                    });
                }
                _ => {
                    return Err(StatementError::SeveralColumns {
                        column: *column,
                        expected: expected(),
                    });
                }
            }
        }
        if !layout.has(StatementColumn::Time) && !layout.has(StatementColumn::Date) {
            return Err(StatementError::NoColumn {
                column: StatementColumn::Time,
                expected: StatementColumn::Time.headers().join(" or "),
                headers: printable(&headers.join(", ")),
            });
        }
        Ok(layout)
    }

    fn requires(column: StatementColumn, format: &StatementFormat) -> bool {
        match column {
            StatementColumn::Quantity | StatementColumn::Price => true,
            StatementColumn::Symbol => format.symbol.is_none(),
            _ => false,
        }
    }

    fn has(&self, column: StatementColumn) -> bool {
        self.places.iter().any(|(it, _)| *it == column)
    }

    /// The text in a column without surrounding spaces; empty if the file does not have the column.
    fn text<'r>(&self, record: &'r ByteRecord, column: StatementColumn) -> Result<&'r str, String> {
        let place = self.places.iter().find(|(it, _)| *it == column);
        let field = place.and_then(|(_, place)| record.get(*place));
        let text = std::str::from_utf8(field.unwrap_or_default());
        text.map(str::trim)
            .map_err(|_| format!("{column} is not UTF-8: convert the file to UTF-8"))
    }
}
