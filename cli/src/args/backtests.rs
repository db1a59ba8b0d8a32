//! Command line of `tickbook backtests`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tickbook_ledger::domain::BacktestState;

use super::export::is_stdout;

#[derive(Debug, Subcommand)]
pub(crate) enum BacktestsCommand {
    /// Lists backtest runs, by ascending id
    #[command(after_help = "\
With --json each line is one object.

Examples:
  tickbook backtests list --strategy ema_crossover
  tickbook backtests list --state failed --json | jq -r .error")]
    List(ListBacktestsArguments),
    /// Shows a run with its metrics and artifacts
    #[command(after_help = "\
Examples:
  tickbook backtests show 12
  tickbook backtests show 12 --json | jq -r '.metrics[] | [.metric, .definition, .value] | @tsv'")]
    Show(ShowBacktestArguments),
    /// Shows the metrics of several runs side by side
    #[command(after_help = "\
With --json each line is the object of a metric.

Examples:
  tickbook backtests compare 12 13 14
  tickbook backtests compare 12 13 --json | jq 'select(.metric == \"sharpe_ratio\")'")]
    Compare(CompareBacktestsArguments),
    /// Writes the report of a run, with its equity curve and drawdown
    #[command(after_help = "\
The curve is the artifact equity.json of the run. A page of HTML needs no other files.

Examples:
  tickbook backtests report 12 --output report.html
  tickbook backtests report 12 --format json | jq .max_drawdown")]
    Report(ReportArguments),
    /// Deletes runs, each with its metrics, artifacts, and its account with all events
    #[command(after_help = "\
Copies in the time-series database stay. With --json each line is the object of a deleted run.

Example:
  tickbook backtests delete 12 13")]
    Delete(DeleteBacktestsArguments),
}

impl BacktestsCommand {
    /// Whether standard output is filled with a report.
    pub(crate) fn fills_stdout(&self) -> bool {
        match self {
            Self::Report(arguments) => arguments.output.as_deref().is_none_or(is_stdout),
            _ => false,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ListBacktestsArguments {
    /// Only runs of this strategy: its id or its name
    #[arg(long)]
    pub(crate) strategy: Option<String>,
    /// Only runs in this state: running, finished or failed
    #[arg(long)]
    pub(crate) state: Option<BacktestState>,
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowBacktestArguments {
    /// The id of the run
    pub(crate) run: i64,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompareBacktestsArguments {
    /// The ids of the runs, 20 at most
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<i64>,
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Html,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The id of the run
    pub(crate) run: i64,
    /// The format of the report
    #[arg(long, default_value = "html")]
    pub(crate) format: ReportFormat,
    /// The file to write; standard output without it
    #[arg(long, short)]
    pub(crate) output: Option<PathBuf>,
    /// Replaces an existing file
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteBacktestsArguments {
    /// The ids of the runs
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<i64>,
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}
