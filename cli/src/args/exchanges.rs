//! Command line of `tickbook exchanges`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum ExchangesCommand {
    /// Lists exchanges, by ascending name
    #[command(after_help = "\
With --json each line is one object.

Examples:
  tickbook exchanges list
  tickbook exchanges list --json | jq -r 'select(.time_zone == null) | .name'")]
    List(ListExchangesArguments),
    /// Creates an exchange that has no symbols yet
    #[command(after_help = "\
An import of symbols creates its exchange. Exit code 2 if an exchange with this name exists; names are
compared case-insensitively.

Example:
  tickbook exchanges create nyse --code XNYS --time-zone America/New_York")]
    Create(CreateExchangeArguments),
    /// Changes the properties of an exchange; omitted properties are unchanged
    #[command(after_help = "\
'' removes the value.

Examples:
  tickbook exchanges describe oanda --description 'OANDA Corporation' --time-zone America/New_York
  tickbook exchanges describe nyse --code XNYS")]
    Describe(DescribeExchangeArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListExchangesArguments {
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CreateExchangeArguments {
    /// Its name, such as nyse
    pub(crate) exchange: String,
    #[command(flatten)]
    pub(crate) facts: ExchangeFactArguments,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("facts").required(true).multiple(true)
    .args(["description", "code", "time_zone"]))]
pub(crate) struct DescribeExchangeArguments {
    /// The exchange, case-insensitive
    pub(crate) exchange: String,
    #[command(flatten)]
    pub(crate) facts: ExchangeFactArguments,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExchangeFactArguments {
    /// A description for people
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// Code of the venue, such as its MIC (ISO 10383)
    #[arg(long)]
    pub(crate) code: Option<String>,
    /// IANA time zone of its trading hours, such as America/New_York
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
}
