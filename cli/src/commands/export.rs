//! `tickbook export`

use std::future::poll_fn;
use std::pin::Pin;

use anyhow::bail;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_core::Stream;
use indicatif::ProgressBar;
use rust_decimal::Decimal;
use tickbook::config::Config;
use tickbook::domain::{
    Candle, CandleSlot, CandleSource, FilledCandle, PageLimit, SymbolId, Tick, TimeRange,
    earliest_time, latest_time,
};
use tickbook::repository::{CandleQuery, TickQuery, filled_candle_stream, tick_stream};
use tickbook::{Repositories, RepositoryError};

use crate::Outcome;
use crate::args::{ExportArguments, ExportCandlesArguments, ExportTicksArguments};
use crate::csv_file::CsvFile;
use crate::importing::progress;

const TICK_COLUMNS: [&str; 7] = [
    "tick_time",
    "sequence",
    "bid_price",
    "ask_price",
    "bid_volume",
    "ask_volume",
    "received_at",
];

const CANDLE_COLUMNS: [&str; 10] = [
    "open_time",
    "close_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "tick_count",
    "closed",
    "source",
];

pub(crate) async fn ticks(arguments: &ExportTicksArguments) -> anyhow::Result<Outcome> {
    let (repositories, symbol_id, range) = open(&arguments.what).await?;
    let query = TickQuery {
        limit: PageLimit::MAX,
        ..TickQuery::new(symbol_id, range)
    };
    let stream = tick_stream(repositories.ticks, query);
    write(&arguments.what, &TICK_COLUMNS, stream, "ticks", tick_row).await
}

pub(crate) async fn candles(arguments: &ExportCandlesArguments) -> anyhow::Result<Outcome> {
    let (repositories, symbol_id, range) = open(&arguments.what).await?;
    let query = CandleQuery {
        closed_only: arguments.closed,
        limit: PageLimit::MAX,
        ..CandleQuery::new(symbol_id, arguments.timeframe, arguments.basis, range)
    };
    let stream = filled_candle_stream(repositories.ohlc, query, arguments.fill, Utc::now());
    write(
        &arguments.what,
        &CANDLE_COLUMNS,
        stream,
        "candles",
        candle_row,
    )
    .await
}

async fn open(arguments: &ExportArguments) -> anyhow::Result<(Repositories, SymbolId, TimeRange)> {
    let from = arguments.from.unwrap_or_else(earliest_time);
    let range = TimeRange::new(from, arguments.to.unwrap_or_else(latest_time))?;
    let (repositories, _) = Repositories::connect(&Config::load()?).await?;
    let reference = &arguments.symbol;
    let Some(symbol) = repositories.symbols.get_by_name(reference).await? else {
        bail!("there is no symbol {reference}: correct --symbol");
    };
    Ok((repositories, symbol.symbol_id, range))
}

async fn write<T, const COLUMNS: usize>(
    arguments: &ExportArguments,
    columns: &[&str; COLUMNS],
    mut items: impl Stream<Item = Result<T, RepositoryError>> + Unpin,
    what: &str,
    row: impl Fn(&T) -> [String; COLUMNS],
) -> anyhow::Result<Outcome> {
    let mut file = CsvFile::create(arguments.output.as_deref(), columns)?;
    // on a terminal it would stand between the rows
    let progress = match arguments.output {
        Some(_) => progress(what),
        None => ProgressBar::hidden(),
    };
    while let Some(item) = poll_fn(|context| Pin::new(&mut items).poll_next(context)).await {
        let row = row(&item?);
        if !file.write(&row.each_ref().map(String::as_str)).await? {
            break;
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    file.finish().await?;
    Ok(Outcome::Complete)
}

fn tick_row(tick: &Tick) -> [String; TICK_COLUMNS.len()] {
    [
        time(tick.tick_time),
        tick.sequence.to_string(),
        tick.bid_price.to_string(),
        tick.ask_price.to_string(),
        tick.bid_volume.to_string(),
        tick.ask_volume.to_string(),
        tick.received_at.map_or(String::new(), time),
    ]
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
        price(empty.open),
        price(empty.high),
        price(empty.low),
        price(empty.close),
        "0".to_owned(),
        "0".to_owned(),
        empty.closed.to_string(),
        "filled".to_owned(),
    ]
}

fn known_row(candle: &Candle) -> [String; CANDLE_COLUMNS.len()] {
    [
        time(candle.open_time),
        time(candle.close_time()),
        candle.open.to_string(),
        candle.high.to_string(),
        candle.low.to_string(),
        candle.close.to_string(),
        candle.volume.to_string(),
        candle.tick_count.to_string(),
        candle.closed.to_string(),
        match &candle.source {
            CandleSource::Ticks => "ticks".to_owned(),
            CandleSource::Smaller => "smaller".to_owned(),
            CandleSource::Stored(by) => by.clone(),
        },
    ]
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
