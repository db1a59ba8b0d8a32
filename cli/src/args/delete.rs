//! The command line of what takes ticks and candles back.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tickbook::domain::{SymbolReference, Timeframe};

use crate::times::time_or_date;

#[derive(Debug, Subcommand)]
pub(crate) enum DeleteCommand {
    /// Deletes the ticks of one symbol and range; candles follow
    #[command(after_help = "\
Says how many ticks go and how many candles change, then asks; not on a terminal it wants --yes. Exit
code 1 when nothing was deleted for that reason. Ticks go day by day, each day with its candles at one
instant: a command that ended early is run again. Candles that were imported stay, and so do ticks that
are held back, or that wait in a spool: these are stored later. Ticks before the time that the policies
have dropped are refused, since only their candles are kept.

Examples:
  tickbook delete ticks --symbol oanda:EURUSD --from 2014-05-01 --to 2014-05-02 --dry-run
  tickbook delete ticks --symbol oanda:EURUSD --from 2014-05-01T09:30:00Z --to 2014-05-01T09:31:00Z --yes --json")]
    Ticks(DeleteTicksArguments),
    /// Deletes the candles of one symbol and range that stand without ticks: imported ones, and those
    /// kept of dropped ticks
    #[command(after_help = "\
Candles that are made of stored ticks stay, and their number is told: delete the ticks. --from and --to
must be ends of days, or of candles of --timeframe. Candles that are kept of dropped ticks are those of
one minute, with the larger ones that are made of them: they go without --timeframe, or with 1m.

Says how many go, then asks; not on a terminal it wants --yes. Exit code 1 when nothing was deleted for
that reason.

Examples:
  tickbook delete candles --symbol oanda:EURUSD --from 2014-05-01 --to 2014-06-01 --dry-run
  tickbook delete candles --symbol oanda:EURUSD --timeframe 1m --from 2014-05-01T09:30:00Z --to 2014-05-01T10:00:00Z")]
    Candles(DeleteCandlesArguments),
}

#[derive(Debug, Args)]
pub(crate) struct DeleteTicksArguments {
    #[command(flatten)]
    pub(crate) what: DeleteArguments,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteCandlesArguments {
    #[command(flatten)]
    pub(crate) what: DeleteArguments,
    /// Only those of this width: 1m, 5m, 15m, 30m, 1h, 4h or 1d
    #[arg(long)]
    pub(crate) timeframe: Option<Timeframe>,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArguments {
    /// Whose: EURUSD, oanda:EURUSD where several exchanges have that name, or its id
    #[arg(long)]
    pub(crate) symbol: SymbolReference,
    /// From this time on, such as 2014-05-01 or 2014-05-01T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) from: DateTime<Utc>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) to: DateTime<Utc>,
    /// Says what would be deleted, and deletes nothing
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
    /// Deletes without asking
    #[arg(long)]
    pub(crate) yes: bool,
    /// Prints one JSON object, and never asks
    #[arg(long)]
    pub(crate) json: bool,
}
