//! Counts what a message causes.

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
    pub(super) observer: &'r mut Observer<'o>,
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
                let report = self
                    .report
                    .books
                    .entry(stale.symbol.to_owned())
                    .or_default();
                match stale.reason {
                    StaleReason::Gap => {
                        report.gaps += 1;
                        // a loss of the session is one for all books
                        self.report.gaps += u64::from(self.report.session.is_none());
                    }
                    StaleReason::Checksum => {
                        report.checksums_failed += 1;
                        self.report.checksums_failed += 1;
                    }
                    _ => {}
                }
                let detail = format!("{}: {}", stale.reason, stale.detail);
                self.problems.push((Some(stale.symbol.to_owned()), detail));
                "book stale"
            }
            FeedEvent::Trade(trade) => {
                *self
                    .report
                    .trades
                    .entry(trade.symbol.to_owned())
                    .or_default() += 1;
                "trade"
            }
            FeedEvent::Quote(quote) => {
                *self
                    .report
                    .quotes
                    .entry(quote.symbol.to_owned())
                    .or_default() += 1;
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
        let report = self
            .report
            .books
            .entry(change.symbol.to_owned())
            .or_default();
        match is_snapshot {
            true => report.snapshots += 1,
            false => report.updates += 1,
        }
        report.count(&change.counts);
        if change.checksum.is_some() {
            report.checksums_ok += 1;
            self.report.checksums_ok += 1;
        }
    }
}
