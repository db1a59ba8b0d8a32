//! Command line of `tickbook export`.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use tickbook::domain::{GapFill, PriceBasis, SymbolReference, Timeframe};
use tickbook::files::{QuoteColumn, TradeColumn};

use super::names::basis;
use crate::times::time_or_date;

#[derive(Debug, Subcommand)]
pub(crate) enum ExportCommand {
    /// Writes the ticks of one symbol, oldest first
    #[command(after_help = help_of_ticks())]
    Ticks(ExportTicksArguments),
    /// Writes the trades of one symbol, oldest first
    #[command(after_help = help_of_trades())]
    Trades(ExportTradesArguments),
    /// Writes the candles of one symbol, oldest first
    #[command(after_help = "\
Columns: open_time,close_time,timeframe,basis,open,high,low,close,volume,tick_count,closed,source;
with --basis trade also buy_volume,notional,vwap.
`tickbook import candles --format csv` reads this format. The source is ticks, rolled_up (computed from smaller
candles), the source of a stored candle, or filled: a placeholder that --fill adds for a bucket without ticks
between the symbol's first and newest candle. Placeholders have no volume, and an empty field for each missing
price. --json prints a summary with the number of rows, on standard output with --output, and on standard
error without.

Examples:
  tickbook export candles --symbol oanda:EURUSD --timeframe 1h --basis mid --output hours.csv
  tickbook export candles --symbol oanda:EURUSD --timeframe 1d --closed
  tickbook export candles --symbol oanda:EURUSD --fill flat --from 2014-05-01")]
    Candles(ExportCandlesArguments),
    /// Writes the stored order book of one symbol, oldest first: one row for each level
    #[command(after_help = "\
Columns: event,time,sequence,side,price,quantity,reason. The event is snapshot (all levels of the book, the best
one of a side first), update (new quantities; 0 removes a level) or end (the book is not known from this time on,
for the reason). The side is bid or ask. A snapshot without levels has one row without side, price and quantity: there was
no liquidity. Rows with the same event, time and sequence belong together. A program that loads each snapshot,
applies each update, and forgets the book at each end has the book of each instant. Updates before the first snapshot
belong to a book that begins before the range. Memory holds only a few pages of the range. The file appears when it is
complete. --json prints a summary with the number of rows.

Examples:
  tickbook export books --symbol kraken:BTC/USD --from 2026-11-29 --to 2026-11-30 --output btcusd.csv
  tickbook export books --symbol kraken:BTC/USD --only snapshots --depth 1
  tickbook export books --symbol 7 --only updates | head")]
    Books(ExportBooksArguments),
}

fn help_of_ticks() -> String {
    let columns: Vec<_> = QuoteColumn::ALL.iter().map(|it| it.as_str()).collect();
    format!("Columns: {}. {HELP_OF_TICKS}", columns.join(","))
}

fn help_of_trades() -> String {
    let columns: Vec<_> = TradeColumn::ALL.iter().map(|it| it.as_str()).collect();
    format!("Columns: {}. {HELP_OF_TRADES}", columns.join(","))
}

const HELP_OF_TRADES: &str = "\
The
aggressor side is buy or sell, and empty if it is unknown. An absent id is empty. `tickbook import trades
--format csv` reads this format. Memory holds only a few pages of the range. The file appears when it is complete; an export that ends early leaves no file. --json prints a
summary with the number of rows, on standard output with --output, and on standard error without.

Examples:
  tickbook export trades --symbol comex:GC --output gold.csv
  tickbook export trades --symbol comex:GC --from 2013-10-06 --to 2013-10-07 | head";

const HELP_OF_TICKS: &str = "\
The price of an absent
side and an unknown volume are empty. `tickbook import ticks --format csv` reads this format. Memory holds
only a few pages of the range. The file appears when it is complete; an export that ends early
leaves no file. A device or a pipe is written directly. --json prints a summary with the number of rows, on
standard output with --output, and on standard error without.

Examples:
  tickbook export ticks --symbol oanda:EURUSD --output eurusd.csv
  tickbook export ticks --symbol oanda:EURUSD --output eurusd.csv --json | jq .rows
  tickbook export ticks --symbol oanda:EURUSD --from 2014-05-01 --to 2014-05-02 | head";

impl ExportCommand {
    /// Whether it writes its rows to standard output.
    pub(crate) fn fills_stdout(&self) -> bool {
        let what = match self {
            Self::Ticks(arguments) => &arguments.what,
            Self::Trades(arguments) => &arguments.what,
            Self::Candles(arguments) => &arguments.what,
            Self::Books(arguments) => &arguments.what,
        };
        what.output.as_deref().is_none_or(is_stdout)
    }
}

/// Whether a path denotes standard output.
pub(crate) fn is_stdout(path: &Path) -> bool {
    [Path::new("-"), Path::new("/dev/stdout")].contains(&path)
}

#[derive(Debug, Args)]
pub(crate) struct ExportTicksArguments {
    #[command(flatten)]
    pub(crate) what: ExportArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ExportTradesArguments {
    #[command(flatten)]
    pub(crate) what: ExportArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ExportCandlesArguments {
    #[command(flatten)]
    pub(crate) what: ExportArguments,
    /// Width of the candles: 1m, 5m, 15m, 30m, 1h, 4h, 1d, a multiple such as 3m, 2h or 10d, 1w, 1M, or
    /// 1s, 5s, 10s, 15s, 30s
    #[arg(long, default_value = "1m")]
    pub(crate) timeframe: Timeframe,
    /// Price from which the candles are computed
    #[arg(long, default_value = "bid", value_parser = basis())]
    pub(crate) basis: PriceBasis,
    /// Omits candles that are still forming
    #[arg(long)]
    pub(crate) closed: bool,
    /// Placeholder of a bucket without ticks: none, null (no prices), previous (the previous close as close),
    /// or flat (the previous close as every price)
    #[arg(long, default_value = "none")]
    pub(crate) fill: GapFill,
}

#[derive(Debug, Args)]
pub(crate) struct ExportBooksArguments {
    #[command(flatten)]
    pub(crate) what: ExportArguments,
    /// Rows to write, besides the ends of the times in which the book was known
    #[arg(long, value_enum)]
    pub(crate) only: Option<BookRows>,
    /// Maximum number of levels of each side, 1 to 1000; requires --only snapshots
    #[arg(long, value_name = "LEVELS", requires = "only", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) depth: Option<u16>,
}

/// A kind of rows of stored books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BookRows {
    /// Snapshots
    Snapshots,
    /// Updates, which are stored only if the setting books.updates is on
    Updates,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// The symbol: EURUSD, oanda:EURUSD if several exchanges have that name, or its id
    #[arg(long)]
    pub(crate) symbol: SymbolReference,
    /// Start of the range (inclusive), such as 2014-05-01 or 2014-05-01T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// End of the range (exclusive)
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// Output file, device or pipe; standard output if it is - or omitted
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replaces an existing file; if --output is a link, its target
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
    /// Prints a summary as one JSON object, on standard error if the rows are on standard output
    #[arg(long)]
    pub(crate) json: bool,
}
