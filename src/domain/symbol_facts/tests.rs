use super::*;

fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

fn stated() -> SymbolFacts {
    SymbolFacts {
        description: Some("Euro".to_owned()),
        digits: Some(5),
        active: Some(true),
        instrument: InstrumentFacts {
            instrument_type: Some(InstrumentType::Forex),
            base_currency: Some("EUR".to_owned()),
            quote_currency: Some("USD".to_owned()),
            tick_size: Some(dec("0.00001")),
            lot_size: Some(dec("1")),
            contract_multiplier: Some(dec("1")),
            expiry: None,
            strike: None,
        },
    }
}

fn new(facts: SymbolFacts) -> Symbol {
    let stated = StatedSymbol {
        facts,
        ..StatedSymbol::named("oanda", "EURUSD")
    };
    let new = stated.into_new().expect("valid");
    new.into_symbol(SymbolId::new(7))
}

/// An inactive symbol with a description, a size and an expiry that the source does not give.
fn local() -> Symbol {
    let mut symbol = new(stated());
    symbol.description = "ours".to_owned();
    symbol.active = false;
    let instrument = symbol.instrument.as_mut().expect("stated");
    instrument.lot_size = dec("1000");
    instrument.expiry = NaiveDate::from_ymd_opt(2030, 1, 1);
    symbol
}

fn texts(changes: &[FieldChange]) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let line = |it: &FieldChange| format!("{}: {} -> {}", it.field, text(&it.old), text(&it.new));
    changes.iter().map(line).collect()
}

#[test]
fn known_values_are_not_replaced() {
    let merged = local().merged(&stated(), false).expect("valid");
    assert_eq!(merged.symbol, local());
    assert!(merged.changed.is_empty(), "{merged:?}");
    let kept = [
        "description: ours -> Euro",
        "active: false -> true",
        "lot_size: 1000 -> 1",
    ];
    assert_eq!(texts(&merged.kept), kept);
}

#[test]
fn overwrite_keeps_unstated_values() {
    let merged = local().merged(&stated(), true).expect("valid");
    let mut expected = new(stated());
    let instrument = expected.instrument.as_mut().expect("stated");
    instrument.expiry = NaiveDate::from_ymd_opt(2030, 1, 1);
    assert_eq!(merged.symbol, expected);
    assert_eq!(merged.changed.len(), 3);
    assert!(merged.kept.is_empty(), "{merged:?}");
}

#[test]
fn empty_facts_change_nothing() {
    for overwrite in [false, true] {
        let merged = local().merged(&SymbolFacts::default(), overwrite);
        let merged = merged.expect("valid");
        assert_eq!(merged.symbol, local());
        assert!(merged.changed.is_empty() && merged.kept.is_empty());
    }
}

#[test]
fn unknown_values_become_known() {
    let empty = NewSymbol::named("oanda", "EURUSD").into_symbol(SymbolId::new(7));
    let mut facts = stated();
    facts.digits = Some(3);
    let merged = empty.merged(&facts, false).expect("valid");
    assert_eq!(merged.symbol, new(facts.clone()));
    assert!(merged.kept.is_empty(), "{merged:?}");
    let changed = texts(&merged.changed);
    for line in [
        "description: - -> Euro",
        "digits: 5 -> 3",
        "tick_size: - -> 0.00001",
    ] {
        assert!(changed.iter().any(|it| it == line), "{changed:?}");
    }
    // the digits of a symbol with an instrument are known, too
    facts.digits = Some(4);
    let again = merged.symbol.merged(&facts, false).expect("valid");
    assert_eq!(texts(&again.kept), ["digits: 3 -> 4"]);
}

#[test]
fn numbers_equal_in_value_are_unchanged() {
    let mut facts = stated();
    facts.instrument.tick_size = Some(dec("0.000010"));
    let merged = new(stated()).merged(&facts, true).expect("valid");
    assert!(merged.changed.is_empty(), "{merged:?}");
}

#[test]
fn part_of_an_instrument_needs_the_rest() {
    let empty = NewSymbol::named("oanda", "EURUSD").into_symbol(SymbolId::new(7));
    let mut facts = SymbolFacts::default();
    facts.instrument.quote_currency = Some("USD".to_owned());
    let missing = Err(InvalidSymbol::Missing("instrument_type"));
    assert_eq!(empty.merged(&facts, true), missing);
    assert!(new(stated()).merged(&facts, true).is_ok());
    facts.instrument.quote_currency = Some("U S D".to_owned());
    let merged = new(stated()).merged(&facts, true);
    assert!(
        matches!(merged, Err(InvalidSymbol::Name { .. })),
        "{merged:?}"
    );
}

#[test]
fn renamed_symbol_keeps_all_else() {
    let renamed = local().renamed(None, "EUR_USD").expect("valid");
    assert_eq!(texts(&renamed.changed), ["name: EURUSD -> EUR_USD"]);
    let expected = Symbol {
        name: "EUR_USD".to_owned(),
        ..local()
    };
    assert_eq!(renamed.symbol, expected);
    let moved = local().renamed(Some("fxcm"), "EURUSD").expect("valid");
    assert_eq!(texts(&moved.changed), ["exchange: oanda -> fxcm"]);
    assert!(local().renamed(None, " a").is_err());
    assert!(local().renamed(Some("fx:cm"), "a").is_err());
}
