//! Tests of import candles and export on real databases.

use crate::support::{Cli, Run, market_data};
use serde_json::json;
use tickbook::domain::{Candle, CandleSource, PriceBasis, SymbolReference, TimeRange, Timeframe};
use tickbook::repository::{CandleQuery, TickQuery};

const DAY: &str = "0,1.1,1.4,1.0,1.2,10,1.2,1.5,1.1,1.3,20\r\n\
                   60000,1.2,1.3,1.2,1.3,0,1.3,1.4,1.3,1.4,0\r\n";

fn import(cli: &Cli, files: &[&str], options: &[&str]) -> Run {
    let command = [
        &["import", "candles"],
        files,
        &["--format", "lean"],
        options,
    ]
    .concat();
    cli.run(&command)
}

async fn candles(cli: &Cli, symbol: &str, timeframe: Timeframe, basis: PriceBasis) -> Vec<Candle> {
    let repositories = cli.repositories();
    let reference: SymbolReference = symbol.parse().expect("valid");
    let symbol = repositories.symbols.get_by_name(&reference).await;
    let symbol = symbol.expect("answered").expect("created");
    let query = CandleQuery::new(symbol.symbol_id, timeframe, basis, TimeRange::all());
    let page = repositories.ohlc.candles(&query).await;
    page.expect("answered").items
}

#[tokio::test]
async fn bars_become_bid_and_ask_candles_repeatably() {
    let cli = Cli::migrated();
    cli.file("20140501_bars.csv", DAY);
    let options = [
        "--symbol",
        "EURUSD",
        "--create-symbol",
        "--json",
        "--batch-size",
        "1",
    ];
    for _ in 0..2 {
        let run = import(&cli, &["20140501_bars.csv"], &options).expect_code(0);
        assert_eq!(
            run.json(),
            json!({"read": 2, "stored": 4, "skipped": 0, "rejected": 0})
        );
    }
    let bids = candles(&cli, "EURUSD", Timeframe::M1, PriceBasis::Bid).await;
    assert_eq!(bids.len(), 2);
    let first = &bids[0];
    let numbers = [first.open, first.high, first.low, first.close, first.volume];
    assert_eq!(
        numbers.map(|number| number.to_string()),
        ["1.1", "1.4", "1", "1.2", "30"]
    );
    assert_eq!(first.open_time.to_rfc3339(), "2014-05-01T00:00:00+00:00");
    assert_eq!(first.source, CandleSource::Stored("import".to_owned()));
    let asks = candles(&cli, "EURUSD", Timeframe::H1, PriceBasis::Ask).await;
    assert_eq!(asks.len(), 1);
    assert_eq!(asks[0].close.to_string(), "1.4");
    assert_eq!(asks[0].source, CandleSource::RolledUp);
}

#[tokio::test]
async fn bad_line_is_named_and_the_others_are_stored() {
    let cli = Cli::migrated();
    let bad = "60000,1.2,1.1,1.2,1.3,0,1.3,1.4,1.3,1.4,0\n90000,1,1,1,1,0,1,1,1,1,0\n120000,1\n";
    cli.file(
        "20140501_bars.csv",
        format!("{}\n{bad}", DAY.lines().next().expect("one")),
    );
    let options = ["--symbol", "EURUSD", "--create-symbol", "--source", "lean"];
    let run = import(&cli, &["20140501_bars.csv"], &options).expect_code(1);
    assert!(
        run.stdout
            .starts_with("read 4, stored 2, skipped 0, rejected 3 in "),
        "{run:?}"
    );
    for place in ["line 2: bid: ", "line 3: bid: ", "line 4: "] {
        assert!(run.stderr.contains(place), "{run:?}");
    }
    let stored = candles(&cli, "EURUSD", Timeframe::M1, PriceBasis::Ask).await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].source, CandleSource::Stored("lean".to_owned()));
}

#[test]
fn invalid_candle_imports_fail_with_one_line() {
    let cli = Cli::new();
    cli.file("bars.csv", DAY);
    let run = import(&cli, &["bars.csv"], &["--symbol", "EURUSD"]);
    assert!(run.error().contains("20140501"), "{run:?}");
    let run = import(&cli, &["bars.csv"], &["--symbol", "EURUSD", "--source", ""]);
    assert!(run.error().contains("--source"), "{run:?}");
}

