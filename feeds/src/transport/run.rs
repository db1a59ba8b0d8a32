//! The loop that connects, and exchanges messages.

use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tickbook::Clock;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::connect::{ConnectError, Server, Tls};
use super::driver::{Action, Driver};
use super::event::{ConnectionEnd, EndReason, Receiver, TransportEvent};
use super::http::{self, FetchError};
use super::seen::Once;
use super::settings::TransportSettings;
use super::socket::{Arrived, Outgoing, Socket};
use super::state::DriverState;
use super::successor::{Preparing, Successor, Unprepared, prepared};
use crate::history::HistoryRequest;
use crate::venue::Venue;

/// The longest message. Snapshots of books have several megabytes.
const MAX_MESSAGE: usize = 64 << 20;

/// How long a connection that ends waits until the venue has the end.
pub(super) const CLOSING: Duration = Duration::from_millis(500);

/// The snapshot of a symbol, or why it cannot be fetched.
type Fetched = (String, Result<String, FetchError>);

/// The requests of a connection, which end with it.
type Fetches = FuturesUnordered<Pin<Box<dyn Future<Output = Fetched> + Send>>>;

/// An open connection.
pub(super) struct Connection {
    pub(super) socket: Socket,
    pub(super) fetches: Fetches,
}

impl Connection {
    pub(super) fn new(socket: Socket) -> Self {
        Self {
            socket,
            fetches: Fetches::new(),
        }
    }
}

/// The work that is left when all actions are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// To prepare the connection that replaces this one.
    Renewal,
}

/// How an exchange of messages ended.
pub(super) enum Ended {
    /// The receiver ended it.
    Stopped,
    Closed,
    /// Another connection goes on.
    Replaced(Box<Successor>),
}

/// Connects to venues.
#[derive(Debug, Clone)]
pub struct Transport {
    settings: TransportSettings,
    tls: Tls,
    clock: Clock,
}

impl Transport {
    /// A transport with the default times. `clock` gives the times of receipt.
    #[must_use]
    pub fn new(tls: Tls, clock: Clock) -> Self {
        Self {
            settings: TransportSettings::default(),
            tls,
            clock,
        }
    }

    /// Uses other times.
    #[must_use]
    pub fn with_settings(mut self, settings: TransportSettings) -> Self {
        self.settings = settings;
        self
    }

