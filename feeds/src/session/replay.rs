//! Replays the lines of a session through a protocol.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use tickbook::domain::book::StaleReason;

use super::line::SessionLine;
use super::lines;
use super::notes::Notes;
use super::observer::{Observer, SessionEvent};
use super::report::{FinalBook, Problem, ReplayReport};
use super::venue::{Recorded, RecordedVenue, depth};
use crate::binance::BinanceSpot;
use crate::instrument::ListedInstrument;
use crate::protocol::{EventSink, Frame};

/// The depth of books of a session that states none.
const DEFAULT_DEPTH: usize = 1_000;

/// Replays files, and counts what the protocol reports.
#[derive(Debug)]
pub struct Replay {
    venue: RecordedVenue,
    recorded: Option<Recorded>,
    /// The depth of the books; `None` until a line states it.
    depth: Option<usize>,
    is_open: bool,
    /// The snapshots of each symbol, in the order of the files.
    answers: BTreeMap<String, VecDeque<(DateTime<Utc>, String)>>,
    report: ReplayReport,
    instruments: Vec<ListedInstrument>,
    /// Whether the last list of instruments is complete, so that the next instrument begins another one.
    is_listed: bool,
    file: String,
    line: u64,
    /// Whether events are counted, and the books at the end of each file are noted.
    has_report: bool,
}

impl Replay {
    /// A replay of a venue. `depth` is the number of levels of each side of a book; the default is the one in
    /// the subscriptions of the session, or 1,000. It matters for Kraken, whose books are cut to it.
    #[must_use]
    pub fn new(venue: RecordedVenue, depth: Option<usize>) -> Self {
        Self {
            venue,
            recorded: None,
            depth,
            is_open: false,
            answers: BTreeMap::new(),
            report: ReplayReport::default(),
            instruments: Vec::new(),
            is_listed: false,
            file: String::new(),
            line: 0,
            has_report: true,
        }
    }

    /// Counts no events and notes no books, for callers that need only the events.
    pub(crate) fn without_report(mut self) -> Self {
        self.has_report = false;
        self
    }

