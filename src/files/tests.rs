use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::domain::SymbolId;

use super::*;

pub(super) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub(super) fn plain(folder: &TempDir, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).expect("written");
    path
}

pub(super) fn zipped(folder: &TempDir, name: &str, entries: &[(&str, &[u8])]) -> PathBuf {
    let path = folder.path().join(name);
    let mut zip = ZipWriter::new(fs::File::create(&path).expect("created"));
    zip.add_directory("a_folder", SimpleFileOptions::default())
        .expect("added");
    for (name, content) in entries {
        zip.start_file(*name, SimpleFileOptions::default())
            .expect("started");
        zip.write_all(content).expect("written");
    }
    zip.finish().expect("finished");
    path
}

/// Formats each quote as `entry-line time sequence bid ask bid-size ask-size`, with `-` for absent values,
/// and each error as its text.
pub(super) fn quotes(path: &Path, layout: Option<&CsvLayout>) -> Result<Vec<String>, FileError> {
    let shown = |number: Option<Decimal>| number.map_or("-".to_owned(), |it| it.to_string());
    let mut file = MarketFile::open(path)?;
    let mut all = Vec::new();
    for index in 0..file.entry_count() {
        let entry = file.entry(index)?;
        let quotes: Box<dyn Iterator<Item = _>> = match layout {
            Some(layout) => Box::new(CsvQuotes::new(entry, layout)?),
            None => Box::new(LeanQuotes::new(entry)?),
        };
        all.extend(quotes.map(|quote| match quote {
            Ok(quote) => format!(
                "{} {} {:?} {} {} {} {}",
                quote.line,
                quote.tick_time.format("%dT%T%.6f"),
                quote.sequence,
                shown(quote.bid_price),
                shown(quote.ask_price),
                shown(quote.bid_volume),
                shown(quote.ask_volume)
            ),
            Err(error) => error.to_string(),
        }));
    }
    Ok(all)
}

fn lean(content: &[u8]) -> Vec<String> {
    let folder = folder();
    quotes(&plain(&folder, "20140501_q.csv", content), None).expect("readable")
}

fn csv(content: &str, layout: &CsvLayout) -> Result<Vec<String>, String> {
    let folder = folder();
    let path = plain(&folder, "quotes.csv", content.as_bytes());
    quotes(&path, Some(layout)).map_err(|error| error.to_string())
}

#[test]
fn lean_lines_may_lack_sizes_and_fractions() {
    assert_eq!(
        lean(b"292,1.38676,1.38686\r\n\n42.4319,1.10,1.2"),
        [
            "1 01T00:00:00.292000 None 1.38676 1.38686 - -",
            "3 01T00:00:00.042431 None 1.1 1.2 - -"
        ]
    );
    assert_eq!(
        lean(b"\xef\xbb\xbf1,1.5,100,1.6,200\n"),
        ["1 01T00:00:00.001000 None 1.5 1.6 100 200"]
    );
}

#[test]
fn truncated_line_is_not_read_as_one_without_sizes() {
    let read = lean(b"1,1.5,100,1.6,200\n2,1.5,100\n3,1.5,100,1.7,200\n");
    assert!(read[1].contains("line 2: has 3 columns, not 5"), "{read:?}");
    assert!(read[2].starts_with("3 "), "{read:?}");
}

#[test]
fn malformed_line_is_named_and_the_next_one_read() {
    let long = [b"1,", "9".repeat(100_000).as_bytes(), b",1\n"].concat();
    for (bad, words) in [
        (
            &b"1,1.2.3,1\n"[..],
            "line 2: bid \"1.2.3\" is not a decimal: expected",
        ),
        (b"1,1,\n", "line 2: ask is empty: correct it"),
        (b"1,1\n", "line 2: has 2 columns, not 3 as above: correct"),
        (
            b"x,1,1\n",
            "line 2: invalid time \"x\": expected milliseconds",
        ),
        (b"1,\xff\xfe\x00,1\n", "line 2: bid \"\u{fffd}\u{fffd}\\0\""),
        (b"\"1,1,1\n", "line 2: has 1 columns"),
        (&long, "line 2: is longer than 65536 bytes: remove"),
    ] {
        let read = lean(&[b"0,1,1\n", bad, b"5,2,2\n"].concat());
        assert_eq!(read.len(), 3, "{read:?}");
        assert!(
            read[1].contains(words) && read[1].contains("20140501_q.csv: line"),
            "{}",
            read[1]
        );
        assert!(read[2].starts_with("3 01T00:00:00.005"), "{read:?}");
    }
}

