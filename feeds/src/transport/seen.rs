//! The records that a connection has delivered, so that the connection that replaces it does not repeat it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::event::{Receiver, TransportEvent};
use crate::event::{FeedEvent, TradeId, VenueQuote, VenueTrade};

/// Both sides of a quote.
type Sides = [Option<(Decimal, Option<Decimal>)>; 2];

#[derive(Debug, Default)]
struct SeenSymbol {
    /// The largest number of a trade.
    newest: Option<i64>,
    /// That of the time when another connection was begun.
    before: Option<i64>,
    /// The numbers of trades since then.
    numbers: BTreeSet<i64>,
    /// The time of the latest quote, and the quotes of this time.
    quotes: Option<(DateTime<Utc>, Vec<Sides>)>,
    /// Those of the connection that was replaced, until a later quote came.
    replaced: Option<(DateTime<Utc>, Vec<Sides>)>,
    /// The number of the last message of the book, since another connection was begun.
    sequence: Option<i64>,
}

/// Passes the events of a connection, and of the one that replaces it, to a receiver: each trade and quote once.
///
/// Trades are told apart by their numbers, quotes by their times and prices.
#[derive(Debug)]
pub(super) struct Once<'r, R> {
    receiver: &'r mut R,
    symbols: BTreeMap<String, SeenSymbol>,
    /// Whether another connection is prepared.
    is_overlapping: bool,
}

impl SeenSymbol {
    fn is_known_trade(&self, trade: &VenueTrade<'_>) -> bool {
        let TradeId::Number(number) = trade.id else {
            return false;
        };
        self.before.is_some_and(|before| number <= before) || self.numbers.contains(&number)
    }

    /// Whether the connection that was replaced has delivered the quote. Each of its quotes counts once.
    fn take_known_quote(&mut self, quote: &VenueQuote<'_>) -> bool {
        let Some((time, quotes)) = &mut self.replaced else {
            return false;
        };
        if quote.time > *time {
            self.replaced = None;
            return false;
        }
        let sides = [quote.bid, quote.ask];
        let known = quotes.iter().position(|known| *known == sides);
        let is_known = known.map(|index| quotes.swap_remove(index)).is_some();
        is_known || quote.time < *time
    }

    fn note_trade(&mut self, trade: &VenueTrade<'_>, is_overlapping: bool) {
        if let TradeId::Number(number) = trade.id {
            self.newest = self.newest.max(Some(number));
            if is_overlapping {
                self.numbers.insert(number);
            }
        }
    }

    fn note_quote(&mut self, quote: &VenueQuote<'_>) {
        let sides = [quote.bid, quote.ask];
        match &mut self.quotes {
            Some((time, quotes)) if *time == quote.time => quotes.push(sides),
            Some((time, quotes)) => {
                *time = quote.time;
                quotes.clear();
                quotes.push(sides);
            }
            None => self.quotes = Some((quote.time, vec![sides])),
        }
    }
}

impl<'r, R: Receiver> Once<'r, R> {
    pub(super) fn new(receiver: &'r mut R) -> Self {
        Self {
            receiver,
            symbols: BTreeMap::new(),
            is_overlapping: false,
        }
    }

    /// Another connection is begun.
    pub(super) fn begin(&mut self) {
        self.is_overlapping = true;
        for seen in self.symbols.values_mut() {
            seen.before = seen.newest;
            seen.numbers.clear();
            seen.sequence = None;
        }
    }

    /// The other connection replaces the present one.
    pub(super) fn replace(&mut self) {
        self.is_overlapping = false;
        for seen in self.symbols.values_mut() {
            seen.replaced.clone_from(&seen.quotes);
        }
    }

    /// The numbers of the last messages of books since the other connection was begun.
    pub(super) fn sequences(&self) -> BTreeMap<String, i64> {
        let symbols = self.symbols.iter();
        let numbers = symbols.filter_map(|(symbol, seen)| Some((symbol.clone(), seen.sequence?)));
        numbers.collect()
    }

    fn with<T>(&mut self, symbol: &str, act: impl FnOnce(&mut SeenSymbol) -> T) -> T {
        if let Some(seen) = self.symbols.get_mut(symbol) {
            return act(seen);
        }
        let mut seen = SeenSymbol::default();
        let result = act(&mut seen);
        self.symbols.insert(symbol.to_owned(), seen);
        result
    }

    /// Notes an event. Returns whether it is passed on.
    fn is_new(&mut self, event: &TransportEvent<'_>) -> bool {
        let is_overlapping = self.is_overlapping;
        match event {
            TransportEvent::Opened { .. } => {
                // without a replacement the venue may repeat what it sent
                self.symbols.clear();
                self.is_overlapping = false;
            }
            TransportEvent::Feed(FeedEvent::Trade(trade)) => {
                return self.with(trade.symbol, |seen| {
                    let is_new = is_overlapping || !seen.is_known_trade(trade);
                    if is_new {
                        seen.note_trade(trade, is_overlapping);
                    }
                    is_new
                });
            }
            TransportEvent::Feed(FeedEvent::Quote(quote)) => {
                return self.with(quote.symbol, |seen| {
                    let is_new = is_overlapping || !seen.take_known_quote(quote);
                    if is_new {
                        seen.note_quote(quote);
                    }
                    is_new
                });
            }
            TransportEvent::Feed(
                FeedEvent::BookSnapshot(change) | FeedEvent::BookUpdate(change),
            ) if is_overlapping => {
                self.with(change.symbol, |seen| seen.sequence = change.sequence);
            }
            _ => {}
        }
        true
    }
}

impl<R: Receiver> Receiver for Once<'_, R> {
    fn event(&mut self, event: TransportEvent<'_>) {
        if self.is_new(&event) {
            self.receiver.event(event);
        }
    }

    async fn ready(&mut self) -> ControlFlow<()> {
        self.receiver.ready().await
    }
}
