//! Command line of `tickbook spool`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum SpoolCommand {
    /// Shows the content of a spool, and the process that uses it
    #[command(after_help = "\
Trades and order books have their own spools, in the subdirectories trades and books of the spool of ticks, and what was
held back has its own spools in the subdirectories quarantine. All
commands work with all of them.

Examples:
  tickbook spool inspect
  tickbook spool inspect --dir /var/lib/orderbook/spool --json")]
    Inspect(SpoolArguments),
    /// Stores the ticks of a spool that no process uses; may be repeated
    #[command(after_help = "\
Ticks that were held back are stored in the quarantine of the database.
Exit code 1 if something remains in a spool, is rejected or in conflict.

Example:
  tickbook spool replay")]
    Replay(SpoolArguments),
    /// Lists the ticks that the database refused, with the reason
    #[command(after_help = "\
Dead letters of ticks come first, then those of the quarantine. A tick that --replay stores, in the table
of ticks or in the quarantine of the database, is no longer a dead letter. Exit code 1 if any remain.

Examples:
  tickbook spool dead-letter
  tickbook spool dead-letter --replay     retries them
  tickbook spool dead-letter --discard    deletes them")]
    DeadLetter(DeadLetterArguments),
}

#[derive(Debug, Args)]
pub(crate) struct SpoolArguments {
    /// Directory of the spool, instead of spool.directory
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
    /// Retries them
    #[arg(long, conflicts_with = "discard")]
    pub(crate) replay: bool,
    /// Deletes them after they are listed
    #[arg(long)]
    pub(crate) discard: bool,
}
