//! The reference data of `tickbook seed`.

use rust_decimal::Decimal;

use super::ReferenceData;
use crate::domain::exchange::{Exchange, InvalidExchange};
use crate::domain::exchange_session::parse_sessions;
use crate::domain::instrument::InstrumentType;
use crate::domain::symbol_facts::{InstrumentFacts, StatedSymbol, SymbolFacts};

/// Name, description, code (MIC) and time zone of an exchange, and its regular sessions.
const EXCHANGES: [(&str, &str, Option<&str>, &str, &str); 8] = [
    ("simulated", "Simulated feed", None, "UTC", ALWAYS),
    ("binance", "Binance spot", None, "UTC", ALWAYS),
    ("coinbase", "Coinbase", None, "UTC", ALWAYS),
    ("kraken", "Kraken", None, "UTC", ALWAYS),
    ("okx", "OKX", None, "UTC", ALWAYS),
    (
        "ctrader",
        "Broker with cTrader",
        None,
        "America/New_York",
        // Sunday to Friday
        "sun-thu 17:00-17:00",
    ),
    (
        "NSE",
        "National Stock Exchange of India",
        Some("XNSE"),
        "Asia/Kolkata",
        "mon-fri 09:15-15:30",
    ),
    (
        "B3",
        "B3, Brazil",
        Some("BVMF"),
        "America/Sao_Paulo",
        "mon-fri 10:00-17:00",
    ),
];

const ALWAYS: &str = "mon-sun 00:00-24:00";

/// Exchange, name, description, type and quote currency of a symbol, its tick size in hundredths and its lot
/// size.
const SYMBOLS: [(&str, &str, &str, InstrumentType, &str, i64, i64); 3] = [
    (
        "NSE",
        "NIFTY",
        "NIFTY 50 index",
        InstrumentType::Index,
        "INR",
        5,
        1,
    ),
    (
        "NSE",
        "BANKNIFTY",
        "NIFTY Bank index",
        InstrumentType::Index,
        "INR",
        5,
        1,
    ),
    (
        "B3",
        "PETR4",
        "Petrobras, preferred share",
        InstrumentType::Equity,
        "BRL",
        1,
        100,
    ),
];

impl ReferenceData {
    /// The exchanges of the venues of this project, two stock exchanges, and some of their symbols. The
    /// sessions are the regular ones; an exchange may have other hours in a part of the year.
    ///
    /// # Errors
    /// None for the data of a release.
    pub fn seed() -> Result<Self, InvalidExchange> {
        let mut data = Self::default();
        for (name, description, code, time_zone, sessions) in EXCHANGES {
            let mut exchange = Exchange::named(name)
                .description(description)
                .time_zone(time_zone)
                .sessions(parse_sessions(sessions)?);
            exchange.code = code.map(str::to_owned);
            data.exchanges.push(exchange.normalized());
        }
        for (exchange, name, description, kind, currency, hundredths, lot) in SYMBOLS {
            let instrument = InstrumentFacts::default()
                .instrument_type(kind)
                .quote_currency(currency)
                .tick_size(Decimal::new(hundredths, 2))
                .lot_size(Decimal::from(lot))
                .contract_multiplier(Decimal::ONE);
            let facts = SymbolFacts::default()
                .description(description)
                .digits(2_i16)
                .instrument(instrument);
            data.symbols
                .push(StatedSymbol::named(exchange, name).facts(facts));
        }
        Ok(data)
    }
}
