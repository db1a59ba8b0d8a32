//! The connection that replaces one whose end is planned.

use std::collections::BTreeMap;
use std::future::pending;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::connect::ConnectError;
use super::driver::Driver;
use super::event::{ConnectionEnd, Receiver, TransportEvent};
use super::held::Held;
use super::run::{CLOSING, Connection, Ended, Transport};
use super::seen::Once;
use super::socket::{Arrived, Outgoing};
use super::state::DriverState;
use crate::venue::Venue;

/// How long a connection that is replaced is read at its end, and how long the other one may be behind.
const LAST: Duration = Duration::from_secs(1);

/// The payload of the ping after which nothing of the old connection is missing.
const LAST_PING: &[u8] = b"last";

/// A connection that is ready to replace another one.
pub(super) struct Successor {
    pub(super) venue: Box<dyn Venue>,
    pub(super) state: DriverState,
    pub(super) connection: Connection,
    address: String,
    held: Held,
}

/// A connection that was not opened, or ended before it was ready.
pub(super) struct Unprepared {
    pub(super) address: String,
    pub(super) error: Option<ConnectError>,
}

/// A connection that is being prepared.
pub(super) type Preparing<'t> =
    Pin<Box<dyn Future<Output = Result<Box<Successor>, Unprepared>> + Send + 't>>;

/// Waits until the connection is prepared; for ever if none is.
pub(super) async fn prepared(
    preparing: &mut Option<Preparing<'_>>,
) -> Result<Box<Successor>, Unprepared> {
    match preparing {
        Some(preparing) => preparing.await,
        None => pending().await,
    }
}

impl Transport {
    /// Prepares a connection that replaces that of `driver`, after a delay. `None` if the venue allows one connection
    /// only.
    pub(super) fn preparing(&self, driver: &Driver<'_>, delay: Duration) -> Option<Preparing<'_>> {
        let venue = driver.venue().successor()?;
        Some(Box::pin(async move {
            sleep(delay).await;
            self.prepare(venue).await
        }))
    }

    /// Opens a connection and subscribes, until everything is answered and every book is valid.
    async fn prepare(&self, mut venue: Box<dyn Venue>) -> Result<Box<Successor>, Unprepared> {
        let address = venue.address();
        let socket = match self.open(&address).await {
            Ok(socket) => socket,
            Err(error) => {
                let error = Some(error);
                return Err(Unprepared { address, error });
            }
        };
        let mut connection = Connection::new(socket);
        let mut held = Held::default();
        let state = DriverState::new(&*venue, self.settings(), Instant::now());
        let mut driver = Driver::resume(&mut *venue, state);
        driver.opened(Instant::now());
        let is_ready = |driver: &Driver<'_>, _: &Held| driver.is_settled();
        let ended = self
            .pump(&mut connection, &mut driver, &mut held, is_ready)
            .await;
        if ended.is_err() {
            let error = None;
            return Err(Unprepared { address, error });
        }
        let state = driver.into_state();
        Ok(Box::new(Successor {
            venue,
            state,
            connection,
            address,
            held,
        }))
    }

    /// Exchanges the messages of a prepared connection until it is ready.
    async fn pump(
        &self,
        connection: &mut Connection,
        driver: &mut Driver<'_>,
        held: &mut Held,
        is_ready: impl Fn(&Driver<'_>, &Held) -> bool,
    ) -> Result<(), ConnectionEnd> {
        let mut timer = pin!(sleep_until(driver.deadline()));
        loop {
            self.act(connection, driver, held).await?;
            if is_ready(driver, held) {
                return Ok(());
            }
            timer.as_mut().reset(driver.deadline());
            let Connection { socket, fetches } = &mut *connection;
            tokio::select! {
                arrived = socket.next() => self.take(arrived, driver, held)?,
                Some((symbol, body)) = fetches.next(), if !fetches.is_empty() => {
                    self.fetched(&symbol, body.as_deref(), driver, held);
                }
                () = &mut timer => {}
            }
        }
    }

    /// Replaces a connection by `next`: everything that the old one has received comes first.
    pub(super) async fn replace<R: Receiver>(
        &self,
        mut old: Connection,
        driver: &mut Driver<'_>,
        next: Box<Successor>,
        receiver: &mut Once<'_, R>,
    ) -> Ended {
        let drained = timeout(LAST, self.drain(&mut old, driver, receiver)).await;
        if let Ok(ControlFlow::Break(())) = drained {
            return Ended::Stopped;
        }
        let Successor {
            venue,
            state,
            connection,
            address,
            held,
        } = self.caught_up(*next, &receiver.sequences()).await;
        // the venue may be silent
        let _ = timeout(CLOSING, old.socket.close(None)).await;
        receiver.replace();
        receiver.event(TransportEvent::Renewed {
            address: &address,
            at: self.clock().now(),
        });
        held.pass(&*venue, receiver);
        match receiver.ready().await {
            ControlFlow::Continue(()) => Ended::Replaced(Box::new(Successor {
                venue,
                state,
                connection,
                address,
                held: Held::default(),
            })),
            ControlFlow::Break(()) => Ended::Stopped,
        }
    }

    /// Reads a connection until it answers a ping: the venue has sent everything before the answer.
    async fn drain<R: Receiver>(
        &self,
        old: &mut Connection,
        driver: &mut Driver<'_>,
        receiver: &mut Once<'_, R>,
    ) -> ControlFlow<()> {
        let ping = Outgoing::Message(Message::Ping(LAST_PING.into()));
        if old.socket.send(ping).await.is_err() {
            return ControlFlow::Continue(());
        }
        loop {
            match old.socket.next().await {
                Ok(Arrived::Pong(payload)) if payload == LAST_PING => {
                    return ControlFlow::Continue(());
                }
                arrived => {
                    if self.take(arrived, driver, receiver).is_err() {
                        return ControlFlow::Continue(());
                    }
                }
            }
            receiver.ready().await?;
        }
    }

    /// Reads a prepared connection until its books are not older than those of the old one, whose last messages have
    /// the numbers `wanted`.
    async fn caught_up(&self, next: Successor, wanted: &BTreeMap<String, i64>) -> Successor {
        let Successor {
            mut venue,
            state,
            mut connection,
            address,
            mut held,
        } = next;
        let mut driver = Driver::resume(&mut *venue, state);
        let is_ready = |_: &Driver<'_>, held: &Held| {
            let mut books = held.sequences();
            books.all(|(symbol, sequence)| {
                let numbers = wanted.get(symbol).zip(sequence);
                numbers.is_none_or(|(old, new)| new >= *old)
            })
        };
        let pumping = self.pump(&mut connection, &mut driver, &mut held, is_ready);
        // the exchange of a connection that has ended notices it
        let _ = timeout(LAST, pumping).await;
        let state = driver.into_state();
        Successor {
            venue,
            state,
            connection,
            address,
            held,
        }
    }
}
