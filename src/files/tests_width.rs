use super::tests::{folder, plain, quotes};
use super::*;

fn csv(text: &str) -> Vec<String> {
    let folder = folder();
    let path = plain(&folder, "quotes.csv", text.as_bytes());
    quotes(&path, Some(&CsvLayout::default())).expect("readable")
}

#[test]
fn rows_of_another_width_than_the_header_are_errors() {
    let good = "2014-05-01T00:00:00Z,1,2";
    for bad in [
        "2014-05-01T00:00:05Z,1,3867,1,3868",
        "2014-05-01T00:00:05Z,1,2,",
        "2014-05-01T00:00:05Z,1",
        "2014-05-01T00:00:05Z,\"1,3867\",1,3868",
    ] {
        let read = csv(&format!("tick_time,bid,ask\n{good}\n{bad}\n{good}\n"));
        assert_eq!(read.len(), 3, "{read:?}");
        let width = bad.replace("1,3867\"", "").split(',').count();
        let words = format!("line 3: has {width} columns, not 3 as the header");
        assert!(read[1].contains(&words), "{bad}: {}", read[1]);
        assert!(read[1].contains("decimals with points"), "{}", read[1]);
        assert!(read[0].starts_with('2') && read[2].starts_with('4'));
    }
}

#[test]
fn quoted_decimal_commas_are_refused_as_prices() {
    let read = csv("tick_time,bid,ask\n2014-05-01T00:00:05Z,\"1,3867\",\"1,3868\"\n");
    assert!(
        read[0].contains("bid_price \"1,3867\" is not a decimal"),
        "{read:?}"
    );
}

#[test]
fn received_at_is_read_where_it_is_known() {
    let text = "tick_time,bid,ask,received_at\n\
                2014-05-01T00:00:00Z,1,2,2014-05-01T00:00:00.500001Z\n\
                2014-05-01T00:00:01Z,1,2,\n\
                2014-05-01T00:00:02Z,1,2,soon\n";
    let folder = folder();
    let path = plain(&folder, "quotes.csv", text.as_bytes());
    let mut file = MarketFile::open(path).expect("readable");
    let layout = CsvLayout::default();
    let read: Vec<_> = CsvQuotes::new(file.entry(0).expect("one"), &layout)
        .expect("a header")
        .collect();
    let received = |index: usize| {
        let tick = read[index].clone().expect("a quote");
        let tick = tick.into_tick(crate::domain::SymbolId::new(1));
        tick.received_at.map(|time| time.to_rfc3339())
    };
    let expected = "2014-05-01T00:00:00.500001+00:00";
    assert_eq!(received(0).as_deref(), Some(expected));
    assert_eq!(received(1), None);
    let error = read[2].as_ref().expect_err("no time").to_string();
    assert!(
        error.contains("line 4: invalid received_at \"soon\""),
        "{error}"
    );
}

#[test]
fn symbols_with_decimal_commas_are_errors() {
    let header = "market,symbol,type,description,quote_currency,contract_multiplier,\
                  minimum_price_variation,lot_size,market_ticker,minimum_order_size";
    let read = |row: &str| {
        let folder = folder();
        let table = format!("{header}\n{row}\nother,B,cfd,,USD,1,0,5,1,x,1,2\n");
        let path = plain(&folder, "t.csv", table.as_bytes());
        let mut file = MarketFile::open(path).expect("readable");
        let symbols = LeanSymbols::new(file.entry(0).expect("one"), "oanda").expect("a table");
        symbols
            .map(|symbol| symbol.map(|it| it.line).map_err(|error| error.to_string()))
            .collect::<Vec<_>>()
    };
    for row in [
        "oanda,A,cfd,,USD,1,0.5,1",
        "oanda,A,cfd,,USD,1,0.5,1,005930,1",
    ] {
        assert_eq!(read(row), [Ok(2)], "{row}");
    }
    for (row, words) in [
        (
            "oanda,A,cfd,,USD,1,5,0.01,1,x,1",
            "has 11 columns, not 10 as the header",
        ),
        ("oanda,A,cfd,,USD,1,5,0.01,1", "market_ticker is a number"),
        ("oanda,A,cfd,,USD,1,5,0,01,1,,", "has 12 columns"),
    ] {
        let read = read(row);
        assert_eq!(read.len(), 1);
        let error = read[0].as_ref().expect_err(words);
        assert!(error.contains(words), "{error}");
    }
}