#[test]
fn zip_is_detected_by_bytes_and_read_by_name_order() {
    let folder = folder();
    let path = zipped(
        &folder,
        "20140503_three.csv",
        &[
            ("20140502_b.csv", b"2,1,1\n"),
            ("20140501_a.csv", b"1,1,1\n"),
            ("sub/c.csv", b"3,1,x\n4,1,1\n"),
        ],
    );
    let verified = MarketFile::open(&path).and_then(|mut file| file.verify());
    assert_eq!(verified, Ok(()));
    let read = quotes(&path, None).expect("readable");
    assert_eq!(read[0], "1 01T00:00:00.001000 None 1 1 - -");
    assert_eq!(read[1], "1 02T00:00:00.002000 None 1 1 - -");
    assert!(
        read[2].contains("20140503_three.csv: sub/c.csv: line 1: ask \"x\""),
        "{}",
        read[2]
    );
    assert_eq!(read[3], "2 03T00:00:00.004000 None 1 1 - -");
}

#[test]
fn unreadable_files_give_a_reason() {
    let folder = folder();
    let whole = zipped(
        &folder,
        "20140501.zip",
        &[("a.csv", &b"1,1,1\n".repeat(50))],
    );
    let bytes = fs::read(&whole).expect("read");
    for length in [4, 10, 40, bytes.len() / 2, bytes.len() - 1] {
        let cut = plain(&folder, "20140501_cut.zip", &bytes[..length]);
        let error = quotes(&cut, None).expect_err("cut").to_string();
        assert!(error.contains("not a complete zip"), "{length}: {error}");
    }
    let undated = plain(&folder, "quotes.csv", b"1,1,1\n");
    let gzip = plain(&folder, "20140501.gz", b"\x1f\x8b\x08\x00");
    let missing = folder.path().join("20140501_missing.zip");
    let empty = zipped(&folder, "20140501_empty.zip", &[]);
    for (path, words) in [
        (undated.as_path(), "does not start with a date"),
        (&gzip, "gzip"),
        (&missing, "file not found"),
        (&empty, "without files"),
        (folder.path(), "is a directory"),
    ] {
        let error = quotes(path, None).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }
}

#[test]
fn damaged_entry_ends_with_an_error() {
    let folder = folder();
    let line = b"1,1.25,1.5\n";
    let path = folder.path().join("20140501.zip");
    let mut zip = ZipWriter::new(fs::File::create(&path).expect("created"));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("a.csv", stored).expect("started");
    zip.write_all(&line.repeat(20_000)).expect("written");
    zip.finish().expect("finished");
    let mut bytes = fs::read(&path).expect("read");
    let at = bytes.len() / 2;
    let at = at
        + bytes[at..]
            .iter()
            .position(|&byte| byte == b'5')
            .expect("a digit");
    bytes[at] = b'6';
    fs::write(&path, bytes).expect("written");
    let mut file = MarketFile::open(&path).expect("its directory is whole");
    let damage = file.verify().expect_err("the checksum is wrong");
    assert!(damage.to_string().contains("a.csv: is damaged"), "{damage}");
    let entry = file.entry(0).expect("its head is whole");
    let last = LeanQuotes::new(entry).expect("dated").last().expect("some");
    let error = last.expect_err("the checksum is wrong");
    assert!(
        error.ends_entry() && error.to_string().contains("download it again"),
        "{error}"
    );
}

#[test]
fn single_damaged_byte_of_a_zip_is_survived() {
    let folder = folder();
    let path = zipped(
        &folder,
        "20140501.zip",
        &[("a.csv", b"1,1.25,1.5\n2,1.3,1.6\n")],
    );
    let whole = fs::read(&path).expect("read");
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        let path = plain(&folder, "20140502.zip", &damaged);
        // any result except a panic or an endless loop
        let _ = quotes(&path, None);
    }
}

#[test]
fn csv_columns_are_found_by_their_usual_names() {
    let read = csv(
        "# a comment\nAsk,Time,bid,ask_size,other\n1.6,2014-05-01T02:00:00.2929999+02:00,1.5,7,x\n",
        &CsvLayout::default(),
    );
    assert_eq!(
        read.expect("readable"),
        ["3 01T00:00:00.292999 None 1.5 1.6 - 7"]
    );
}

#[test]
fn csv_columns_can_be_named_and_epochs_have_units() {
    let names = [
        (QuoteColumn::TickTime, "ts"),
        (QuoteColumn::BidPrice, "b"),
        (QuoteColumn::AskPrice, "a"),
    ];
    let columns: std::collections::BTreeMap<_, _> =
        names.map(|(column, name)| (column, name.to_owned())).into();
    for (time_format, number) in [
        (TimeFormat::Seconds, "1398902400"),
        (TimeFormat::Milliseconds, "1398902400000"),
        (TimeFormat::Microseconds, "1398902400000000"),
        (TimeFormat::Nanoseconds, "1398902400000000999"),
    ] {
        let layout = CsvLayout {
            columns: columns.clone(),
            time_format,
        };
        let read = csv(&format!("ts,b,a,sequence\n{number},1,\"2\",3\n"), &layout);
        let expected = "2 01T00:00:00.000000 Some(3) 1 2 - -";
        assert_eq!(read.expect("readable"), [expected], "{time_format:?}");
    }
}

