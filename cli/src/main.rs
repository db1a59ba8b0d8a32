//! The program `tickbook`: migrations, status, imports and exports from the command line.
#![forbid(unsafe_code)]

mod args;
mod asking;
mod auditing;
mod bar_batches;
mod candle_rows;
mod commands;
mod csv_file;
mod failure;
mod held_event;
mod importing;
mod interruption;
mod lean_files;
mod new_owner;
mod opening;
mod output_file;
mod output_text;
mod progress;
mod quote_text;
mod refreshing;
mod report;
mod row_batches;
mod symbol_output;
mod table;
mod times;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use tickbook::Clock;
use tickbook::files::{FileTrade, Quote};
use tracing_subscriber::EnvFilter;

use args::{
    AggregatesCommand, Arguments, Command, DeleteCommand, ExportCommand, FeedCommand,
    ImportCommand, PoliciesCommand, SpoolCommand,
};

/// The outcome of a command that could run; determines the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Exit code 0: complete.
    Complete,
    /// Exit code 1: something was rejected or in conflict, or the databases are not ready.
    Incomplete,
}

/// Maximum time to wait at the end for calls that block a thread. If the process ended while such a call
/// is in the TLS library, it would crash when it unloads the library. A call that hangs in the kernel
/// causes no crash.
const ABANDON: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let json = failure::wants_json(std::env::args_os());
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return failure::print_usage_error(&error, json),
    };
    log_to_stderr(arguments.verbose);
    let fills_stdout = match &arguments.command {
        Command::Export(command) => command.fills_stdout(),
        Command::Ledger(command) => command.fills_stdout(),
        _ => false,
    };
    let outcome = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            let outcome = runtime.block_on(run_until_interrupted(arguments.command));
            runtime.shutdown_timeout(ABANDON);
            outcome
        });
    match outcome {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        Ok(Outcome::Incomplete) => ExitCode::FAILURE,
        Err(error) => failure::print_error(&error, json, fills_stdout),
    }
}

async fn run_until_interrupted(command: Command) -> anyhow::Result<Outcome> {
    interruption::listen()?;
    // these print their own progress
    if matches!(
        command,
        Command::Import(_)
            | Command::Delete(_)
            | Command::Verify(_)
            | Command::Feed(FeedCommand::Record(_))
    ) {
        return auditing::recorded(command, run).await;
    }
    interruption::unless_interrupted(auditing::recorded(command, run)).await
}

async fn run(command: Command) -> anyhow::Result<Outcome> {
    let clock = Clock::system();
    match command {
        Command::Migrate(arguments) => commands::migrate::run(&arguments).await,
        Command::Aggregates(AggregatesCommand::Apply(arguments)) => {
            commands::aggregates::apply(&arguments).await
        }
        Command::Policies(PoliciesCommand::Plan(arguments)) => {
            commands::policies::plan(&arguments).await
        }
        Command::Policies(PoliciesCommand::Apply(arguments)) => {
            commands::policies::apply(&arguments).await
        }
        Command::Policies(PoliciesCommand::Status(arguments)) => {
            commands::policies::status(&arguments).await
        }
        Command::Policies(PoliciesCommand::Remove(arguments)) => {
            commands::policies::remove(&arguments).await
        }
        Command::Maintain(arguments) => commands::maintain::run(&arguments).await,
        Command::Status(arguments) => commands::status::run(&arguments).await,
        Command::Config => commands::config::run(),
        Command::Tokens(command) => commands::tokens::run(&command, &clock),
        Command::Completions(arguments) => commands::generate::completions(&arguments),
        Command::Man => commands::generate::man(),
        Command::Verify(arguments) => commands::verify::run(&arguments, &clock).await,
        Command::Feed(command) => commands::feed::run(&command, &clock).await,
        Command::Spool(SpoolCommand::Inspect(arguments)) => {
            commands::spool::inspect(&arguments, &clock).await
        }
        Command::Spool(SpoolCommand::Replay(arguments)) => {
            commands::spool::replay(&arguments).await
        }
        Command::Spool(SpoolCommand::DeadLetter(arguments)) => {
            commands::spool::dead_letter(&arguments).await
        }
        Command::Quarantine(command) => commands::quarantine::run(&command).await,
        Command::Exchanges(command) => commands::exchanges::run(&command).await,
        Command::Seed(arguments) => commands::seed::run(&arguments).await,
        Command::Ledger(command) => commands::ledger::run(&command).await,
        Command::Risk(command) => commands::risk::run(&command).await,
        Command::Audit(command) => commands::audit::run(&command).await,
        Command::Users(command) => commands::users::run(&command).await,
        Command::Credentials(command) => commands::credentials::run(&command).await,
        Command::Symbols(command) => commands::symbols::run(&command, &clock).await,
        Command::Import(ImportCommand::Symbols(arguments)) => {
            commands::import_symbols::run(&arguments).await
        }
        Command::Import(ImportCommand::Ticks(arguments)) => {
            let columns = arguments.columns.into_iter().collect();
            commands::import_rows::run::<Quote>(&arguments.rows, columns, &clock).await
        }
        Command::Import(ImportCommand::Trades(arguments)) => {
            let columns = arguments.columns.into_iter().collect();
            commands::import_rows::run::<FileTrade>(&arguments.rows, columns, &clock).await
        }
        Command::Import(ImportCommand::Candles(arguments)) => {
            commands::import_candles::run(&arguments, &clock).await
        }
        Command::Delete(DeleteCommand::Ticks(arguments)) => {
            commands::delete::ticks(&arguments).await
        }
        Command::Delete(DeleteCommand::Trades(arguments)) => {
            commands::delete::trades(&arguments).await
        }
        Command::Delete(DeleteCommand::Candles(arguments)) => {
            commands::delete::candles(&arguments).await
        }
        Command::Export(ExportCommand::Ticks(arguments)) => {
            commands::export::ticks(&arguments).await
        }
        Command::Export(ExportCommand::Trades(arguments)) => {
            commands::export::trades(&arguments).await
        }
        Command::Export(ExportCommand::Candles(arguments)) => {
            commands::export::candles(&arguments, &clock).await
        }
        Command::Export(ExportCommand::Books(arguments)) => {
            commands::export::books(&arguments).await
        }
    }
}

fn log_to_stderr(verbose: u8) {
    // without -v a failure prints one line; warnings of the pool would only repeat it
    let level = match verbose {
        0 => "error",
        1 => "error,tickbook=info",
        _ => "error,tickbook=debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_coloured())
        .init();
}

/// Whether log lines are coloured: on a terminal, unless `NO_COLOR` is set to a non-empty value.
fn is_coloured() -> bool {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !is_unwanted
}
