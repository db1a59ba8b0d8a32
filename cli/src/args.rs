//! The command line.

mod delete;
mod export;
mod policies;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tickbook::domain::{InstrumentType, SymbolReference};
use tickbook::files::{QuoteColumn, TimeFormat};

pub(crate) use crate::commands::quarantine::QuarantineCommand;
pub(crate) use crate::commands::verify::VerifyArguments;
pub(crate) use delete::{
    DeleteArguments, DeleteCandlesArguments, DeleteCommand, DeleteTicksArguments,
};
pub(crate) use export::{
    ExportArguments, ExportCandlesArguments, ExportCommand, ExportTicksArguments,
};
pub(crate) use policies::{ApplyArguments, MaintainArguments, PoliciesArguments, PoliciesCommand};

const SETTINGS: &str = "\
Settings: DATABASE_URL (PostgreSQL: symbols) and TIMESCALEDB_URL (TimescaleDB: ticks, candles), or
config/default.toml in the working folder; `tickbook config` prints what counts. RUST_LOG=debug, or
-v and -vv, say more on standard error.

Exit codes: 0 done; 1 done, but something was rejected or in conflict, or `status` found something
not ready; 2 it could not run.

First steps:
  tickbook migrate
  tickbook status
  tickbook import symbols symbol-properties-database.csv --format lean --market oanda
  tickbook import ticks 201405*_quote.zip --symbol oanda:EURUSD --format lean";

