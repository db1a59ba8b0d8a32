//! The messages of cTrader.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tickbook::domain::book::{EntryBook, EntryChange, LevelCounts, OrderBook, StaleReason};
use tickbook::domain::excerpt;

use super::entries::{
    Change, Fault, changed_entry, invalid, name_of, new_entry, quote, refusal, report, unreadable,
};
use super::entry_id::EntryId;
use super::instruments::list;
use super::recorded::Requested;
use super::requests::{self, Kind};
use crate::error::ProtocolError;
use crate::event::{FeedEvent, LostMessages, Request, StaleBook};
use crate::fix::{Decoder, Message, tag};
use crate::protocol::{EventSink, Frame, Protocol};
use crate::subscription::{Channel, Subscription};

/// Spot quotes and depths of cTrader.
///
/// A symbol is named as it was subscribed: by its name, or by the number that the broker gives it. Quotes have the time of
/// their message, of which several may be equal, and no sequence.
///
/// [`Protocol::receive`] reads whole messages, such as recorded ones, without a session: it checks no numbers.
#[derive(Debug)]
pub struct Ctrader {
    pub(super) symbols: BTreeMap<String, Symbol>,
    /// The subscribed names by the number of the broker.
    pub(super) names: BTreeMap<String, String>,
    pub(super) has_quotes: bool,
    pub(super) has_books: bool,
    pub(super) lists_instruments: bool,
    /// What was requested on the connection, if the symbols are those of a recording.
    pub(super) recorded: Option<Requested>,
    /// Requests that became possible.
    pending: Vec<String>,
    decoder: Decoder,
    changes: Vec<Change>,
}

#[derive(Debug, Default)]
pub(super) struct Symbol {
    /// The number of the broker, once it is known.
    number: Option<String>,
    /// The number on the connection before.
    earlier: Option<String>,
    book: EntryBook<EntryId>,
}

/// Whether a symbol is the number of a broker.
fn is_number(symbol: &str) -> bool {
    !symbol.is_empty() && symbol.bytes().all(|byte| byte.is_ascii_digit())
}

impl Ctrader {
    /// A protocol for the symbols and channels of a subscription.
    #[must_use]
    pub fn new(subscription: &Subscription) -> Self {
        let symbols = subscription.symbols.iter();
        let mut protocol = Self {
            symbols: symbols
                .map(|name| (name.clone(), Symbol::default()))
                .collect(),
            names: BTreeMap::new(),
            has_quotes: subscription.has(Channel::Quotes),
            has_books: subscription.book_depth().is_some(),
            lists_instruments: subscription.has(Channel::Instruments),
            recorded: None,
            pending: Vec::new(),
            decoder: Decoder::new(),
            changes: Vec::new(),
        };
        protocol.forget_names();
        protocol
    }

    /// A name of an earlier list may belong to another number now.
    fn forget_names(&mut self) {
        self.names.clear();
        self.pending.clear();
        let is_recorded = self.recorded.is_some();
        for (name, symbol) in &mut self.symbols {
            symbol.earlier = symbol.number.take().or(symbol.earlier.take());
            let has_number = is_number(name) && !is_recorded;
            symbol.number = has_number.then(|| name.clone());
            if symbol.number.is_some() {
                self.names.insert(name.clone(), name.clone());
            }
            symbol.book.reset();
        }
    }

    /// The requests after a logon.
    pub(super) fn subscribe(&self) -> Vec<String> {
        let has_names = self.symbols.values().any(|symbol| symbol.number.is_none());
        let mut requests = Vec::new();
        if has_names || self.lists_instruments {
            requests.push(requests::instruments());
        }
        for number in self.names.keys() {
            requests.extend(self.kinds().map(|kind| requests::subscribe(kind, number)));
        }
        requests
    }

    fn kinds(&self) -> impl Iterator<Item = Kind> + use<> {
        let quotes = self.has_quotes.then_some(Kind::Quotes);
        quotes
            .into_iter()
            .chain(self.has_books.then_some(Kind::Depth))
    }

    /// The requests that bring a new snapshot of a depth; none before the number of the symbol is known.
    pub(super) fn resubscribe(&self, symbol: &str) -> Vec<String> {
        let number = self.symbols.get(symbol);
        match number.and_then(|symbol| symbol.number.as_ref()) {
            Some(number) => vec![
                requests::unsubscribe(Kind::Depth, number),
                requests::subscribe(Kind::Depth, number),
            ],
            None => Vec::new(),
        }
    }

