//! Command line: the top-level commands.

mod audit;
mod credentials;
mod delete;
mod exchanges;
mod export;
mod feed;
mod importing;
mod ledger;
mod names;
mod policies;
mod risk;
mod spool;
mod statement;
mod symbols;
mod tokens;
mod users;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use crate::commands::quarantine::QuarantineCommand;
pub(crate) use crate::commands::verify::VerifyArguments;
pub(crate) use audit::{AuditCommand, ListAuditArguments, VerifyAuditArguments};
pub(crate) use credentials::{
    AddCredentialArguments, CredentialNameArguments, CredentialsCommand, ListCredentialsArguments,
    RevokeCredentialArguments, RotateCredentialsArguments,
};
pub(crate) use delete::{
    DeleteArguments, DeleteCandlesArguments, DeleteCommand, DeleteTicksArguments,
    DeleteTradesArguments,
};
pub(crate) use exchanges::{
    CreateExchangeArguments, DescribeExchangeArguments, ExchangeFactArguments, ExchangesCommand,
    GivenSessions, ListExchangesArguments, ShowExchangeArguments,
};
pub(crate) use export::{
    BookRows, ExportArguments, ExportBooksArguments, ExportCandlesArguments, ExportCommand,
    ExportTicksArguments, ExportTradesArguments, is_stdout,
};
pub(crate) use feed::{
    FeedCheckArguments, FeedCommand, FeedFillArguments, FeedGapsArguments, FeedRecordArguments,
    FeedReplayArguments,
};
pub(crate) use importing::{
    CandleFormat, ImportCandlesArguments, ImportCommand, ImportRowsArguments,
    ImportSymbolsArguments, LeanArguments, SymbolFormat, TimeFormatName,
};
pub(crate) use ledger::{
    AccountsArguments, AccountsCommand, CloseAccountArguments, CreateAccountArguments,
    ExportLedgerArguments, ImportLedgerArguments, LedgerCommand, LedgerFormat,
    ListAccountsArguments, RebuildArguments, RelayArguments, RenameAccountArguments,
    VerifyLedgerArguments,
};
pub(crate) use policies::{ApplyArguments, MaintainArguments, PoliciesArguments, PoliciesCommand};
pub(crate) use risk::{AcknowledgeArguments, ListRiskArguments, RiskCommand};
pub(crate) use spool::{DeadLetterArguments, SpoolArguments, SpoolCommand};
pub(crate) use statement::StatementArguments;
pub(crate) use symbols::{
    AliasSymbolArguments, DescribeSymbolArguments, FactArguments, ListSymbolsArguments,
    OneSymbolArguments, RenameSymbolArguments, ShowSymbolArguments, SymbolsCommand,
    SyncSymbolsArguments,
};
pub(crate) use tokens::{
    AddTokenArguments, Expiry, ListTokensArguments, RevokeTokenArguments, TokensCommand,
    TokensFileArguments,
};
pub(crate) use users::{CreateUserArguments, GrantArguments, OneUserArguments, UsersCommand};

const SETTINGS: &str = "\
Settings: DATABASE_URL (PostgreSQL: symbols) and TIMESCALEDB_URL (TimescaleDB: ticks, candles), or
config/default.toml or tickbook.toml in the working directory; `tickbook config` prints all settings. -v,
-vv or RUST_LOG=debug log more to standard error; NO_COLOR=1 disables colours.

--symbol accepts a name (EURUSD), an exchange and a name if several exchanges have it (oanda:EURUSD), or
the id of the symbol (81). A symbol whose name is a number is written oanda:81. --from and --to accept
2014-05-02, which means midnight UTC, or 2014-05-02T09:30:00Z. Times in JSON are UTC with microseconds:
2014-05-02T09:30:00.000000Z.