/// Looks after the databases of tickbook: migrations, status, imports, exports.
#[derive(Debug, Parser)]
#[command(name = "tickbook", version, after_help = SETTINGS)]
pub(crate) struct Arguments {
    /// Logs more to standard error: -v information, -vv everything; RUST_LOG decides where it is set
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the migrations that have not run yet; harmless to repeat
    #[command(after_help = "\
Examples:
  tickbook migrate                 both databases
  tickbook migrate --timeseries    only the one of TIMESCALEDB_URL")]
    Migrate(MigrateArguments),
    /// Makes the candle relations ohlc_1m to ohlc_1d
    #[command(subcommand)]
    Aggregates(AggregatesCommand),
    /// Says, applies or removes how long ticks and candles are kept, compressed and refreshed
    #[command(subcommand)]
    Policies(PoliciesCommand),
    /// Does what is due by the policies and no job of the database does; harmless to repeat
    #[command(after_help = "\
Community edition: refreshes days whose ticks came late. Apache edition: stores the one-minute candles
of old ticks, then drops these, and old candles. The server does the same every few minutes. Exit
code 1 when another process is at it.

Example:
  tickbook maintain")]
    Maintain(MaintainArguments),
    /// Says whether both databases can serve, with versions, edition and pending migrations
    #[command(after_help = "\
Exit code 1 when one of them is not ready.

Examples:
  tickbook status
  tickbook status --json | jq .ready")]
    Status(StatusArguments),
    /// Prints the settings that count, without passwords
    #[command(after_help = "\
Example:
  TICK_BATCH_SIZE=500 tickbook config")]
    Config,
    /// Imports symbols, ticks or candles from files
    #[command(subcommand)]
    Import(ImportCommand),
    /// Writes ticks or candles as CSV
    #[command(subcommand)]
    Export(ExportCommand),
    /// Takes ticks or candles back, such as those of a wrong import
    #[command(subcommand)]
    Delete(DeleteCommand),
    /// Looks at the ticks that a server left on the disk, and stores them
    #[command(subcommand)]
    Spool(SpoolCommand),
    /// Looks at the ticks that a rule held back, and decides about them
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Compares candles with their ticks, looks at ticks, chunks and jobs, and mends what differs
    #[command(after_help = "\
Exit code 1 when something was found and is not mended, 2 when it could not be done.

Examples:
  tickbook verify
  tickbook verify --symbol oanda:EURUSD --from 2014-05-01T00:00:00Z --to 2014-05-08T00:00:00Z
  tickbook verify --gap 5m --stale 1h --weekends-rest --skip crossed_quotes
  tickbook verify --repair --json | jq 'select(.type == \"finding\")'")]
    Verify(VerifyArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SpoolCommand {
    /// Says what a spool holds, and which process works with it
    #[command(after_help = "\
Examples:
  tickbook spool inspect
  tickbook spool inspect --dir /var/lib/orderbook/spool --json")]
    Inspect(SpoolArguments),
    /// Stores the ticks of a spool that no process works with; harmless to repeat
    #[command(after_help = "\
Exit code 1 when something stays in the spool, is rejected or in conflict.

Example:
  tickbook spool replay")]
    Replay(SpoolArguments),
    /// Lists the ticks that no database would take, with the reason
    #[command(after_help = "\
A tick that is stored by --replay is a dead letter no longer. Exit code 1 when some are left.

Examples:
  tickbook spool dead-letter
  tickbook spool dead-letter --replay     tries them again
  tickbook spool dead-letter --discard    forgets them")]
    DeadLetter(DeadLetterArguments),
}

#[derive(Debug, Args)]
pub(crate) struct SpoolArguments {
    /// Where the spool is, instead of spool.directory
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeadLetterArguments {
    #[command(flatten)]
    pub(crate) spool: SpoolArguments,
    /// Tries them again
    #[arg(long, conflicts_with = "discard")]
    pub(crate) replay: bool,
    /// Forgets them after they are listed
    #[arg(long)]
    pub(crate) discard: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArguments {
    /// Only the metadata database (DATABASE_URL)
    #[arg(long)]
    pub(crate) metadata: bool,
    /// Only the time-series database (TIMESCALEDB_URL)
    #[arg(long)]
    pub(crate) timeseries: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AggregatesCommand {
    /// Makes those that are missing: continuous aggregates, or views on the Apache edition
    #[command(after_help = "\
Harmless to repeat; nothing is ever dropped.

Example:
  tickbook aggregates apply")]
    Apply,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Creates the symbols of one market, or overwrites what is known of them
    #[command(after_help = "\
The market becomes the exchange of its symbols, unless --exchange says another one. Symbols keep
their ids. A row that cannot be used is listed and the others are stored; the exit code is then 1.
A market may have one name with several types: import them one by one with --type and --exchange.

Examples:
  tickbook import symbols symbol-properties-database.csv --format lean --market oanda
  tickbook import symbols symbol-properties-database.csv --format lean --market binance \\
      --type cryptofuture --exchange binance-futures")]
    Symbols(ImportSymbolsArguments),
    /// Imports the ticks of one symbol; what is stored already is counted, not stored again
    #[command(after_help = "\
Files are zipped or plain and read in the order given. Ticks of one instant are numbered in that order,
unless a column `sequence` numbers them: give files in the order of time, and all pieces of a file
that was split at once.

  lean   `milliseconds since midnight UTC,bid,ask`, or with sizes `…,bid,bid size,ask,ask size`; the
         date is the one the file's name (or that of the entry in a zip) starts with
  csv    with a header row. Columns: tick_time (or time, timestamp), bid_price (bid), ask_price (ask);
         optional bid_volume (bid_size), ask_volume (ask_size), sequence

A line that cannot be used is rejected, listed on standard error, and the others are stored; so is one
whose time is further ahead of the clock than quality.future_limit_ms, unless --allow-future is given.
A tick whose time and sequence are taken by another content is a conflict: what was stored stays. The
last line is `read N, inserted N, duplicates N, conflicts N, rejected N, crossed N` (crossed: bid
above ask, stored all the same). Exit code 1 when anything was rejected or in conflict.

Examples:
  tickbook import ticks 20140501_quote.zip --symbol oanda:EURUSD --format lean
  tickbook import ticks quotes.csv --symbol EURUSD --format csv --create-symbol
  tickbook import ticks export.csv --symbol EURUSD --format csv \\
      --column tick_time=ts --column bid_price=b --column ask_price=a --time-format ms")]
    Ticks(ImportTicksArguments),
    /// Imports the one-minute candles of one symbol; what is stored already is overwritten
    #[command(after_help = "\
Files are zipped or plain. Where a candle is stored it is read instead of the one that ticks make,
and larger timeframes are made of it.

  lean   `milliseconds since midnight UTC,bid open,high,low,close,bid size,ask open,high,low,close,
         ask size`, one line a minute; the date is the one the file's name (or that of the entry in
         a zip) starts with. A line makes a candle of the bid and one of the ask; the volume of both
         is the sum of both sizes, and the number of ticks is 0, since it is not known

A line that cannot be used is rejected, listed on standard error, and the others are stored; so is one
whose minute is further ahead of the clock than quality.future_limit_ms, unless --allow-future is
given. The last line is `read N, stored N, rejected N`: lines read, candles stored, lines rejected.
Exit code 1 when anything was rejected. Harmless to repeat.

Examples:
  tickbook import candles 20140501_quote.zip --symbol oanda:EURUSD --format lean
  tickbook import candles bars/*.zip --symbol EURUSD --format lean --create-symbol --source lean")]
    Candles(ImportCandlesArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ImportSymbolsArguments {
    /// The table, zipped or plain
    pub(crate) file: PathBuf,
    /// How it is written; lean: LEAN's symbol-properties-database.csv
    #[arg(long)]
    pub(crate) format: SymbolFormat,
    /// The market whose symbols to import, as the table writes it
    #[arg(long)]
    pub(crate) market: String,
    /// Only symbols of this type, such as forex or crypto
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) instrument_type: Option<InstrumentType>,
    /// The exchange they are stored under, instead of the market
    #[arg(long)]
    pub(crate) exchange: Option<String>,
    /// Prints the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportTicksArguments {
    /// The files, zipped or plain
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Whose ticks they are: EURUSD, or oanda:EURUSD where several exchanges have that name
    #[arg(long)]
    pub(crate) symbol: SymbolReference,
    /// How they are written
    #[arg(long)]
    pub(crate) format: TickFormat,
    /// Creates the symbol if there is none; on the exchange `default` when --symbol names none
    #[arg(long)]
    pub(crate) create_symbol: bool,
    /// csv: what the file calls a column, such as tick_time=ts; may be repeated
    #[arg(long = "column", value_name = "COLUMN=NAME", value_parser = column)]
    pub(crate) columns: Vec<(QuoteColumn, String)>,
    /// csv: how times are written: RFC 3339, or a whole number of this unit since 1970
    #[arg(long, value_name = "FORMAT", default_value = "rfc3339")]
    pub(crate) time_format: TimeFormatName,
    /// Takes ticks of times to come, however far ahead of this machine's clock they are
    #[arg(long)]
    pub(crate) allow_future: bool,
    /// Ticks in one transaction
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) batch_size: u32,
    /// Prints the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportCandlesArguments {
    /// The files, zipped or plain
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Whose candles they are: EURUSD, or oanda:EURUSD where several exchanges have that name
    #[arg(long)]
    pub(crate) symbol: SymbolReference,
    /// How they are written
    #[arg(long)]
    pub(crate) format: CandleFormat,
    /// Creates the symbol if there is none; on the exchange `default` when --symbol names none
    #[arg(long)]
    pub(crate) create_symbol: bool,
    /// What the candles say where they come from, 1 to 50 characters
    #[arg(long, default_value = "import")]
    pub(crate) source: String,
    /// Takes candles of times to come, however far ahead of this machine's clock they are
    #[arg(long)]
    pub(crate) allow_future: bool,
    /// Lines in one transaction
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) batch_size: u32,
    /// Prints the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SymbolFormat {
    Lean,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CandleFormat {
    Lean,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TickFormat {
    Lean,
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimeFormatName {
    Rfc3339,
    S,
    Ms,
    Us,
    Ns,
}

impl From<TimeFormatName> for TimeFormat {
    fn from(name: TimeFormatName) -> Self {
        match name {
            TimeFormatName::Rfc3339 => Self::Rfc3339,
            TimeFormatName::S => Self::Seconds,
            TimeFormatName::Ms => Self::Milliseconds,
            TimeFormatName::Us => Self::Microseconds,
            TimeFormatName::Ns => Self::Nanoseconds,
        }
    }
}

fn column(text: &str) -> Result<(QuoteColumn, String), String> {
    let Some((column, name)) = text.split_once('=') else {
        return Err("write it like tick_time=ts".to_owned());
    };
    let column: QuoteColumn = column.parse().map_err(|error| format!("{error}"))?;
    Ok((column, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_that_does_something_teaches_by_an_example() {
        fn check(command: &clap::Command) {
            if command.has_subcommands() {
                command.get_subcommands().for_each(check);
                return;
            }
            let help = command.get_after_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            assert!(help.contains("Example"), "{}", command.get_name());
            assert!(help.contains("tickbook "), "{}", command.get_name());
        }
        check(&Arguments::command());
    }
}
