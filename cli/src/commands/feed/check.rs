//! `tickbook feed check`.

use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use rust_decimal::Decimal;
use serde::Serialize;
use tickbook::Clock;
use tickbook::domain::printable;
use tickbook_feeds::transport::{Receiver, Tls, Transport, TransportEvent};
use tickbook_feeds::{
    BookChange, Channel, Endpoints, FeedEvent, InstrumentSource, Subscription, VenueQuote,
};

use super::NETWORK;
use crate::Outcome;
use crate::args::FeedCheckArguments;
use crate::report::{print, print_json};
use crate::times::time_text;

/// The output of `--json`.
#[derive(Debug, Serialize)]
struct Output<'a> {
    venue: &'a str,
    address: &'a str,
    instruments: &'a Instruments,
    events: &'a [String],
}

#[derive(Debug, Default, Serialize)]
struct Instruments {
    listed: usize,
    active: usize,
    refused: usize,
}

impl Instruments {
    fn line(&self) -> String {
        let Self {
            listed,
            active,
            refused,
        } = self;
        format!("instruments: {listed} listed, {active} of them active, {refused} refused")
    }
}

pub(super) async fn run(arguments: &FeedCheckArguments, clock: &Clock) -> anyhow::Result<Outcome> {
    let tls = Tls::of_the_system().context("the certificates of the system cannot be used")?;
    let transport = Transport::new(tls, clock.clone());
    let limit = Duration::from_secs(arguments.timeout);
    let mut events = Events::new(arguments);
    let checked =
        tokio::time::timeout(limit, check(arguments, &transport, &mut events, clock)).await;
    match checked {
        Ok(checked) => checked?,
        Err(_) => bail!(
            "{} sent {} of {} events within {} s{}",
            arguments.venue,
            events.texts.len(),
            arguments.events,
            arguments.timeout,
            events.last_fault()
        ),
    }
    if arguments.json {
        print_json(&Output {
            venue: arguments.venue.as_str(),
            address: &events.address,
            instruments: &events.instruments,
            events: &events.texts,
        })?;
    }
    Ok(Outcome::Complete)
}

async fn check(
    arguments: &FeedCheckArguments,
    transport: &Transport,
    events: &mut Events,
    clock: &Clock,
) -> anyhow::Result<()> {
    let endpoints = arguments.websocket.as_ref().zip(arguments.http.as_ref());
    let endpoints = endpoints.map(|(websocket, http)| Endpoints::new(websocket, http));
    let mut channels = arguments.channels.clone();
    channels.push(Channel::Instruments);
    let symbols = match arguments.symbols.is_empty() {
        true => vec![arguments.venue.usual_symbol().to_owned()],
        false => arguments.symbols.clone(),
    };
    let subscription = Subscription::new(symbols, channels);
    let mut venue = arguments.venue.create(subscription, endpoints, clock)?;
    if let InstrumentSource::Http { address, read } = venue.instruments() {
        let body = transport.get(&address).await;
        let body = body.map_err(|error| anyhow!("{address}: {error}: {NETWORK}"))?;
        for instrument in read(&body).with_context(|| address.clone())? {
            match instrument {
                Ok(listed) => events.instrument(listed.is_active),
                Err(_) => events.instruments.refused += 1,
            }
        }
    }
    transport.run(&mut venue, events).await;
    match events.failure.take() {
        Some(failure) => Err(failure),
        None => {
            events.say(|events| events.instruments.line());
            Ok(())
        }
    }
}

/// Prints events until there are enough.
#[derive(Debug)]
struct Events {
    wanted: usize,
    json: bool,
    address: String,
    instruments: Instruments,
    texts: Vec<String>,
    /// The last message or snapshot that was not applied.
    fault: Option<String>,
    failure: Option<anyhow::Error>,
}

