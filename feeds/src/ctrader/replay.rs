//! Replays the messages of recorded connections.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tickbook::domain::book::{OrderBook, StaleReason};

use super::protocol::Ctrader;
use super::requests;
use super::venue::{MESSAGES, handle};
use crate::error::ProtocolError;
use crate::fix::session::{EndCause, Moment, Session, SessionEvent, SessionSettings};
use crate::fix::{Decoder, Framed, Framer, Message, tag};
use crate::protocol::{EventSink, Frame, Protocol};
use crate::stream::{StreamEvent, StreamSink};

/// The name of a side that the first message does not state. No message has it.
const UNNAMED: &str = "?";

/// No recording has a longer pause.
const NEVER: Duration = Duration::from_secs(1 << 31);

/// The session and the protocol of recorded connections.
///
/// A recording has the messages in the order in which the session used them. A number that is missing was therefore
/// lost: the session does not wait for it.
#[derive(Debug)]
pub(crate) struct CtraderReplay {
    protocol: Ctrader,
    /// The session of the connection, from its first message on.
    session: Option<Session>,
    framer: Framer,
    decoder: Decoder,
    /// The session needs no monotonic time.
    instant: Instant,
}

/// A message whose length and checksum are right.
#[derive(Debug)]
pub(crate) struct Verified {
    /// Its type, such as `W`.
    pub(crate) msg_type: String,
}

impl CtraderReplay {
    pub(crate) fn new() -> Self {
        Self {
            protocol: Ctrader::of_any_symbol(),
            session: None,
            framer: Framer::new(),
            decoder: Decoder::new(),
            instant: Instant::now(),
        }
    }

    /// A message that the client sent, from its type on.
    pub(crate) fn sent(&mut self, text: &str) {
        if let Some((kind, number)) = requests::requested(text) {
            self.protocol.requested(kind, number);
        }
    }

    /// Checks the length and the checksum of a message, and applies it.
    ///
    /// # Errors
    /// The text is not one whole message. It is not applied, and the next number shows that it is missing.
    pub(crate) fn message(
        &mut self,
        text: &str,
        at: DateTime<Utc>,
        sink: &mut StreamSink<'_>,
    ) -> Result<Verified, String> {
        self.framer.clear();
        self.framer.push(text.as_bytes());
        let length = match self.framer.next_message() {
            Some(Framed::Message(bytes)) => bytes.len(),
            Some(Framed::Garbled(garbled)) => return Err(garbled.to_string()),
            None => return Err("the message is shorter than its length states".to_owned()),
        };
        if length != text.len() {
            return Err(format!("{} bytes after the message", text.len() - length));
        }
        let message = self.decoder.decode(text.as_bytes());
        let message = message.map_err(|error| error.to_string())?;
        let msg_type = message.msg_type().escape_ascii().to_string();
        let now = Moment::new(self.instant, at);
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(begun(&message, now)?),
        };
        match session.end() {
            // the connection ends with the logout, and its books with it
            Some(end) if end.cause == EndCause::LoggedOut => {}
            Some(end) => {
                let reason = format!("the session has ended before this message: {end}");
                sink(StreamEvent::Refused(ProtocolError::Refused(reason)));
            }
            None => {
                let protocol = &mut self.protocol;
                let events = &mut |event: SessionEvent<'_>| {
                    handle(protocol, event, now, None, sink);
                };
                session.receive(text.as_bytes(), now, events);
                session.tick(now, events);
                // nothing is sent
                let _ = session.take_output();
                self.protocol.take_pending();
            }
        }
        Ok(Verified { msg_type })
    }
}

/// The session whose first recorded message is this one.
fn begun(message: &Message<'_>, now: Moment) -> Result<Session, String> {
    let name = |tag| {
        let name = message.get(tag).filter(|name| !name.is_empty());
        String::from_utf8_lossy(name.unwrap_or(UNNAMED.as_bytes())).into_owned()
    };
    let mut settings = SessionSettings::new(name(tag::TARGET_COMP_ID), name(tag::SENDER_COMP_ID));
    settings.message_types = MESSAGES;
    settings.gap_timeout = Duration::ZERO;
    settings.heart_beat = NEVER;
    settings.logon_timeout = NEVER;
    let mut session = Session::new(settings).map_err(|error| error.to_string())?;
    session.opened(now);
    // a recording may begin within a connection
    if !matches!(message.msg_type(), b"A" | b"3" | b"5") {
        let number = message.required_integer(tag::MSG_SEQ_NUM);
        session.resume(number.map_err(|error| error.to_string())?);
    }
    Ok(session)
}

impl Protocol for CtraderReplay {
    fn opened(&mut self) {
        self.session = None;
        self.protocol.opened();
    }

    fn receive(&mut self, frame: Frame<'_>, sink: &mut EventSink<'_>) -> Result<(), ProtocolError> {
        let mut refused = None;
        let events = &mut |event: StreamEvent<'_>| match event {
            StreamEvent::Message(_) => {}
            StreamEvent::Feed(event) => sink(event),
            StreamEvent::Refused(error) => {
                refused.get_or_insert(error);
            }
        };
        let received = self.message(frame.text, frame.received_at, events);
        received.map_err(ProtocolError::Unreadable)?;
        refused.map_or(Ok(()), Err)
    }

    fn closed(&mut self, reason: StaleReason, detail: &str, sink: &mut EventSink<'_>) {
        self.protocol.closed(reason, detail, sink);
    }

    fn book(&self, symbol: &str) -> Option<&OrderBook> {
        self.protocol.book(symbol)
    }

    fn symbols(&self) -> Vec<&str> {
        self.protocol.symbols()
    }
}
