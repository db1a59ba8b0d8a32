//! Command line of `tickbook audit`.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tickbook_ledger::domain::AuditHead;

use crate::times::time_or_date;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Verifies the codes of the audit log, and names the first bad entry of each chain
    #[command(after_help = "\
Needs the keys of audit.keys. The heads of audit.anchor_file and of --head show whether entries are missing at the
end. With --json each line is the object of a chain. Exit code 1 if a chain is not intact.

Examples:
  tickbook audit verify
  tickbook audit verify --chain 0 --head 0:17:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
  tickbook audit verify --json | jq -r 'select(.fault) | .entry'")]
    Verify(VerifyAuditArguments),
    /// Lists entries of the audit log, newest first
    #[command(after_help = "\
With --json each line is one entry with its code, oldest first with --oldest-first.

Examples:
  tickbook audit list
  tickbook audit list --actor token:operator --from 2026-12-01
  tickbook audit list --oldest-first --limit 10000 --json > audit.jsonl")]
    List(ListAuditArguments),
}

#[derive(Debug, Args)]
pub(crate) struct VerifyAuditArguments {
    /// Only this chain: 0 for the installation, otherwise the id of a tenant
    #[arg(long)]
    pub(crate) chain: Option<i64>,
    /// A known head: CHAIN:NUMBER:CODE, as the log of the server has it; may be repeated
    #[arg(long = "head", value_name = "HEAD")]
    pub(crate) heads: Vec<AuditHead>,
    /// Prints one JSON object per chain
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListAuditArguments {
    /// The chain: 0 for the installation, otherwise the id of a tenant
    #[arg(long, default_value_t = 0)]
    pub(crate) chain: i64,
    /// Only entries of this actor, such as token:operator
    #[arg(long)]
    pub(crate) actor: Option<String>,
    /// Only entries of this action, such as symbols.rename
    #[arg(long)]
    pub(crate) action: Option<String>,
    /// Start of the range (inclusive), such as 2026-12-01 or 2026-12-01T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// End of the range (exclusive)
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// Lists the oldest entries first
    #[arg(long)]
    pub(crate) oldest_first: bool,
    /// The largest number of entries, 1 to 10000
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: u32,
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}