    /// Reads a file with answers to HTTP requests: snapshots of books, which the replay uses when the protocol
    /// requests them, and lists of instruments. Read it before the messages.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read_answers(&mut self, path: &Path) -> io::Result<()> {
        self.begin_file(path);
        for line in lines(path)? {
            self.keep_answer(SessionLine::parse(&line?));
        }
        Ok(())
    }

    /// Replays a file of messages. The connection ends with the file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read_messages(&mut self, path: &Path) -> io::Result<()> {
        self.begin_file(path);
        for line in lines(path)? {
            self.replay(SessionLine::parse(&line?), &mut |_| {});
        }
        self.end_file(&mut |_| {});
        Ok(())
    }

    /// Begins a file, or another list of lines, with this name.
    pub fn begin(&mut self, name: &str) {
        name.clone_into(&mut self.file);
        self.line = 0;
    }

    /// Keeps the answer of a line for [`replay`](Self::replay); ignores other lines.
    pub fn keep_answer(&mut self, line: SessionLine<'_>) {
        self.line += 1;
        if let SessionLine::Answer { address, at, body } = line {
            self.answer(address, at, body);
        }
    }

    /// Replays a line, and passes its events to `observer`.
    pub fn replay(&mut self, line: SessionLine<'_>, observer: &mut Observer<'_>) {
        self.line += 1;
        self.message(line, observer);
    }

    /// Ends the connection.
    pub fn end(&mut self, observer: &mut Observer<'_>) {
        self.end_file(observer);
    }

    /// The names of all symbols that the session has quotes, trades or books of.
    #[must_use]
    pub fn symbols(&self) -> BTreeSet<String> {
        let ReplayReport {
            books,
            trades,
            quotes,
            ..
        } = &self.report;
        let names = books.keys().chain(trades.keys()).chain(quotes.keys());
        names.cloned().collect()
    }

    /// The instruments that the session lists.
    #[must_use]
    pub fn instruments(&self) -> &[ListedInstrument] {
        &self.instruments
    }

    /// The findings of the protocol.
    #[must_use]
    pub fn into_report(self) -> ReplayReport {
        self.report
    }

    fn begin_file(&mut self, path: &Path) {
        let name = path.file_name().unwrap_or(path.as_os_str());
        self.begin(&name.to_string_lossy());
    }

    fn answer(&mut self, address: &str, at: DateTime<Utc>, body: &str) {
        let symbol = address
            .split_once("symbol=")
            .and_then(|(_, rest)| rest.split('&').next());
        if let Some(symbol) = symbol.filter(|_| address.contains("/depth")) {
            let answers = self.answers.entry(symbol.to_owned()).or_default();
            answers.push_back((at, body.to_owned()));
            return;
        }
        match self.venue.instruments(body) {
            Ok(instruments) => {
                for instrument in instruments {
                    match instrument {
                        Ok(listed) => {
                            self.report.instruments.listed += 1;
                            self.instruments.push(listed);
                        }
                        Err(_) => self.report.instruments.refused += 1,
                    }
                }
            }
            Err(error) => self.problem(None, error.to_string()),
        }
    }

    fn message(&mut self, line: SessionLine<'_>, observer: &mut Observer<'_>) {
        match line {
            SessionLine::Opened { at, .. } => {
                if self.is_open {
                    self.close(observer);
                }
                self.open(at, observer);
            }
            SessionLine::Sent { text, .. } => {
                if let Some(Recorded::Ctrader(replay)) = &mut self.recorded {
                    replay.sent(text);
                    return;
                }
                let found = || depth(&serde_json::from_str(text).ok()?);
                self.depth = self.depth.or_else(found);
            }
            SessionLine::Received { at, text } => self.receive(at, text, observer),
            SessionLine::Answer { .. } | SessionLine::Other => {}
        }
    }

    fn open(&mut self, at: DateTime<Utc>, observer: &mut Observer<'_>) {
        self.report.connections += 1;
        self.is_open = true;
        observer(SessionEvent::Opened { at });
        if let Some(recorded) = &mut self.recorded {
            recorded.protocol().opened();
        }
    }

    fn receive(&mut self, at: DateTime<Utc>, text: &str, observer: &mut Observer<'_>) {
        self.report.messages += 1;
        if !self.is_open {
            self.open(at, observer);
        }
        let recorded = match &mut self.recorded {
            Some(recorded) => recorded,
            none => {
                let depth = self.depth.unwrap_or(DEFAULT_DEPTH);
                let (mut recorded, name) = Recorded::of(self.venue, text, depth);
                recorded.protocol().opened();
                self.report.protocol = Some(name.to_owned());
                none.insert(recorded)
            }
        };
        let mut notes = Notes {
            report: &mut self.report,
            instruments: &mut self.instruments,
            is_listed: &mut self.is_listed,
            problems: Vec::new(),
            fetches: Vec::new(),
            has_report: self.has_report,
            observer,
        };
        (notes.observer)(SessionEvent::Received { at });
        if let Recorded::Ctrader(replay) = recorded {
            let received = replay.message(text, at, &mut |event| notes.stream(event));
            notes.verified(received);
        } else {
            let frame = Frame::new(text, at);
            let received = recorded
                .protocol()
                .receive(frame, &mut |event| notes.event(event));
            if let Err(error) = received {
                notes.problems.push((None, error.to_string()));
            }
        }
        if let Recorded::Binance(protocol) = recorded {
            fetch(protocol, &mut self.answers, &mut notes);
        }
        for (symbol, detail) in notes.problems {
            self.problem(symbol, detail);
        }
    }

    /// A connection ended before the end of the file: its books are stale.
    fn close(&mut self, observer: &mut Observer<'_>) {
        if let Some(recorded) = &mut self.recorded {
            let reason = StaleReason::Disconnected;
            let sink: &mut EventSink<'_> = &mut |event| observer(SessionEvent::Feed(&event));
            recorded.protocol().closed(reason, "closed", sink);
        }
    }

    /// Notes the books at the end of a file.
    fn end_file(&mut self, observer: &mut Observer<'_>) {
        let Some(recorded) = &mut self.recorded else {
            return;
        };
        let protocol = recorded.protocol();
        let symbols = match self.has_report {
            true => protocol.symbols(),
            false => Vec::new(),
        };
        for symbol in symbols {
            let Some(book) = protocol.book(symbol) else {
                continue;
            };
            // a file of trades has no books
            if let Some(report) = self.report.books.get_mut(symbol)
                && (book.view().is_some() || report.last.is_none())
            {
                report.final_state = book.state().to_string();
                report.last = book.view().map(FinalBook::of);
            }
        }
        if std::mem::take(&mut self.is_open) {
            observer(SessionEvent::Ended);
        }
    }

    fn problem(&mut self, symbol: Option<String>, detail: String) {
        let (file, line) = (self.file.clone(), self.line);
        self.report.add_problem(Problem {
            file,
            line,
            symbol,
            detail,
        });
    }
}

/// Passes the snapshots that were requested, as long as the session has some.
fn fetch(
    protocol: &mut BinanceSpot,
    answers: &mut BTreeMap<String, VecDeque<(DateTime<Utc>, String)>>,
    notes: &mut Notes<'_, '_>,
) {
    while let Some(symbol) = notes.fetches.pop() {
        let answer = answers.get_mut(&symbol).and_then(VecDeque::pop_front);
        let Some((at, body)) = answer else {
            continue;
        };
        let body = Frame::new(&body, at);
        let sink: &mut EventSink<'_> = &mut |event| notes.event(event);
        if let Err(error) = protocol.snapshot(&symbol, body, sink) {
            notes.problems.push((Some(symbol), error.to_string()));
        }
    }
}
