//! `tickbook`: migrations, status, imports and exports from the command line.
#![forbid(unsafe_code)]

mod args;
mod asking;
mod bar_batches;
mod commands;
mod csv_file;
mod importing;
mod quote_batches;
mod report;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use args::{
    AggregatesCommand, Arguments, Command, DeleteCommand, ExportCommand, ImportCommand,
    PoliciesCommand, SpoolCommand,
};

/// What the exit code says of a command that could run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// 0: everything is as it should be.
    Complete,
    /// 1: something was rejected or in conflict, or the databases are not ready.
    Incomplete,
}

/// The exit code of a command that could not run; clap uses the same.
const COULD_NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(arguments.verbose);
    let outcome = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(arguments.command)));
    match outcome {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        Ok(Outcome::Incomplete) => ExitCode::FAILURE,
        Err(error) => {
            let text = format!("{error:#}");
            let words: Vec<_> = text.split_whitespace().collect();
            // nobody is left to tell when standard error is closed
            let _ = writeln!(std::io::stderr(), "error: {}", words.join(" "));
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

async fn run(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Migrate(arguments) => commands::migrate::run(&arguments).await,
        Command::Aggregates(AggregatesCommand::Apply) => commands::aggregates::apply().await,
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
        Command::Verify(arguments) => commands::verify::run(&arguments).await,
        Command::Spool(SpoolCommand::Inspect(arguments)) => {
            commands::spool::inspect(&arguments).await
        }
        Command::Spool(SpoolCommand::Replay(arguments)) => {
            commands::spool::replay(&arguments).await
        }
        Command::Spool(SpoolCommand::DeadLetter(arguments)) => {
            commands::spool::dead_letter(&arguments).await
        }
        Command::Quarantine(command) => commands::quarantine::run(&command).await,
        Command::Import(ImportCommand::Symbols(arguments)) => {
            commands::import_symbols::run(&arguments).await
        }
        Command::Import(ImportCommand::Ticks(arguments)) => {
            commands::import_ticks::run(&arguments).await
        }
        Command::Import(ImportCommand::Candles(arguments)) => {
            commands::import_candles::run(&arguments).await
        }
        Command::Delete(DeleteCommand::Ticks(arguments)) => {
            commands::delete::ticks(&arguments).await
        }
        Command::Delete(DeleteCommand::Candles(arguments)) => {
            commands::delete::candles(&arguments).await
        }
        Command::Export(ExportCommand::Ticks(arguments)) => {
            commands::export::ticks(&arguments).await
        }
        Command::Export(ExportCommand::Candles(arguments)) => {
            commands::export::candles(&arguments).await
        }
    }
}

fn log_to_stderr(verbose: u8) {
    // without -v a failure is one line, which the pool's warnings would only repeat
    let level = match verbose {
        0 => "error",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
