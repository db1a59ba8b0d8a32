//! Feeds that connect to trading venues.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tickbook::ingest::feed::Feed as _;
use tickbook::repository::SymbolRepository;
use tickbook::{Clock, Repositories};
use tickbook_feeds::feed::{SymbolDirectory, VenueFeed, VenueMonitor};
use tickbook_feeds::transport::{Tls, Transport};
use tickbook_feeds::{Channel, Endpoints, ListedInstrument, Subscription, Venue, VenueName};

use super::plan::FeedPlan;
use crate::settings::SymbolsConfig;
use crate::symbol_sync::SymbolSync;

/// The connections of all feeds that are venues, by the name of the feed. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Venues(Arc<BTreeMap<String, VenueMonitor>>);

impl Venues {
    pub(super) fn add(&mut self, feed: &VenueFeed) {
        Arc::make_mut(&mut self.0).insert(feed.name().to_owned(), feed.monitor());
    }

    /// The connection of a feed; `None` if it is not a venue.
    #[must_use]
    pub fn get(&self, feed: &str) -> Option<&VenueMonitor> {
        self.0.get(feed)
    }

    /// All connections, by the name of the feed.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &VenueMonitor)> {
        self.0
            .iter()
            .map(|(name, monitor)| (name.as_str(), monitor))
    }
}

/// Creates the feed of a venue, and the symbols that it needs. The symbols of the venue are synced as `symbols` says.
pub(super) async fn create(
    venue: VenueName,
    plan: &FeedPlan,
    symbols: &SymbolsConfig,
    repositories: &Repositories,
    clock: &Clock,
) -> anyhow::Result<(VenueFeed, Option<SymbolSync>)> {
    let (feed, config) = (&*plan.name, &plan.config);
    let tls = Tls::of_the_system().context("the certificates of the system cannot be used")?;
    let transport = Transport::new(tls, clock.clone());
    let endpoints = config.websocket.as_ref().zip(config.http.as_ref());
    let endpoints = endpoints.map(|(websocket, http)| Endpoints::new(websocket, http));
    let subscription = Subscription::new(
        config.symbols.iter().cloned(),
        config.channels.iter().copied(),
    );
    let listing = Listing {
        venue,
        feed,
        transport: &transport,
        clock,
        endpoints: endpoints.as_ref(),
    };
    let listed = listing
        .read(&*repositories.symbols, &subscription.symbols)
        .await?;
    let names = subscription.symbols.iter().cloned();
    let directory = SymbolDirectory::open(&*repositories.symbols, feed, names, &listed).await?;
    let mut connected = venue.create(subscription, endpoints.clone(), clock)?;
    let instruments = &repositories.instruments;
    let every = symbols.sync_every;
    let is_listing = every.is_some_and(|every| connected.list_every(every));
    let sync = match every {
        Some(every) if !is_listing => {
            let venue = listing.venue()?;
            let (transport, instruments) = (transport.clone(), instruments.clone());
            Some(SymbolSync::reading(
                feed,
                venue,
                transport,
                every,
                instruments,
            ))
        }
        _ => None,
    };
    let venue = VenueFeed::new(connected, directory, transport).with_name(feed);
    let sync = sync.or_else(|| {
        let lists = is_listing.then(|| venue.instrument_lists())?;
        Some(SymbolSync::receiving(
            feed,
            lists,
            clock,
            instruments.clone(),
        ))
    });
    let sync = sync.map(|sync| sync.creating(symbols.sync_all));
    Ok((venue.with_gaps(repositories.clone()), sync))
}

/// The list of instruments of a venue.
struct Listing<'a> {
    venue: VenueName,
    feed: &'a str,
    transport: &'a Transport,
    clock: &'a Clock,
    endpoints: Option<&'a Endpoints>,
}

impl Listing<'_> {
    /// The venue, subscribed to its instruments alone.
    fn venue(&self) -> anyhow::Result<Box<dyn Venue>> {
        let none: [String; 0] = [];
        let subscription = Subscription::new(none, [Channel::Instruments]);
        let endpoints = self.endpoints.cloned();
        Ok(self.venue.create(subscription, endpoints, self.clock)?)
    }

    /// The instruments of the symbols that have none yet. If the venue cannot be reached, they are described at
    /// a later start.
    async fn read(
        &self,
        symbols: &dyn SymbolRepository,
        names: &[String],
    ) -> anyhow::Result<Vec<ListedInstrument>> {
        let feed = self.feed;
        let undescribed = SymbolDirectory::undescribed(symbols, feed, names).await?;
        if undescribed.is_empty() {
            return Ok(Vec::new());
        }
        tracing::info!(feed, "reading the instruments of the venue");
        let mut venue = self.venue()?;
        let found = match self.transport.instruments(&mut venue).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(
                    feed, %error,
                    "the instruments of the venue cannot be read: check that the network allows \
                     connections to this host; the feed tries to connect"
                );
                return Ok(Vec::new());
            }
        };
        let mut listed = Vec::new();
        for name in undescribed {
            let is_named = |symbol: &str| symbol == name;
            let instrument = found.iter().find(|found| match found {
                Ok(listed) => is_named(&listed.symbol),
                Err(refused) => is_named(&refused.symbol),
            });
            match instrument {
                Some(Ok(instrument)) => listed.push(instrument.clone()),
                Some(Err(refused)) => {
                    tracing::warn!(feed, %refused, "the symbol gets no instrument");
                }
                None => bail!(
                    "the feed {feed}: {} lists no symbol {name}: `tickbook feed check {}` shows how \
                     the venue names symbols",
                    self.venue,
                    self.venue
                ),
            }
        }
        Ok(listed)
    }
}