#[tokio::test]
async fn real_bars_equal_the_candles_of_their_ticks() {
    let Some(folder) = market_data() else { return };
    let cli = Cli::migrated();
    let file = |below: &str| {
        let mut files: Vec<_> = std::fs::read_dir(folder.join(below))
            .expect("the market data is complete")
            .map(|entry| entry.expect("readable").path())
            .collect();
        files.sort();
        files[0].to_str().expect("UTF-8").to_owned()
    };
    let quotes = file("ticks/eurusd");
    let run = cli.run(&[
        "import",
        "ticks",
        &quotes,
        "--format",
        "lean",
        "--symbol",
        "ticks",
        "--create-symbol",
    ]);
    run.expect_code(0);
    let bars = file("bars/minute/eurusd");
    import(&cli, &[&bars], &["--symbol", "bars", "--create-symbol"]).expect_code(0);
    for timeframe in [Timeframe::M1, Timeframe::M15, Timeframe::D1] {
        for basis in [PriceBasis::Bid, PriceBasis::Ask] {
            let prices = |candles: Vec<Candle>| {
                let prices = candles.into_iter();
                let prices = prices.map(|it| (it.open_time, it.open, it.high, it.low, it.close));
                prices.collect::<Vec<_>>()
            };
            let of_bars = prices(candles(&cli, "bars", timeframe, basis).await);
            let of_ticks = prices(candles(&cli, "ticks", timeframe, basis).await);
            assert!(!of_bars.is_empty());
            assert_eq!(of_bars, of_ticks, "{timeframe} {basis}");
        }
    }
}

#[tokio::test]
async fn exported_ticks_are_imported_as_they_were() {
    let cli = Cli::migrated();
    let quotes: String = (0..25_000)
        .map(|number| format!("{},1.{number:05},2\n", number / 3))
        .collect();
    cli.file("20140501_quote.csv", quotes);
    let ticks = ["import", "ticks", "20140501_quote.csv", "--format", "lean"];
    cli.run(&[&ticks[..], &["--symbol", "one", "--create-symbol"]].concat())
        .expect_code(0);
    let export = ["export", "ticks", "--symbol", "one"];
    let run = cli.run(&[&export[..], &["--output", "ticks.csv"]].concat());
    run.expect_code(0);
    let written = std::fs::read_to_string(cli.folder.path().join("ticks.csv")).expect("there");
    let mut lines = written.lines();
    let header = "tick_time,sequence,bid_price,ask_price,bid_volume,ask_volume,received_at";
    assert_eq!(lines.next(), Some(header));
    assert_eq!(lines.next(), Some("2014-05-01T00:00:00.000000Z,0,1,2,,,"));
    assert_eq!(written.lines().count(), 25_001);
    assert_eq!(cli.run(&export).expect_code(0).stdout, written);
    assert!(!cli.folder.path().join("ticks.csv.part").exists());

    let again = ["import", "ticks", "ticks.csv", "--format", "csv", "--json"];
    let run = cli.run(&[&again[..], &["--symbol", "two", "--create-symbol"]].concat());
    assert_eq!(run.expect_code(0).json()["inserted"], json!(25_000));
    let repositories = cli.repositories();
    let all = async |name: &str| {
        let reference: SymbolReference = name.parse().expect("valid");
        let symbol = repositories.symbols.get_by_name(&reference).await;
        let symbol_id = symbol.expect("answered").expect("created").symbol_id;
        let query =
            TickQuery::new(symbol_id, TimeRange::all()).limit(tickbook::domain::PageLimit::MAX);
        let page = repositories.ticks.range(&query).await.expect("read").items;
        let content = page
            .into_iter()
            .map(|it| (it.tick_time, it.sequence, it.bid_price));
        content.collect::<Vec<_>>()
    };
    assert_eq!(all("one").await, all("two").await);
}

