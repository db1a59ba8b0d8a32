//! Recorded quotes of EURUSD, and the one-minute bars that another system computed from them.
#![allow(
    unreachable_pub,
    reason = "a module of several test programs, none of which uses all"
)]
#![allow(dead_code, reason = "as above")]

use std::path::{Path, PathBuf};

use tickbook::domain::{SymbolId, Tick};
use tickbook::files::{LeanBars, LeanQuotes, MarketFile, MinuteBar};
use tickbook::ingest::OccurrenceCounter;

const VARIABLE: &str = "TICKBOOK_MARKET_DATA";

/// The number of quotes of the 13 days.
pub const QUOTES: u64 = 532_903;
/// The number of one-minute bars.
pub const BARS: usize = 15_366;

/// The folder of `TICKBOOK_MARKET_DATA`, otherwise the default folder. If neither is there, returns `None`
/// and counts the test as skipped.
pub fn folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(VARIABLE) {
        let folder = PathBuf::from(folder);
        assert!(
            folder.is_dir(),
            "{VARIABLE}: {} is no folder",
            folder.display()
        );
        return Some(folder);
    }
    let project = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .filter(|folder| folder.join("migrations_timeseries").is_dir())
        .last()?;
    let folder = project.parent()?.join("shared/market-data");
    if folder.is_dir() {
        return Some(folder);
    }
    suite::skip(format_args!(
        "there is no market data, set {VARIABLE} to a folder of it"
    ));
    None
}

/// The zip files of a folder, one per day, oldest first.
pub fn files(folder: &Path, below: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder.join(below))
        .expect("the market data is complete")
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 13, "{below} has 13 days");
    files
}

/// All quotes as ticks in their stored form, in the order of the feed.
pub fn ticks(folder: &Path, symbol_id: SymbolId) -> Vec<Tick> {
    let mut ticks = Vec::new();
    let mut occurrences = OccurrenceCounter::new();
    for path in files(folder, "ticks/eurusd") {
        let mut file = MarketFile::open(path).expect("a file of quotes");
        let quotes = LeanQuotes::new(file.entry(0).expect("one entry")).expect("a dated file");
        for quote in quotes {
            let mut tick = quote.expect("a good line").into_tick(symbol_id);
            occurrences.count(&mut tick);
            ticks.push(tick.with_occurrence(None));
        }
    }
    assert_eq!(ticks.len() as u64, QUOTES);
    ticks
}

/// All one-minute bars, oldest first.
pub fn bars(folder: &Path) -> Vec<MinuteBar> {
    let mut bars = Vec::new();
    for path in files(folder, "bars/minute/eurusd") {
        let mut file = MarketFile::open(path).expect("a file of bars");
        let of_day = LeanBars::new(file.entry(0).expect("one entry")).expect("a dated file");
        bars.extend(of_day.map(|bar| bar.expect("a good line")));
    }
    assert_eq!(bars.len(), BARS);
    bars
}
