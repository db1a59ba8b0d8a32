//! The command line of exports.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tickbook::domain::{GapFill, PriceBasis, SymbolReference, Timeframe};

use crate::times::time_or_date;

#[derive(Debug, Subcommand)]
pub(crate) enum ExportCommand {
    /// Writes the ticks of one symbol, oldest first
    #[command(after_help = "\
Columns: tick_time,sequence,bid_price,ask_price,bid_volume,ask_volume,received_at. The price of an absent
side and an unknown volume are empty. `tickbook import ticks --format csv` reads them back. Of a range of
any length only some pages are held in memory. The file is there when it is complete, and of an export that
ended early nothing is left. A device or a pipe is written as it comes. --json prints a summary with the
number of rows, on standard output with --output, and on standard error without.

Examples:
  tickbook export ticks --symbol oanda:EURUSD --output eurusd.csv
  tickbook export ticks --symbol oanda:EURUSD --output eurusd.csv --json | jq .rows
  tickbook export ticks --symbol oanda:EURUSD --from 2014-05-01 --to 2014-05-02 | head")]
    Ticks(ExportTicksArguments),
    /// Writes the candles of one symbol, oldest first
    #[command(after_help = "\
Columns: open_time,close_time,timeframe,basis,open,high,low,close,volume,tick_count,closed,source.
`tickbook import candles --format csv` reads them back. The source is ticks, smaller (made of stored smaller candles), the name that a stored candle has, or filled: no candle, but a
bucket that --fill lists. Such buckets lie between the symbol's first and newest candle, have no ticks
and no volume, and where they have no price the field is empty. --json prints a summary with the number of
rows, on standard output with --output, and on standard error without.

Examples:
  tickbook export candles --symbol oanda:EURUSD --timeframe 1h --basis mid --output hours.csv
  tickbook export candles --symbol oanda:EURUSD --timeframe 1d --closed
  tickbook export candles --symbol oanda:EURUSD --fill flat --from 2014-05-01")]
    Candles(ExportCandlesArguments),
}

impl ExportCommand {
    /// Whether its rows are on standard output.
    pub(crate) fn fills_stdout(&self) -> bool {
        let what = match self {
            Self::Ticks(arguments) => &arguments.what,
            Self::Candles(arguments) => &arguments.what,
        };
        what.output.as_deref().is_none_or(is_stdout)
    }
}

/// Whether an output is standard output by another name.
pub(crate) fn is_stdout(path: &Path) -> bool {
    [Path::new("-"), Path::new("/dev/stdout")].contains(&path)
}

#[derive(Debug, Args)]
pub(crate) struct ExportTicksArguments {
    #[command(flatten)]
    pub(crate) what: ExportArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ExportCandlesArguments {
    #[command(flatten)]
    pub(crate) what: ExportArguments,
    /// Their width: 1m, 5m, 15m, 30m, 1h, 4h or 1d
    #[arg(long, default_value = "1m")]
    pub(crate) timeframe: Timeframe,
    /// Which price: bid, ask or mid
    #[arg(long, default_value = "bid")]
    pub(crate) basis: PriceBasis,
    /// Leaves out candles that still change
    #[arg(long)]
    pub(crate) closed: bool,
    /// What stands in a gap: none, null (no prices), previous (the close before as close), or flat (the
    /// close before as every price)
    #[arg(long, default_value = "none")]
    pub(crate) fill: GapFill,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Whose: EURUSD, oanda:EURUSD where several exchanges have that name, or its id
    #[arg(long)]
    pub(crate) symbol: SymbolReference,
    /// From this time on, such as 2014-05-01 or 2014-05-01T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// Where to: a file, a device or a pipe; standard output for - and when it is left out
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replaces the file of --output, or that which a link there leads to
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
    /// Prints a summary as one JSON object; on standard error where the rows are on standard output
    #[arg(long)]
    pub(crate) json: bool,
}
