use super::tests::{folder, plain};
use super::*;

const HEADER: &str =
    "open_time,close_time,timeframe,basis,open,high,low,close,volume,tick_count,closed,source";

fn read(text: &str) -> Result<Vec<Result<Option<CsvCandle>, String>>, String> {
    let folder = folder();
    let mut file = MarketFile::open(plain(&folder, "c.csv", text.as_bytes())).expect("readable");
    let candles =
        CsvCandles::new(file.entry(0).expect("one")).map_err(|error| error.to_string())?;
    let candles = candles.map(|candle| candle.map_err(|error| error.to_string()));
    Ok(candles.collect())
}

#[test]
fn exported_candles_are_read_with_every_column() {
    let rows = "2014-05-01T00:00:00.000000Z,2014-05-01T01:00:00.000000Z,1h,mid,1.1,1.45,1,1.2,30.5,7,false,\"a,b\"\n\
                2014-05-01T01:00:00.000000Z,2014-05-01T02:00:00.000000Z,1h,mid,,,,1.2,0,0,true,filled\n";
    let read = read(&format!("{HEADER}\n{rows}")).expect("a header");
    let candle = read[0].clone().expect("readable").expect("a candle");
    assert_eq!(candle.line, 2);
    assert_eq!(
        (candle.timeframe.as_str(), candle.basis.as_str()),
        ("1h", "mid")
    );
    assert_eq!((candle.tick_count, candle.closed), (7, false));
    assert_eq!(candle.source.as_deref(), Some("a,b"));
    let numbers = [
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
    ];
    let numbers = numbers.map(|number| number.to_string());
    assert_eq!(numbers, ["1.1", "1.45", "1", "1.2", "30.5"]);
    assert_eq!(read[1], Ok(None));
}

#[test]
fn candles_need_only_the_required_columns() {
    let text =
        "basis,timeframe,open_time,open,high,low,close\nbid,1m,2014-05-01T00:00:00Z,1,1,1,1\n";
    let read = read(text).expect("a header");
    let candle = read[0].clone().expect("readable").expect("a candle");
    assert_eq!(
        (candle.volume.to_string().as_str(), candle.tick_count),
        ("0", 0)
    );
    assert_eq!((candle.source, candle.closed), (None, true));
}

#[test]
fn invalid_candle_rows_give_a_reason() {
    let good = "2014-05-01T00:00:00Z,2014-05-01T00:01:00Z,1m,bid,1,1,1,1,0,0,true,x";
    for (from, to, words) in [
        (",x", ",x,y", "has 13 columns, not 12 as the header"),
        (
            ",1m",
            ",2m",
            "invalid timeframe \"2m\": expected one of 1m, 5m",
        ),
        (",bid", ",last", "invalid price basis \"last\""),
        (",1,1,1,1,", ",1,1,1,,", "close is empty"),
        (",0,0,", ",0,0.5,", "tick_count must be a whole number"),
        (",0,0,", ",,0,", "volume is empty"),
        ("true", "yes", "invalid closed: expected true or false"),
        ("T00:01", "T00:02", "is not the end of its bucket of 1m"),
        (
            "2014-05-01T00:00:00Z",
            "2014-05-01",
            "open_time: invalid time \"2014-05-01\"",
        ),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        let read = read(&format!("{HEADER}\n{bad}\n{good}\n")).expect("a header");
        let error = read[0].as_ref().expect_err(words);
        assert!(
            error.contains("c.csv: line 2: ") && error.contains(words),
            "{error}"
        );
        assert!(read[1].is_ok(), "{read:?}");
    }
    let error = read("open_time,open\n").expect_err("columns are missing");
    assert!(
        error.contains("has no column timeframe among open_time, open"),
        "{error}"
    );
}
