//! Reader for LEAN's table of symbol properties.

use std::collections::BTreeSet;

use crate::domain::{InstrumentFacts, InstrumentType, StatedSymbol, SymbolFacts, parse_decimal};

use super::error::{FileError, LineError};
use super::field::Columns;
use super::header::Header;
use super::lines::Lines;
use super::source::Entry;

/// The columns that are read. All except the first two are optional, and rows may end before them.
const COLUMNS: [&str; 8] = [
    "market",
    "symbol",
    "type",
    "description",
    "quote_currency",
    "contract_multiplier",
    "minimum_price_variation",
    "lot_size",
];
const REQUIRED: usize = 2;
const MARKET: usize = 0;
const SYMBOL: usize = 1;
const TYPE: usize = 2;
const DESCRIPTION: usize = 3;
const QUOTE_CURRENCY: usize = 4;
const CONTRACT_MULTIPLIER: usize = 5;
const TICK_SIZE: usize = 6;
const LOT_SIZE: usize = 7;

/// The number of markets that are remembered for the error about a market that is not in the table.
const MARKETS_REMEMBERED: usize = 200;

/// A row with this name holds the defaults of a market and is not a symbol.
const WILDCARD: &str = "[*]";

/// A symbol and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedSymbol {
    /// The line number in the entry, starting at 1.
    pub line: u64,
    /// The description in the line. Empty or absent columns are not given.
    pub symbol: StatedSymbol,
}

/// Iterates over the symbols of one market in LEAN's symbol properties table, in file order.
///
/// Lines that start with `#` are comments, and rows named `[*]` hold defaults; neither is a symbol. The
/// market is the exchange. The base currency is the part of the name of a forex or crypto symbol before its
/// quote currency, and the digits are those of the tick size. Listed symbols are active. A name may occur
/// with several types.
pub struct LeanSymbols<'a> {
    lines: Lines<'a>,
    market: String,
    markets: BTreeSet<String>,
    has_defaults: bool,
    header: Header,
    /// The indexes of the columns, in their order.
    places: [Option<usize>; 8],
    line: Vec<u8>,
    columns: Columns,
}

impl<'a> LeanSymbols<'a> {
    /// Reads the rows of `market` from `entry`, starting with its header row.
    ///
    /// # Errors
    /// If the column of the market or of the symbol is missing.
    pub fn new(entry: Entry<'a>, market: &str) -> Result<Self, FileError> {
        let mut lines = Lines::new(entry);
        let header = Header::read(&mut lines)?;
        let places = COLUMNS.map(|name| header.find(&[name]).first().copied());
        for (place, name) in places.iter().zip(COLUMNS).take(REQUIRED) {
            if place.is_none() {
                let list = header.list();
                let reason = format!(
                    "has no column {name} among {list}: choose a table of symbol properties"
                );
                return Err(FileError::new(lines.place(), reason));
            }
        }
        Ok(Self {
            lines,
            market: market.to_owned(),
            markets: BTreeSet::new(),
            has_defaults: false,
            header,
            places,
            line: Vec::new(),
            columns: Columns::default(),
        })
    }

    /// The markets of the symbols read so far, limited to about 200.
    #[must_use]
    pub fn markets(&self) -> &BTreeSet<String> {
        &self.markets
    }

    /// Whether a row with defaults of the market was read.
    #[must_use]
    pub fn has_defaults(&self) -> bool {
        self.has_defaults
    }

