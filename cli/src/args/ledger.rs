//! Command line of `tickbook ledger`.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Subcommand};
use tickbook_ledger::domain::performance::{RoundTripGrouping, RoundTripMatching, Tz};
use tickbook_ledger::domain::{CostMethod, Currency, Environment, PositionMode, Venue};

use super::export::is_stdout;
use super::statement::{StatementArguments, time_zone};
use crate::times::time_or_date;

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Lists accounts, by ascending id, and creates, renames or closes them
    #[command(args_conflicts_with_subcommands = true)]
    #[command(after_help = "\
With --json each line is one object.

Examples:
  tickbook ledger accounts
  tickbook ledger accounts --environment live --json | jq -r .name
  tickbook ledger accounts create main --venue kraken --environment live --currency USD")]
    Accounts(AccountsArguments),
    /// Compares stored orders, fills and positions with the journal, and the order history with it
    #[command(after_help = "\
For each account: whether the digest of the stored orders, fills and positions is that of the journal, the number of
copied events, the number of those that are not copied yet, and the events that only the time-series database has.
The metadata database has lost such events, for example because it was restored from an older backup: they are
listed, with --json as whole events that `tickbook ledger import` reads. Exit code 1 if a digest differs or such
events exist.

With --json each line is the object of an account.

Examples:
  tickbook ledger verify
  tickbook ledger verify --account main --json | jq -c '.surplus[].event' > lost.jsonl
  tickbook ledger verify --digests-only")]
    Verify(VerifyLedgerArguments),
    /// Computes orders, fills and positions from the journal, and stores them if they differ
    #[command(after_help = "\
The journal stays as it is. Writers of the account wait meanwhile.

Examples:
  tickbook ledger rebuild --account main
  tickbook ledger rebuild --all --json")]
    Rebuild(RebuildArguments),
    /// Writes the journal of an account as JSON lines, one event in each
    #[command(after_help = "\
`tickbook ledger import --format jsonl` reads this format. --json prints a summary with the number of events, on
standard output with --output, and on standard error without.

Examples:
  tickbook ledger export --account main --output main.jsonl
  tickbook ledger export --account 1 | jq -c 'select(.kind.filled)'")]
    Export(ExportLedgerArguments),
    /// Books events from JSON lines, or fills from statements of brokers; may be repeated
    #[command(after_help = "\
  jsonl  one event in each line, as `tickbook ledger export` writes it
  csv    a statement of a broker: a header row, and one fill in each row. The columns are time, date, symbol, side,
         quantity, price, fee, fee_currency, exec_id, order_id. They are found by usual headers; --map gives others. Without
         a side, a negative quantity is a sale. Times without an offset need --time-zone. A number is never
         guessed: 1,5 needs --decimal-comma, and 1,500 needs --thousands.

All files are read before anything is booked. Bad lines are listed with their reasons on standard error, and then nothing
is booked unless --skip-bad-lines is given. The events of a file are booked in transactions of 10,000. An event that is
booked already is counted as a duplicate, so an import may be repeated. The last line is `read N, appended N, duplicates N,
conflicts N, refused N, bad lines N`; conflicts and refused events are kept in the quarantine of the account. Exit code 1
if there are bad lines, conflicts or refused events.

A row of a statement whose order is unknown creates an external order. A row without exec_id gets one that follows
from its content and the number of equal rows before it in the file: statements may overlap, and two equal
rows of one file are two fills.

Examples:
  tickbook ledger import main.jsonl --account copy --format jsonl
  tickbook ledger import fills.csv --account main --format csv --exchange nasdaq --time-zone America/New_York
  tickbook ledger import auszug.csv --account main --format csv --delimiter ';' --decimal-comma --thousands . \\
      --map time=Datum,symbol=Papier,quantity=Stück,price=Kurs --time-format '%d.%m.%Y %H:%M:%S' \\
      --time-zone Europe/Berlin --fee-currency EUR --dry-run")]
    Import(ImportLedgerArguments),
    /// Copies booked events to the time-series database
    #[command(after_help = "\
Without --follow it copies what waits and ends. A running server that relays does the same; both may run at once. With
--again it copies the whole journal of an account, after the time-series database was lost or restored from an
older backup; events that are there already stay. Exit code 1 if the time-series database has events that the metadata
database does not have: `tickbook ledger verify` lists them.

Examples:
  tickbook ledger relay
  tickbook ledger relay --follow
  tickbook ledger relay --account main --again")]
    Relay(RelayArguments),
    /// Lists the equity points of an account, or records some
    #[command(after_help = "\
--record reads JSON lines, one point in each: as_of, equity, cash, flows (0 if left out) and source. It may be repeated:
points that are recorded are counted as duplicates, and a point with other content than the recorded one of its instant
is listed as a conflict. Nothing is recorded if a line is bad. Exit code 1 if there are conflicts.

With --json each line is one object.

Examples:
  tickbook ledger equity --account main --from 2024-05-01 --json
  echo '{\"as_of\":\"2024-05-01T20:00:00Z\",\"equity\":\"10000\",\"cash\":\"2500\",\"source\":\"broker\"}' > points.jsonl
  tickbook ledger equity --account main --record points.jsonl")]
    Equity(EquityArguments),
    /// Prints the performance of an account: days, metrics, drawdowns, and with --round-trips trades
    #[command(after_help = "\
Each metric has a named definition. A definition that gives no number for the returns prints the reason, such as
zero_variance.

With --json prints one object, as GET /api/v1/accounts/{account_id}/performance names its fields.

Examples:
  tickbook ledger performance --account main --from 2024-05-01 --to 2024-06-01
  tickbook ledger performance --account main --from 2024-01-01 --to 2025-01-01 --round-trips flat_to_flat --json")]
    Performance(PerformanceArguments),
}

