//! Tests of import ticks on real databases.

use std::io::Write as _;
use std::path::Path;

use crate::support::{Cli, Run, market_data};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tickbook::domain::{SymbolReference, Tick, TimeRange};
use tickbook::repository::TickQuery;

const DAY: &str = "292,1.38676,1.38686\r\n292,1.38676,1.38687\r\n292.5,1.38675,1.38688\r\n";

fn import(cli: &Cli, files: &[&str], options: &[&str]) -> Run {
    let command = [&["import", "ticks"], files, &["--format", "lean"], options].concat();
    cli.run(&command)
}

fn summary(read: u64, inserted: u64, duplicates: u64, conflicts: u64, rejected: u64) -> Value {
    json!({"read": read, "inserted": inserted, "duplicates": duplicates,
           "conflicts": conflicts, "rejected": rejected, "crossed": 0})
}

async fn stored(cli: &Cli, symbol: &str) -> Vec<Tick> {
    let repositories = cli.repositories();
    let reference: SymbolReference = symbol.parse().expect("valid");
    let symbol = repositories.symbols.get_by_name(&reference).await;
    let symbol = symbol.expect("answered").expect("created");
    let query = TickQuery::new(symbol.symbol_id, TimeRange::all());
    repositories
        .ticks
        .range(&query)
        .await
        .expect("answered")
        .items
}

#[tokio::test]
async fn file_imported_twice_is_stored_once() {
    let cli = Cli::migrated();
    cli.file("20140501_quote.csv", DAY);
    let options = ["--symbol", "EURUSD", "--create-symbol", "--json"];
    let first = import(&cli, &["20140501_quote.csv"], &options).expect_code(0);
    assert_eq!(first.json(), summary(3, 3, 0, 0, 0));
    assert_eq!(first.stdout.lines().count(), 1);
    let second = import(&cli, &["20140501_quote.csv"], &options).expect_code(0);
    assert_eq!(second.json(), summary(3, 0, 3, 0, 0));

    let ticks = stored(&cli, "default:EURUSD").await;
    let reported: Vec<_> = ticks
        .iter()
        .map(|tick| (tick.tick_time.timestamp_micros() % 1_000_000, tick.sequence))
        .collect();
    assert_eq!(reported, [(292_000, 0), (292_000, 1), (292_500, 0)]);
    assert_eq!(ticks[1].ask_price.expect("an ask").to_string(), "1.38687");
}

#[tokio::test]
async fn batch_and_file_sizes_do_not_change_stored_ticks() {
    let cli = Cli::migrated();
    cli.file("20140501_a.csv", DAY);
    // starts within the instant at which the first file ends
    cli.file("20140501_b.csv", "292.5,1.4,1.5\n293,1.6,1.5\n");
    let options = [
        "--symbol",
        "oanda:EURUSD",
        "--create-symbol",
        "--batch-size",
        "1",
        "--json",
    ];
    let files = ["20140501_a.csv", "20140501_b.csv"];
    let run = import(&cli, &files, &options).expect_code(0);
    assert_eq!(
        (
            run.json()["inserted"].clone(),
            run.json()["crossed"].clone()
        ),
        (5.into(), 1.into())
    );
    let sequences: Vec<_> = stored(&cli, "oanda:EURUSD")
        .await
        .iter()
        .map(|it| it.sequence)
        .collect();
    assert_eq!(sequences, [0, 1, 0, 1, 0]);
    let twice = import(&cli, &["20140501_a.csv", "./20140501_a.csv"], &options);
    assert!(twice.error().contains("is given twice"), "{twice:?}");
}

/// The ticks of [`DAY`] with sequences of the venue.
const NUMBERED: &str = "time,bid,ask,sequence\n\
    2014-05-01T00:00:00.292Z,1.38676,1.38686,0\n\
    2014-05-01T00:00:00.292Z,1.38676,1.38687,1\n\
    2014-05-01T00:00:00.2925Z,1.38675,1.38688,0\n";

#[tokio::test]
async fn changed_content_of_a_stored_tick_is_a_conflict() {
    let cli = Cli::migrated();
    let import = |name: &str| {
        let options = ["--format", "csv", "--symbol", "EURUSD", "--create-symbol"];
        cli.run(&[&["import", "ticks", name], &options[..]].concat())
    };
    cli.file("quotes.csv", NUMBERED);
    import("quotes.csv").expect_code(0);
    cli.file("other.csv", NUMBERED.replace("1.38687", "1.5"));
    let run = import("other.csv").expect_code(1);
    assert!(
        run.stdout.starts_with(
            "read 3, inserted 0, duplicates 2, conflicts 1, rejected 0, crossed 0 in "
        ),
        "{run:?}"
    );
    assert!(
        run.stderr
            .contains("other.csv: line 3: conflict: 2014-05-01T00:00:00.292"),
        "{run:?}"
    );
    assert!(
        run.stderr.contains("ask 1.38687 (unknown), not")
            && run.stderr.contains("ask 1.5 (unknown)"),
        "{run:?}"
    );
    assert_eq!(
        stored(&cli, "EURUSD").await[1].ask_price,
        Some(Decimal::new(138_687, 5))
    );
}

