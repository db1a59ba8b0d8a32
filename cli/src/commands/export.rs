//! `tickbook export`.

mod books;

use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use futures_core::Stream;
use indicatif::HumanCount;
use rust_decimal::Decimal;
use serde::Serialize;
use tickbook::domain::{
    Candle, CandleInput, CandleSlot, FilledCandle, PageLimit, Symbol, Tick, TimeRange, Trade,
    earliest_time, latest_time,
};
use tickbook::files::{FILLED, QuoteColumn, TradeColumn};
use tickbook::repository::{
    CandleQuery, TickQuery, TradeQuery, filled_candle_stream, tick_stream, trade_stream,
};
use tickbook::{Clock, Repositories, RepositoryError};

use crate::Outcome;
use crate::args::{
    ExportArguments, ExportCandlesArguments, ExportTicksArguments, ExportTradesArguments,
};
use crate::csv_file::CsvFile;
use crate::opening::{connect, full_name, settings, symbol};
use crate::output_file::Output;
use crate::progress::TimeBar;
use crate::report::{print_json, print_json_to_stderr, seconds};
use crate::times::time_text as time;

pub(crate) use books::books;

const CANDLE_COLUMNS: [&str; 12] = [
    "open_time",
    "close_time",
    "timeframe",
    "basis",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "tick_count",
    "closed",
    "source",
];

/// The further columns of candles of trades.
const TRADE_SUM_COLUMNS: [&str; 3] = ["buy_volume", "notional", "vwap"];

/// Number of rows between two updates of the progress.
const STEP: u64 = 1_000;

pub(crate) async fn ticks(arguments: &ExportTicksArguments) -> anyhow::Result<Outcome> {
    let export = Export::open(&arguments.what).await?;
    let query = TickQuery::new(export.symbol.symbol_id, export.range).limit(PageLimit::MAX);
    let stream = tick_stream(Arc::clone(&export.repositories.ticks), query);
    let time = |tick: &Tick| tick.tick_time;
    let columns = each_tick_column(QuoteColumn::as_str);
    let progress = export.progress().await;
    export
        .write(&columns, stream, "ticks", tick_row, time, progress)
        .await
}

pub(crate) async fn trades(arguments: &ExportTradesArguments) -> anyhow::Result<Outcome> {
    let export = Export::open(&arguments.what).await?;
    let query = TradeQuery::new(export.symbol.symbol_id, export.range).limit(PageLimit::MAX);
    let stream = trade_stream(Arc::clone(&export.repositories.trades), query);
    let time = |trade: &Trade| trade.trade_time;
    let columns = each_trade_column(TradeColumn::as_str);
    let progress = TimeBar::hidden();
    export
        .write(&columns, stream, "trades", trade_row, time, progress)
        .await
}

pub(crate) async fn candles(
    arguments: &ExportCandlesArguments,
    clock: &Clock,
) -> anyhow::Result<Outcome> {
    let export = Export::open(&arguments.what).await?;
    let (symbol_id, range) = (export.symbol.symbol_id, export.range);
    let query = CandleQuery::new(symbol_id, arguments.timeframe, arguments.basis, range)
        .closed_only(arguments.closed)
        .limit(PageLimit::MAX);
    let ohlc = Arc::clone(&export.repositories.ohlc);
    let stream = filled_candle_stream(ohlc, query, arguments.fill, clock.now());
    let time = |slot: &CandleSlot| match slot {
        CandleSlot::Candle(candle) => candle.open_time,
        CandleSlot::Filled(empty) => empty.open_time,
    };
    match arguments.basis.input() {
        CandleInput::Trades => {
            let columns = with_sums(CANDLE_COLUMNS, TRADE_SUM_COLUMNS);
            let row = |slot: &CandleSlot| vec![trade_candle_row(slot)];
            export
                .write(&columns, stream, "candles", row, time, TimeBar::hidden())
                .await
        }
        _ => {
            let row = |slot: &CandleSlot| vec![candle_row(slot)];
            let progress = export.progress().await;
            export
                .write(&CANDLE_COLUMNS, stream, "candles", row, time, progress)
                .await
        }
    }
}

/// The number of columns of candles of trades.
const TRADE_CANDLE_COLUMNS: usize = CANDLE_COLUMNS.len() + TRADE_SUM_COLUMNS.len();

/// Appends `sums` to `candle`.
fn with_sums<T: Default>(
    candle: [T; CANDLE_COLUMNS.len()],
    sums: [T; TRADE_SUM_COLUMNS.len()],
) -> [T; TRADE_CANDLE_COLUMNS] {
    let mut all = candle.into_iter().chain(sums);
    // both have as many columns together
    std::array::from_fn(|_| all.next().unwrap_or_default())
}

fn trade_candle_row(slot: &CandleSlot) -> [String; TRADE_CANDLE_COLUMNS] {
    let sums = match slot {
        CandleSlot::Candle(candle) => {
            let volumes = candle.trade_volumes;
            let text = |text: Option<String>| text.unwrap_or_default();
            [
                text(volumes.map(|volumes| volumes.buy_volume.to_string())),
                text(volumes.map(|volumes| volumes.notional.to_string())),
                text(candle.vwap().map(|vwap| vwap.to_string())),
            ]
        }
        CandleSlot::Filled(_) => ["0".to_owned(), "0".to_owned(), String::new()],
    };
    with_sums(candle_row(slot), sums)
}

