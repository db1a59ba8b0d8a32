//! Arguments of what keeps, drops and refreshes.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum PoliciesCommand {
    /// Shows what `apply` would change, and proves that the settings lose no candle
    #[command(after_help = "\
The settings are the sections [policies…] of config/; `tickbook config` prints them. Exit code 1 when
they would lose a candle; the two numbers that clash are told, and what to set instead. Counts what
would be dropped at once, which reads all of it.

Examples:
  tickbook policies plan
  TICKBOOK__POLICIES__TICKS__DROP_AFTER=30d tickbook policies plan --json | jq .clashes")]
    Plan(PoliciesArguments),
    /// Makes the database what the settings say; harmless to repeat
    #[command(after_help = "\
From then on old ticks are dropped, and older ones refused. Before the first ticks are dropped the
candles of all ticks are refreshed, which may take long. Import history before.

Where something is old enough to be dropped at once, the command says how much, and asks; not on a
terminal it wants --yes. Exit code 1 when nothing was applied for that reason.

Examples:
  tickbook policies apply
  tickbook policies apply --yes --json")]
    Apply(ApplyArguments),
    /// Shows the policies and jobs that the database has, and how they do
    #[command(after_help = "\
Exit code 1 when the last run of a job failed.

Example:
  tickbook policies status")]
    Status(PoliciesArguments),
    /// Removes every job that refreshes, compresses or drops
    #[command(after_help = "\
What was dropped stays dropped, and ticks of its time refused.

Example:
  tickbook policies remove")]
    Remove(PoliciesArguments),
}

#[derive(Debug, Args)]
pub(crate) struct PoliciesArguments {
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArguments {
    /// Applies them although ticks or candles are dropped at once
    #[arg(long)]
    pub(crate) yes: bool,
    /// Prints JSON, and never asks
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MaintainArguments {
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