#[tokio::test]
async fn unnumbered_ticks_with_new_content_are_new_ticks() {
    let cli = Cli::migrated();
    cli.file("20140501_quote.csv", DAY);
    let options = ["--symbol", "EURUSD", "--create-symbol"];
    import(&cli, &["20140501_quote.csv"], &options).expect_code(0);
    cli.file("20140501_other.csv", DAY.replace("1.38687", "1.5"));
    let run = import(&cli, &["20140501_other.csv"], &options).expect_code(0);
    let expected = "read 3, inserted 1, duplicates 2, conflicts 0, rejected 0, crossed 0 in ";
    assert!(run.stdout.starts_with(expected), "{run:?}");
    assert_eq!(stored(&cli, "EURUSD").await.len(), 4);
}

#[test]
fn bad_lines_are_listed_and_the_others_stored() {
    let cli = Cli::migrated();
    let thirteen_decimals = "400,1.0000000000001,2\n";
    let bad_lines = "x,1,1\n".repeat(25);
    cli.file(
        "20140501_quote.csv",
        format!("{DAY}300,1.2.3,1\n{thirteen_decimals}{bad_lines}500,1,1\n"),
    );
    let options = ["--symbol", "EURUSD", "--create-symbol", "--json"];
    let run = import(&cli, &["20140501_quote.csv"], &options).expect_code(1);
    assert_eq!(run.json(), summary(31, 4, 0, 0, 27));
    assert!(
        run.stderr
            .contains("20140501_quote.csv: line 4: bid \"1.2.3\" is not a decimal: "),
        "{run:?}"
    );
    assert!(run.stderr.contains("… and 7 more"), "{run:?}");
    assert_eq!(run.stderr.lines().count(), 21, "{run:?}");

    cli.file("20140502_quote.csv", thirteen_decimals);
    let run = import(&cli, &["20140502_quote.csv"], &options).expect_code(1);
    assert!(
        run.stderr
            .contains("20140502_quote.csv: line 1: bid_price 1.0000000000001 has more than 12"),
        "{run:?}"
    );
}

#[test]
fn unknown_and_ambiguous_symbols_suggest_a_remedy() {
    let cli = Cli::migrated();
    cli.file("20140501_quote.csv", DAY);
    let to = |symbol, options: &[&str]| {
        import(
            &cli,
            &["20140501_quote.csv"],
            &[&["--symbol", symbol], options].concat(),
        )
    };
    let unknown = to("EURUSD", &[]);
    assert!(
        unknown
            .error()
            .contains("no symbol EURUSD: create it with --create-symbol")
            && unknown.error().contains("tickbook import symbols"),
        "{unknown:?}"
    );
    for exchange in ["ibkr:EURUSD", "oanda:EURUSD"] {
        to(exchange, &["--create-symbol"]).expect_code(0);
        to(exchange, &[]).expect_code(0);
    }
    let ambiguous = to("EURUSD", &["--create-symbol"]);
    for candidate in ["ibkr:EURUSD", "oanda:EURUSD"] {
        assert!(ambiguous.error().contains(candidate), "{ambiguous:?}");
    }
}

