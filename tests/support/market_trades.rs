//! Recorded trades of gold futures and bars of Bitcoin, and the one-minute bars that another system computed.
#![allow(
    unreachable_pub,
    reason = "a module of several test programs, none of which uses all"
)]
#![allow(dead_code, reason = "as above")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{SymbolId, Trade};

/// The number of trades of gold, without the repeated last row of each file.
pub const GOLD_TRADES: usize = 92_496;
/// The number of these whose quantity is zero, which no store accepts.
pub const WITHOUT_QUANTITY: usize = 242;
/// The number of one-minute bars of gold.
pub const GOLD_BARS: usize = 3_037;

/// A bar: open time, open, high, low, close, volume.
pub type Bar = (DateTime<Utc>, [Decimal; 5]);

/// The trades and the bars of the contract months, in the order of their names.
#[derive(Debug, Default)]
pub struct Gold {
    /// One symbol for each month, with the ids from 1 on.
    pub symbols: BTreeMap<String, SymbolId>,
    pub trades: Vec<Trade>,
    pub bars: BTreeMap<SymbolId, Vec<Bar>>,
}

/// Reads all days of gold.
pub fn gold(folder: &Path) -> Gold {
    let mut gold = Gold::default();
    // New York is four hours behind UTC on both days
    let midnights = [7, 8].map(|day| midnight(2013, 10, day) + TimeDelta::hours(4));
    for (day, midnight) in ["20131007", "20131008"].into_iter().zip(midnights) {
        let path = folder.join(format!("trades/comex-gc/tick/{day}_trade.zip"));
        for (name, rows) in entries(&path) {
            let symbol = gold.symbol(&name);
            let (_, kept) = rows.split_last().expect("rows");
            assert_eq!(rows[rows.len() - 2], rows[rows.len() - 1], "{name}");
            let mut last = (DateTime::UNIX_EPOCH, 0);
            for row in kept {
                let time = midnight + TimeDelta::milliseconds(number(row, 0));
                last = if last.0 == time {
                    (time, last.1 + 1)
                } else {
                    (time, 0)
                };
                let trade = Trade::new(symbol, time, decimal(row, 1), decimal(row, 2));
                gold.trades.push(trade.with_sequence(last.1));
            }
        }
        let path = folder.join(format!("trades/comex-gc/minute/{day}_trade.zip"));
        for (name, rows) in entries(&path) {
            let symbol = gold.symbol(&name);
            let bars = gold.bars.entry(symbol).or_default();
            bars.extend(rows.iter().map(|row| bar(midnight, row)));
        }
    }
    assert_eq!(gold.trades.len(), GOLD_TRADES);
    assert_eq!(gold.bars.values().map(Vec::len).sum::<usize>(), GOLD_BARS);
    gold
}

impl Gold {
    /// The symbol of the month at the end of the name of an entry.
    fn symbol(&mut self, name: &str) -> SymbolId {
        let month = name.trim_end_matches(".csv").rsplit('_').next();
        let next = SymbolId::new(self.symbols.len() as i64 + 1);
        let month = month.expect("a month").to_owned();
        *self.symbols.entry(month).or_insert(next)
    }
}

/// The second bars and the minute bars of Bitcoin.
pub fn bitcoin(folder: &Path) -> [Vec<Bar>; 2] {
    ["second", "minute"].map(|width| {
        let mut bars = Vec::new();
        for (day, number) in [("20161007", 7), ("20161008", 8)] {
            let path = folder.join(format!("trades/coinbase-btcusd/{width}/{day}_trade.zip"));
            for (_, rows) in entries(&path) {
                let of_day = rows.iter().map(|row| bar(midnight(2016, 10, number), row));
                bars.extend(of_day);
            }
        }
        bars
    })
}

/// Four trades with the prices and the volume of a bar.
pub fn trades_of_bar(
    symbol: SymbolId,
    (time, [open, high, low, close, volume]): &Bar,
) -> Vec<Trade> {
    let least = Decimal::new(1, 12);
    let rest = *volume - least * Decimal::from(3);
    let parts = [(open, rest), (high, least), (low, least), (close, least)];
    let trade = |(place, (price, quantity)): (i64, (&Decimal, Decimal))| {
        Trade::new(symbol, *time, *price, quantity).with_sequence(place)
    };
    (0..).zip(parts).map(trade).collect()
}

fn midnight(year: i32, month: u32, day: u32) -> DateTime<Utc> {
    let date = NaiveDate::from_ymd_opt(year, month, day).expect("a date");
    date.and_hms_opt(0, 0, 0).expect("midnight").and_utc()
}

type Row = Vec<String>;

/// The files of a zip by name, split into columns.
fn entries(path: &Path) -> Vec<(String, Vec<Row>)> {
    let file = std::fs::File::open(path).expect("the market data is complete");
    let mut archive = zip::ZipArchive::new(file).expect("a zip");
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry");
        let name = entry.name().expect("UTF-8").into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("UTF-8");
        let rows = text
            .lines()
            .map(|line| line.split(',').map(str::to_owned).collect());
        entries.push((name, rows.collect()));
    }
    entries.sort();
    entries
}

fn bar(midnight: DateTime<Utc>, row: &Row) -> Bar {
    let time = midnight + TimeDelta::milliseconds(number(row, 0));
    (time, [1, 2, 3, 4, 5].map(|column| decimal(row, column)))
}

fn number(row: &Row, column: usize) -> i64 {
    row[column].parse().expect("a whole number")
}

fn decimal(row: &Row, column: usize) -> Decimal {
    row[column].parse().expect("a decimal")
}
