use std::collections::BTreeSet;
use std::path::Path;

use allocation_counter::measure;
use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use suite::Fuzz;

use super::error::FileLocation;
use super::*;
use crate::domain::SymbolId;

/// The largest size of an error in bytes: lists of columns are cut to 400 characters.
const MAX_REASON: usize = 4_000;

fn entry(bytes: &[u8]) -> Entry<'_> {
    Entry {
        place: FileLocation::file(Path::new("20140501_quote.csv")),
        names: vec!["20140501_quote.csv".to_owned()],
        reader: Box::new(bytes),
    }
}

/// The outcomes of a file: kinds of rows and errors, without the values of the file.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
struct Outcomes(BTreeSet<String>);

impl Outcomes {
    fn add_reason(&mut self, reason: &str) {
        assert!(!reason.contains(char::is_control), "{reason:?}");
        assert!(reason.len() <= MAX_REASON, "{reason}");
        // quoted values and numbers are those of the file
        let quoted = reason.split('"').step_by(2);
        let kind: String = quoted.collect();
        self.0
            .insert(kind.replace(|c: char| c.is_ascii_digit(), "0"));
    }

    /// Checks the rows of a reader, which may have at most one row or error for each line.
    fn of<T>(
        bytes: &[u8],
        rows: Result<impl Iterator<Item = Result<T, LineError>>, FileError>,
        mut check: impl FnMut(&T) -> (Option<u64>, String),
    ) -> Self {
        let mut outcomes = Self::default();
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => {
                outcomes.add_reason(&error.to_string());
                return outcomes;
            }
        };
        let lines = bytes.split(|byte| *byte == b'\n').count() as u64;
        let mut before = 0;
        for row in rows {
            let line = match &row {
                Ok(row) => {
                    let (line, kind) = check(row);
                    outcomes.0.insert(kind);
                    line
                }
                Err(error) => {
                    outcomes.add_reason(error.reason());
                    Some(error.line())
                }
            };
            let line = line.unwrap_or(before + 1);
            assert!(
                before < line && line <= lines,
                "line {line} after {before} of {lines}"
            );
            before = line;
        }
        outcomes
    }
}

