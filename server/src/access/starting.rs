//! Starts the gate of a server, or refuses to start it for everyone.

use std::net::SocketAddr;

use anyhow::bail;
use tickbook::Clock;
use tickbook_access::TokenFile;

use super::gate::Gate;
use super::token_store::TokenStore;
use crate::args::AccessArgs;
use crate::settings::AccessConfig;

/// Opens the tokens that the arguments or the settings name. Without tokens, only a server that listens on a loopback
/// address starts, unless the arguments allow clients without a token.
///
/// # Errors
/// There are no tokens and `listen` is not a loopback address, the file of the tokens cannot be read, or the
/// arguments contradict the settings.
pub async fn start(
    args: &AccessArgs,
    config: &AccessConfig,
    listen: SocketAddr,
    clock: &Clock,
) -> anyhow::Result<Gate> {
    let mut config = config.clone();
    if args.tokens.is_some() {
        config.tokens_file.clone_from(&args.tokens);
    }
    let is_loopback = listen.ip().to_canonical().is_loopback();
    let tokens = match (&config.tokens_file, args.allow_anonymous) {
        (Some(file), true) => bail!(
            "--allow-anonymous contradicts the tokens file {}: remove one of them",
            file.display()
        ),
        (Some(file), false) => Some(TokenStore::open(TokenFile::new(file), clock.clone()).await?),
        (None, false) if !is_loopback => bail!(
            "cannot listen on {listen} without tokens, since every client could read and store data: \
             create tokens with `tickbook tokens add` and name their file with --tokens or access.tokens_file, \
             or allow clients without a token with --allow-anonymous"
        ),
        (None, _) => None,
    };
    if tokens.is_none() && !is_loopback {
        tracing::warn!(%listen, "every client may read, store and delete data: there are no tokens");
    }
    Ok(Gate::new(config, tokens, is_loopback, clock.clone()))
}
