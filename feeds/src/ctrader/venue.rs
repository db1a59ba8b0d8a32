//! cTrader as a venue of the transport.

use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};
use tickbook::Clock;

use super::account::CtraderAccount;
use super::protocol::Ctrader;
use crate::error::ProtocolError;
use crate::event::{FeedEvent, LostMessages};
use crate::fix::recordable;
use crate::fix::session::{
    EndCause, InvalidSettings, Moment, Session, SessionEvent, SessionSettings,
};
use crate::protocol::{Frame, Protocol};
use crate::stream::{StreamEnd, StreamEvent, StreamSession, StreamSink};
use crate::subscription::Subscription;
use crate::venue::{InstrumentSource, Limits, Rate, Venue};

/// The name of the venue in messages.
const TARGET: &str = "CSERVER";
/// The connection for quotes, on both sides.
const PART: &str = "QUOTE";
/// The messages that the protocol reads.
pub(super) const MESSAGES: &[&str] = &["W", "X", "Y", "j", "y"];

/// cTrader of one broker, over FIX 4.4.
#[derive(Debug)]
pub struct CtraderVenue {
    subscription: Subscription,
    address: String,
    stream: Stream,
}

/// The session with the protocol behind it.
#[derive(Debug)]
struct Stream {
    session: Session,
    protocol: Ctrader,
    /// The password, which a text of the venue may contain.
    secret: Option<SecretString>,
    clock: Clock,
    listing: Option<Relisting>,
}

/// When the instruments are requested again.
#[derive(Debug)]
struct Relisting {
    every: Duration,
    /// `None` while no session is established.
    at: Option<Instant>,
}

impl CtraderVenue {
    /// A venue that is not connected. `clock` gives the times in messages and the times of receipt.
    ///
    /// # Errors
    /// An account whose values cannot be sent.
    pub fn new(
        subscription: Subscription,
        account: &CtraderAccount,
        clock: Clock,
    ) -> Result<Self, InvalidSettings> {
        let mut settings = SessionSettings::new(&account.sender_comp_id, TARGET);
        settings.sender_sub_id = Some(PART.to_owned());
        settings.target_sub_id = Some(PART.to_owned());
        settings.username = Some(account.username.clone());
        settings.password = Some(account.password.clone());
        settings.message_types = MESSAGES;
        Self::with_session(subscription, account, settings, clock)
    }

    /// A venue with other times of the session. `settings` have the names and the password.
    ///
    /// # Errors
    /// Settings that cannot be sent.
    pub(crate) fn with_session(
        subscription: Subscription,
        account: &CtraderAccount,
        settings: SessionSettings,
        clock: Clock,
    ) -> Result<Self, InvalidSettings> {
        let protocol = Ctrader::new(&subscription);
        Ok(Self {
            subscription,
            address: account.address.clone(),
            stream: Stream {
                secret: settings.password.clone(),
                session: Session::new(settings)?,
                protocol,
                clock,
                listing: None,
            },
        })
    }

    /// The number of deletions of entries that the depths did not have.
    #[must_use]
    pub fn unknown_deletes(&self) -> u64 {
        self.stream.protocol.unknown_deletes()
    }
}

impl Venue for CtraderVenue {
    fn name(&self) -> &'static str {
        "ctrader"
    }

    fn protocol(&self) -> &dyn Protocol {
        &self.stream.protocol
    }

    fn protocol_mut(&mut self) -> &mut dyn Protocol {
        &mut self.stream.protocol
    }

    fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    fn session(&mut self) -> Option<&mut dyn StreamSession> {
        Some(&mut self.stream)
    }

    fn address(&self) -> String {
        self.address.clone()
    }

    fn subscribe(&self) -> Vec<String> {
        self.stream.protocol.subscribe()
    }

    fn resubscribe(&self, symbol: &str) -> Vec<String> {
        self.stream.protocol.resubscribe(symbol)
    }

    fn instruments(&self) -> InstrumentSource {
        InstrumentSource::Channel
    }

    /// A second session of the account would end the first one.
    fn list_every(&mut self, every: Duration) -> bool {
        self.stream.protocol.list_instruments();
        self.stream.listing = Some(Relisting { every, at: None });
        true
    }

    /// The venue states no limit of messages; 20 a second are few.
    fn limits(&self) -> Limits {
        Limits::new(
            [Rate::new(20, Duration::from_secs(1))],
            [Rate::new(1, Duration::from_secs(1))],
        )
    }
}

