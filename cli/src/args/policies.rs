//! Command line of `tickbook policies`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum PoliciesCommand {
    /// Shows what `apply` would change, and checks that the settings lose no candles
    #[command(after_help = "\
The settings are in the sections [policies…] of config/; `tickbook config` prints them. Exit code 1 if they
would lose a candle; the output names the two conflicting values and a remedy. The command reads all data that
would be dropped immediately, to count it.

Examples:
  tickbook policies plan
  TICKBOOK__POLICIES__TICKS__DROP_AFTER=30d tickbook policies plan --json | jq .conflicts")]
    Plan(PoliciesArguments),
    /// Applies the settings to the database; may be repeated
    #[command(after_help = "\
Afterwards old ticks are dropped, and older ticks are refused. Before the first ticks are dropped, the
candles of all ticks are refreshed, which may take long. Import history before you apply policies.

If data is old enough to be dropped immediately, the command shows how much, and asks for confirmation;
without a terminal it requires --yes. Exit code 1 if nothing was applied for that reason.

Examples:
  tickbook policies apply
  tickbook policies apply --yes --json")]
    Apply(ApplyArguments),
    /// Shows the policies and jobs of the database, and their state
    #[command(after_help = "\
Exit code 1 if the last run of a job failed.

Example:
  tickbook policies status")]
    Status(PoliciesArguments),
    /// Removes every job that refreshes, compresses or drops
    #[command(after_help = "\
Dropped data is not restored, and ticks of its time remain refused.

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
    /// Applies the settings even if ticks or candles are dropped immediately
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
