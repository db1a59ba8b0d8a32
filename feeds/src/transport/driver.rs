//! A connection without socket and clock: the times and requests of one venue.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::event::{ConnectionEnd, EndReason, TransportEvent};
use super::http::FetchError;
use super::rate::RateLimiter;
use super::renewal::Renewal;
#[cfg(test)]
use super::settings::TransportSettings;
use super::state::{DriverState, Outgoing};
use super::sync::{DueAction, Need};
use crate::event::FeedEvent;
use crate::protocol::Frame;
use crate::stream::{StreamEvent, StreamSession, StreamSink};
use crate::venue::Venue;

/// An action of the transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Send(String),
    /// Write bytes of a [`StreamSession`](crate::StreamSession).
    Write(Vec<u8>),
    /// Write the bytes of a message of the venue (`Venue::subscribe`), whose text is recorded.
    Request {
        text: String,
        bytes: Vec<u8>,
    },
    /// Send a ping of WebSocket.
    Ping,
    /// Fetch the snapshot of a symbol.
    Fetch {
        symbol: String,
        address: String,
    },
    /// Prepare the connection that replaces this one.
    Renew,
    /// End the connection.
    Close(ConnectionEnd),
}

/// Receives the events of a driver.
pub(super) type Sink<'s> = dyn FnMut(TransportEvent<'_>) + 's;

/// Drives a venue: the transport reports what arrives, and carries out the actions.
#[derive(Debug)]
pub(super) struct Driver<'v> {
    venue: &'v mut dyn Venue,
    state: DriverState,
}

impl<'v> Driver<'v> {
    #[cfg(test)]
    pub(super) fn new(
        venue: &'v mut dyn Venue,
        settings: &TransportSettings,
        now: Instant,
    ) -> Self {
        let state = DriverState::new(venue, settings, now);
        Self::resume(venue, state)
    }

    /// Drives the venue of a state.
    pub(super) fn resume(venue: &'v mut dyn Venue, state: DriverState) -> Self {
        Self { venue, state }
    }

    /// The state without the venue.
    pub(super) fn into_state(self) -> DriverState {
        self.state
    }

    pub(super) fn venue(&self) -> &dyn Venue {
        &*self.venue
    }

    /// Whether everything is subscribed and answered, and every book is valid.
    pub(super) fn is_settled(&self) -> bool {
        let is_valid = |symbol: &String| {
            let book = self.venue.protocol().book(symbol);
            book.is_some_and(|book| book.state().is_valid())
        };
        self.state.outgoing.is_empty()
            && self.state.is_answered
            && self.venue.book_symbols().iter().all(is_valid)
    }

    /// A connection is open.
    pub(super) fn opened(&mut self, now: Instant) {
        self.venue.protocol_mut().opened();
        if let Some(session) = self.venue.session() {
            session.opened(now.into_std());
        }
        let subscribe = self.venue.subscribe().into_iter();
        let state = &mut self.state;
        state.sync.restart(now);
        state.messages = RateLimiter::new(&state.limits.messages);
        let outgoing = |text| Outgoing { text, symbol: None };
        state.outgoing = subscribe.map(outgoing).collect();
        state.snapshots.clear();
        state.in_flight.clear();
        (state.opened_at, state.received_at, state.pinged_at) = (now, now, now);
        state.is_answered = false;
        state.end = None;
        state.renewal = Renewal::default();
    }

    /// A text arrived.
    pub(super) fn text(
        &mut self,
        text: &str,
        received_at: DateTime<Utc>,
        now: Instant,
        sink: &mut Sink<'_>,
    ) {
        self.state.received_at = now;
        self.state.is_answered = true;
        let (venue, state) = (&mut *self.venue, &mut self.state);
        let frame = Frame::new(text, received_at);
        sink(TransportEvent::Message(frame));
        let mut observer = |event: FeedEvent<'_>| state.observe(event, now, sink);
        if let Err(error) = venue.protocol_mut().receive(frame, &mut observer) {
            sink(TransportEvent::Refused(&error));
        }
    }

    /// Bytes of a stream arrived.
    pub(super) fn bytes(&mut self, bytes: &[u8], now: Instant, sink: &mut Sink<'_>) {
        self.state.received_at = now;
        self.state.is_answered = true;
        self.with_session(now, sink, |session, now, sink| {
            session.receive(bytes, now, sink);
        });
    }

