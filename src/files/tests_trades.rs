use super::tests::{folder, plain};
use super::*;
use crate::domain::SymbolId;

/// Formats each trade as `line time sequence price quantity side block id`, with `-` for absent values, and
/// each error as its text.
fn shown<'a>(trades: impl Iterator<Item = Result<FileTrade, LineError>> + 'a) -> Vec<String> {
    let trades = trades.map(|trade| match trade {
        Ok(trade) => format!(
            "{} {} {} {} {} {} {} {}",
            trade.line,
            trade.trade_time.format("%dT%T%.6f"),
            trade.sequence.map_or("-".to_owned(), |it| it.to_string()),
            trade.price,
            trade.quantity,
            trade.aggressor_side.map_or("-", |side| side.as_str()),
            trade.is_block,
            trade.trade_id.as_deref().unwrap_or("-"),
        ),
        Err(error) => format!("line {}: {}", error.line(), error.reason()),
    });
    trades.collect()
}

fn csv(text: &str, layout: &CsvLayout<TradeColumn>) -> Result<Vec<String>, String> {
    let folder = folder();
    let path = plain(&folder, "trades.csv", text.as_bytes());
    let mut file = MarketFile::open(path).expect("readable");
    let trades = CsvTrades::new(file.entry(0).expect("one"), layout);
    Ok(shown(trades.map_err(|error| error.to_string())?))
}

fn lean(text: &str) -> Vec<String> {
    let folder = folder();
    let path = plain(&folder, "20131007_trade.csv", text.as_bytes());
    let mut file = MarketFile::open(path).expect("readable");
    shown(LeanTrades::new(file.entry(0).expect("one")).expect("dated"))
}

#[test]
fn csv_trades_have_optional_columns() {
    let every = "Time,sequence,PRICE,size,side,block,trade_id\n\
                 2013-10-07T00:00:00.5Z,7,-1.50,2,BUY,true,\"a,b\"\n\
                 2013-10-07T00:00:00.5Z,8,1.5,2,,,\n\
                 2013-10-07T00:00:00.5Z,9,0,2,sell,0,\n";
    assert_eq!(
        csv(every, &CsvLayout::default()).expect("readable"),
        [
            "2 07T00:00:00.500000 7 -1.5 2 buy true a,b",
            "3 07T00:00:00.500000 8 1.5 2 - false -",
            "4 07T00:00:00.500000 9 0 2 sell false -",
        ]
    );
    let few = "trade_time,price,quantity\n2013-10-07T00:00:00Z,1,2\n";
    assert_eq!(
        csv(few, &CsvLayout::default()).expect("readable"),
        ["2 07T00:00:00.000000 - 1 2 - false -"]
    );
}

#[test]
fn csv_columns_of_trades_can_be_named() {
    let text = "ts,trade_id,qty,price,side\n1381104000,5,2,1.5,sell\n";
    let layout = CsvLayout::default()
        .column(TradeColumn::TradeTime, "ts")
        .column(TradeColumn::Quantity, "QTY")
        .time_format(TimeFormat::Seconds);
    assert_eq!(
        csv(text, &layout).expect("readable"),
        ["2 07T00:00:00.000000 - 1.5 2 sell false 5"]
    );
    // a column has one meaning
    let layout = layout.column(TradeColumn::Sequence, "trade_id");
    assert_eq!(
        csv(text, &layout).expect("readable"),
        ["2 07T00:00:00.000000 5 1.5 2 sell false -"]
    );
    let missing = csv("time,price\n", &CsvLayout::default()).expect_err("no quantity");
    let words = "no column quantity or size or volume or amount among time, price";
    assert!(missing.contains(words), "{missing}");
}

