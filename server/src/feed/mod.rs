//! The feeds of the server: venues, replay of files, and simulated quotes and trades.

mod choice;
pub(crate) mod filling;
mod plan;
pub mod quality;
pub mod replay;
pub mod simulated;
mod symbols;
mod venue;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use tickbook::domain::{NewSymbol, SymbolReference};
use tickbook::ingest::feed::Feed;
use tickbook::{Clock, Repositories};
use tickbook_feeds::feed::{GapFiller, MessageLog};

use self::plan::FeedPlan;
use self::replay::{ReplayFeed, Speed};
use self::simulated::SimulatedFeed;
use crate::settings::{FeedConfig, FeedKind, SymbolsConfig};
use crate::symbol_sync::SymbolSync;

pub use choice::{FeedChoice, InvalidFeedChoice};
pub use symbols::find_or_create;
pub use venue::Venues;

/// The feeds to run, and their options.
#[derive(Debug, Clone, Args)]
pub struct FeedArgs {
    /// Feeds to run, in addition to POST /api/v1/ticks; repeat the option for several: simulated, replay, a venue
    /// (binance, coinbase, ctrader, kraken, okx) with its symbols as in kraken:BTC/USD,ETH/USD, the name of a section
    /// [feeds.NAME] of the settings, or none [default: all sections [feeds.NAME]]
    #[arg(long = "feed", value_name = "FEED")]
    pub choices: Vec<FeedChoice>,

    /// Files to replay, in this order: with a header row (tick_time, bid_price, ask_price, …), or in the LEAN
    /// format (20140501_quote.zip); zipped or plain
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub replay: Vec<PathBuf>,

    /// Symbol of the quotes in the files: EURUSD, oanda:EURUSD or its id. If no symbol has the name, it is
    /// created, on the exchange "replay" unless you name one
    #[arg(long, value_name = "SYMBOL")]
    pub symbol: Option<SymbolReference>,

    /// Speed of the replay: 1x for real time, 10x, …, or max [default: 1x]
    #[arg(long)]
    pub speed: Option<Speed>,

    /// Seed of the simulated feed: the same seed gives the same prices [default: random, and logged]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

/// Feeds that are ready to run.
#[derive(Default)]
pub struct CreatedFeeds {
    /// The feeds.
    pub feeds: Vec<Box<dyn Feed>>,
    /// The connections of those that are venues.
    pub venues: Venues,
    /// Fill the gaps of those venues that have a history of trades.
    pub fillers: Vec<GapFiller>,
    /// Records the messages of venues, if the settings ask for it.
    pub messages: Option<MessageLog>,
    /// The syncs of the symbols of venues.
    pub syncs: Vec<SymbolSync>,
}

impl fmt::Debug for CreatedFeeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedFeeds")
            .field("feeds", &self.feeds)
            .finish_non_exhaustive()
    }
}

impl FeedArgs {
    /// Creates the feeds, and the symbols that they need.
    ///
    /// # Errors
    /// The options and `configured` contradict each other, a file cannot be replayed, a venue does not have a
    /// symbol, or a symbol can neither be found nor created.
    pub async fn create(
        &self,
        configured: &BTreeMap<String, FeedConfig>,
        symbols: &SymbolsConfig,
        repositories: &Repositories,
        clock: &Clock,
    ) -> anyhow::Result<CreatedFeeds> {
        let plans = self.plan(configured).map_err(anyhow::Error::msg)?;
        let mut created = CreatedFeeds {
            messages: messages(&plans, repositories, clock),
            ..CreatedFeeds::default()
        };
        for plan in plans {
            let feed: Box<dyn Feed> = match plan.config.kind {
                FeedKind::Simulated => {
                    let seed = plan.config.seed.unwrap_or_else(rand::random);
                    tracing::info!(seed, "the simulated feed starts");
                    let symbols = &*repositories.symbols;
                    Box::new(SimulatedFeed::new(symbols, seed, clock.clone()).await?)
                }
                FeedKind::Replay => Box::new(replay(&plan, repositories).await?),
                FeedKind::Venue(name) => {
                    let (mut feed, sync) =
                        venue::create(name, &plan, symbols, repositories, clock).await?;
                    created.syncs.extend(sync);
                    if let (Some(log), Some(_)) = (&created.messages, plan.config.record) {
                        feed = feed.with_recorder(log.source(&plan.name));
                    }
                    created.venues.add(&feed);
                    created.fillers.extend(feed.gap_filler());
                    Box::new(feed)
                }
            };
            created.feeds.push(feed);
        }
        Ok(created)
    }
}

/// The log of the messages, if a feed records them. It keeps all of them as long as the feed that wants the most.
fn messages(plans: &[FeedPlan], repositories: &Repositories, clock: &Clock) -> Option<MessageLog> {
    let keep = plans.iter().filter_map(|plan| plan.config.record).max()?;
    let feeds = repositories.feeds.clone();
    Some(MessageLog::start(feeds, Some(keep.delta()), clock.clone()))
}

async fn replay(plan: &FeedPlan, repositories: &Repositories) -> anyhow::Result<ReplayFeed> {
    let config = &plan.config;
    let [symbol] = &config.symbols[..] else {
        anyhow::bail!("the feed {} needs the symbol of its files", plan.name);
    };
    let reference: SymbolReference = symbol
        .parse()
        .with_context(|| format!("the symbol of the feed {}", plan.name))?;
    // check the files before a symbol is created for them
    ReplayFeed::check(&config.files)?;
    let exchange = reference.exchange.as_deref().unwrap_or(replay::EXCHANGE);
    let new = NewSymbol::named(exchange, &reference.name);
    let symbol = find_or_create(&*repositories.symbols, &reference, new).await?;
    let (symbol_id, speed) = (symbol.symbol_id, config.speed);
    tracing::info!(%symbol_id, exchange = symbol.exchange, name = symbol.name, %speed, "the replay starts");
    Ok(ReplayFeed::new(config.files.clone(), symbol_id, speed))
}