#[tokio::test]
async fn csv_columns_and_times_are_read_as_specified() {
    let cli = Cli::migrated();
    cli.file(
        "quotes.csv",
        "ts,b,a,bid_size,sequence\n1398902400292,1.5,1.6,7,4\n1398902400292,1.4,1.6,0,2\n",
    );
    let command = [
        "import",
        "ticks",
        "quotes.csv",
        "--format",
        "csv",
        "--symbol",
        "EURUSD",
        "--create-symbol",
    ];
    let mapping = [
        "--column",
        "tick_time=ts",
        "--column",
        "bid_price=b",
        "--column",
        "ask_price=a",
    ];
    let run = cli
        .run(&[&command[..], &mapping, &["--time-format", "ms"]].concat())
        .expect_code(0);
    assert!(run.stdout.starts_with("read 2, inserted 2"), "{run:?}");
    let ticks = stored(&cli, "EURUSD").await;
    assert_eq!(
        ticks.iter().map(|tick| tick.sequence).collect::<Vec<_>>(),
        [2, 4]
    );
    assert_eq!(
        ticks[1].tick_time.to_rfc3339(),
        "2014-05-01T00:00:00.292+00:00"
    );
    assert_eq!(ticks[1].bid_volume, Some(Decimal::from(7)));

    let unsaid = cli.run(&[&command[..], &mapping].concat()).expect_code(1);
    assert!(
        unsaid.stderr.contains(
            "line 2: invalid tick_time \"1398902400292\": expected RFC 3339; for numbers set"
        ),
        "{unsaid:?}"
    );
    let unmapped = cli.run(&command);
    assert!(
        unmapped
            .error()
            .contains("no column tick_time or time or timestamp among ts, b, a"),
        "{unmapped:?}"
    );
    let lean = import(
        &cli,
        &["quotes.csv"],
        &[&["--symbol", "EURUSD"], &mapping[..]].concat(),
    );
    assert!(lean.error().contains("--format csv"), "{lean:?}");
    let wrong = cli
        .run(&[&command[..], &["--column", "price=b"]].concat())
        .expect_code(2);
    assert!(
        wrong.stderr.contains("invalid column \"price\": expected"),
        "{wrong:?}"
    );
}

#[test]
fn unreadable_files_are_refused_before_any_write() {
    let cli = Cli::migrated();
    cli.file("20140501_quote.csv", DAY);
    cli.file("undated.csv", DAY);
    cli.file("20140502_cut.zip", b"PK\x03\x04\x14\x00\x00\x00");
    let options = ["--symbol", "EURUSD", "--create-symbol"];
    for (file, words) in [
        ("missing.zip", "missing.zip: file not found"),
        (
            "undated.csv",
            "undated.csv: its name does not start with a date",
        ),
        (
            "20140502_cut.zip",
            "20140502_cut.zip: is not a complete zip",
        ),
        (".", ".: is a directory"),
    ] {
        let run = import(&cli, &["20140501_quote.csv", file], &options);
        assert!(run.error().contains(words), "{run:?}");
        assert_eq!(run.stdout, "");
    }
    let run = import(
        &cli,
        &["20140501_quote.csv"],
        &[&options[..], &["--json"]].concat(),
    );
    assert_eq!(run.json(), summary(3, 3, 0, 0, 0));
}

#[tokio::test]
async fn damaged_zip_is_refused_before_any_write() {
    let cli = Cli::migrated();
    let mut bytes = zipped(&[("20140501_a.csv", DAY), ("20140502_b.csv", DAY)]);
    cli.file("whole.zip", &bytes);
    let damaged = bytes.windows(3).rposition(|window| window == b"688");
    bytes[damaged.expect("the last price")] = b'7';
    cli.file("damaged.zip", &bytes);
    let options = ["--symbol", "EURUSD", "--create-symbol", "--json"];
    let run = import(&cli, &["damaged.zip"], &options);
    let words = "damaged.zip: 20140502_b.csv: is damaged";
    assert!(run.error().contains(words), "{run:?}");
    let run = import(&cli, &["whole.zip"], &options).expect_code(0);
    assert_eq!(run.json(), summary(6, 6, 0, 0, 0));
}

fn zipped(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in entries {
        zip.start_file(*name, stored).expect("started");
        zip.write_all(content.as_bytes()).expect("written");
    }
    zip.finish().expect("finished").into_inner()
}

#[test]
fn ticks_out_of_order_are_reported() {
    let cli = Cli::migrated();
    cli.file("20140501_quote.csv", "5,1,1\n4,1,1\n6,1,1\n");
    let run = import(
        &cli,
        &["20140501_quote.csv"],
        &["--symbol", "EURUSD", "--create-symbol"],
    );
    assert!(
        run.expect_code(0)
            .stderr
            .contains("note: 1 ticks are older")
    );
}

#[test]
fn real_day_is_stored_whole_and_once() {
    let Some(folder) = market_data() else { return };
    let cli = Cli::migrated();
    let path = Path::new(&folder).join("ticks/eurusd/20140501_quote.zip");
    let file = path.to_str().expect("UTF-8");
    let options = ["--symbol", "oanda:EURUSD", "--create-symbol", "--json"];
    let first = import(&cli, &[file], &options).expect_code(0);
    assert_eq!(first.json(), summary(24_179, 24_179, 0, 0, 0));
    let second = import(&cli, &[file], &options).expect_code(0);
    assert_eq!(second.json(), summary(24_179, 0, 24_179, 0, 0));
}