impl LedgerCommand {
    /// Whether standard output is filled with events.
    pub(crate) fn fills_stdout(&self) -> bool {
        match self {
            Self::Export(arguments) => arguments.output.as_deref().is_none_or(is_stdout),
            _ => false,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct AccountsArguments {
    #[command(subcommand)]
    pub(crate) command: Option<AccountsCommand>,
    #[command(flatten)]
    pub(crate) list: ListAccountsArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ListAccountsArguments {
    /// Only accounts of this environment: live, paper, sim or backtest
    #[arg(long)]
    pub(crate) environment: Option<Environment>,
    /// Only accounts that are not closed
    #[arg(long)]
    pub(crate) open: bool,
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountsCommand {
    /// Creates an account
    #[command(after_help = "\
Only the name may change later. Exit code 2 if an account of the tenant has the name.

Examples:
  tickbook ledger accounts create main --venue kraken --environment live --currency USD
  tickbook ledger accounts create test-1 --venue sim --environment backtest --currency USD --cost-method fifo")]
    Create(CreateAccountArguments),
    /// Renames an account
    #[command(after_help = "\
Example:
  tickbook ledger accounts rename main kraken-main")]
    Rename(RenameAccountArguments),
    /// Closes an account: it takes no further orders, but reports about its orders
    #[command(after_help = "\
May be repeated.

Example:
  tickbook ledger accounts close main")]
    Close(CloseAccountArguments),
}

#[derive(Debug, Args)]
pub(crate) struct CreateAccountArguments {
    /// Its name, unique within the tenant
    pub(crate) name: String,
    /// The venue or broker that keeps it, such as kraken
    #[arg(long)]
    pub(crate) venue: Venue,
    /// Where its orders are executed: live, paper, sim or backtest
    #[arg(long)]
    pub(crate) environment: Environment,
    /// The currency of its reports, such as USD
    #[arg(long)]
    pub(crate) currency: Currency,
    /// The owner
    #[arg(long, default_value_t = 1)]
    pub(crate) tenant: i64,
    /// The IANA time zone in which its days begin
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(crate) time_zone: String,
    /// How the cost of the closed part of a position is computed: average, fifo or lifo
    #[arg(long, value_name = "METHOD", default_value = "average")]
    pub(crate) cost_method: CostMethod,
    /// netting (one position in a symbol) or hedging (several)
    #[arg(long, value_name = "MODE", default_value = "netting")]
    pub(crate) position_mode: PositionMode,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RenameAccountArguments {
    /// The account: its id or its name
    pub(crate) account: String,
    /// The new name
    pub(crate) name: String,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CloseAccountArguments {
    /// The account: its id or its name
    pub(crate) account: String,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyLedgerArguments {
    /// Only this account: its id or its name
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// Only compares digests, which needs the metadata database alone
    #[arg(long)]
    pub(crate) digests_only: bool,
    /// Prints one JSON object per account
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("accounts").required(true).args(["account", "all"]))]
pub(crate) struct RebuildArguments {
    /// The account: its id or its name
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// All accounts
    #[arg(long)]
    pub(crate) all: bool,
    /// Prints one JSON object per account
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportLedgerArguments {
    /// The account: its id or its name
    #[arg(long)]
    pub(crate) account: String,
    /// The file to write; standard output without it
    #[arg(long, short)]
    pub(crate) output: Option<PathBuf>,
    /// Replaces an existing file
    #[arg(long)]
    pub(crate) force: bool,
    /// Prints a summary as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LedgerFormat {
    Jsonl,
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct ImportLedgerArguments {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The account: its id or its name
    #[arg(long)]
    pub(crate) account: String,
    /// The format of the files
    #[arg(long)]
    pub(crate) format: LedgerFormat,
    #[command(flatten)]
    pub(crate) statement: StatementArguments,
    /// Books the other lines if some are bad
    #[arg(long)]
    pub(crate) skip_bad_lines: bool,
    /// Only reads and checks the files
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Prints the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RelayArguments {
    /// Copies until it is interrupted
    #[arg(long, conflicts_with_all = ["account", "again", "json"])]
    pub(crate) follow: bool,
    /// The account of --again: its id or its name
    #[arg(long, requires = "again")]
    pub(crate) account: Option<String>,
    /// Copies the whole journal of the account again
    #[arg(long, requires = "account")]
    pub(crate) again: bool,
    /// Prints the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EquityArguments {
    /// The account: its id or its name
    #[arg(long)]
    pub(crate) account: String,
    /// Only points from this time or date on
    #[arg(long, value_parser = time_or_date)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Only points before this time or date
    #[arg(long, value_parser = time_or_date)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// Records the points of this file
    #[arg(long, conflicts_with_all = ["from", "to"])]
    pub(crate) record: Option<PathBuf>,
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PerformanceArguments {
    /// The account: its id or its name
    #[arg(long)]
    pub(crate) account: String,
    /// The first day, such as 2024-05-01
    #[arg(long)]
    pub(crate) from: NaiveDate,
    /// The day after the last one
    #[arg(long)]
    pub(crate) to: NaiveDate,
    /// The IANA name of the time zone of days; by default that of the account
    #[arg(long, value_name = "ZONE", value_parser = time_zone)]
    pub(crate) time_zone: Option<Tz>,
    /// How fills make round trips: fill_to_fill, flat_to_flat, flat_to_reduced or flat_to_flat_lean
    #[arg(long)]
    pub(crate) round_trips: Option<RoundTripGrouping>,
    /// Which open fill a closing fill closes: fifo or lifo
    #[arg(long, requires = "round_trips", default_value = "fifo")]
    pub(crate) matching: RoundTripMatching,
    /// Prints the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