#[tokio::test]
async fn exported_candles_say_where_they_come_from() {
    let cli = Cli::migrated();
    cli.file("20140501_bars.csv", DAY);
    let options = ["--symbol", "EURUSD", "--create-symbol", "--source", "a,b"];
    import(&cli, &["20140501_bars.csv"], &options).expect_code(0);
    let export = ["export", "candles", "--symbol", "EURUSD", "--basis", "ask"];
    let run = cli.run(&export).expect_code(0);
    assert_eq!(
        run.stdout.lines().collect::<Vec<_>>(),
        [
            "open_time,close_time,timeframe,basis,open,high,low,close,volume,tick_count,closed,source",
            "2014-05-01T00:00:00.000000Z,2014-05-01T00:01:00.000000Z,1m,ask,1.2,1.5,1.1,1.3,30,0,true,\"a,b\"",
            "2014-05-01T00:01:00.000000Z,2014-05-01T00:02:00.000000Z,1m,ask,1.3,1.4,1.3,1.4,0,0,true,\"a,b\"",
        ]
    );
    let hour = [&export[..], &["--timeframe", "1h", "--closed"]].concat();
    let run = cli.run(&hour).expect_code(0);
    assert!(
        run.stdout
            .contains(",1h,ask,1.2,1.5,1.1,1.4,30,0,true,rolled_up\n"),
        "{run:?}"
    );
    let later = [
        &export[..],
        &[
            "--from",
            "2014-05-01T00:01:00Z",
            "--to",
            "2014-05-01T00:01:00Z",
        ],
    ];
    assert_eq!(
        cli.run(&later.concat())
            .expect_code(0)
            .stdout
            .lines()
            .count(),
        1
    );
    let nobody = cli.run(&["export", "candles", "--symbol", "GBPUSD"]);
    assert!(nobody.error().contains("no symbol GBPUSD"), "{nobody:?}");
    let nowhere = [&export[..], &["--output", "no/such/folder.csv"]].concat();
    assert!(cli.run(&nowhere).error().contains("cannot be written"));
}

#[tokio::test]
async fn gaps_of_exported_candles_are_filled_as_requested() {
    let cli = Cli::migrated();
    let gap = DAY.replace("\r\n60000,", "\r\n180000,");
    cli.file("20140501_bars.csv", &gap);
    let options = ["--symbol", "EURUSD", "--create-symbol"];
    import(&cli, &["20140501_bars.csv"], &options).expect_code(0);
    let export = |fill: &[&str]| {
        let export = ["export", "candles", "--symbol", "EURUSD"];
        let run = cli.run(&[&export[..], fill].concat()).expect_code(0);
        let lines = run.stdout.lines().skip(1);
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let first = "2014-05-01T00:00:00.000000Z,2014-05-01T00:01:00.000000Z,1m,bid,1.1,1.4,1,1.2,30,0,true,import";
    let last = "2014-05-01T00:03:00.000000Z,2014-05-01T00:04:00.000000Z,1m,bid,1.2,1.3,1.2,1.3,0,0,true,import";
    let known = [first.to_owned(), last.to_owned()];
    assert_eq!(export(&[]), known);
    assert_eq!(export(&["--fill", "none"]), known);
    for (fill, prices) in [
        ("null", ",,,"),
        ("previous", ",,,1.2"),
        ("flat", "1.2,1.2,1.2,1.2"),
    ] {
        let filled = ["01", "02"].map(|minute| {
            let end = if minute == "01" { "02" } else { "03" };
            let times = format!("2014-05-01T00:{minute}:00.000000Z,2014-05-01T00:{end}:00.000000Z");
            format!("{times},1m,bid,{prices},0,0,true,filled")
        });
        let [one, two] = filled;
        let expected = [first.to_owned(), one, two, last.to_owned()];
        assert_eq!(export(&["--fill", fill]), expected, "{fill}");
    }
    let wrong = cli.run(&["export", "candles", "--symbol", "EURUSD", "--fill", "zero"]);
    assert!(
        wrong
            .stderr
            .contains("expected none, null, previous or flat"),
        "{wrong:?}"
    );
}
