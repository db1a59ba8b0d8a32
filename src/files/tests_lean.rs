use std::path::PathBuf;
use std::slice::from_ref;

use tempfile::TempDir;

use crate::domain::{Instrument, InstrumentType, Symbol, SymbolId};

use super::tests::{folder, plain, quotes, zipped};
use super::*;

const BAR: &str = "34200000,1.1,1.4,1.0,1.2,3,2.1,2.4,2.0,2.2,4\n";
const SCALED: &str =
    "34200000,6438000,6440600,6438000,6440600,100,6460000,6460000,6460000,6460000,100\n";
const QUOTE: &str = "34200000,1.1,1.2\n";

fn bars() -> LeanSurvey {
    LeanSurvey::new(LeanRows::MinuteBars)
}

fn scale(text: &str) -> Option<PriceScale> {
    text.parse().ok()
}

fn look(survey: &LeanSurvey, files: &[PathBuf]) -> Result<(), String> {
    let mut survey = survey.clone();
    for path in files {
        let mut file = MarketFile::open(path).expect("readable");
        survey.check(&mut file).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn refused(survey: &LeanSurvey, files: &[PathBuf], words: &str) {
    let reason = look(survey, files).expect_err(words);
    assert!(reason.contains(words), "{words}: {reason}");
    assert!(!reason.contains('\n'), "{reason}");
}

fn at(folder: &TempDir, below: &str, name: &str, text: &str) -> PathBuf {
    let place = folder.path().join(below);
    std::fs::create_dir_all(&place).expect("made");
    plain(folder, &format!("{below}/{name}"), text.as_bytes())
}

#[test]
fn archives_of_several_contracts_are_refused() {
    let folder = folder();
    let zip = |name: &str, entries: [&str; 2]| {
        let entries = entries.map(|entry| (entry, BAR.as_bytes()));
        zipped(&folder, name, &entries)
    };
    let knows_all = bars().with_price_scale(scale("1")).with_utc(true);
    for (name, entries) in [
        (
            "20140606_quote_american.zip",
            [
                "20140606_aapl_minute_quote_american_call_6450000_20140606.csv",
                "20140606_aapl_minute_quote_american_put_6450000_20140606.csv",
            ],
        ),
        (
            "20131006_quote.zip",
            [
                "20131006_es_minute_quote_201312.csv",
                "20131006_es_minute_quote_201403.csv",
            ],
        ),
        (
            "two_days.zip",
            [
                "20140501_eurusd_minute_quote.csv",
                "20140502_gbpusd_minute_quote.csv",
            ],
        ),
    ] {
        refused(&knows_all, &[zip(name, entries)], "import each instrument");
    }
    // names without information
    let same_day = zip("20140501.zip", ["one.csv", "other.csv"]);
    refused(&knows_all, &[same_day], "has the same day as");
    let days = [
        "20140501_eurusd_minute_quote.csv",
        "20140502_eurusd_minute_quote.csv",
    ];
    assert_eq!(look(&bars(), &[zip("days.zip", days)]), Ok(()));
}

#[test]
fn files_of_several_instruments_are_refused() {
    let folder = folder();
    let file = |name: &str| plain(&folder, name, BAR.as_bytes());
    let euro = file("20140501_eurusd_minute_quote.csv");
    let next = file("20140502_eurusd_minute_quote.csv");
    let pound = file("20140502_gbpusd_minute_quote.csv");
    assert_eq!(look(&bars(), &[euro.clone(), next]), Ok(()));
    refused(&bars(), &[euro, pound], "gbpusd, but ");
}

#[test]
fn data_other_than_quotes_is_refused() {
    let folder = folder();
    let ticks = LeanSurvey::new(LeanRows::Quotes);
    for (survey, name, words) in [
        (&ticks, "20131007_trade.zip", "of the kind trade"),
        (
            &ticks,
            "20131007_gc_tick_trade_201312.csv",
            "of the kind trade",
        ),
        (&ticks, "20131007_aig_Trade_Tick.csv", "of the kind trade"),
        (
            &ticks,
            "20131007_gc_tick_openinterest_201312.csv",
            "openinterest",
        ),
        (
            &ticks,
            "20140501_eurusd_second_quote.csv",
            "resolution second, not tick",
        ),
        (
            &ticks,
            "20140501_eurusd_minute_quote.csv",
            "import it as candles",
        ),
        (
            &bars(),
            "20140501_eurusd_second_quote.csv",
            "second, not minute",
        ),
        (
            &bars(),
            "20140501_eurusd_tick_quote.csv",
            "tick, not minute",
        ),
    ] {
        refused(survey, &[plain(&folder, name, QUOTE.as_bytes())], words);
    }
    let below = "crypto/coinbase/second/btcusd";
    let file = at(&folder, below, "20140501_quote.csv", BAR);
    refused(&bars(), &[file], "second, not minute");
}

#[test]
fn lines_of_other_data_are_refused() {
    let folder = folder();
    let ticks = LeanSurvey::new(LeanRows::Quotes);
    let seconds: String = (0..90)
        .map(|second| BAR.replace("34200000", &format!("{}", second * 1_000)))
        .collect();
    let equity = "14400152,0,0,494100,300,Q,1,0\n44926473,489000,6300,0,0,K,1,0\n";
    let commas = "292,1,38676,1,38686\n293,1,38677,1,38687\n";
    let zeros = "292,0,99999,1,00001\n293,0,99999,1,00001\n";
    for (survey, text, words) in [
        (
            &bars(),
            seconds.as_str(),
            "most of its bars start within a minute",
        ),
        (&bars(), QUOTE, "3 columns, not 11"),
        (
            &bars(),
            "20131006 22:00,1,1,1,1,1,1,1,1,1,1\n",
            "bar of hours or days",
        ),
        (&ticks, equity, "8 columns, not 3 or 5"),
        (&ticks, commas, "decimal commas"),
        (&ticks, zeros, "decimal commas"),
    ] {
        refused(
            survey,
            &[plain(&folder, "20140501_q.csv", text.as_bytes())],
            words,
        );
    }
    for text in [
        "292,17203,5,17204,221\n293,17203,5,17203,221\n",
        "292,1.38676,100,1.38686,100\n",
        "x\n292,1.1,1.2\n",
        "",
    ] {
        let file = plain(&folder, "20140501_q.csv", text.as_bytes());
        assert_eq!(look(&ticks, &[file]), Ok(()), "{text}");
    }
}

#[test]
fn bars_of_days_are_named_where_a_date_is_missing() {
    let folder = folder();
    let text = b"20140606 00:00,1,1,1,1,1,1,1,1,1,1\n";
    let daily = plain(
        &folder,
        "aapl_quote_american_call_10000000_20150117.csv",
        text,
    );
    refused(&bars(), &[daily], "a bar of hours or days");
    let undated = plain(&folder, "aapl.csv", BAR.as_bytes());
    refused(&bars(), &[undated], "does not start with a date");
    let below = "equity/usa/daily";
    let folder_says = at(&folder, below, "aapl.csv", BAR);
    refused(&bars(), &[folder_says], "resolution daily, not minute");
}

#[test]
fn prices_that_are_multiplied_need_a_scale() {
    let folder = folder();
    let unnamed = plain(&folder, "20140605_quote.csv", SCALED.as_bytes());
    refused(&bars(), from_ref(&unnamed), "--price-scale 10000");
    assert_eq!(
        look(&bars().with_price_scale(scale("1")), from_ref(&unnamed)),
        Ok(())
    );
    // instruments with scaled prices have times of the exchange
    let scaled = bars().with_price_scale(scale("10000"));
    refused(
        &scaled,
        from_ref(&unnamed),
        "are in the zone of the exchange",
    );
    assert_eq!(look(&scaled.with_utc(true), &[unnamed]), Ok(()));
    // a single price that is not a multiple of 100 is enough
    let mixed = format!("{SCALED}{BAR}");
    let mixed = plain(&folder, "20140605_quote.csv", mixed.as_bytes());
    assert_eq!(look(&bars(), &[mixed]), Ok(()));
    for below in [
        "equity/usa/minute/aapl",
        "option/usa/minute/aapl",
        "indexoption/usa/minute/spx",
    ] {
        let file = at(&folder, below, "20140605_quote.csv", BAR);
        let utc = bars().with_utc(true);
        refused(&utc, from_ref(&file), "by 10000: use --price-scale");
        assert_eq!(look(&utc.with_price_scale(scale("1")), &[file]), Ok(()));
    }
}

#[test]
fn times_of_another_zone_need_an_option() {
    let folder = folder();
    let scaled = bars().with_price_scale(scale("1"));
    for (below, zone) in [
        ("equity/usa/minute/aapl", "America/New_York"),
        ("forex/fxcm/minute/eurusd", "UTC-05"),
        ("future/eurex/minute/fesx", "Europe/Berlin"),
        ("index/ose/minute/n225", "Asia/Tokyo"),
    ] {
        let file = at(&folder, below, "20140605_quote.csv", BAR);
        refused(&scaled, from_ref(&file), zone);
        assert_eq!(look(&scaled.clone().with_utc(true), &[file]), Ok(()));
    }
    for below in [
        "forex/oanda/minute/eurusd",
        "future/cme/minute/es",
        "crypto/coinbase/minute/btcusd",
    ] {
        let file = at(&folder, below, "20140605_quote.csv", BAR);
        assert_eq!(look(&bars(), &[file]), Ok(()), "{below}");
    }
    let contract = plain(
        &folder,
        "20131006_es_minute_quote_201312.csv",
        BAR.as_bytes(),
    );
    refused(&bars(), from_ref(&contract), "depending on the market");
    assert_eq!(look(&bars().with_market(Some("CME")), &[contract]), Ok(()));
    let pair = plain(&folder, "20140501_eurusd_minute_quote.csv", BAR.as_bytes());
    refused(&bars().with_market(Some("fxcm")), from_ref(&pair), "UTC-05");
    assert_eq!(look(&bars().with_market(Some("oanda")), &[pair]), Ok(()));
}

#[test]
fn symbols_of_other_types_are_refused() {
    let instrument = |instrument_type| Instrument {
        instrument_type,
        base_currency: None,
        quote_currency: "USD".to_owned(),
        tick_size: 1.into(),
        lot_size: 1.into(),
        contract_multiplier: 1.into(),
        expiry: None,
        strike: None,
    };
    let look = |survey: &LeanSurvey, exchange: &str, instrument_type| {
        let symbol = Symbol {
            symbol_id: SymbolId::new(1),
            exchange: exchange.to_owned(),
            name: "A".to_owned(),
            description: String::new(),
            digits: 2,
            active: true,
            instrument: Some(instrument(instrument_type)),
        };
        let looked = survey.check_symbol(&symbol, "a.zip".as_ref());
        looked.map_err(|error| error.to_string())
    };
    let error = look(&bars(), "usa", InstrumentType::Equity).expect_err("scaled");
    assert!(
        error.contains("a.zip: usa:") && error.contains("--price-scale"),
        "{error}"
    );
    let scaled = bars().with_price_scale(scale("1"));
    let error = look(&scaled, "usa", InstrumentType::Equity).expect_err("New York");
    assert!(error.contains("America/New_York"), "{error}");
    assert_eq!(
        look(&scaled.with_utc(true), "usa", InstrumentType::Equity),
        Ok(())
    );
    assert_eq!(look(&bars(), "oanda", InstrumentType::Forex), Ok(()));
    assert_eq!(look(&bars(), "CME", InstrumentType::Future), Ok(()));
}

#[test]
fn prices_are_divided_by_their_scale() {
    let folder = folder();
    let scale: PriceScale = "10000".parse().expect("a scale");
    let mut file =
        MarketFile::open(plain(&folder, "20140605.csv", SCALED.as_bytes())).expect("one");
    let entry = file.entry(0).expect("one");
    let mut bars = LeanBars::new(entry).expect("dated").scaled(scale);
    let bar = bars.next().expect("one").expect("a bar");
    assert_eq!(bar.bid.expect("a bid").high.to_string(), "644.06");
    assert_eq!(bar.ask_size.to_string(), "100");
    let mut file =
        MarketFile::open(plain(&folder, "20140605.csv", b"1,6438000,6440600\n")).expect("one");
    let mut quotes = LeanQuotes::new(file.entry(0).expect("one"))
        .expect("dated")
        .scaled(scale);
    let quote = quotes.next().expect("one").expect("a quote");
    assert_eq!(quote.ask_price.expect("an ask").to_string(), "644.06");
}

#[test]
fn bars_of_one_side_leave_the_other_one_empty() {
    let folder = folder();
    let text = "0,270,271,270,270.5,100,,,,,0\n\
                60000,0,0,0,0,0,1,2,1,1,5\n\
                120000,,,,,,1,2,1,1,5\n\
                180000,,,,,0,,,,,0\n\
                240000,,,,,7,1,2,1,1,5\n\
                300000,1,,1,1,7,1,2,1,1,5\n";
    let mut file = MarketFile::open(plain(&folder, "20140605.csv", text.as_bytes())).expect("one");
    let read: Vec<_> = LeanBars::new(file.entry(0).expect("one"))
        .expect("dated")
        .collect();
    let first = read[0].as_ref().expect("a bar");
    assert_eq!((first.bid.is_some(), first.ask), (true, None));
    assert_eq!(
        (first.bid_size.to_string(), first.ask_size.to_string()),
        ("100".to_owned(), "0".to_owned())
    );
    for bar in &read[1..3] {
        let bar = bar.as_ref().expect("a bar");
        assert_eq!((bar.bid, bar.ask.is_some()), (None, true));
    }
    for (error, words) in read[3..].iter().zip([
        "line 4: has neither bid nor ask",
        "line 5: bid size is 7 without prices",
        "line 6: bid high is empty",
    ]) {
        let error = error.as_ref().expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn ticks_of_one_side_leave_the_other_one_empty() {
    let folder = folder();
    let text = b"1,1.1,100,1.2,100\n2,0,0,1.2,100\n3,1.1,100,,\n4,1.1,1,1.2,1\n5,,,1.2,0\n\
                 6,1.1,1,,7\n7,,,,\n";
    let read = quotes(&plain(&folder, "20140605.csv", text), None).expect("readable");
    assert!(
        read[1].contains("line 2: bid is 0, which means no price"),
        "{read:?}"
    );
    assert!(read[2].ends_with(" None 1.1 - 100 -"), "{read:?}");
    assert!(read[3].starts_with("4 "), "{read:?}");
    assert!(read[4].ends_with(" None - 1.2 - 0"), "{read:?}");
    assert!(read[5].contains("line 6: ask is empty"), "{read:?}");
    assert!(
        read[6].contains("line 7: has neither bid nor ask"),
        "{read:?}"
    );
}