#[test]
fn malformed_trades_are_named() {
    let text = "time,price,quantity,side,block,sequence\n\
                2013-10-07T00:00:00Z,NaN,1,buy,,0\n\
                2013-10-07T00:00:00Z,1,,buy,,0\n\
                2013-10-07T00:00:00Z,1,1,maker,,0\n\
                2013-10-07T00:00:00Z,1,1,buy,maybe,0\n\
                2013-10-07T00:00:00Z,1,1,buy,,x\n\
                noon,1,1,buy,,0\n";
    let read = csv(text, &CsvLayout::default()).expect("readable");
    for (line, words) in read.iter().zip([
        "line 2: price \"NaN\" is not a decimal",
        "line 3: quantity is empty: expected a number",
        "line 4: invalid aggressor side \"maker\": expected buy or sell",
        "line 5: invalid is_block \"maybe\": expected true or false",
        "line 6: invalid sequence \"x\"",
        "line 7: invalid trade_time \"noon\"",
    ]) {
        assert!(line.starts_with(words), "{line}");
    }
    assert_eq!(read.len(), 6);
}

#[test]
fn lean_trades_have_three_or_six_columns() {
    assert_eq!(
        lean(
            "4933381,1313.80,1,usa,,0\n4933381.5,1313.8,0,usa,@,0\n9,1,1,usa,,1\n9,1,1,usa,,x\n9,1,1\n"
        ),
        [
            "1 07T01:22:13.381000 - 1313.8 1 - false -",
            "2 07T01:22:13.381500 - 1313.8 0 - false -",
            "line 3: is marked as suspicious: remove the line, or the mark",
            "line 4: invalid suspicious \"x\": expected 0 or 1",
            "line 5: has 3 columns, not 6 as above: correct it",
        ]
    );
    assert_eq!(
        lean("0,611.78,0.5\n1,611.78\n"),
        [
            "1 07T00:00:00.000000 - 611.78 0.5 - false -",
            "line 2: has 2 columns, not 3 as above: correct it",
        ]
    );
}

#[test]
fn survey_of_trades_refuses_other_files() {
    let folder = folder();
    let look = |name: &str, text: &str| {
        let path = plain(&folder, name, text.as_bytes());
        let mut file = MarketFile::open(path).expect("readable");
        let mut survey = LeanSurvey::new(LeanRows::Trades);
        survey.check(&mut file).map_err(|error| error.to_string())
    };
    let trade = "4933381,1313.8,1,usa,,0\n";
    look("20131007_btcusd_tick_trade.csv", trade).expect("trades");
    look("20131007_trade.csv", "1,611.78,0.5\n").expect("trades of crypto");
    for (name, text, words) in [
        (
            "20131007_quote.csv",
            trade,
            "kind quote, which has no trades",
        ),
        (
            "20131007_btcusd_minute_trade.csv",
            trade,
            "resolution minute, not tick: choose a file of single trades",
        ),
        (
            "20131007_trade.csv",
            "1,2,3,4,5\n",
            "have 5 columns, not 3 or 6",
        ),
        (
            "20131007_trade.csv",
            "1,13138000,1,usa,,0\n",
            "--price-scale 10000",
        ),
    ] {
        let refused = look(name, text).expect_err(words);
        assert!(refused.contains(words), "{refused}");
    }
}

#[test]
fn row_becomes_a_trade_of_the_symbol() {
    let folder = folder();
    let text = "time,price,quantity,side,block,trade_id,received_at\n\
                2013-10-07T00:00:00Z,1,2,sell,true,x,2013-10-07T00:00:01Z\n";
    let path = plain(&folder, "trades.csv", text.as_bytes());
    let mut file = MarketFile::open(path).expect("readable");
    let layout = CsvLayout::default();
    let mut trades = CsvTrades::new(file.entry(0).expect("one"), &layout).expect("a header");
    let row = trades.next().expect("one").expect("a trade");
    let trade = row.into_trade(SymbolId::new(7));
    assert_eq!((trade.symbol_id, trade.sequence), (SymbolId::new(7), 0));
    let texts = TradeColumn::ALL.iter().map(|column| column.text(&trade));
    assert_eq!(
        texts.collect::<Vec<_>>(),
        [
            "2013-10-07T00:00:00.000000Z",
            "0",
            "1",
            "2",
            "sell",
            "true",
            "x",
            "2013-10-07T00:00:01.000000Z"
        ]
    );
}
