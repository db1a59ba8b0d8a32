//! The session: its state, and what its owner calls.

use std::time::Instant;

use super::event::{Counter, EndCause, Moment, SessionEnd, SessionEvent};
use super::gap::Gaps;
use super::outgoing::{Outgoing, SendError};
use super::settings::{InvalidSettings, SessionSettings};
use crate::fix::framer::{Framed, Framer};
use crate::fix::message::Decoder;
use crate::fix::redacted::Redacted;

/// Receives the events of a session, in their order.
pub(super) type Sink<'s> = dyn FnMut(SessionEvent<'_>) + 's;

/// Where a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// There is no connection.
    Closed,
    /// The logon was sent.
    LoggingOn { until: Instant },
    /// Messages are exchanged.
    Established,
}

/// A FIX 4.4 session of the side that connects. One session is used for all connections, one after the other.
#[derive(Debug)]
pub struct Session {
    framer: Framer,
    decoder: Decoder,
    core: Core,
}

/// The state without the buffers of the messages that are being read.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) settings: SessionSettings,
    pub(super) state: State,
    pub(super) end: Option<SessionEnd>,
    pub(super) out: Outgoing,
    /// The number of the next message of the venue.
    pub(super) expected: u64,
    pub(super) gaps: Gaps,
    pub(super) received_at: Instant,
    /// When the venue was asked for a sign of life since the last message.
    pub(super) tested_at: Option<Instant>,
    tests: u64,
}

impl Session {
    /// A session without a connection.
    ///
    /// # Errors
    /// Settings that cannot be sent.
    pub fn new(settings: SessionSettings) -> Result<Self, InvalidSettings> {
        settings.check()?;
        let now = Instant::now();
        Ok(Self {
            framer: Framer::new(),
            decoder: Decoder::new(),
            core: Core {
                out: Outgoing::new(&settings, now),
                gaps: Gaps::new(&settings),
                settings,
                state: State::Closed,
                end: None,
                expected: 1,
                received_at: now,
                tested_at: None,
                tests: 0,
            },
        })
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &SessionSettings {
        &self.core.settings
    }

    /// A connection is open: the logon is written to the output.
    pub fn opened(&mut self, now: Moment) {
        self.framer.clear();
        self.core.opened(now);
    }

    /// Begins within a connection whose logon is not known: `number` is the number of the next message of the venue.
    pub fn resume(&mut self, number: u64) {
        self.core.state = State::Established;
        self.core.expected = number;
    }

    /// The connection ended.
    pub fn closed(&mut self) {
        self.framer.clear();
        self.core.state = State::Closed;
        self.core.end = None;
        self.core.gaps.clear();
        self.core.out.clear();
    }

    /// Reads bytes that arrived.
    pub fn receive(&mut self, bytes: &[u8], now: Moment, sink: &mut dyn FnMut(SessionEvent<'_>)) {
        self.framer.push(bytes);
        while let Some(framed) = self.framer.next_message() {
            if self.core.is_over() {
                return;
            }
            let bytes = match framed {
                Framed::Message(bytes) => bytes,
                Framed::Garbled(_) => {
                    sink(SessionEvent::Counted(Counter::Garbled));
                    continue;
                }
            };
            match self.decoder.decode(bytes) {
                Ok(message) => self.core.incoming(message, now, sink),
                Err(_) => sink(SessionEvent::Counted(Counter::Garbled)),
            }
        }
    }

    /// Does what is due: heartbeats, test requests, the ends of gaps and of silent connections.
    pub fn tick(&mut self, now: Moment, sink: &mut dyn FnMut(SessionEvent<'_>)) {
        self.core.tick(now, sink);
    }

    /// The time of the next [`tick`](Self::tick), if nothing arrives before.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.core.deadline()
    }

    /// Whether messages can be sent.
    #[must_use]
    pub fn is_established(&self) -> bool {
        self.core.state == State::Established && self.core.end.is_none()
    }

    /// Sends a message of the application. `body` has its fields from `MsgType` on, with their separators, as
    /// [`MessageBuilder::body`](crate::fix::MessageBuilder::body) returns them.
    ///
    /// # Errors
    /// The session is not established, or `body` has no `MsgType`.
    pub fn send(&mut self, body: &[u8], now: Moment) -> Result<(), SendError> {
        if !self.is_established() {
            return Err(SendError::NotLoggedOn);
        }
        let (msg_type, fields) = SendError::split(body)?;
        self.core
            .out
            .message(msg_type, now, |message| message.fields(fields));
        Ok(())
    }

    /// Logs out. The session ends.
    pub fn log_out(&mut self, now: Moment) {
        if self.is_established() {
            self.core.out.message("5", now, |message| message);
        }
        self.core.finish(EndCause::Local, "logged out");
    }

    /// The bytes to write, if there are any. Write them before the connection is ended.
    pub fn take_output(&mut self) -> Option<Vec<u8>> {
        self.core.out.take()
    }

    /// The end of the session: the connection has to be closed.
    #[must_use]
    pub fn end(&self) -> Option<&SessionEnd> {
        self.core.end.as_ref()
    }

    /// The number of the next message of the venue.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.core.expected
    }

    /// A description of bytes of this session, without passwords.
    #[must_use]
    pub fn describe(bytes: &[u8]) -> String {
        Redacted(bytes).to_string()
    }
}

impl Core {
    fn is_over(&self) -> bool {
        self.end.is_some() || self.state == State::Closed
    }