    /// Lets the session of a stream act, and queues the messages that it asks for. Returns whether there is one.
    fn with_session(
        &mut self,
        now: Instant,
        sink: &mut Sink<'_>,
        act: impl FnOnce(&mut dyn StreamSession, std::time::Instant, &mut StreamSink<'_>),
    ) -> bool {
        let (venue, state) = (&mut *self.venue, &mut self.state);
        let Some(session) = venue.session() else {
            return false;
        };
        act(session, now.into_std(), &mut |event| match event {
            StreamEvent::Message(frame) => sink(TransportEvent::Message(frame)),
            StreamEvent::Feed(event) => state.observe(event, now, sink),
            StreamEvent::Refused(error) => sink(TransportEvent::Refused(&error)),
        });
        let messages = session.take_messages().into_iter();
        let outgoing = &mut self.state.outgoing;
        outgoing.extend(messages.map(|text| Outgoing { text, symbol: None }));
        true
    }

    /// The last bytes to write before the connection is closed.
    pub(super) fn farewell(&mut self, now: Instant) -> Option<Vec<u8>> {
        let session = self.venue.session()?;
        session.log_out(now.into_std());
        session.take_output()
    }

    /// A ping or the answer to a ping arrived.
    pub(super) fn heard(&mut self, now: Instant) {
        self.state.received_at = now;
    }

    /// A snapshot arrived, or cannot be fetched.
    pub(super) fn fetched(
        &mut self,
        symbol: &str,
        body: Result<&str, &FetchError>,
        received_at: DateTime<Utc>,
        now: Instant,
        sink: &mut Sink<'_>,
    ) {
        self.state.in_flight.remove(symbol);
        let (venue, state) = (&mut *self.venue, &mut self.state);
        let body = match body {
            Ok(body) => {
                let (body, address) = (
                    Frame::new(body, received_at),
                    &venue.snapshot_address(symbol),
                );
                sink(TransportEvent::Answer { address, body });
                body
            }
            Err(error) => {
                let not_before = error.retry_after().map_or(now, |pause| now + pause);
                state.sync.need(symbol, Need::Snapshot, not_before, now);
                sink(TransportEvent::SnapshotFailed { symbol, error });
                return;
            }
        };
        let mut observer = |event: FeedEvent<'_>| state.observe(event, now, sink);
        if let Err(error) = venue.snapshot(symbol, body, &mut observer) {
            state.sync.need(symbol, Need::Snapshot, now, now);
            sink(TransportEvent::Refused(&error));
        }
    }

    /// The connection ended.
    pub(super) fn closed(&mut self, end: &ConnectionEnd, now: Instant, sink: &mut Sink<'_>) {
        let (venue, state) = (&mut *self.venue, &mut self.state);
        if let Some(session) = venue.session() {
            session.closed();
        }
        let mut observer = |event: FeedEvent<'_>| state.observe(event, now, sink);
        let protocol = venue.protocol_mut();
        protocol.closed(end.stale_reason(), &end.detail, &mut observer);
        sink(TransportEvent::Ended(end));
    }

    /// The next action, if one is due. Call it until there is none.
    pub(super) fn poll(&mut self, now: Instant, sink: &mut Sink<'_>) -> Option<Action> {
        let is_stream = self.with_session(now, sink, |session, now, sink| session.tick(now, sink));
        let session = self.venue.session();
        if let Some(bytes) = session.and_then(|session| session.take_output()) {
            return Some(Action::Write(bytes));
        }
        if let Some(end) = self.ended(now) {
            return Some(Action::Close(end));
        }
        let can_renew = || self.venue.successor().is_some();
        if let Some(action) = self.state.renew(now, can_renew) {
            return Some(action);
        }
        let state = &mut self.state;
        if !is_stream && now >= state.pinged_at + state.settings.ping_interval {
            state.pinged_at = now;
            let text = state.limits.ping.map(str::to_owned);
            return Some(text.map_or(Action::Ping, Action::Send));
        }
        self.take_due(now, sink);
        self.next_message(now).or_else(|| self.next_fetch(now))
    }

    fn ended(&mut self, now: Instant) -> Option<ConnectionEnd> {
        if let Some(end) = &self.state.end {
            return Some(end.clone());
        }
        let session = self.venue.session();
        let is_stream = session.is_some();
        if let Some((reason, detail)) = session.and_then(|session| session.end()) {
            return Some(ConnectionEnd::new(reason.into(), detail));
        }
        let silence = self.state.settings.silence;
        let is_silent = !is_stream && now >= self.state.received_at + silence;
        let detail = || format!("nothing arrived for {} s", silence.as_secs_f64());
        is_silent.then(|| ConnectionEnd::new(EndReason::Silence, detail()))
    }

    /// Queues the requests of books that are due.
    fn take_due(&mut self, now: Instant, sink: &mut Sink<'_>) {
        loop {
            let actions = self.state.sync.due(now);
            if actions.is_empty() {
                return;
            }
            for action in actions {
                self.take(action, now, sink);
            }
        }
    }

    /// An overdue book makes the protocol request it again, which may be due at once.
    fn take(&mut self, action: DueAction, now: Instant, sink: &mut Sink<'_>) {
        match action {
            DueAction::Request(symbol, Need::Snapshot) => {
                let state = &mut self.state;
                if !state.snapshots.contains(&symbol) && !state.in_flight.contains(&symbol) {
                    state.snapshots.push_back(symbol);
                }
            }
            DueAction::Request(symbol, Need::Subscription) => self.resubscribe(symbol),
            DueAction::Overdue(symbol) => {
                let (venue, state) = (&mut *self.venue, &mut self.state);
                let mut observer = |event: FeedEvent<'_>| state.observe(event, now, sink);
                venue.protocol_mut().resync(&symbol, &mut observer);
            }
        }
    }

    fn resubscribe(&mut self, symbol: String) {
        let is_queued = |outgoing: &Outgoing| outgoing.symbol.as_ref() == Some(&symbol);
        if self.state.outgoing.iter().any(is_queued) {
            return;
        }
        let texts = self.venue.resubscribe(&symbol).into_iter();
        let symbol = Some(symbol);
        self.state.outgoing.extend(texts.map(|text| Outgoing {
            text,
            symbol: symbol.clone(),
        }));
    }

    fn next_message(&mut self, now: Instant) -> Option<Action> {
        if self.state.outgoing.is_empty() || !self.is_ready() || !self.state.messages.try_act(now) {
            return None;
        }
        let Outgoing { text, symbol } = self.state.outgoing.pop_front()?;
        self.state.is_answered = false;
        if let Some(symbol) = symbol {
            self.state.sync.sent(&symbol, now);
        }
        if let Some(session) = self.venue.session() {
            session.send(&text, now.into_std());
            let bytes = session.take_output();
            return bytes.map(|bytes| Action::Request { text, bytes });
        }
        Some(Action::Send(text))
    }

    /// Whether messages may be sent: a session has to be logged on.
    fn is_ready(&mut self) -> bool {
        self.venue
            .session()
            .is_none_or(|session| session.is_ready())
    }

    fn next_fetch(&mut self, now: Instant) -> Option<Action> {
        let state = &mut self.state;
        if state.snapshots.is_empty() || !state.requests.try_act(now) {
            return None;
        }
        let symbol = state.snapshots.pop_front()?;
        state.sync.sent(&symbol, now);
        state.in_flight.insert(symbol.clone());
        let address = self.venue.snapshot_address(&symbol);
        Some(Action::Fetch { symbol, address })
    }

    /// The time of the next action, if nothing arrives before.
    pub(super) fn deadline(&mut self) -> Instant {
        let is_ready = self.is_ready();
        let session = self.venue.session().map(|session| session.deadline());
        let state = &self.state;
        let deadline = match session {
            // the session has its own heartbeats
            Some(deadline) => deadline.map_or(
                state.opened_at + Duration::from_secs(3_600),
                Instant::from_std,
            ),
            None => {
                let silent_at = state.received_at + state.settings.silence;
                silent_at.min(state.pinged_at + state.settings.ping_interval)
            }
        };
        let old_at = state.limits.max_age.map(|age| state.opened_at + age);
        let has_message = is_ready && !state.outgoing.is_empty();
        let message = state.messages.next().filter(|_| has_message);
        let fetch = state
            .requests
            .next()
            .filter(|_| !state.snapshots.is_empty());
        let times = [
            state.renewal.next(old_at),
            state.sync.next(),
            message,
            fetch,
        ];
        times.into_iter().flatten().fold(deadline, Instant::min)
    }
}