fn number(number: Option<Decimal>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Checks that a quote that is written as CSV is read back.
fn check_quote(quote: &Quote) -> (Option<u64>, String) {
    assert!(quote.bid_price.is_some() || quote.ask_price.is_some());
    assert_eq!(quote.tick_time.timestamp_subsec_nanos() % 1_000, 0);
    let kind = format!(
        "quote {:?} {:?} {:?} {:?} {:?}",
        quote.bid_price.map(|price| price.scale()),
        quote.ask_price.map(|price| price.scale()),
        quote.bid_volume.is_some(),
        quote.ask_volume.is_some(),
        quote.received_at.is_some()
    );
    let text = format!(
        "time,bid,ask,bid_size,ask_size,sequence,received_at\n{},{},{},{},{},{},{}\n",
        quote.tick_time.timestamp_micros(),
        number(quote.bid_price),
        number(quote.ask_price),
        number(quote.bid_volume),
        number(quote.ask_volume),
        quote.sequence.unwrap_or(0),
        quote
            .received_at
            .map_or(String::new(), |at| at.timestamp_micros().to_string()),
    );
    let layout = CsvLayout::default().time_format(TimeFormat::Microseconds);
    let mut quotes = CsvQuotes::new(entry(text.as_bytes()), &layout).expect("written here");
    let mut read = quotes.next().expect("a row").expect("written here");
    read.line = quote.line;
    read.sequence = quote.sequence.and(read.sequence);
    assert_eq!(&read, quote);
    (Some(quote.line), kind)
}

/// Checks that a candle that is written as CSV is read back.
fn check_candle(candle: &Option<CsvCandle>) -> (Option<u64>, String) {
    let Some(candle) = candle else {
        return (None, "filled".to_owned());
    };
    let kind = format!(
        "candle {} {} {} {:?}",
        candle.timeframe,
        candle.basis,
        candle.closed,
        candle.source.is_some()
    );
    let is_writable = |text: &String| !text.contains(['"', ',', '#']);
    // RFC 3339 has no years beyond 9999; an offset may lead there
    let has_year =
        (DateTime::UNIX_EPOCH..time_of("9999-12-31T23:59:59Z")).contains(&candle.open_time);
    if !has_year
        || candle.open_time.timestamp_subsec_nanos() % 1_000 != 0
        || !candle.source.as_ref().is_none_or(is_writable)
    {
        return (Some(candle.line), kind);
    }
    let text = format!(
        "open_time,timeframe,basis,open,high,low,close,volume,tick_count,closed,source\n\
         {},{},{},{},{},{},{},{},{},{},{}\n",
        time(candle.open_time),
        candle.timeframe,
        candle.basis,
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
        candle.tick_count,
        candle.closed,
        candle.source.as_deref().unwrap_or_default()
    );
    let mut candles = CsvCandles::new(entry(text.as_bytes())).expect("written here");
    let read = candles.next().expect("a row").expect("written here");
    let mut read = read.expect("not filled");
    read.line = candle.line;
    assert_eq!(&read, candle);
    (Some(candle.line), kind)
}

fn time_of(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn fuzz(target: &'static str) -> Fuzz {
    let words = [
        "\n",
        "\r\n",
        ",,",
        "\"",
        "\"\"",
        "\n#",
        "\u{feff}",
        "-0",
        "1E-8",
        "1e400",
        "-1",
        ".5",
        "0.0000000000001",
        "79228162514264337593543950336",
        "99999999999999999999",
        "2016-12-31T23:59:60Z",
        "9999-12-31T23:59:59-23:59",
        "01.05.2014 00:00:00.292 GMT+0100",
        "2014-05-01 00:00:01.787+00",
        "2099-12-31T23:59:59Z",
        "20090501 00:00:00.339",
        "1,386",
    ];
    Fuzz::new(target).words(words)
}

const FORMATS: [TimeFormat; 5] = [
    TimeFormat::Rfc3339,
    TimeFormat::Seconds,
    TimeFormat::Milliseconds,
    TimeFormat::Microseconds,
    TimeFormat::Nanoseconds,
];

#[test]
fn quotes_of_any_bytes_are_read_or_refused() {
    let seeds = [
        "tick_time,bid,ask\n2014-05-01T00:00:00.292Z,1.38676,1.38680\n",
        "time,bid_price,ask_price,bid_volume,ask_volume,sequence,received_at\n\
         1398902400292,1.38676,,1.5,,7,1398902400300\n# comment\n1398902400293,,1.3868,,2,8,\n",
        "\u{feff}Timestamp,\"Bid\",ASK\r\n1398902400,-37.63,-37.5\r\n\r\n",
        "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n\
         deribit,BTC,1398902400292000,1398902400300000,10,1.3868,1.38676,20\n",
        "Gmt time,Ask,Bid,AskVolume,BidVolume\n01.05.2014 00:00:00.292,1.3868,1.38676,1.5,1\n",
        "timestamp;bid;ask\n01.05.2014;1,38676;1,3868\n",
        "time,bid,ask\n9223372036854775807,1,1\n-9223372036854775808,1,1\n",
    ];
    fuzz("csv_quotes").seeds(seeds).run(|bytes| {
        FORMATS.map(|format| {
            let layout = CsvLayout::default().time_format(format);
            let quotes = CsvQuotes::new(entry(bytes), &layout);
            Outcomes::of(bytes, quotes, check_quote)
        })
    });
}

/// Checks that a trade that is written as CSV is read back.
fn check_trade(trade: &FileTrade) -> (Option<u64>, String) {
    assert_eq!(trade.trade_time.timestamp_subsec_nanos() % 1_000, 0);
    let kind = format!(
        "trade {:?} {:?} {:?} {} {} {}",
        trade.price.scale(),
        trade.quantity.scale(),
        trade.aggressor_side,
        trade.is_block,
        trade.trade_id.is_some(),
        trade.received_at.is_some()
    );
    let (header, row): (Vec<_>, Vec<_>) = TradeColumn::ALL
        .iter()
        .map(|column| {
            let micros = |time: DateTime<Utc>| time.timestamp_micros().to_string();
            let text = match column {
                TradeColumn::TradeTime => micros(trade.trade_time),
                TradeColumn::ReceivedAt => trade.received_at.map_or(String::new(), micros),
                _ => column.text(&trade.clone().into_trade(SymbolId::new(1))),
            };
            (column.as_str(), text)
        })
        .unzip();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).expect("in memory");
    writer.write_record(row).expect("in memory");
    let text = writer.into_inner().expect("in memory");
    let layout = CsvLayout::default().time_format(TimeFormat::Microseconds);
    let mut trades = CsvTrades::new(entry(&text), &layout).expect("written here");
    let mut read = trades.next().expect("a row").expect("written here");
    read.line = trade.line;
    read.sequence = trade.sequence.and(read.sequence);
    assert_eq!(&read, trade);
    (Some(trade.line), kind)
}

#[test]
fn trades_of_any_bytes_are_read_or_refused() {
    let seeds = [
        "trade_time,price,quantity\n2013-10-07T00:00:00.292Z,1313.8,1\n",
        "time,price,size,side,block,trade_id,sequence,received_at\n\
         1381104000292,-1.5,2.25,Buy,true,\"a,b\",7,1381104000300\n1381104000292,1,1,,,,8,\n",
        "timestamp,symbol,side,size,price,tickDirection\n1381104000,XBT,Sell,10,1313.5,ZeroPlusTick\n",
    ];
    fuzz("csv_trades")
        .words(["buy", "sell", "true", "false"])
        .seeds(seeds)
        .run(|bytes| {
            FORMATS.map(|format| {
                let layout = CsvLayout::default().time_format(format);
                let trades = CsvTrades::new(entry(bytes), &layout);
                Outcomes::of(bytes, trades, check_trade)
            })
        });
}

#[test]
fn candles_of_any_bytes_are_read_or_refused() {
    let seeds = [
        "open_time,timeframe,basis,open,high,low,close\n\
         2014-05-01T00:00:00Z,1m,bid,1.1,1.3,1.0,1.2\n",
        "open_time,timeframe,basis,open,high,low,close,close_time,volume,tick_count,closed,source\n\
         2014-05-01T00:00:00Z,1h,mid,1.1,1.3,1.0,1.2,2014-05-01T01:00:00Z,7.5,12,false,import\n\
         2014-05-01T01:00:00Z,1h,mid,1.2,1.2,1.2,1.2,2014-05-01T02:00:00Z,0,0,true,filled\n",
        "open_time,timeframe,basis,open,high,low,close\n\
         9999-12-31T23:59:59-23:59,1d,ask,1,1,1,1\n",
    ];
    fuzz("csv_candles")
        .words([
            "1m", "5m", "15m", "30m", "1h", "4h", "1d", "bid", "ask", "mid", "filled",
        ])
        .seeds(seeds)
        .run(|bytes| Outcomes::of(bytes, CsvCandles::new(entry(bytes)), check_candle));
}

#[test]
fn lean_lines_of_any_bytes_are_read_or_refused() {
    let seeds = [
        "292,1.38676,1.3868\n86399999.999,1.38676,1.3868\n",
        "42.4312,13867600,5,13868000,7\n43,,,13868000,7\n44,0,1,2,3\n",
        "60000,1,3,1,2,10,2,4,2,3,11\n120000,,,,,,2,4,2,3,11\n",
        "4933381,1313.8,1,usa,,0\n4933381,1313.8,0,usa,,1\n",
    ];
    fuzz("lean_lines").seeds(seeds).run(|bytes| {
        let quotes = Outcomes::of(bytes, LeanQuotes::new(entry(bytes)), check_quote);
        let bars = Outcomes::of(bytes, LeanBars::new(entry(bytes)), |bar| {
            assert!(bar.bid.is_some() || bar.ask.is_some());
            let sides = (bar.bid.is_some(), bar.ask.is_some());
            (Some(bar.line), format!("bar {sides:?}"))
        });
        let trades = Outcomes::of(bytes, LeanTrades::new(entry(bytes)), check_trade);
        (quotes, bars, trades)
    });
}

#[test]
fn memory_of_a_line_is_bounded() {
    let header = "time,bid,ask\n";
    let lengths = [1_usize, 1 << 10, 1 << 16, 1 << 20, 1 << 24];
    let layout = CsvLayout::default().time_format(TimeFormat::Seconds);
    for length in lengths {
        for filling in ["9", ",", "\"", "é"] {
            let text =
                header.to_owned() + &filling.repeat(length / filling.len() + 1) + "\n1,2,3\n";
            let mut rows = Vec::new();
            let read = || {
                let quotes = CsvQuotes::new(entry(text.as_bytes()), &layout).expect("a header");
                rows.extend(quotes);
            };
            let allocated = measure(read).bytes_max;
            assert!(
                allocated < 2 << 20,
                "{allocated} bytes for a line of {length}"
            );
            assert_eq!(rows.len(), 2);
            assert!(rows[0].is_err() && rows[1].is_ok());
        }
    }
}