    fn opened(&mut self, now: Moment) {
        self.end = None;
        self.expected = 1;
        self.gaps.clear();
        self.received_at = now.instant;
        self.tested_at = None;
        self.out.restart(now);
        self.send_logon(now);
        let until = now.instant + self.settings.logon_timeout;
        self.state = State::LoggingOn { until };
    }

    /// Ends the session. The first reason counts.
    pub(super) fn finish(&mut self, cause: EndCause, detail: impl Into<String>) {
        let detail = self.settings.without_secrets(&detail.into());
        self.end
            .get_or_insert_with(|| SessionEnd::new(cause, detail));
    }

    /// Ends the session because of a message, which the logout explains.
    pub(super) fn violation(&mut self, detail: impl Into<String>, now: Moment) {
        if self.end.is_none() {
            let detail = detail.into();
            self.send_logout(&detail, now);
            self.finish(EndCause::Violation, detail);
        }
    }

    fn tick(&mut self, now: Moment, sink: &mut Sink<'_>) {
        if self.is_over() {
            return;
        }
        if let State::LoggingOn { until } = self.state {
            if now.instant >= until {
                self.finish(EndCause::Silence, "the logon was not answered");
            }
            return;
        }
        if now.instant >= self.silent_at() {
            match self.tested_at {
                Some(_) => {
                    let detail = "the venue sent nothing, and did not answer a test request";
                    self.send_logout(detail, now);
                    self.finish(EndCause::Silence, detail);
                    return;
                }
                None => {
                    self.tests += 1;
                    let id = format!("test-{}", self.tests);
                    self.send_test_request(&id, now);
                    self.tested_at = Some(now.instant);
                    sink(SessionEvent::Counted(Counter::TestRequestSent));
                }
            }
        }
        if self.gaps.is_expired(now.instant) {
            self.expire_gap(now, sink);
        }
        if now.instant >= self.heart_beat_at() {
            self.send_heart_beat(None, now);
        }
    }

    /// When the silence of the venue is noticed: a fifth later than its heartbeat is due.
    fn silent_at(&self) -> Instant {
        let patience = self.settings.heart_beat + self.settings.heart_beat / 5;
        self.tested_at.unwrap_or(self.received_at) + patience
    }

    fn heart_beat_at(&self) -> Instant {
        self.out.sent_at() + self.settings.heart_beat
    }

    fn deadline(&self) -> Option<Instant> {
        if self.is_over() {
            return None;
        }
        if let State::LoggingOn { until } = self.state {
            return Some(until);
        }
        let next = self.silent_at().min(self.heart_beat_at());
        Some(self.gaps.deadline().map_or(next, |gap| gap.min(next)))
    }
}
