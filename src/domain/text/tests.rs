//! Domain types as JSON, byte for byte.

use chrono::{DateTime, NaiveDate};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::domain::{
    Candle, CandleCursor, CandleSlot, CandleSource, Exchange, ExchangeFacts, ExchangeSession,
    FilledCandle, GapFill, Instrument, InstrumentType, NewSymbol, Page, PageLimit, PriceBasis,
    Rule, SortOrder, Symbol, SymbolFacts, SymbolId, SymbolReference, TimeRange, Timeframe, Verdict,
    parse_sessions,
};

/// Asserts that `value` serializes to `text` and deserializes from it.
fn assert_text<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    value: &T,
    text: Value,
) {
    let written = serde_json::to_string(value).expect("it is written");
    assert_eq!(serde_json::from_str::<Value>(&written).expect("JSON"), text);
    let read: T = serde_json::from_str(&written).expect("it is read");
    assert_eq!(read, *value);
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

fn candle() -> Candle {
    Candle::new(
        SymbolId::new(7),
        Timeframe::M5,
        PriceBasis::Mid,
        DateTime::from_timestamp(1_398_902_400, 0).expect("in range"),
        ["1.386795", "1.38687", "-0.0000000000005", "1.3868150"].map(decimal),
    )
    .volume(decimal("9999999999999999.000000000001"))
    .tick_count(97)
}

fn symbol() -> Symbol {
    let instrument = Instrument::new(
        InstrumentType::Option,
        "USD",
        decimal("0.00001"),
        Decimal::from(100),
    )
    .expiry(NaiveDate::from_ymd_opt(2026, 12, 18).expect("a day"))
    .strike(decimal("-37.63"));
    let new = NewSymbol::named("oanda", "EURUSD").instrument(instrument);
    assert_text(&new, serde_json::to_value(&new).expect("it is written"));
    new.into_symbol(SymbolId::new(7))
}

#[test]
fn symbol_has_decimals_and_days_as_texts() {
    assert_text(
        &symbol(),
        json!({
            "symbol_id": 7, "exchange": "oanda", "name": "EURUSD", "description": "", "digits": 5,
            "active": true, "instrument": {
                "instrument_type": "option", "base_currency": null, "quote_currency": "USD",
                "tick_size": "0.00001", "lot_size": "100", "contract_multiplier": "1",
                "expiry": "2026-12-18", "strike": "-37.63"
            }
        }),
    );
    let facts = SymbolFacts::default().description("x");
    assert_text(&facts, serde_json::to_value(&facts).expect("it is written"));
    // fields that are not given may be omitted
    let read: SymbolFacts = serde_json::from_value(json!({"digits": 3})).expect("it is read");
    assert_eq!(read, SymbolFacts::default().digits(Some(3)));
}

#[test]
fn exchange_has_nulls_for_unknown_fields() {
    assert_text(
        &Exchange::named("nyse").code("XNYS"),
        json!({
            "name": "nyse", "description": "", "code": "XNYS", "time_zone": null, "sessions": []
        }),
    );
    // written before exchanges had sessions
    let text = json!({"name": "nyse", "description": "", "code": "XNYS", "time_zone": null});
    let read: Exchange = serde_json::from_value(text).expect("it is read");
    assert_eq!(read, Exchange::named("nyse").code("XNYS"));
    let read: ExchangeFacts = serde_json::from_value(json!({"code": "X"})).expect("it is read");
    assert_eq!(read, ExchangeFacts::default().code("X"));
}

#[test]
fn session_has_a_weekday_and_minutes() {
    let parsed = |text| parse_sessions(text).expect("a session")[0];
    assert_text(
        &parsed("2026-01-05 sun 22:00-24:00"),
        json!({"valid_from": "2026-01-05", "weekday": "sun", "open": "22:00", "close": "24:00"}),
    );
    let text = json!({"weekday": "Mon", "open": "00:00", "close": "00:00"});
    let read: ExchangeSession = serde_json::from_value(text).expect("it is read");
    assert_eq!(read, parsed("mon 00:00-24:00"));
    for bad in [
        json!({"weekday": "mon", "open": "00:00"}),
        json!({"weekday": "mon", "open": "00:00", "close": "24:01"}),
        json!({"weekday": "mon", "open": "00:00", "close": "01:00", "valid_from": "1969-01-01"}),
        json!({"weekday": "mon", "open": "00:00", "close": "01:00", "zone": "UTC"}),
    ] {
        assert!(
            serde_json::from_value::<ExchangeSession>(bad.clone()).is_err(),
            "{bad}"
        );
    }
}

#[test]
fn candle_keeps_each_digit() {
    let mut expected = json!({
        "symbol_id": 7, "timeframe": "5m", "basis": "mid",
        "open_time": "2014-05-01T00:00:00.000000Z", "open": "1.386795", "high": "1.38687",
        "low": "-0.0000000000005", "close": "1.386815", "volume": "9999999999999999.000000000001",
        "tick_count": 97, "closed": true, "source": "ticks"
    });
    assert_text(&candle(), expected.clone());
    expected["source"] = json!({"stored": "import"});
    let stored = candle().source(CandleSource::Stored("import".to_owned()));
    assert_text(&stored, expected.clone());
    assert_text(&CandleSlot::Candle(stored), json!({ "candle": expected }));
    let now = DateTime::UNIX_EPOCH;
    let filled = FilledCandle::after(&candle(), now, GapFill::PreviousClose, now);
    assert_text(
        &CandleSlot::Filled(filled),
        json!({"filled": {
            "symbol_id": 7, "timeframe": "5m", "basis": "mid",
            "open_time": "1970-01-01T00:00:00.000000Z", "open": null, "high": null, "low": null,
            "close": "1.386815", "closed": false
        }}),
    );
    let next = CandleCursor::of(&candle());
    assert_text(
        &Page::new(vec![Timeframe::M1], Some(next)),
        json!({"items": ["1m"], "next": {"open_time": "2014-05-01T00:00:00.000000Z"}}),
    );
}

#[test]
fn enums_are_written_as_their_texts() {
    for value in Timeframe::ALL {
        assert_text(value, json!(value.as_str()));
    }
    for value in PriceBasis::ALL {
        assert_text(value, json!(value.as_str()));
    }
    for value in GapFill::ALL {
        assert_text(value, json!(value.as_str()));
    }
    for value in InstrumentType::ALL {
        assert_text(value, json!(value.as_str()));
    }
    for value in SortOrder::ALL {
        assert_text(value, json!(value.as_str()));
    }
    for value in Rule::ALL {
        assert_text(value, json!(value.as_str()));
    }
    let error = serde_json::from_value::<Timeframe>(json!("7x")).expect_err("unknown");
    assert!(error.to_string().contains("7x"), "{error}");
    let error = serde_json::from_value::<Timeframe>(json!(5)).expect_err("a number");
    assert!(
        error.to_string().contains("expected a timeframe"),
        "{error}"
    );
}

#[test]
fn values_with_rules_are_checked() {
    let at = |seconds| DateTime::from_timestamp(seconds, 1_000).expect("in range");
    let range = TimeRange::new(at(0), at(1)).expect("ordered");
    let text = json!({
        "from": "1970-01-01T00:00:00.000001Z", "to": "1970-01-01T00:00:01.000001Z"
    });
    assert_text(&range, text.clone());
    let turned = json!({"from": text["to"], "to": text["from"]});
    assert!(serde_json::from_value::<TimeRange>(turned).is_err());
    assert_text(&PageLimit::default(), json!(500));
    for limit in [0, -1, 10_001] {
        assert!(serde_json::from_value::<PageLimit>(json!(limit)).is_err());
    }
    assert_text(
        &SymbolReference::on("oanda", "EURUSD"),
        json!("oanda:EURUSD"),
    );
    assert!(serde_json::from_value::<SymbolReference>(json!("a b:c")).is_err());
    assert_text(
        &Verdict::new(Rule::Crossed, decimal("0.5"), Decimal::ZERO),
        json!({"rule": "crossed", "observed": "0.5", "limit": "0"}),
    );
    for number in [json!(1.5), json!("1,5"), json!("")] {
        let verdict = json!({"rule": "crossed", "observed": number, "limit": "0"});
        assert!(serde_json::from_value::<Verdict>(verdict).is_err());
    }
}
