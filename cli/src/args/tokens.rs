//! Command line of `tickbook tokens`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tickbook::retention::PolicyDuration;
use tickbook_access::Scope;

use crate::times::time_or_date;

#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// Creates a token, and prints it once
    #[command(after_help = "\
The token is the only line on standard output; the file has only its hash. A running server accepts the token
within a second. Each scope includes the ones before it: read, write (adds data), admin (changes, corrects and
deletes data). A missing file is created for this user only. Exit code 2 if a token has the name.

Examples:
  tickbook tokens add dashboard --scope read --file tokens
  tickbook tokens add feeder --scope write --expires 90d > feeder.token
  tickbook tokens add operator --scope admin --expires 2027-01-01 --requests-per-second 10")]
    Add(AddTokenArguments),
    /// Lists the tokens of the file, without the tokens themselves
    #[command(after_help = "\
With --json each line is one object.

Examples:
  tickbook tokens list
  tickbook tokens list --json | jq -r 'select(.expired) | .name'")]
    List(ListTokensArguments),
    /// Removes a token from the file
    #[command(after_help = "\
A running server refuses the token within a second, and closes the WebSockets that use it. Exit code 2 if there
is no such token.

Example:
  tickbook tokens revoke dashboard")]
    Revoke(RevokeTokenArguments),
}

#[derive(Debug, Args)]
pub(crate) struct TokensFileArguments {
    /// The file of the tokens, instead of access.tokens_file
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct AddTokenArguments {
    /// Its name, which the log of the server shows: letters, digits, -, _, . and @
    pub(crate) name: String,
    /// What the token allows: read, write or admin; may be repeated
    #[arg(
        long = "scope",
        value_name = "SCOPE",
        required = true,
        value_delimiter = ','
    )]
    pub(crate) scopes: Vec<Scope>,
    /// When the token ends: a length of time from now such as 90d or 12h, a date, which means midnight UTC, or a time
    #[arg(long, value_name = "WHEN", value_parser = expiry)]
    pub(crate) expires: Option<Expiry>,
    /// Limit of its requests, 1 to 1000000, instead of access.requests_per_second
    #[arg(long, value_name = "NUMBER")]
    pub(crate) requests_per_second: Option<u32>,
    /// The user whose accounts it may use, see `tickbook users`; without a user it may use all accounts
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) file: TokensFileArguments,
    /// Prints one JSON object, with the token
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListTokensArguments {
    #[command(flatten)]
    pub(crate) file: TokensFileArguments,
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeTokenArguments {
    /// The name of the token
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) file: TokensFileArguments,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// When a token ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expiry {
    /// This long after its creation.
    After(PolicyDuration),
    /// At this time.
    At(DateTime<Utc>),
}

fn expiry(text: &str) -> Result<Expiry, String> {
    if let Ok(length) = text.parse() {
        return Ok(Expiry::After(length));
    }
    time_or_date(text)
        .map(Expiry::At)
        .map_err(|error| format!("{error}; or a length of time such as 90d or 12h"))
}
