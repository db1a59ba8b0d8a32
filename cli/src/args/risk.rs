//! Command line of `tickbook risk`.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tickbook_ledger::domain::{RiskKind, Severity};

use crate::times::time_or_date;

#[derive(Debug, Subcommand)]
pub(crate) enum RiskCommand {
    /// Lists risk events, newest first
    #[command(after_help = "\
With --json each line is one object.

Examples:
  tickbook risk list --open
  tickbook risk list --severity critical --from 2026-12-01 --json | jq .observed")]
    List(ListRiskArguments),
    /// Records that a risk event was seen; may be repeated, and the first acknowledgement stays
    #[command(after_help = "\
Example:
  tickbook risk acknowledge 17 --note 'limit raised'")]
    Acknowledge(AcknowledgeArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListRiskArguments {
    /// Only events of this account: its id or its name
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// Only events of this rule: overfill, position_limit, drawdown, stale_feed or conflict_rate
    #[arg(long)]
    pub(crate) kind: Option<RiskKind>,
    /// Only events of this severity: info, warning or critical
    #[arg(long)]
    pub(crate) severity: Option<Severity>,
    /// Only events that nobody has acknowledged
    #[arg(long)]
    pub(crate) open: bool,
    /// Start of the range (inclusive), such as 2026-12-01 or 2026-12-01T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// End of the range (exclusive)
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// The largest number of events, 1 to 10000
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: u32,
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AcknowledgeArguments {
    /// The id of the event
    pub(crate) id: i64,
    /// A note
    #[arg(long, default_value = "")]
    pub(crate) note: String,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
