//! Counts what a message causes.

use std::collections::BTreeMap;

use tickbook::domain::book::StaleReason;

use super::observer::{Observer, SessionEvent};
use super::report::{InstrumentCounts, ReplayReport};
use crate::ctrader::Verified;
use crate::event::{BookChange, FeedEvent, Request};
use crate::instrument::ListedInstrument;
use crate::stream::StreamEvent;

/// Counts the events of a message.
pub(super) struct Notes<'r, 'o> {
    pub(super) report: &'r mut ReplayReport,
    pub(super) instruments: &'r mut Vec<ListedInstrument>,
    pub(super) is_listed: &'r mut bool,
    /// Symbol and description.
    pub(super) problems: Vec<(Option<String>, String)>,
    /// Symbols whose snapshots are requested.
    pub(super) fetches: Vec<String>,
    /// Whether events are counted.
    pub(super) has_report: bool,
    pub(super) observer: &'r mut Observer<'o>,
}

/// Changes the entry of a symbol. The name is copied only for a new entry.
fn count<T: Default>(entries: &mut BTreeMap<String, T>, symbol: &str, change: impl FnOnce(&mut T)) {
    match entries.get_mut(symbol) {
        Some(entry) => change(entry),
        None => change(entries.entry(symbol.to_owned()).or_default()),
    }
}

impl Notes<'_, '_> {
    /// An event of a session over TCP.
    pub(super) fn stream(&mut self, event: StreamEvent<'_>) {
        match event {
            StreamEvent::Message(_) => {}
            StreamEvent::Feed(event) => self.event(event),
            StreamEvent::Refused(error) => self.problems.push((None, error.to_string())),
        }
    }

    /// Counts a message of a session over TCP.
    pub(super) fn verified(&mut self, received: Result<Verified, String>) {
        let session = self.report.session.get_or_insert_default();
        match received {
            Ok(Verified { msg_type }) => {
                *session.types.entry(msg_type).or_default() += 1;
                self.report.checksums_ok += 1;
            }
            Err(detail) => {
                self.report.checksums_failed += 1;
                self.problems
                    .push((None, format!("not a message: {detail}")));
            }
        }
    }

    /// Begins another list of instruments, if the last one is complete.
    fn list(&mut self) {
        if std::mem::take(self.is_listed) {
            self.instruments.clear();
            self.report.instruments = InstrumentCounts::default();
        }
    }

    pub(super) fn event(&mut self, event: FeedEvent<'_>) {
        (self.observer)(SessionEvent::Feed(&event));
        if !self.has_report && !matches!(event, FeedEvent::Request(_)) {
            return;
        }
        let kind = match event {
            FeedEvent::BookSnapshot(change) => {
                self.change(&change, true);
                "book snapshot"
            }
            FeedEvent::BookUpdate(change) => {
                self.change(&change, false);
                "book update"
            }
            FeedEvent::BookStale(stale) => {
                let (gaps, checksums) = match stale.reason {
                    StaleReason::Gap => (1, 0),
                    StaleReason::Checksum => (0, 1),
                    _ => (0, 0),
                };
                count(&mut self.report.books, stale.symbol, |book| {
                    book.gaps += gaps;
                    book.checksums_failed += checksums;
                });
                // a loss of the session is one for all books
                self.report.gaps += gaps * u64::from(self.report.session.is_none());
                self.report.checksums_failed += checksums;
                let detail = format!("{}: {}", stale.reason, stale.detail);
                self.problems.push((Some(stale.symbol.to_owned()), detail));
                "book stale"
            }
            FeedEvent::Trade(trade) => {
                count(&mut self.report.trades, trade.symbol, |trades| *trades += 1);
                "trade"
            }
            FeedEvent::Quote(quote) => {
                count(&mut self.report.quotes, quote.symbol, |quotes| *quotes += 1);
                "quote"
            }
            FeedEvent::Instrument(listed) => {
                self.list();
                self.report.instruments.listed += 1;
                self.instruments.push(listed);
                "instrument"
            }
            FeedEvent::InstrumentRefused(_) => {
                self.list();
                self.report.instruments.refused += 1;
                "instrument refused"
            }
            FeedEvent::Request(Request::FetchSnapshot { symbol }) => {
                self.fetches.push(symbol.to_owned());
                return;
            }
            FeedEvent::InstrumentsListed => {
                *self.is_listed = true;
                return;
            }
            FeedEvent::MessagesLost(lost) => {
                self.report.gaps += 1;
                let session = self.report.session.get_or_insert_default();
                session.lost += lost.count;
                let detail = format!("{} messages are lost: {}", lost.count, lost.detail);
                self.problems.push((None, detail));
                "messages lost"
            }
            FeedEvent::Counted(name) => {
                let session = self.report.session.get_or_insert_default();
                *session.counts.entry(name).or_default() += 1;
                return;
            }
            FeedEvent::Request(_) => return,
        };
        *self.report.events.entry(kind).or_default() += 1;
    }

    fn change(&mut self, change: &BookChange<'_>, is_snapshot: bool) {
        let has_checksum = u64::from(change.checksum.is_some());
        count(&mut self.report.books, change.symbol, |book| {
            match is_snapshot {
                true => book.snapshots += 1,
                false => book.updates += 1,
            }
            book.count(&change.counts);
            book.checksums_ok += has_checksum;
        });
        self.report.checksums_ok += has_checksum;
    }
}