Exit codes: 0 done; 1 done, but something was rejected or in conflict, or `status` found something
not ready; 2 could not run; 130 ended by SIGINT (Ctrl-C), 143 by SIGTERM. With --json and an exit code other
than 0 and 1, the last line of standard output is {\"error\": …, \"exit_code\": …}. An export that writes its
rows to standard output prints this line on standard error.

First steps:
  tickbook migrate
  tickbook status
  tickbook import symbols symbol-properties-database.csv --format lean --market oanda
  tickbook import ticks 201405*_quote.zip --symbol oanda:EURUSD --format lean";

/// Manages the databases of tickbook: migrations, status, imports, exports
#[derive(Debug, Parser)]
#[command(name = "tickbook", version, after_help = SETTINGS)]
pub(crate) struct Arguments {
    /// Logs to standard error: -v briefly, -vv in detail; RUST_LOG takes precedence
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Applies pending migrations; may be repeated
    #[command(after_help = "\
Examples:
  tickbook migrate                 both databases
  tickbook migrate --timeseries    only the database of TIMESCALEDB_URL")]
    Migrate(MigrateArguments),
    /// Creates the candle relations ohlc_1m to ohlc_1d
    #[command(subcommand)]
    Aggregates(AggregatesCommand),
    /// Shows, applies or removes the policies that compress, refresh and drop ticks and candles
    #[command(subcommand)]
    Policies(PoliciesCommand),
    /// Does the work that the policies require and no job of the database does; may be repeated
    #[command(after_help = "\
Drops old ticks and candles, and on the Community edition refreshes days with late ticks. Before it drops
ticks, it checks that the aggregates include them (Community edition), or stores their one-minute candles
(Apache edition). The server does the same every few minutes. Exit code 1 if another process is already
running maintenance.

Example:
  tickbook maintain")]
    Maintain(MaintainArguments),
    /// Shows whether both databases are ready, with versions, edition and pending migrations
    #[command(after_help = "\
Exit code 1 if a database is not ready.

Examples:
  tickbook status
  tickbook status --json | jq .ready")]
    Status(StatusArguments),
    /// Prints the effective value of every setting, without passwords
    #[command(after_help = "\
Except for the passwords, the output is a valid settings file.

Example:
  TICK_BATCH_SIZE=500 tickbook config")]
    Config,
    /// Lists, shows and changes symbols
    #[command(subcommand)]
    Symbols(SymbolsCommand),
    /// Lists exchanges, and sets their codes, time zones and sessions
    #[command(subcommand)]
    Exchanges(ExchangesCommand),
    /// Stores the exchanges of the venues with their sessions, and some symbols; may be repeated
    #[command(after_help = "\
Creates what is missing and sets unknown values, in one transaction. Values that are stored already stay, also
if they differ. Exit code 1 if a symbol was refused.

Examples:
  tickbook seed
  tickbook seed --json | jq .kept_values")]
    Seed(SeedArguments),
    /// Imports symbols, ticks, trades or candles from files
    #[command(subcommand)]
    Import(ImportCommand),
    /// Writes ticks or candles as CSV
    #[command(subcommand)]
    Export(ExportCommand),
    /// Deletes ticks, trades or candles, for example after a wrong import
    #[command(subcommand)]
    Delete(DeleteCommand),
    /// Inspects the ticks that a server left on the disk, and stores them
    #[command(subcommand)]
    Spool(SpoolCommand),
    /// Lists ticks and trades that a quality rule held back, and releases or discards them
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Compares candles with their ticks, checks ticks, chunks and jobs, and repairs differences
    #[command(after_help = "\
Exit code 1 if there are findings that are not repaired, 2 if verification was not possible. Ctrl-C ends it
with a summary of the verified part.

Examples:
  tickbook verify
  tickbook verify --symbol oanda:EURUSD --from 2014-05-01 --to 2014-05-08
  tickbook verify --gap 5m --frozen 1h --skip crossed_quotes
  tickbook verify --repair --json | jq 'select(.type == \"finding\")'")]
    Verify(VerifyArguments),
    /// Replays recorded sessions of venues, and checks connections to venues
    #[command(subcommand)]
    Feed(FeedCommand),
    /// Manages accounts with their orders, fills and positions
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Lists and acknowledges risk events
    #[command(subcommand)]
    Risk(RiskCommand),
    /// Verifies and lists the audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Lists users, and grants them roles in accounts
    #[command(subcommand)]
    Users(UsersCommand),
    /// Stores, lists and revokes the encrypted secrets of accounts at brokers
    #[command(subcommand)]
    Credentials(CredentialsCommand),
    /// Creates, lists and revokes the tokens of the server's clients
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// Prints shell completions
    #[command(after_help = "\
Examples:
  tickbook completions bash > ~/.local/share/bash-completion/completions/tickbook
  tickbook completions zsh > ~/.zfunc/_tickbook
  tickbook completions fish > ~/.config/fish/completions/tickbook.fish")]
    Completions(CompletionsArguments),
    /// Prints the manual page
    #[command(after_help = "\
Examples:
  tickbook man > ~/.local/share/man/man1/tickbook.1
  tickbook man | man -l -")]
    Man,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    pub(crate) shell: Shell,
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
    /// Creates missing candle relations: continuous aggregates, or views on the Apache edition
    #[command(after_help = "\
May be repeated; never drops anything.

Examples:
  tickbook aggregates apply
  tickbook aggregates apply --json | jq -r '.relations[] | select(.made_now) | .name'")]
    Apply(AggregatesArguments),
}

#[derive(Debug, Args)]
pub(crate) struct AggregatesArguments {
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SeedArguments {
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example_in_its_help() {
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
