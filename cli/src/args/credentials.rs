//! Command line of `tickbook credentials`.

use clap::{Args, Subcommand};
use tickbook_ledger::domain::Venue;

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialsCommand {
    /// Stores a secret of an account at a broker; it replaces the one under the same name
    #[command(after_help = "\
The secret is read from standard input, without the line break at its end. It is encrypted with the current key of
credentials.keys before it is stored.

Examples:
  pass show kraken/key | tickbook credentials add main kraken key
  tickbook credentials add 7 ibkr password < password.txt")]
    Add(AddCredentialArguments),
    /// Lists credentials, without their secrets
    #[command(after_help = "\
With --json each line is one object.

Examples:
  tickbook credentials list
  tickbook credentials list --revoked --json | jq -r .key_id")]
    List(ListCredentialsArguments),
    /// Encrypts the data keys of all credentials in use with the current key of credentials.keys
    #[command(after_help = "\
Add a key as the last one of credentials.keys, run this command, and then remove the other keys. It may be interrupted
and repeated. Revoked credentials keep their old key.

Example:
  tickbook credentials rotate")]
    Rotate(RotateCredentialsArguments),
    /// Revokes a credential: it is not used again
    #[command(after_help = "\
Exit code 2 if there is no such credential in use.

Example:
  tickbook credentials revoke main kraken key")]
    Revoke(RevokeCredentialArguments),
}

#[derive(Debug, Args)]
pub(crate) struct CredentialNameArguments {
    /// The account: its id or its name
    pub(crate) account: String,
    /// The broker or venue that accepts the secret, such as kraken
    pub(crate) broker: Venue,
    /// The name of the secret, such as key
    pub(crate) label: String,
}

#[derive(Debug, Args)]
pub(crate) struct AddCredentialArguments {
    #[command(flatten)]
    pub(crate) name: CredentialNameArguments,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListCredentialsArguments {
    /// Only credentials of this account: its id or its name
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// Also revoked and replaced ones
    #[arg(long)]
    pub(crate) revoked: bool,
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RotateCredentialsArguments {
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeCredentialArguments {
    #[command(flatten)]
    pub(crate) name: CredentialNameArguments,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
