//! The format of a statement.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::column::StatementColumn;
use super::number::NumberFormat;
use super::time::StatementTimeFormat;
use crate::domain::{Currency, Side};

/// Words for a purchase and for a sale, in lower case. `c`, `compra`, `v` and `venda` are those of Brazilian brokers.
const BUY: &[&str] = &[
    "buy",
    "b",
    "bot",
    "bought",
    "buy to open",
    "buy to close",
    "buy to cover",
    "c",
    "compra",
    "kauf",
    "achat",
];
const SELL: &[&str] = &[
    "sell",
    "s",
    "sld",
    "sold",
    "sell to open",
    "sell to close",
    "sell short",
    "v",
    "venda",
    "venta",
    "verkauf",
    "vente",
];

/// The format of a statement: the names of its columns, and how numbers, times and sides are written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatementFormat {
    /// The headers of columns that do not have one of their usual headers, compared without regard to case.
    pub columns: BTreeMap<StatementColumn, String>,
    /// The character between columns; a comma by default.
    pub delimiter: u8,
    /// Lines before the header row; 0 by default.
    pub skipped_lines: u32,
    /// How numbers are written.
    pub numbers: NumberFormat,
    /// How times are written. Each is tried in turn; empty for the usual ones.
    pub times: Vec<StatementTimeFormat>,
    /// The time zone of times without an offset. `None` refuses such times.
    pub time_zone: Option<Tz>,
    /// Words for a purchase besides the usual ones.
    pub buy_words: Vec<String>,
    /// Words for a sale besides the usual ones.
    pub sell_words: Vec<String>,
    /// Whether a fee that was paid is a negative number.
    pub fees_are_negative: bool,
    /// The currency of fees without one. `None` refuses such fees.
    pub fee_currency: Option<Currency>,
    /// The instrument of all rows, for a file without such a column.
    pub symbol: Option<String>,
}

impl Default for StatementFormat {
    fn default() -> Self {
        Self {
            columns: BTreeMap::new(),
            delimiter: b',',
            skipped_lines: 0,
            numbers: NumberFormat::default(),
            times: Vec::new(),
            time_zone: None,
            buy_words: Vec::new(),
            sell_words: Vec::new(),
            fees_are_negative: false,
            fee_currency: None,
            symbol: None,
        }
    }
}

impl StatementFormat {
    /// Sets the header of a column.
    #[must_use]
    pub fn column(mut self, column: StatementColumn, header: impl Into<String>) -> Self {
        self.columns.insert(column, header.into());
        self
    }

    /// Sets the character between columns.
    #[must_use]
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// Sets the number of lines before the header row.
    #[must_use]
    pub fn skipped_lines(mut self, lines: u32) -> Self {
        self.skipped_lines = lines;
        self
    }

    /// Sets whether decimals are written with a comma instead of a point.
    #[must_use]
    pub fn decimal_comma(mut self, comma: bool) -> Self {
        self.numbers.decimal_comma = comma;
        self
    }

    /// Sets the character between groups of three digits.
    #[must_use]
    pub fn thousands(mut self, separator: impl Into<Option<char>>) -> Self {
        self.numbers.thousands = separator.into();
        self
    }

    /// Adds a format of times.
    #[must_use]
    pub fn time(mut self, format: StatementTimeFormat) -> Self {
        self.times.push(format);
        self
    }

    /// Sets the time zone of times without an offset.
    #[must_use]
    pub fn time_zone(mut self, zone: impl Into<Option<Tz>>) -> Self {
        self.time_zone = zone.into();
        self
    }

    /// Adds a word for a side.
    #[must_use]
    pub fn word(mut self, side: Side, word: impl Into<String>) -> Self {
        match side {
            Side::Buy => self.buy_words.push(word.into()),
            Side::Sell => self.sell_words.push(word.into()),
        }
        self
    }

    /// Sets whether a fee that was paid is a negative number.
    #[must_use]
    pub fn fees_are_negative(mut self, negative: bool) -> Self {
        self.fees_are_negative = negative;
        self
    }

    /// Sets the currency of fees without one.
    #[must_use]
    pub fn fee_currency(mut self, currency: impl Into<Option<Currency>>) -> Self {
        self.fee_currency = currency.into();
        self
    }

    /// Sets the instrument of all rows.
    #[must_use]
    pub fn symbol(mut self, symbol: impl Into<Option<String>>) -> Self {
        self.symbol = symbol.into();
        self
    }

    /// The side that a word names; given words take precedence over the usual ones.
    pub(super) fn side(&self, word: &str) -> Option<Side> {
        let word = word.trim().to_lowercase();
        let is_given = |words: &[String]| words.iter().any(|it| it.to_lowercase() == word);
        let is_usual = |words: &[&str]| words.contains(&&*word);
        match () {
            () if is_given(&self.buy_words) => Some(Side::Buy),
            () if is_given(&self.sell_words) => Some(Side::Sell),
            () if is_usual(BUY) => Some(Side::Buy),
            () if is_usual(SELL) => Some(Side::Sell),
            () => None,
        }
    }
}