    /// The clock of the times of receipt.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn settings(&self) -> &TransportSettings {
        &self.settings
    }

    /// Fetches a body, such as a list of instruments.
    ///
    /// # Errors
    /// No connection, another status than 200, or no complete text of at most 64 MiB.
    pub async fn get(&self, address: &str) -> Result<String, FetchError> {
        let request = HistoryRequest::new(address.to_owned());
        self.request(&request).await
    }

    /// Fetches a body with the header of a request.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn request(&self, request: &HistoryRequest) -> Result<String, FetchError> {
        http::get(request, &self.tls, self.settings.request_timeout).await
    }

    /// Connects to a venue, and again after each end, until `receiver` ends it. The future may be dropped at
    /// any time.
    ///
    /// A connection that reaches its largest age, or whose end the venue announces, is replaced by another one that was
    /// opened before: `venue` is its [successor](Venue::successor) from then on. The receiver gets each trade and quote of
    /// both connections once.
    pub async fn run<R: Receiver>(&self, venue: &mut Box<dyn Venue>, receiver: &mut R) {
        let receiver = &mut Once::new(receiver);
        let mut state = DriverState::new(&**venue, &self.settings, Instant::now());
        let mut delays = self.settings.backoff.delays();
        loop {
            let address = venue.address();
            match self.open(&address).await {
                Ok(socket) => {
                    let at = self.clock.now();
                    receiver.event(TransportEvent::Opened {
                        address: &address,
                        at,
                    });
                    let opened_at = Instant::now();
                    let mut driver = Driver::resume(&mut **venue, state);
                    driver.opened(opened_at);
                    state = driver.into_state();
                    let mut connection = Connection::new(socket);
                    loop {
                        let mut driver = Driver::resume(&mut **venue, state);
                        let ended = self.exchange(connection, &mut driver, receiver).await;
                        state = driver.into_state();
                        match ended {
                            Ended::Stopped => return,
                            Ended::Closed => break,
                            Ended::Replaced(next) => {
                                *venue = next.venue;
                                (state, connection) = (next.state, next.connection);
                            }
                        }
                    }
                    if opened_at.elapsed() >= self.settings.stable_after {
                        delays.reset();
                        continue;
                    }
                }
                Err(error) => {
                    let address = &address;
                    let error = &error;
                    receiver.event(TransportEvent::ConnectFailed { address, error });
                    if receiver.ready().await.is_break() {
                        return;
                    }
                }
            }
            sleep(delays.next_delay()).await;
        }
    }

    pub(super) async fn open(&self, address: &str) -> Result<Socket, ConnectError> {
        let server = Server::of(address)?;
        let limit = self.settings.connect_timeout;
        let open = async {
            let stream = server.connect(&self.tls, limit).await?;
            if server.is_stream {
                return Ok(Socket::stream(stream));
            }
            let config = WebSocketConfig::default()
                .max_message_size(Some(MAX_MESSAGE))
                .max_frame_size(Some(MAX_MESSAGE));
            let opened = client_async_with_config(address, stream, Some(config)).await;
            opened
                .map(|(socket, _)| Socket::WebSocket(Box::new(socket)))
                .map_err(|error| ConnectError::Handshake {
                    host: server.to_string(),
                    detail: error.to_string(),
                })
        };
        let opened = timeout(limit, open).await;
        opened.unwrap_or_else(|_| Err(server.timed_out(limit)))
    }

    /// Exchanges messages until the connection ends, or another one replaces it.
    async fn exchange<R: Receiver>(
        &self,
        mut connection: Connection,
        driver: &mut Driver<'_>,
        receiver: &mut Once<'_, R>,
    ) -> Ended {
        let mut timer = pin!(sleep_until(driver.deadline()));
        let mut renewal_delays = self.settings.backoff.delays();
        let mut preparing: Option<Preparing<'_>> = None;
        let end = loop {
            match self.act(&mut connection, driver, receiver).await {
                Ok(Due::Nothing) => {}
                Ok(Due::Renewal) => {
                    receiver.begin();
                    preparing = self.preparing(driver, Duration::ZERO);
                }
                Err(end) => break end,
            }
            if receiver.ready().await.is_break() {
                if let Some(bytes) = driver.farewell(Instant::now()) {
                    let _ = timeout(CLOSING, connection.socket.close(Some(bytes))).await;
                }
                return Ended::Stopped;
            }
            // each message moves the deadline: the timer is moved only if it is too late or has fired
            let deadline = driver.deadline();
            if timer.is_elapsed() || deadline < timer.deadline() {
                timer.as_mut().reset(deadline);
            }
            let Connection { socket, fetches } = &mut connection;
            let next = tokio::select! {
                arrived = socket.next() => {
                    if let Err(end) = self.take(arrived, driver, receiver) {
                        break end;
                    }
                    None
                }
                Some((symbol, body)) = fetches.next(), if !fetches.is_empty() => {
                    self.fetched(&symbol, body.as_deref(), driver, receiver);
                    None
                }
                next = prepared(&mut preparing) => Some(next),
                () = &mut timer => None,
            };
            match next {
                None => {}
                Some(Ok(next)) => return self.replace(connection, driver, next, receiver).await,
                Some(Err(Unprepared { address, error })) => {
                    if let Some(error) = &error {
                        let address = &address;
                        receiver.event(TransportEvent::ConnectFailed { address, error });
                    }
                    preparing = self.preparing(driver, renewal_delays.next_delay());
                }
            }
        };
        // the venue may be silent
        let farewell = driver.farewell(Instant::now());
        let _ = timeout(CLOSING, connection.socket.close(farewell)).await;
        driver.closed(&end, Instant::now(), &mut |event| receiver.event(event));
        match receiver.ready().await {
            ControlFlow::Continue(()) => Ended::Closed,
            ControlFlow::Break(()) => Ended::Stopped,
        }
    }

    /// Passes the body of a request to the driver.
    pub(super) fn fetched<R: Receiver>(
        &self,
        symbol: &str,
        body: Result<&str, &FetchError>,
        driver: &mut Driver<'_>,
        receiver: &mut R,
    ) {
        let sink = &mut |event: TransportEvent<'_>| receiver.event(event);
        driver.fetched(symbol, body, self.clock.now(), Instant::now(), sink);
    }

    /// Carries out all actions that are due.
    pub(super) async fn act<R: Receiver>(
        &self,
        connection: &mut Connection,
        driver: &mut Driver<'_>,
        receiver: &mut R,
    ) -> Result<Due, ConnectionEnd> {
        let Connection { socket, fetches } = connection;
        loop {
            let action = driver.poll(Instant::now(), &mut |event| receiver.event(event));
            let message = match action {
                None => return Ok(Due::Nothing),
                Some(Action::Renew) => return Ok(Due::Renewal),
                Some(Action::Close(end)) => return Err(end),
                Some(Action::Send(text)) => {
                    let at = self.clock.now();
                    receiver.event(TransportEvent::Sent { text: &text, at });
                    Outgoing::Message(Message::text(text))
                }
                Some(Action::Ping) => Outgoing::Message(Message::Ping(Vec::new().into())),
                Some(Action::Write(bytes)) => Outgoing::Bytes(bytes),
                Some(Action::Request { text, bytes }) => {
                    let at = self.clock.now();
                    receiver.event(TransportEvent::Sent { text: &text, at });
                    Outgoing::Bytes(bytes)
                }
                Some(Action::Fetch { symbol, address }) => {
                    let (tls, limit) = (self.tls.clone(), self.settings.request_timeout);
                    let request = HistoryRequest::new(address);
                    fetches.push(Box::pin(async move {
                        let body = http::get(&request, &tls, limit).await;
                        (symbol, body)
                    }));
                    continue;
                }
            };
            match timeout(self.settings.silence, socket.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(failed(&error)),
                Err(_) => {
                    let detail = "the venue does not read";
                    return Err(ConnectionEnd::new(EndReason::Silence, detail));
                }
            }
        }
    }

    /// Passes what arrived to the driver.
    pub(super) fn take<R: Receiver>(
        &self,
        arrived: Result<Arrived<'_>, Error>,
        driver: &mut Driver<'_>,
        receiver: &mut R,
    ) -> Result<(), ConnectionEnd> {
        let sink = &mut |event: TransportEvent<'_>| receiver.event(event);
        let now = Instant::now();
        match arrived.map_err(|error| failed(&error))? {
            Arrived::Text(text) => driver.text(&text, self.clock.now(), now, sink),
            Arrived::Bytes(bytes) => driver.bytes(bytes, now, sink),
            Arrived::Sign | Arrived::Pong(_) => driver.heard(now),
            Arrived::End(detail) => return Err(ConnectionEnd::new(EndReason::Closed, detail)),
        }
        Ok(())
    }
}

fn failed(error: &Error) -> ConnectionEnd {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => {
            ConnectionEnd::new(EndReason::Closed, error.to_string())
        }
        _ => ConnectionEnd::new(EndReason::Failed, error.to_string()),
    }
}
