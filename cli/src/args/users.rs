//! Command line of `tickbook users`.

use clap::{Args, Subcommand};
use tickbook_ledger::domain::Role;

#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Lists users with their roles, by ascending id
    #[command(after_help = "\
With --json each line is one object.

Examples:
  tickbook users list
  tickbook users list --json | jq -r 'select(.is_active | not) | .username'")]
    List(ListUsersArguments),
    /// Creates a user without any role
    #[command(after_help = "\
There are no passwords: `tickbook tokens add --user` gives the user a token. Names are unique without regard to case.
Exit code 2 if a user has the name or the address.

Examples:
  tickbook users create ada
  tickbook users create bob --tenant 2 --email bob@example.com --display-name 'Bob B.'")]
    Create(CreateUserArguments),
    /// Lets a user use no account; roles stay
    #[command(after_help = "\
Example:
  tickbook users deactivate ada")]
    Deactivate(OneUserArguments),
    /// Lets a user use the accounts of its roles again
    #[command(after_help = "\
Example:
  tickbook users activate ada")]
    Activate(OneUserArguments),
    /// Grants a role in an account, or in all accounts of the tenant of the user; may be repeated
    #[command(after_help = "\
All roles see the account. trader, risk and admin may also change it, as far as the scopes of the token allow.

Examples:
  tickbook users grant ada viewer --all
  tickbook users grant ada trader --account main")]
    Grant(GrantArguments),
    /// Withdraws a role; may be repeated
    #[command(after_help = "\
A running server applies it to the next request.

Example:
  tickbook users withdraw ada trader --account main")]
    Withdraw(GrantArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListUsersArguments {
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CreateUserArguments {
    /// The name: letters, digits, -, _, . and @
    pub(crate) username: String,
    /// The tenant whose accounts may be granted
    #[arg(long, default_value_t = 1)]
    pub(crate) tenant: i64,
    /// The address
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// The name as shown
    #[arg(long, default_value = "")]
    pub(crate) display_name: String,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct OneUserArguments {
    /// The name of the user
    pub(crate) username: String,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("accounts").required(true).args(["account", "all"]))]
pub(crate) struct GrantArguments {
    /// The name of the user
    pub(crate) username: String,
    /// viewer, trader, risk, auditor or admin
    pub(crate) role: Role,
    /// The account: its id or its name
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// All accounts of the tenant of the user
    #[arg(long)]
    pub(crate) all: bool,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