/// The symbol, range and output of an export.
struct Export {
    output: Output,
    /// The output file; `None` for standard output.
    path: Option<PathBuf>,
    repositories: Repositories,
    symbol: Symbol,
    range: TimeRange,
    json: bool,
    begun: Instant,
}

/// The output of `--json`.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    what: &'a str,
    symbol_id: i64,
    symbol: String,
    rows: u64,
    output: Option<String>,
    seconds: f64,
}

impl Export {
    async fn open(arguments: &ExportArguments) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let from = arguments.from.unwrap_or_else(earliest_time);
        let range = TimeRange::new(from, arguments.to.unwrap_or_else(latest_time))?;
        let output = Output::open(arguments.output.as_deref(), arguments.force)?;
        let (repositories, _) = connect(&settings()?).await?;
        let symbol = symbol(&*repositories.symbols, &arguments.symbol).await?;
        let path = arguments.output.clone();
        Ok(Self {
            path: path.filter(|_| !matches!(output, Output::Stdout)),
            output,
            repositories,
            symbol,
            range,
            json: arguments.json,
            begun,
        })
    }

    /// The progress within the ticks of the range.
    async fn progress(&self) -> TimeBar {
        // on a terminal the progress would appear between the rows
        if self.path.is_none() {
            return TimeBar::hidden();
        }
        let (id, name) = (self.symbol.symbol_id, full_name(&self.symbol));
        TimeBar::of_ticks(&self.repositories, id, self.range, name).await
    }

    async fn write<T, const COLUMNS: usize>(
        self,
        columns: &[&str; COLUMNS],
        mut items: impl Stream<Item = Result<T, RepositoryError>> + Unpin,
        what: &str,
        rows: impl Fn(&T) -> Vec<[String; COLUMNS]>,
        time: impl Fn(&T) -> DateTime<Utc>,
        progress: TimeBar,
    ) -> anyhow::Result<Outcome> {
        let mut file = CsvFile::create(self.output, columns)?;
        let mut count: u64 = 0;
        'writing: while let Some(item) =
            poll_fn(|context| Pin::new(&mut items).poll_next(context)).await
        {
            let item = item?;
            for row in rows(&item) {
                if !file.write(&row.each_ref().map(String::as_str)).await? {
                    break 'writing;
                }
                count += 1;
                if count.is_multiple_of(STEP) {
                    progress.reach(time(&item), format!("{} {what}", HumanCount(count)));
                }
            }
        }
        file.finish().await?;
        progress.finish();
        if self.json {
            let summary = Summary {
                what,
                symbol_id: self.symbol.symbol_id.get(),
                symbol: full_name(&self.symbol),
                rows: count,
                output: self.path.as_ref().map(|path| path.display().to_string()),
                seconds: seconds(self.begun.elapsed()),
            };
            match self.path {
                Some(_) => print_json(&summary)?,
                None => print_json_to_stderr(&summary)?,
            }
        } else if let Some(path) = &self.path {
            eprintln!("{count} {what} in {}", path.display());
        }
        Ok(Outcome::Complete)
    }
}

fn each_tick_column<T>(of: impl Fn(QuoteColumn) -> T) -> [T; QuoteColumn::ALL.len()] {
    std::array::from_fn(|index| of(QuoteColumn::ALL[index]))
}

fn each_trade_column<T>(of: impl Fn(TradeColumn) -> T) -> [T; TradeColumn::ALL.len()] {
    std::array::from_fn(|index| of(TradeColumn::ALL[index]))
}

fn tick_row(tick: &Tick) -> Vec<[String; QuoteColumn::ALL.len()]> {
    vec![each_tick_column(|column| column.text(tick))]
}

fn trade_row(trade: &Trade) -> Vec<[String; TradeColumn::ALL.len()]> {
    vec![each_trade_column(|column| column.text(trade))]
}

fn candle_row(slot: &CandleSlot) -> [String; CANDLE_COLUMNS.len()] {
    match slot {
        CandleSlot::Candle(candle) => known_row(candle),
        CandleSlot::Filled(empty) => filled_row(empty),
    }
}

fn filled_row(empty: &FilledCandle) -> [String; CANDLE_COLUMNS.len()] {
    let price = |price: Option<Decimal>| price.map_or(String::new(), |price| price.to_string());
    [
        time(empty.open_time),
        time(empty.close_time()),
        empty.timeframe.to_string(),
        empty.basis.to_string(),
        price(empty.open),
        price(empty.high),
        price(empty.low),
        price(empty.close),
        "0".to_owned(),
        "0".to_owned(),
        empty.closed.to_string(),
        FILLED.to_owned(),
    ]
}

fn known_row(candle: &Candle) -> [String; CANDLE_COLUMNS.len()] {
    [
        time(candle.open_time),
        time(candle.close_time()),
        candle.timeframe.to_string(),
        candle.basis.to_string(),
        candle.open.to_string(),
        candle.high.to_string(),
        candle.low.to_string(),
        candle.close.to_string(),
        candle.volume.to_string(),
        candle.tick_count.to_string(),
        candle.closed.to_string(),
        candle.source.as_str().to_owned(),
    ]
}