#[test]
fn csv_errors_name_the_column_and_the_remedy() {
    let layout = CsvLayout::default();
    for (header, words) in [
        ("time,bid\n", "no column ask_price or ask among time, bid"),
        (
            "time,timestamp,bid,ask\n",
            "several columns tick_time or time or timestamp",
        ),
        ("", "no header row"),
    ] {
        let error = csv(header, &layout).expect_err(words);
        assert!(error.contains(words), "{error}");
    }
    let lines = "time,bid,ask,sequence\n\
                 1398902400,1,1,0\n\
                 yesterday,1,1,0\n\
                 2014-05-01T00:00:00Z,1,1,-1\n\
                 2014-05-01T00:00:00Z,,,0\n\
                 2014-05-01T00:00:00Z,1,1,9223372036854775808\n\
                 2014-05-01T00:00:00Z,1,1,9223372036854775807\n";
    let read = csv(lines, &layout).expect("readable");
    for (line, words) in read.iter().zip([
        "line 2: invalid tick_time \"1398902400\": expected RFC 3339; for numbers set",
        "line 3: invalid tick_time \"yesterday\": expected RFC 3339 such as",
        "line 4: invalid sequence \"-1\": expected a whole number",
        "line 5: bid_price and ask_price are empty: write at least one",
        "line 6: invalid sequence \"9223372036854775808\": expected a whole number from 0 to 9223372036854775807",
        " Some(9223372036854775807) 1 1 ",
    ]) {
        assert!(line.contains(words), "{line}");
    }
}

#[test]
fn csv_sides_and_volumes_may_be_empty() {
    let lines = "time,bid,ask,bid_size,ask_size\n\
                 2014-05-01T00:00:00Z,1,,5,\n\
                 2014-05-01T00:00:00Z,,2,,0\n\
                 2014-05-01T00:00:00Z,1,2,,\n\
                 2014-05-01T00:00:00Z,1,2,\"\",7\n";
    let read = csv(lines, &CsvLayout::default()).expect("readable");
    let expected = ["1 - 5 -", "- 2 - 0", "1 2 - -", "1 2 - 7"];
    for ((line, expected), number) in read.iter().zip(expected).zip(2..) {
        assert_eq!(
            *line,
            format!("{number} 01T00:00:00.000000 None {expected}")
        );
    }
    assert_eq!(read.len(), expected.len());
}

#[test]
fn bars_have_eleven_columns() {
    let folder = folder();
    let content = b"60000,1.1,1.4,1.0,1.2,3,2.1,2.4,2.0,2.2,4\n60000,1\n";
    let path = plain(&folder, "20140501_quote.csv", content);
    let mut file = MarketFile::open(path).expect("readable");
    let bars: Vec<_> = LeanBars::new(file.entry(0).expect("one"))
        .expect("dated")
        .collect();
    let bar = bars[0].as_ref().expect("a bar");
    let prices = |prices: BarPrices| {
        let BarPrices {
            open,
            high,
            low,
            close,
        } = prices;
        format!("{open} {high} {low} {close}")
    };
    assert_eq!(bar.open_time.to_rfc3339(), "2014-05-01T00:01:00+00:00");
    assert_eq!(prices(bar.bid.expect("bid")), "1.1 1.4 1 1.2");
    assert_eq!(prices(bar.ask.expect("ask")), "2.1 2.4 2 2.2");
    assert_eq!(format!("{} {}", bar.bid_size, bar.ask_size), "3 4");
    assert!(bars[1].as_ref().is_err_and(|error| error.line() == 2));
}

#[test]
fn quote_becomes_a_tick_of_the_symbol() {
    let folder = folder();
    let path = plain(&folder, "20140501.csv", b"1,1.5,100,1.6,200\n");
    let mut file = MarketFile::open(path).expect("readable");
    let mut quotes = LeanQuotes::new(file.entry(0).expect("one")).expect("dated");
    let quote = quotes.next().expect("one").expect("a quote");
    let tick = quote.into_tick(SymbolId::new(7));
    assert_eq!((tick.symbol_id, tick.sequence), (SymbolId::new(7), 0));
    assert_eq!(tick.ask_volume.expect("known").to_string(), "200");
}
