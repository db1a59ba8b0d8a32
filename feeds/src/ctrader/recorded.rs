//! The symbols of a recording, which no subscription names.

use super::instruments::Listed;
use super::protocol::{Ctrader, Symbol};
use super::requests::Kind;
use crate::fix::{Message, tag};
use crate::subscription::Subscription;

/// What the requests of a recorded connection say.
#[derive(Debug, Default)]
pub(super) struct Requested {
    /// Whether data was requested. Until then both kinds are expected.
    has_data: bool,
    /// Whether the list of instruments came.
    is_listed: bool,
}

impl Ctrader {
    /// A protocol for all symbols of a recording. A symbol has the name of the list of instruments, or its number, if
    /// it was requested before the list came or there is no list.
    pub(super) fn of_any_symbol() -> Self {
        let none: [String; 0] = [];
        let mut protocol = Self::new(&Subscription::new(none, []));
        protocol.recorded = Some(Requested::default());
        protocol.lists_instruments = true;
        protocol
    }

    /// Begins a connection.
    pub(super) fn forget_requests(&mut self) {
        if let Some(requested) = &mut self.recorded {
            *requested = Requested::default();
            (self.has_quotes, self.has_books) = (true, true);
        }
    }

    /// A recorded request of data.
    pub(super) fn requested(&mut self, kind: Kind, number: &str) {
        let Some(requested) = &mut self.recorded else {
            return;
        };
        if !std::mem::replace(&mut requested.has_data, true) {
            (self.has_quotes, self.has_books) = (false, false);
        }
        match kind {
            Kind::Quotes => self.has_quotes = true,
            Kind::Depth => self.has_books = true,
        }
        if !requested.is_listed {
            let name = self.names.entry(number.to_owned());
            name.or_insert_with(|| number.to_owned());
        }
    }

    /// Names the symbols of a recording. A name that a symbol has on a connection stays.
    pub(super) fn learn_list(&mut self, listed: &[Listed<'_>]) {
        let Some(requested) = &mut self.recorded else {
            return;
        };
        requested.is_listed = true;
        for instrument in listed {
            let name = self.names.entry(instrument.number.to_owned());
            name.or_insert_with(|| instrument.name.to_owned());
        }
    }

    /// Adds the symbols of a message, if they are those of a recording.
    pub(super) fn learn(&mut self, message: &Message<'_>) {
        if self.recorded.is_none() {
            return;
        }
        let numbers = message.iter().filter(|(tag, _)| *tag == tag::SYMBOL);
        for number in numbers.filter_map(|(_, value)| std::str::from_utf8(value).ok()) {
            if !self.names.contains_key(number) {
                self.names.insert(number.to_owned(), number.to_owned());
            }
            let name = &self.names[number];
            if !self.symbols.contains_key(name) {
                self.symbols.insert(name.clone(), Symbol::default());
            }
        }
    }
}
