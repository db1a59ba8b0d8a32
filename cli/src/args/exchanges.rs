//! Command line of `tickbook exchanges`.

use clap::{Args, Subcommand};
use tickbook::domain::{ExchangeSession, InvalidSession, parse_sessions};

#[derive(Debug, Subcommand)]
pub(crate) enum ExchangesCommand {
    /// Lists exchanges, by ascending name
    #[command(after_help = "\
With --json each line is one object.

Examples:
  tickbook exchanges list
  tickbook exchanges list --json | jq -r 'select(.time_zone == null) | .name'")]
    List(ListExchangesArguments),
    /// Shows an exchange with its sessions
    #[command(after_help = "\
Each session is in the form that --session of `create` and `describe` takes.

Examples:
  tickbook exchanges show nse
  tickbook exchanges show nse --json | jq -c '.sessions[]'")]
    Show(ShowExchangeArguments),
    /// Creates an exchange that has no symbols yet
    #[command(after_help = "\
An import of symbols creates its exchange. Exit code 2 if an exchange with this name exists; names are
compared case-insensitively.

Examples:
  tickbook exchanges create nyse --code XNYS --time-zone America/New_York --session 'mon-fri 09:30-16:00'
  tickbook exchanges create kraken --time-zone UTC --session 'mon-sun 00:00-24:00'")]
    Create(CreateExchangeArguments),
    /// Changes the properties of an exchange; omitted properties are unchanged
    #[command(after_help = "\
'' removes the value. The given sessions replace all sessions.

Examples:
  tickbook exchanges describe oanda --description 'OANDA Corporation'
  tickbook exchanges describe oanda --time-zone America/New_York --session 'sun-thu 17:00-17:00'
  tickbook exchanges describe nyse --session 'mon-fri 09:30-16:00' --session '2027-01-04 mon-fri 09:00-17:00'
  tickbook exchanges describe nyse --code XNYS --session ''")]
    Describe(DescribeExchangeArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListExchangesArguments {
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowExchangeArguments {
    /// The exchange, case-insensitive
    pub(crate) exchange: String,
    /// Prints one JSON object
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
    .args(["description", "code", "time_zone", "sessions"]))]
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
    /// Sessions in its time zone: [DATE] WEEKDAYS OPEN-CLOSE, such as 'mon-fri 09:30-16:00'; may be repeated.
    /// A close that is not after the open is on the next day. With a date, all sessions of that date replace
    /// the earlier ones from that date on
    #[arg(long = "session", value_name = "SESSION", value_parser = sessions)]
    pub(crate) sessions: Option<Vec<GivenSessions>>,
}

/// The sessions of one `--session`.
#[derive(Debug, Clone)]
pub(crate) struct GivenSessions(pub(crate) Vec<ExchangeSession>);

/// Parses sessions; an empty text has none.
fn sessions(text: &str) -> Result<GivenSessions, InvalidSession> {
    match text {
        "" => Ok(GivenSessions(Vec::new())),
        text => parse_sessions(text).map(GivenSessions),
    }
}