/// Passes an event of the session to the protocol. `secret` is not shown.
pub(super) fn handle(
    protocol: &mut Ctrader,
    event: SessionEvent<'_>,
    now: Moment,
    secret: Option<&SecretString>,
    sink: &mut StreamSink<'_>,
) {
    match event {
        SessionEvent::LoggedOn => {}
        SessionEvent::Used(message) => {
            let secret = secret.map(|secret| secret.expose_secret());
            let text = recordable(&message, secret);
            sink(StreamEvent::Message(Frame::new(&text, now.utc)));
        }
        SessionEvent::Message(message) => {
            let events = &mut |event: FeedEvent<'_>| sink(StreamEvent::Feed(event));
            if let Err(error) = protocol.apply(&message, now.utc, events) {
                sink(StreamEvent::Refused(without(error, secret)));
            }
        }
        SessionEvent::Lost { count, cause, .. } => {
            let lost = LostMessages {
                count,
                noticed_at: now.utc,
                detail: cause.as_str(),
            };
            protocol.lost(lost, &mut |event| sink(StreamEvent::Feed(event)));
        }
        SessionEvent::Rejected(text) => sink(StreamEvent::Refused(ProtocolError::Refused(text))),
        SessionEvent::Counted(counter) => {
            sink(StreamEvent::Feed(FeedEvent::Counted(counter.as_str())));
        }
    }
}

/// An error without the password, which the text of a refusal may contain.
fn without(error: ProtocolError, secret: Option<&SecretString>) -> ProtocolError {
    match (error, secret) {
        (ProtocolError::Refused(text), Some(secret)) => {
            ProtocolError::Refused(text.replace(secret.expose_secret(), "***"))
        }
        (error, _) => error,
    }
}

impl Stream {
    /// Requests the list if it is due. The first one comes after the logon.
    fn list_again(&mut self, now: Instant) {
        let Some(listing) = &mut self.listing else {
            return;
        };
        if !self.session.is_established() {
            return;
        }
        let at = *listing.at.get_or_insert(now + listing.every);
        if at <= now {
            listing.at = Some(now + listing.every);
            self.protocol.list_again();
        }
    }

    fn moment(&self, now: Instant) -> Moment {
        Moment::new(now, self.clock.now())
    }
}

impl StreamSession for Stream {
    fn opened(&mut self, now: Instant) {
        let now = self.moment(now);
        self.session.opened(now);
    }

    fn receive(&mut self, bytes: &[u8], now: Instant, sink: &mut StreamSink<'_>) {
        let now = self.moment(now);
        let Self {
            session,
            protocol,
            secret,
            ..
        } = self;
        let secret = secret.as_ref();
        let events = &mut |event: SessionEvent<'_>| handle(protocol, event, now, secret, sink);
        session.receive(bytes, now, events);
        self.list_again(now.instant);
    }

    fn tick(&mut self, now: Instant, sink: &mut StreamSink<'_>) {
        let now = self.moment(now);
        let Self {
            session,
            protocol,
            secret,
            ..
        } = self;
        let secret = secret.as_ref();
        let events = &mut |event: SessionEvent<'_>| handle(protocol, event, now, secret, sink);
        session.tick(now, events);
        self.list_again(now.instant);
    }

    fn is_ready(&self) -> bool {
        self.session.is_established()
    }

    fn send(&mut self, message: &str, now: Instant) {
        let now = self.moment(now);
        // the transport sends only when the session is ready
        let _ = self.session.send(message.as_bytes(), now);
    }

    fn take_messages(&mut self) -> Vec<String> {
        self.protocol.take_pending()
    }

    fn take_output(&mut self) -> Option<Vec<u8>> {
        self.session.take_output()
    }

    fn deadline(&self) -> Option<Instant> {
        let listing = self.listing.as_ref().and_then(|listing| listing.at);
        let listing = listing.filter(|_| self.session.is_established());
        self.session.deadline().into_iter().chain(listing).min()
    }

    fn end(&self) -> Option<(StreamEnd, String)> {
        let end = self.session.end()?;
        let reason = match end.cause {
            EndCause::Refused | EndCause::LoggedOut => StreamEnd::Closed,
            EndCause::Silence => StreamEnd::Silence,
            EndCause::Violation => StreamEnd::Lost,
            EndCause::Local => StreamEnd::Planned,
        };
        Some((reason, end.to_string()))
    }

    fn log_out(&mut self, now: Instant) {
        let now = self.moment(now);
        self.session.log_out(now);
    }

    fn closed(&mut self) {
        if let Some(listing) = &mut self.listing {
            listing.at = None;
        }
        self.session.closed();
    }
}
