//! The command line of what is left on the disk.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum SpoolCommand {
    /// Says what a spool holds, and which process works with it
    #[command(after_help = "\
Ticks that were held back are in a spool of their own, in the folder quarantine of that of the ticks.
All commands show and work with both.

Examples:
  tickbook spool inspect
  tickbook spool inspect --dir /var/lib/orderbook/spool --json")]
    Inspect(SpoolArguments),
    /// Stores the ticks of a spool that no process works with; harmless to repeat
    #[command(after_help = "\
Ticks that were held back get into the quarantine of the database.
Exit code 1 when something stays in a spool, is rejected or in conflict.

Example:
  tickbook spool replay")]
    Replay(SpoolArguments),
    /// Lists the ticks that no database would take, with the reason
    #[command(after_help = "\
Those of the ticks come first, then those of the quarantine. A tick that is stored by --replay, or
gets into the quarantine of the database, is a dead letter no longer. Exit code 1 when some are left.

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
