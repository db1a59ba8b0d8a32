//! The lists of instruments.

use rust_decimal::Decimal;
use serde_json::Value;
use tickbook::domain::InstrumentType;
use tickbook_feeds::{ListedInstrument, ProtocolError, RefusedInstrument};

use crate::sessions;

type List = Result<Vec<Result<ListedInstrument, RefusedInstrument>>, ProtocolError>;

/// Reads all lists of a file. Returns the instruments and the refused ones.
fn read(
    file: &str,
    venue: &str,
    parse: impl Fn(&str) -> List,
) -> Option<(Vec<ListedInstrument>, Vec<RefusedInstrument>, Value)> {
    let folder = sessions::folder()?;
    let expected = sessions::expected(&folder, venue);
    let (mut listed, mut refused) = (Vec::new(), Vec::new());
    for (url, _, body) in sessions::answers(&folder.join(venue).join(file)) {
        for instrument in parse(&body).unwrap_or_else(|error| panic!("{url}: {error}")) {
            match instrument {
                Ok(instrument) => listed.push(instrument),
                Err(error) => refused.push(error),
            }
        }
    }
    Some((listed, refused, expected))
}

fn check(listed: &[ListedInstrument], expected: &Value) {
    let instruments = expected["instruments"].as_object().expect("a map");
    for (symbol, expected) in instruments {
        let found = listed.iter().find(|listed| listed.symbol == *symbol);
        let found = found.unwrap_or_else(|| panic!("no {symbol}"));
        let instrument = &found.instrument;
        assert!(found.is_active, "{symbol}");
        let step = |decimals: &str| {
            let decimals = expected[decimals].as_u64().expect("a number");
            Decimal::new(1, decimals as u32)
        };
        let size = |key: &str| {
            expected[key]
                .as_str()
                .map(|text| text.parse().expect("a decimal"))
        };
        let tick_size = size("tick_size").unwrap_or_else(|| step("price_decimals"));
        assert_eq!(instrument.tick_size, tick_size, "{symbol}");
        let lot_size = size("step_size").unwrap_or_else(|| step("qty_decimals"));
        assert_eq!(instrument.lot_size, lot_size, "{symbol}");
        let multiplier = size("contract_value").unwrap_or(Decimal::ONE);
        assert_eq!(instrument.contract_multiplier, multiplier, "{symbol}");
    }
}

#[test]
fn binance_instruments_equal_the_oracle() {
    let read = read(
        "exchange-info.http.gz",
        "binance",
        tickbook_feeds::binance::instruments,
    );
    let Some((listed, refused, expected)) = read else {
        return;
    };
    assert_eq!(refused, []);
    assert_eq!(
        listed.len() as u64,
        expected["instruments_file"]["symbols"]
            .as_u64()
            .expect("it")
    );
    check(&listed, &expected);
}

#[test]
fn kraken_instruments_equal_the_oracle() {
    let read = read(
        "asset-pairs.http.gz",
        "kraken",
        tickbook_feeds::kraken::instruments,
    );
    let Some((listed, refused, expected)) = read else {
        return;
    };
    assert_eq!(refused, []);
    let file = &expected["instruments_file"];
    let count = file["pairs_with_wsname_without_dark_pool"].as_u64();
    assert_eq!(listed.len() as u64, count.expect("a number"));
    check(&listed, &expected);
}

#[test]
fn coinbase_instruments_equal_the_oracle() {
    let read = read(
        "products.http.gz",
        "coinbase",
        tickbook_feeds::coinbase::instruments,
    );
    let Some((listed, refused, expected)) = read else {
        return;
    };
    assert_eq!(refused, []);
    assert_eq!(
        listed.len() as u64,
        expected["instruments_file"]["products"]
            .as_u64()
            .expect("it")
    );
    check(&listed, &expected);
}

#[test]
fn okx_instruments_equal_the_oracle() {
    let read = read(
        "instruments.http.gz",
        "okx",
        tickbook_feeds::okx::instruments,
    );
    let Some((listed, refused, expected)) = read else {
        return;
    };
    let types = &expected["instruments_file"]["by_type"];
    let count: u64 = types
        .as_object()
        .expect("a map")
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!((listed.len() + refused.len()) as u64, count, "{refused:?}");
    check(&listed, &expected);
    let option = listed
        .iter()
        .find(|listed| listed.symbol == "BTC-USD-220514-22000-C");
    let option = &option.expect("an option").instrument;
    assert_eq!(option.instrument_type, InstrumentType::FutureOption);
    assert_eq!(option.strike, Some(Decimal::from(22_000)));
    assert_eq!(
        option.expiry.map(|day| day.to_string()).as_deref(),
        Some("2022-05-14")
    );
    assert_eq!(option.base_currency.as_deref(), Some("BTC"));
    assert_eq!(option.contract_multiplier, Decimal::new(1, 1));
}
