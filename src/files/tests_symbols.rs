//! Tests of the table of symbol properties.

use crate::domain::InstrumentType;

use super::tests::{folder, plain};
use super::*;

#[test]
fn symbols_of_one_market_become_instruments() {
    let table = "market,symbol,type,description,quote_currency,contract_multiplier,\
                 minimum_price_variation,lot_size,market_ticker\n\
                 \n# comment\n\
                 oanda,EURUSD,forex,\"Euro, Dollar\",USD,1,0.00001,1000,x\n\
                 fxcm,EURUSD,forex,,USD,1,0.00001,1000\n\
                 oanda,[*],cfd,,USD,1,0.01,1\n\
                 oanda,XAUUSD,cfd,Gold,USD,1,5e-04,1\n\
                 oanda,BAD,bond,,USD,1,0.01,1\n\
                 oanda,ZERO,cfd,,USD,1,0,1\n\
                 oanda,SHORT,cfd\n";
    let folder = folder();
    let mut file = MarketFile::open(plain(&folder, "t.csv", table.as_bytes())).expect("readable");
    let entry = file.entry(0).expect("one");
    let mut symbols = LeanSymbols::new(entry, "oanda").expect("a table");
    let listed: Vec<_> = symbols.by_ref().collect();
    assert_eq!(Vec::from_iter(symbols.markets()), ["fxcm", "oanda"]);
    assert!(symbols.has_defaults());
    let euro = listed[0].as_ref().expect("a symbol");
    let facts = &euro.symbol.facts;
    assert_eq!(
        (euro.line, facts.digits, facts.active),
        (4, Some(5), Some(true))
    );
    assert_eq!(facts.description.as_deref(), Some("Euro, Dollar"));
    let instrument = &facts.instrument;
    assert_eq!(instrument.base_currency.as_deref(), Some("EUR"));
    assert_eq!(instrument.instrument_type, Some(InstrumentType::Forex));
    assert_eq!(
        instrument.lot_size.map(|size| size.to_string()).as_deref(),
        Some("1000")
    );
    let gold = &listed[1].as_ref().expect("a symbol").symbol.facts;
    assert_eq!(
        (gold.digits, gold.instrument.base_currency.as_deref()),
        (Some(4), None)
    );
    for (error, words) in listed[2..].iter().zip([
        "line 8: invalid instrument type \"bond\"",
        "line 9: tick_size 0 is not positive",
    ]) {
        let error = error.as_ref().expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(listed.len(), 5);
    // empty columns are not given
    let short = &listed[4].as_ref().expect("a symbol").symbol.facts;
    assert_eq!((short.digits, &short.description), (None, &None));
    assert_eq!(short.instrument.tick_size, None);
    assert_eq!(short.instrument.instrument_type, Some(InstrumentType::Cfd));
}

#[test]
fn columns_of_a_table_may_be_absent() {
    let table = "symbol,market,lot_size\nEURUSD,oanda,1000\nGBPUSD,oanda,\n[*],cboe,1\n";
    let folder = folder();
    let mut file = MarketFile::open(plain(&folder, "t.csv", table.as_bytes())).expect("readable");
    let mut symbols = LeanSymbols::new(file.entry(0).expect("one"), "oanda").expect("a table");
    let listed: Vec<_> = symbols.by_ref().collect();
    let sizes = listed.iter().map(|listed| {
        let facts = &listed.as_ref().expect("a symbol").symbol.facts;
        assert_eq!(
            (facts.digits, facts.instrument.instrument_type),
            (None, None)
        );
        facts.instrument.lot_size.map(|size| size.to_string())
    });
    assert_eq!(Vec::from_iter(sizes), [Some("1000".to_owned()), None]);
    assert!(!symbols.has_defaults());
    assert_eq!(Vec::from_iter(symbols.markets()), ["oanda"]);
    drop(symbols);
    let mut of_defaults = LeanSymbols::new(file.entry(0).expect("one"), "cboe").expect("a table");
    assert_eq!(of_defaults.by_ref().count(), 0);
    assert!(of_defaults.has_defaults());
}
