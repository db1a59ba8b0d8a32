//! Tests of LEAN files of several symbols, of other time zones or with scaled prices, on real databases.

use std::io::Write as _;

use crate::support::{Cli, Run};
use serde_json::json;
use tickbook::domain::{
    CandleSource, Instrument, InstrumentType, NewSymbol, PriceBasis, SymbolReference, TimeRange,
    Timeframe,
};
use tickbook::repository::{CandleQuery, SymbolQuery};

const SCALED: &str = "14400000,270000,271000,270000,270500,100,,,,,0\n\
                      14460000,,,,,0,293700,293900,293700,293700,500\n\
                      14520000,270000,270000,270000,270000,100,271000,271000,271000,271000,200\n";

fn zip(cli: &Cli, name: &str, entries: &[(&str, &str)]) {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .expect("started");
        zip.write_all(content.as_bytes()).expect("written");
    }
    cli.file(name, zip.finish().expect("finished").into_inner());
}

fn import(cli: &Cli, what: &str, file: &str, options: &[&str]) -> Run {
    let command = ["import", what, file, "--format", "lean"];
    cli.run(&[&command[..], options].concat())
}

const NEW: [&str; 3] = ["--symbol", "A", "--create-symbol"];

#[tokio::test]
async fn refused_files_store_nothing_and_create_no_symbol() {
    let cli = Cli::migrated();
    let bar = "34200000,1.1,1.1,1.1,1.1,1,1.2,1.2,1.2,1.2,1\n";
    zip(
        &cli,
        "20140606_quote_american.zip",
        &[
            (
                "20140606_aapl_minute_quote_american_call_6450000_20140606.csv",
                bar,
            ),
            (
                "20140606_aapl_minute_quote_american_put_6450000_20140606.csv",
                bar,
            ),
        ],
    );
    let tick = "34200000,1681.5,5,1682,19\n";
    zip(
        &cli,
        "20131006_quote.zip",
        &[
            ("20131006_es_tick_quote_201312.csv", tick),
            ("20131006_es_tick_quote_201403.csv", tick),
        ],
    );
    cli.file("20130701_quote.csv", SCALED);
    cli.file("20131007_gc_tick_trade_201312.csv", "34200000,1313,1\n");
    let lean = ["--price-scale", "1", "--time-zone", "UTC"];
    for (what, file, options, words) in [
        (
            "candles",
            "20140606_quote_american.zip",
            &lean[..],
            "_put_6450000",
        ),
        ("ticks", "20131006_quote.zip", &lean, "es 201403, but "),
        ("candles", "20130701_quote.csv", &[], "--price-scale 10000"),
        (
            "ticks",
            "20131007_gc_tick_trade_201312.csv",
            &lean,
            "kind trade",
        ),
    ] {
        let run = import(&cli, what, file, &[&NEW[..], options].concat());
        assert!(run.error().contains(words), "{words}: {run:?}");
        assert_eq!(run.stdout, "");
    }
    let symbols = cli.repositories().symbols;
    let listed = symbols.list(&SymbolQuery::default()).await;
    assert_eq!(listed.expect("answered").items, []);
}

#[tokio::test]
async fn bars_of_one_side_are_stored_with_their_scale() {
    let cli = Cli::migrated();
    cli.file("20130701_quote.csv", SCALED);
    let options = [
        &NEW[..],
        &["--price-scale", "10000", "--time-zone", "UTC", "--json"],
    ]
    .concat();
    let run = import(&cli, "candles", "20130701_quote.csv", &options).expect_code(0);
    let expected = json!({"read": 3, "stored": 4, "skipped": 0, "rejected": 0});
    assert_eq!(run.json(), expected);
    let Some(symbol_id) = symbol_id(&cli, "A").await else {
        panic!("it was created");
    };
    let ohlc = cli.repositories().ohlc;
    for (basis, expected) in [
        (
            PriceBasis::Bid,
            ["240 27 27.1 27 27.05 100", "242 27 27 27 27 300"],
        ),
        (
            PriceBasis::Ask,
            [
                "241 29.37 29.39 29.37 29.37 500",
                "242 27.1 27.1 27.1 27.1 300",
            ],
        ),
    ] {
        let query = CandleQuery::new(symbol_id, Timeframe::M1, basis, TimeRange::all());
        let candles = ohlc.candles(&query).await.expect("answered").items;
        let shown = candles.iter().map(|it| {
            assert_eq!(it.source, CandleSource::Stored("import".to_owned()));
            let minute = it.open_time.timestamp() / 60 % 1_440;
            let (open, high, low, close) = (it.open, it.high, it.low, it.close);
            format!("{minute} {open} {high} {low} {close} {}", it.volume)
        });
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    }
}

async fn symbol_id(cli: &Cli, name: &str) -> Option<tickbook::domain::SymbolId> {
    let reference: SymbolReference = name.parse().expect("valid");
    let symbol = cli.repositories().symbols.get_by_name(&reference).await;
    symbol.expect("answered").map(|symbol| symbol.symbol_id)
}

#[tokio::test]
async fn symbol_type_decides_price_scale_and_time_zone() {
    let cli = Cli::migrated();
    let instrument = Instrument::new(InstrumentType::Equity, "USD", 1.into(), 1.into());
    let share = NewSymbol::named("nasdaq", "AAPL").instrument(instrument);
    let symbols = cli.repositories().symbols;
    symbols.create(share).await.expect("created");
    cli.file("20140605_quote.csv", "1,1.5,1.6\n");
    let to = |options: &[&str]| {
        let options = [&["--symbol", "nasdaq:AAPL"], options].concat();
        import(&cli, "ticks", "20140605_quote.csv", &options)
    };
    let run = to(&[]);
    assert!(
        run.error().contains("nasdaq:AAPL has the type equity"),
        "{run:?}"
    );
    let run = to(&["--price-scale", "1"]);
    assert!(run.error().contains("--time-zone UTC"), "{run:?}");
    to(&["--price-scale", "1", "--time-zone", "utc"]).expect_code(0);
}

#[test]
fn lean_options_need_the_lean_format() {
    let cli = Cli::new();
    cli.file("a.csv", "tick_time,bid,ask\n");
    for what in ["ticks", "candles"] {
        for option in [["--price-scale", "10"], ["--time-zone", "UTC"]] {
            let import = ["import", what, "a.csv", "--format", "csv", "--symbol", "A"];
            let run = cli.run(&[&import[..], &option].concat());
            assert!(run.error().contains("require --format lean"), "{run:?}");
        }
    }
    let wrong = import(
        &cli,
        "ticks",
        "a.csv",
        &["--symbol", "A", "--price-scale", "3"],
    );
    assert!(
        wrong.stderr.contains("expected a power of ten"),
        "{wrong:?}"
    );
}

#[test]
fn rows_wider_than_the_header_are_rejected() {
    let cli = Cli::migrated();
    let text = "tick_time,bid,ask\n2014-05-01T00:00:05Z,1,3867,1,3868\n2014-05-01T00:00:06Z,1,2\n";
    cli.file("ticks.csv", text);
    let import = ["import", "ticks", "ticks.csv", "--format", "csv", "--json"];
    let run = cli.run(&[&import[..], &NEW].concat()).expect_code(1);
    assert_eq!(run.json()["inserted"], 1);
    assert_eq!(run.json()["rejected"], 1);
    let words = "ticks.csv: line 2: has 5 columns, not 3 as the header";
    assert!(run.stderr.contains(words), "{run:?}");
}