impl Events {
    fn new(arguments: &FeedCheckArguments) -> Self {
        Self {
            wanted: arguments.events,
            json: arguments.json,
            address: String::new(),
            instruments: Instruments::default(),
            texts: Vec::new(),
            fault: None,
            failure: None,
        }
    }

    fn instrument(&mut self, is_active: bool) {
        self.instruments.listed += 1;
        self.instruments.active += usize::from(is_active);
    }

    /// Prints a line, except with `--json`.
    fn say(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.json {
            return;
        }
        if let Err(error) = print(&printable(&line(self))) {
            self.failure = Some(error);
        }
    }

    fn last_fault(&self) -> String {
        let fault = self.fault.as_ref();
        fault.map_or(String::new(), |fault| format!(": {fault}"))
    }

    fn add(&mut self, text: String) {
        if self.texts.len() < self.wanted {
            self.say(|_| text.clone());
            self.texts.push(text);
        }
    }

    fn feed(&mut self, event: FeedEvent<'_>) {
        match event {
            FeedEvent::BookSnapshot(change) => self.add(book("snapshot", &change)),
            FeedEvent::BookUpdate(change) => self.add(book("update", &change)),
            FeedEvent::BookStale(stale) => {
                self.add(format!(
                    "stale {} {}: {}",
                    stale.symbol, stale.reason, stale.detail
                ));
            }
            FeedEvent::Trade(trade) => self.add(format!(
                "trade {} {} price {} quantity {} {}",
                trade.symbol,
                time_text(trade.time),
                trade.price,
                trade.quantity,
                trade.aggressor.as_str()
            )),
            FeedEvent::Quote(quote) => self.add(best(&quote)),
            FeedEvent::Instrument(listed) => self.instrument(listed.is_active),
            FeedEvent::InstrumentRefused(_) => self.instruments.refused += 1,
            _ => {}
        }
    }
}

fn book(kind: &str, change: &BookChange<'_>) -> String {
    let sides = [change.bids.len(), change.asks.len()];
    let view = change.book.view();
    let best = |level: Option<_>| {
        let price = |level: tickbook::domain::book::BookLevel| {
            change.book.precision().price(level.price).to_string()
        };
        level.map_or_else(|| "none".to_owned(), price)
    };
    let bid = best(view.and_then(|view| view.best_bid()));
    let ask = best(view.and_then(|view| view.best_ask()));
    let [bids, asks] = sides;
    format!(
        "book {} {kind} of {bids} bids and {asks} asks, best {bid} {ask}",
        change.symbol
    )
}

fn best(quote: &VenueQuote<'_>) -> String {
    let side = |side: Option<(Decimal, Option<Decimal>)>| {
        side.map_or_else(|| "none".to_owned(), |(price, _)| price.to_string())
    };
    let (bid, ask) = (side(quote.bid), side(quote.ask));
    format!(
        "quote {} {} {bid} {ask}",
        quote.symbol,
        time_text(quote.time)
    )
}

impl Receiver for Events {
    fn event(&mut self, event: TransportEvent<'_>) {
        match event {
            TransportEvent::Opened { address, .. } => {
                self.address = address.to_owned();
                self.say(|events| format!("connected to {}", events.address));
            }
            TransportEvent::Feed(event) => self.feed(event),
            TransportEvent::Refused(error) => self.fault = Some(error.to_string()),
            TransportEvent::SnapshotFailed { symbol, error } => {
                self.fault = Some(format!("no snapshot of {symbol}: {error}"));
            }
            TransportEvent::Ended(end) => self.fault = Some(end.to_string()),
            TransportEvent::ConnectFailed { address, error } => {
                self.failure = Some(anyhow!("{address}: {error}: {NETWORK}"));
            }
            _ => {}
        }
    }

    async fn ready(&mut self) -> ControlFlow<()> {
        if self.failure.is_some() {
            return ControlFlow::Break(());
        }
        // they may come over the same connection
        let is_listed = self.instruments.listed > 0;
        match is_listed && self.texts.len() >= self.wanted {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
