//! The table of instruments.

use std::collections::BTreeSet;

use crate::domain::{Instrument, InstrumentType, NewSymbol, parse_decimal};

use super::error::{FileError, LineError};
use super::field::Columns;
use super::header::Header;
use super::lines::Lines;
use super::source::Entry;

/// Columns of the table that are read; rows may end before the ones behind them.
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
const MARKET: usize = 0;
const SYMBOL: usize = 1;
const TYPE: usize = 2;
const DESCRIPTION: usize = 3;
const QUOTE_CURRENCY: usize = 4;
const CONTRACT_MULTIPLIER: usize = 5;
const TICK_SIZE: usize = 6;
const LOT_SIZE: usize = 7;

/// So many markets are remembered for an error about a market that is not in the table.
const MARKETS_REMEMBERED: usize = 200;

/// A row with this name holds defaults for a market and is no symbol.
const WILDCARD: &str = "[*]";

/// A symbol and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSymbol {
    /// The number of its line in the entry, counted from 1.
    pub line: u64,
    /// The symbol, which every store accepts.
    pub symbol: NewSymbol,
}

/// Iterates over the symbols of one market in LEAN's symbol properties table, in file order.
///
/// Lines that start with `#` are comments, and rows named `[*]` hold defaults: neither is a symbol.
/// The market is the exchange. The base currency is what stands before the quote currency in the
/// name of a forex or crypto symbol; the digits are those of the tick size. One name may come with
/// several types.
pub struct LeanSymbols<'a> {
    lines: Lines<'a>,
    market: String,
    markets: BTreeSet<String>,
    header: Header,
    places: [usize; 8],
    line: Vec<u8>,
    columns: Columns,
}

impl<'a> LeanSymbols<'a> {
    /// Reads the rows of `market` from `entry`, beginning with its header row.
    ///
    /// # Errors
    /// When a column is missing.
    pub fn new(entry: Entry<'a>, market: &str) -> Result<Self, FileError> {
        let mut lines = Lines::new(entry);
        let header = Header::read(&mut lines)?;
        let mut places = [0; 8];
        for (place, name) in places.iter_mut().zip(COLUMNS) {
            *place = *header.find(&[name]).first().ok_or_else(|| {
                let list = header.list();
                let reason =
                    format!("has no column {name} among {list}: name a table of symbol properties");
                FileError::new(lines.place(), reason)
            })?;
        }
        Ok(Self {
            lines,
            market: market.to_owned(),
            markets: BTreeSet::new(),
            header,
            places,
            line: Vec::new(),
            columns: Columns::default(),
        })
    }

    /// The markets of the rows read so far, of which only some 200 are remembered.
    #[must_use]
    pub fn markets(&self) -> &BTreeSet<String> {
        &self.markets
    }

    /// The symbol of the line read last, if it is one of the market.
    fn symbol(&mut self) -> Result<Option<ListedSymbol>, String> {
        self.columns.read(&self.line);
        let market = self.text(MARKET)?;
        if self.markets.len() < MARKETS_REMEMBERED && !self.markets.contains(market) {
            let market = market.to_owned();
            self.markets.insert(market);
        }
        let name = self.text(SYMBOL)?;
        if self.text(MARKET)? != self.market || name == WILDCARD {
            return Ok(None);
        }
        self.check_width()?;
        let instrument = self.instrument(name)?;
        let digits = i16::try_from(instrument.tick_size.scale()).unwrap_or(i16::MAX);
        let symbol = NewSymbol {
            description: self.text(DESCRIPTION)?.to_owned(),
            digits,
            instrument: Some(instrument),
            ..NewSymbol::named(self.market.as_str(), name)
        };
        symbol.validate().map_err(|error| error.to_string())?;
        Ok(Some(ListedSymbol {
            line: self.lines.number(),
            symbol,
        }))
    }

    /// Rows may end early, and the tickers of markets are no numbers: one there has come from a
    /// decimal comma in front of it.
    fn check_width(&self) -> Result<(), String> {
        let width = self.columns.len();
        if width >= self.header.width() {
            return self.header.check_width(&self.columns);
        }
        let tickers = self.header.find(&["market_ticker"]);
        let is_number = |at: &usize| parse_decimal(self.columns.get(*at)).is_ok();
        match tickers.iter().any(is_number) {
            true => Err(
                "market_ticker is a number: write decimals with points, since commas separate \
                 columns, or give the row all columns of the header"
                    .to_owned(),
            ),
            false => Ok(()),
        }
    }

    fn instrument(&self, name: &str) -> Result<Instrument, String> {
        let instrument_type = self.text(TYPE)?.parse::<InstrumentType>();
        let instrument_type = instrument_type.map_err(|error| format!("type {error}"))?;
        let quote_currency = self.text(QUOTE_CURRENCY)?;
        let is_pair = matches!(
            instrument_type,
            InstrumentType::Forex | InstrumentType::Crypto
        );
        let base = name.strip_suffix(quote_currency);
        let base = base.filter(|base| is_pair && !base.is_empty() && *base != name);
        Ok(Instrument {
            instrument_type,
            base_currency: base.map(str::to_owned),
            quote_currency: quote_currency.to_owned(),
            tick_size: self.number(TICK_SIZE)?,
            lot_size: self.number(LOT_SIZE)?,
            contract_multiplier: self.number(CONTRACT_MULTIPLIER)?,
            expiry: None,
            strike: None,
        })
    }

    fn text(&self, column: usize) -> Result<&str, String> {
        self.columns.text(self.places[column], COLUMNS[column])
    }

    fn number(&self, column: usize) -> Result<rust_decimal::Decimal, String> {
        let number = self.columns.decimal(self.places[column], COLUMNS[column]);
        number.map(|number| number.normalize())
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
