//! The built-in feeds of the server: replay of files, and simulated quotes.

pub mod quality;
pub mod replay;
pub mod simulated;
mod symbols;

use std::fmt;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use tickbook::domain::{NewSymbol, SymbolReference};
use tickbook::ingest::feed::Feed;
use tickbook::{Clock, Repositories};

use self::replay::{ReplayFeed, Speed};
use self::simulated::SimulatedFeed;

pub use symbols::find_or_create;

/// The feeds to run, and their options.
#[derive(Debug, Clone, Args)]
pub struct FeedArgs {
    /// Feeds to run, in addition to POST /api/v1/ticks; repeat the option for several: --feed replay --feed
    /// simulated
    #[arg(long = "feed", value_enum, default_values_t = [FeedKind::None])]
    pub kinds: Vec<FeedKind>,

    /// Files to replay, in this order: with a header row (tick_time, bid_price, ask_price, …), or in the LEAN
    /// format (20140501_quote.zip); zipped or plain
    #[arg(long, value_name = "FILE", num_args = 1.., required_if_eq("kinds", "replay"))]
    pub replay: Vec<PathBuf>,

    /// Symbol of the quotes in the files: EURUSD, oanda:EURUSD or its id. If no symbol has the name, it is
    /// created, on the exchange "replay" unless you name one
    #[arg(long, value_name = "SYMBOL", required_if_eq("kinds", "replay"))]
    pub symbol: Option<SymbolReference>,

    /// Speed of the replay: 1x for real time, 10x, …, or max
    #[arg(long, default_value = "1x")]
    pub speed: Speed,

    /// Seed of the simulated feed: the same seed gives the same prices [default: random, and logged]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

/// A source of ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FeedKind {
    /// No feed
    None,
    /// Simulated quotes of EURUSD, GBPUSD, USDJPY and BTCUSD, several a second each
    Simulated,
    /// Quotes from files
    Replay,
}

impl fmt::Display for FeedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Simulated => "simulated",
            Self::Replay => "replay",
        })
    }
}

impl FeedArgs {
    /// Checks rules that clap cannot express.
    ///
    /// # Errors
    /// An option has no effect, or a feed is given twice.
    pub fn check(&self) -> Result<(), String> {
        for (index, feed) in self.kinds.iter().enumerate() {
            if self.kinds[..index].contains(feed) {
                return Err(format!(
                    "--feed {feed} is given twice: give each kind at most once"
                ));
            }
        }
        if self.kinds.len() > 1 && self.kinds.contains(&FeedKind::None) {
            return Err("--feed none cannot be combined with other feeds: remove it".to_owned());
        }
        if !self.kinds.contains(&FeedKind::Replay)
            && (!self.replay.is_empty() || self.symbol.is_some())
        {
            return Err("--replay and --symbol require --feed replay: add it".to_owned());
        }
        if !self.kinds.contains(&FeedKind::Simulated) && self.seed.is_some() {
            return Err("--seed requires --feed simulated: add it".to_owned());
        }
        Ok(())
    }

    /// Creates the feeds, and the symbols that they need.
    ///
    /// # Errors
    /// A file cannot be replayed, or a symbol can neither be found nor created.
    pub async fn create(
        &self,
        repositories: &Repositories,
        clock: &Clock,
    ) -> anyhow::Result<Vec<Box<dyn Feed>>> {
        let mut feeds = Vec::new();
        for kind in &self.kinds {
            feeds.extend(self.create_one(*kind, repositories, clock).await?);
        }
        Ok(feeds)
    }

    async fn create_one(
        &self,
        kind: FeedKind,
        repositories: &Repositories,
        clock: &Clock,
    ) -> anyhow::Result<Option<Box<dyn Feed>>> {
        let symbols = &*repositories.symbols;
        Ok(match kind {
            FeedKind::None => None,
            FeedKind::Simulated => {
                let seed = self.seed.unwrap_or_else(rand::random);
                tracing::info!(seed, "the simulated feed starts");
                Some(Box::new(
                    SimulatedFeed::new(symbols, seed, clock.clone()).await?,
                ))
            }
            FeedKind::Replay => {
                let reference = self
                    .symbol
                    .as_ref()
                    .context("--feed replay needs --symbol")?;
                // check the files before a symbol is created for them
                ReplayFeed::check(&self.replay)?;
                let exchange = reference.exchange.as_deref().unwrap_or(replay::EXCHANGE);
                let new = NewSymbol::named(exchange, &reference.name);
                let symbol = find_or_create(symbols, reference, new).await?;
                let (symbol_id, speed) = (symbol.symbol_id, self.speed);
                tracing::info!(%symbol_id, exchange = symbol.exchange, name = symbol.name, %speed, "the replay starts");
                let feed = ReplayFeed::new(self.replay.clone(), symbol_id, speed);
                Some(Box::new(feed))
            }
        })
    }
}
