//! `tickbook feed`.

mod check;
mod fill;
mod gaps;
mod record;
mod replay;
mod store;

use tickbook::Clock;

use crate::Outcome;
use crate::args::FeedCommand;

/// The text after the error of a connection.
const NETWORK: &str = "check that the network allows connections to this host";

pub(crate) async fn run(command: &FeedCommand, clock: &Clock) -> anyhow::Result<Outcome> {
    match command {
        FeedCommand::Replay(arguments) => replay::run(arguments).await,
        FeedCommand::Record(arguments) => record::run(arguments, clock).await,
        FeedCommand::Check(arguments) => check::run(arguments, clock).await,
        FeedCommand::Gaps(arguments) => gaps::run(arguments).await,
        FeedCommand::Fill(arguments) => fill::run(arguments, clock).await,
    }
}