    /// Reports the instruments of each list, and requests one after each logon.
    pub(super) fn list_instruments(&mut self) {
        self.lists_instruments = true;
    }

    /// Requests the list of instruments.
    pub(super) fn list_again(&mut self) {
        self.pending.push(requests::instruments());
    }

    /// Takes the requests that became possible.
    pub(super) fn take_pending(&mut self) -> Vec<String> {
        std::mem::take(&mut self.pending)
    }

    /// The number of deletions of entries that the depths did not have.
    #[must_use]
    pub fn unknown_deletes(&self) -> u64 {
        let symbols = self.symbols.values();
        symbols.map(|symbol| symbol.book.unknown_deletes()).sum()
    }

    /// The session lost messages: they may have been about any symbol.
    pub(super) fn lost(&mut self, lost: LostMessages<'_>, sink: &mut EventSink<'_>) {
        sink(FeedEvent::MessagesLost(lost));
        self.invalidate(StaleReason::Gap, lost.detail, true, sink);
    }

    fn invalidate(
        &mut self,
        reason: StaleReason,
        detail: &str,
        requests: bool,
        sink: &mut EventSink<'_>,
    ) {
        for (symbol, state) in &mut self.symbols {
            if state.book.invalidate(reason) {
                sink(FeedEvent::BookStale(StaleBook {
                    symbol,
                    reason,
                    detail,
                }));
                if requests {
                    sink(FeedEvent::Request(Request::Resubscribe { symbol }));
                }
            }
        }
    }

    /// Applies a message of the session.
    pub(super) fn apply(
        &mut self,
        message: &Message<'_>,
        received_at: DateTime<Utc>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let applied = match message.msg_type() {
            b"W" | b"X" => {
                self.learn(message);
                match message.msg_type() {
                    b"W" => self.snapshot(message, received_at, sink),
                    _ => self.update(message, received_at, sink),
                }
            }
            b"y" => self.instruments(message, sink),
            b"Y" | b"j" => Err(ProtocolError::Refused(refusal(message))),
            b"0" | b"1" | b"2" | b"3" | b"4" | b"5" | b"A" => Ok(()),
            other => {
                let other = format!("35={}", other.escape_ascii());
                Err(ProtocolError::UnknownChannel(excerpt(&other)))
            }
        };
        if let Err(ProtocolError::Unreadable(detail)) = &applied {
            self.invalidate(StaleReason::Malformed, detail, true, sink);
        }
        applied
    }

    /// A spot quote, or a whole depth.
    fn snapshot(
        &mut self,
        message: &Message<'_>,
        received_at: DateTime<Utc>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let name = name_of(&self.names, message)?;
        let entries = message.group(tag::NO_MD_ENTRIES, tag::MD_ENTRY_TYPE);
        let kind = message.get(tag::MD_REQ_ID).and_then(Kind::of_request);
        let has_ids = entries.as_ref().is_ok_and(|entries| {
            let mut entries = entries.clone();
            entries.any(|entry| entry.get(tag::MD_ENTRY_ID).is_some())
        });
        let is_empty = entries.as_ref().is_ok_and(|entries| entries.len() == 0);
        let is_depth = match kind {
            Some(kind) => kind == Kind::Depth,
            None => has_ids || (is_empty && self.has_books),
        };
        if !is_depth {
            let entries = entries.map_err(|error| invalid(name, "entries", &error))?;
            let quote = quote(name, message, entries, received_at)?;
            if self.has_quotes {
                sink(FeedEvent::Quote(quote));
            }
            return Ok(());
        }
        let Some(Symbol { book, .. }) = self.symbols.get_mut(name).filter(|_| self.has_books)
        else {
            return Ok(());
        };
        self.changes.clear();
        let read = entries.map_err(Fault::from).and_then(|entries| {
            for entry in entries {
                self.changes.push(new_entry(&entry)?);
            }
            Ok(())
        });
        let new = self.changes.iter().filter_map(|change| match change {
            EntryChange::New { id, side, level } => Some((*id, *side, *level)),
            _ => None,
        });
        let loaded = read.and_then(|()| book.load(new).map_err(Fault::Book));
        let loaded = loaded.map(|()| LevelCounts::default());
        let change = (message, received_at, true);
        report(name, book, loaded, change, sink);
        Ok(())
    }

