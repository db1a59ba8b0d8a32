//! Command line of `tickbook delete`.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tickbook::domain::{SymbolReference, Timeframe};

use super::names::stored_timeframe;
use crate::times::time_or_date;

#[derive(Debug, Subcommand)]
pub(crate) enum DeleteCommand {
    /// Deletes the ticks of one symbol and range, and updates their candles
    #[command(after_help = "\
Shows how many ticks would be deleted and how many candles would change, then asks for confirmation; without
a terminal it requires --yes. Exit code 1 if nothing was deleted for that reason. Ticks are deleted day by
day, each day together with its candles; run the command again if it ended early. Imported candles are not
deleted, nor are ticks in quarantine or in a spool: those are stored later. Ticks older than the policies'
drop limit are refused, because only their candles exist.

Examples:
  tickbook delete ticks --symbol oanda:EURUSD --from 2014-05-01 --to 2014-05-02 --dry-run
  tickbook delete ticks --symbol oanda:EURUSD --from 2014-05-01T09:30:00Z --to 2014-05-01T09:31:00Z --yes --json")]
    Ticks(DeleteTicksArguments),
    /// Deletes the trades of one symbol and range
    #[command(after_help = "\
Shows how many trades would be deleted, then asks for confirmation; without a terminal it requires --yes. Exit
code 1 if nothing was deleted for that reason. Trades are deleted day by day; run the command again if it ended
early.

Examples:
  tickbook delete trades --symbol comex:GC --from 2013-10-06 --to 2013-10-07 --dry-run
  tickbook delete trades --symbol comex:GC --from 2013-10-06 --to 2013-10-07 --yes --json")]
    Trades(DeleteTradesArguments),
    /// Deletes the candles of one symbol and range that exist without ticks: imported candles, and candles of
    /// dropped ticks
    #[command(after_help = "\
Candles computed from stored ticks are counted and not deleted: delete the ticks instead. --from and --to must
be bounds of days, or of candles of --timeframe. Candles of dropped ticks are stored as one-minute candles;
larger candles are computed from them. Delete them without --timeframe, or with 1m.

Shows how many candles would be deleted, then asks for confirmation; without a terminal it requires --yes.
Exit code 1 if nothing was deleted for that reason.

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
pub(crate) struct DeleteTradesArguments {
    #[command(flatten)]
    pub(crate) what: DeleteArguments,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteCandlesArguments {
    #[command(flatten)]
    pub(crate) what: DeleteArguments,
    /// Only candles of this timeframe
    #[arg(long, value_parser = stored_timeframe())]
    pub(crate) timeframe: Option<Timeframe>,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArguments {
    /// The symbol: EURUSD, oanda:EURUSD if several exchanges have that name, or its id
    #[arg(long)]
    pub(crate) symbol: SymbolReference,
    /// Start of the range (inclusive), such as 2014-05-01 or 2014-05-01T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) from: DateTime<Utc>,
    /// End of the range (exclusive)
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) to: DateTime<Utc>,
    /// Shows what would be deleted, and deletes nothing
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
    /// Deletes without confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    /// Prints one JSON object, and never asks
    #[arg(long)]
    pub(crate) json: bool,
}