    /// Returns the symbol of the last line, if it belongs to the market.
    fn symbol(&mut self) -> Result<Option<ListedSymbol>, String> {
        self.columns.read(&self.line);
        let market = self.text(MARKET)?;
        let is_wanted = market == self.market;
        if self.text(SYMBOL)? == WILDCARD {
            self.has_defaults |= is_wanted;
            return Ok(None);
        }
        if self.markets.len() < MARKETS_REMEMBERED && !self.markets.contains(market) {
            let market = market.to_owned();
            self.markets.insert(market);
        }
        if !is_wanted {
            return Ok(None);
        }
        self.check_width()?;
        let name = self.text(SYMBOL)?;
        let instrument = self.instrument(name)?;
        let digits = instrument.tick_size.map(|size| size.scale());
        let symbol = StatedSymbol {
            facts: SymbolFacts {
                description: self.stated(DESCRIPTION)?.map(str::to_owned),
                digits: digits.map(|digits| i16::try_from(digits).unwrap_or(i16::MAX)),
                active: Some(true),
                instrument,
            },
            ..StatedSymbol::named(self.market.as_str(), name)
        };
        symbol.validate().map_err(|error| error.to_string())?;
        Ok(Some(ListedSymbol {
            line: self.lines.number(),
            symbol,
        }))
    }

    /// Checks the width of a row. Rows may end early. Tickers of markets are not numbers, so a number in that
    /// column means that a decimal comma precedes it.
    fn check_width(&self) -> Result<(), String> {
        let width = self.columns.len();
        if width >= self.header.width() {
            return self.header.check_width(&self.columns);
        }
        let tickers = self.header.find(&["market_ticker"]);
        let is_number = |at: &usize| parse_decimal(self.columns.get(*at)).is_ok();
        match tickers.iter().any(is_number) {
            true => Err(
                "market_ticker is a number: use decimal points, because commas separate columns, \
                 or give the row all columns of the header"
                    .to_owned(),
            ),
            false => Ok(()),
        }
    }

    fn instrument(&self, name: &str) -> Result<InstrumentFacts, String> {
        let kind = self.stated(TYPE)?.map(str::parse::<InstrumentType>);
        let kind = kind.transpose().map_err(|error| error.to_string())?;
        let quote_currency = self.stated(QUOTE_CURRENCY)?;
        let is_pair = matches!(kind, Some(InstrumentType::Forex | InstrumentType::Crypto));
        let base = quote_currency.and_then(|quote| name.strip_suffix(quote));
        let base = base.filter(|base| is_pair && !base.is_empty() && *base != name);
        Ok(InstrumentFacts {
            instrument_type: kind,
            base_currency: base.map(str::to_owned),
            quote_currency: quote_currency.map(str::to_owned),
            tick_size: self.number(TICK_SIZE)?,
            lot_size: self.number(LOT_SIZE)?,
            contract_multiplier: self.number(CONTRACT_MULTIPLIER)?,
            ..InstrumentFacts::default()
        })
    }

    fn text(&self, column: usize) -> Result<&str, String> {
        match self.places[column] {
            Some(place) => self.columns.text(place, COLUMNS[column]),
            None => Ok(""),
        }
    }

    /// Returns the text of a column that is present and not empty.
    fn stated(&self, column: usize) -> Result<Option<&str>, String> {
        Ok(Some(self.text(column)?).filter(|text| !text.is_empty()))
    }

    fn number(&self, column: usize) -> Result<Option<rust_decimal::Decimal>, String> {
        let place = self.places[column].filter(|place| !self.columns.get(*place).is_empty());
        let number = place.map(|place| self.columns.decimal(place, COLUMNS[column]));
        Ok(number.transpose()?.map(|number| number.normalize()))
    }
}

impl Iterator for LeanSymbols<'_> {
    type Item = Result<ListedSymbol, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.lines.next_into(&mut self.line) {
                Ok(true) if self.line.starts_with(b"#") => {}
                Ok(true) => match self.symbol() {
                    Ok(None) => {}
                    Ok(Some(symbol)) => return Some(Ok(symbol)),
                    Err(reason) => return Some(Err(self.lines.error(reason))),
                },
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl std::fmt::Debug for LeanSymbols<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeanSymbols")
            .field("place", self.lines.place())
            .field("market", &self.market)
            .finish()
    }
}