    /// Changes of depths. All entries of a symbol are applied together: new ones may come before the deletions of those
    /// that they replace.
    fn update(
        &mut self,
        message: &Message<'_>,
        received_at: DateTime<Utc>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let entries = message.group(tag::NO_MD_ENTRIES, tag::MD_UPDATE_ACTION);
        let entries = entries.map_err(|error| unreadable(&error))?;
        let mut names: Vec<&str> = Vec::new();
        for entry in entries.clone() {
            let name = name_of(&self.names, &entry)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        for name in names {
            let Some(Symbol { book, .. }) = self.symbols.get_mut(name) else {
                continue;
            };
            if !book.state().is_valid() {
                continue;
            }
            self.changes.clear();
            let of_name = entries
                .clone()
                .filter(|entry| name_of(&self.names, entry) == Ok(name));
            let mut read = Ok(());
            for entry in of_name {
                match changed_entry(&entry) {
                    Ok(change) => self.changes.push(change),
                    Err(fault) => {
                        read = Err(fault);
                        break;
                    }
                }
            }
            let changes = self.changes.iter().copied();
            let applied = read.and_then(|()| book.update(changes).map_err(Fault::Book));
            let change = (message, received_at, false);
            report(name, book, applied, change, sink);
        }
        Ok(())
    }

    fn instruments(
        &mut self,
        message: &Message<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let listed = list(message).map_err(|error| ProtocolError::Refused(error.to_string()))?;
        let kinds: Vec<_> = self.kinds().collect();
        let mut swapped = Vec::new();
        self.learn_list(&listed);
        let is_recorded = self.recorded.is_some();
        for instrument in &listed {
            if let Some(symbol) = self.symbols.get_mut(instrument.name)
                && symbol.number.is_none()
                && !is_recorded
            {
                // the name went to another instrument, while records of the name have the symbol of the first one
                if let Some(earlier) = &symbol.earlier
                    && earlier != instrument.number
                    && listed.iter().any(|other| other.number == earlier)
                {
                    swapped.push(instrument.name);
                    continue;
                }
                let number = instrument.number;
                symbol.number = Some(number.to_owned());
                let name = instrument.name.to_owned();
                self.names.insert(number.to_owned(), name);
                let requests = kinds.iter().map(|kind| requests::subscribe(*kind, number));
                self.pending.extend(requests);
            }
            if self.lists_instruments {
                sink(match instrument.read() {
                    Ok(listed) => FeedEvent::Instrument(listed),
                    Err(refused) => FeedEvent::InstrumentRefused(refused),
                });
            }
        }
        if self.lists_instruments {
            sink(FeedEvent::InstrumentsListed);
        }
        let unknown = self
            .symbols
            .iter()
            .filter(|(_, symbol)| symbol.number.is_none() && !is_recorded);
        let unknown: Vec<_> = unknown.map(|(name, _)| name.as_str()).collect();
        match unknown.is_empty() {
            true => Ok(()),
            false if !swapped.is_empty() => Err(ProtocolError::Refused(format!(
                "{} is the name of another instrument now, and gets no data until the feed starts again",
                excerpt(swapped.join(", "))
            ))),
            false => Err(ProtocolError::UnknownSymbol(excerpt(unknown.join(", ")))),
        }
    }
}

impl Protocol for Ctrader {
    fn opened(&mut self) {
        self.forget_requests();
        self.forget_names();
    }

    fn receive(&mut self, frame: Frame<'_>, sink: &mut EventSink<'_>) -> Result<(), ProtocolError> {
        let mut decoder = std::mem::take(&mut self.decoder);
        let received = match decoder.decode(frame.text.as_bytes()) {
            Ok(message) => self.apply(&message, frame.received_at, sink),
            Err(error) => {
                let detail = error.to_string();
                self.invalidate(StaleReason::Malformed, &detail, true, sink);
                Err(ProtocolError::Unreadable(detail))
            }
        };
        self.decoder = decoder;
        received
    }

    fn closed(&mut self, reason: StaleReason, detail: &str, sink: &mut EventSink<'_>) {
        self.invalidate(reason, detail, false, sink);
    }

    fn book(&self, symbol: &str) -> Option<&OrderBook> {
        self.symbols.get(symbol).map(|symbol| symbol.book.book())
    }

    fn symbols(&self) -> Vec<&str> {
        self.symbols.keys().map(String::as_str).collect()
    }
}
