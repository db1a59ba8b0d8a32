//! Serves one WebSocket client.

mod candles;
mod corrections;
mod delivering;
mod gaps;
mod orders;
mod requests;
mod sending;
mod snapshots;
mod subscribing;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::settings::WebSocketConfig;
use tickbook::RepositoryError;
use tickbook::domain::{CandleInput, Tick, Trade};
use tokio::sync::{Semaphore, broadcast};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::books::FollowedBooks;
use super::clients::WebSockets;
use super::messages::Message;
use super::orders::FollowedAccounts;
use super::reading::{Found, SeriesKey, Wanted};
use super::record_channel::RecordChannel;
use super::series_set::SeriesSet;
use super::texts::RecordTexts;
use super::transport::{ClientSocket, InvalidFrame};
use crate::access::ClientAccess;
use crate::app::AppState;
use crate::correction_news::Announced;
use crate::http::UpgradedStream;
use crate::ledger::CallerUser;
use crate::wire::TimeText;
use requests::Requests;
use snapshots::SnapshotRead;
use subscribing::AllCandles;

/// Interval of the checks for closing candles and due reads.
const PULSE: Duration = Duration::from_millis(200);

/// Close codes of RFC 6455 and its registry.
mod code {
    pub(super) const GOING_AWAY: u16 = 1001;
    pub(super) const PROTOCOL: u16 = 1002;
    pub(super) const NOT_UTF8: u16 = 1007;
    pub(super) const POLICY: u16 = 1008;
    pub(super) const TRY_AGAIN_LATER: u16 = 1013;
}

/// Why a connection ends.
enum End {
    /// The connection failed, or the client ended it without a close frame.
    Disconnected,
    /// The client closed the connection, with a code or without.
    ClosedByClient(Option<u16>),
    /// The server closes the connection, with a reason.
    Closed(u16, String),
}

impl End {
    fn stopped(reason: &str) -> Self {
        Self::Closed(code::GOING_AWAY, reason.to_owned())
    }
}

impl From<InvalidFrame> for End {
    fn from(error: InvalidFrame) -> Self {
        let code = match error {
            InvalidFrame::Protocol(_) => code::PROTOCOL,
            InvalidFrame::NotUtf8 => code::NOT_UTF8,
            InvalidFrame::TooLong => code::POLICY,
        };
        Self::Closed(code, error.to_string())
    }
}

type ReadResult = (SeriesKey, Wanted, Result<Option<Found>, RepositoryError>);

/// A client, its subscriptions and its queue.
pub(super) struct ClientConnection {
    app: AppState,
    /// The user whose accounts the client may follow.
    user: CallerUser,
    access: ClientAccess,
    config: WebSocketConfig,
    /// Cancelled when the server stops waiting for the client to read its queue.
    hurry: CancellationToken,
    socket: ClientSocket<UpgradedStream>,
    /// Identifies the run of the server.
    epoch: Arc<str>,
    corrections: broadcast::Receiver<Arc<Announced>>,
    ticks: RecordChannel<Tick>,
    trades: RecordChannel<Trade>,
    tick_texts: RecordTexts<Tick>,
    trade_texts: RecordTexts<Trade>,
    books: FollowedBooks,
    orders: FollowedAccounts,
    series: SeriesSet,
    trade_series: SeriesSet<Trade>,
    all_candles: AllCandles,
    snapshots: JoinSet<SnapshotRead>,
    /// The time at which all series are checked again.
    pulse: Instant,
    readings: JoinSet<ReadResult>,
    turns: Arc<Semaphore>,
    requests: Requests,
    /// Number of messages sent.
    sent: u64,
    last_sent: Instant,
    /// Deliveries with gaps since the client last caught up.
    gaps: u32,
    /// Missed ticks, trades and events of orders.
    missed: [u64; 3],
}

impl ClientConnection {
    pub(super) fn new(
        socket: ClientSocket<UpgradedStream>,
        app: AppState,
        sockets: WebSockets,
        user: CallerUser,
        access: ClientAccess,
    ) -> Self {
        let WebSockets {
            config,
            hurry,
            waiting,
            levels,
            order_events,
            readings,
            epoch,
            tick_texts,
            trade_texts,
            ..
        } = sockets;
        let ticks = RecordChannel::open(&app.fan_out, &config);
        let trades = RecordChannel::open(&app.trade_fan_out, &config);
        let books = FollowedBooks::new(app.books.clone(), levels);
        let news = app.ledger.news.clone();
        let orders = FollowedAccounts::new(news, config.queue, order_events);
        let corrections = app.correction_news.subscribe();
        Self {
            app,
            user,
            access,
            config,
            hurry,
            socket,
            epoch,
            corrections,
            ticks,
            trades,
            tick_texts,
            trade_texts,
            books,
            orders,
            series: SeriesSet::new(waiting.clone()),
            trade_series: SeriesSet::new(waiting),
            all_candles: AllCandles::default(),
            snapshots: JoinSet::new(),
            pulse: Instant::now(),
            readings: JoinSet::new(),
            turns: readings,
            requests: Requests::default(),
            sent: 0,
            last_sent: Instant::now(),
            gaps: 0,
            missed: [0; 3],
        }
    }

    /// Serves the client until either side closes the connection.
    pub(super) async fn run(mut self) {
        let hurry = self.hurry.clone();
        let max = self.config.queue_total;
        let (evicted, trades_evicted) = (self.ticks.queue.evicted(), self.trades.queue.evicted());
        let serving = async {
            tokio::select! {
                // also takes effect while the client reads nothing
                () = evicted => Err(Self::evicted("ticks", max)),
                () = trades_evicted => Err(Self::evicted("trades", max)),
                ended = self.serve() => ended,
            }
        };
        let end = match hurry.run_until_cancelled(serving).await {
            Some(Ok(never)) => match never {},
            Some(Err(end)) => end,
            None => End::stopped(
                "the server stops before all ticks and trades were read: connect again",
            ),
        };
        self.say_farewell(end).await;
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, End> {
        let mut timer = pin!(sleep_until(self.wake()));
        let (mut had_ticks, mut had_trades) = (false, false);
        loop {
            // a message moves the next heartbeat, but not the timer: that it elapses early costs less
            let wake = self.wake();
            if timer.is_elapsed() || wake < timer.deadline() {
                timer.as_mut().reset(wake);
            }
            let (has_ticks, has_trades) = (self.has_ticks(), self.has_trades());
            // after the last subscription the records that were taken are settled
            let (polls_ticks, polls_trades) = (has_ticks || had_ticks, has_trades || had_trades);
            (had_ticks, had_trades) = (has_ticks, has_trades);
            tokio::select! {
                incoming = self.socket.next(), if self.requests.has_room() => match incoming {
                    Some(incoming) => self.take(incoming?).await?,
                    None => return Err(End::Disconnected),
                },
                // without subscriptions the queue of ticks shows the end of the server
                events = self.ticks.queue.next(), if polls_ticks || !polls_trades => {
                    let Some(events) = events else {
                        let is_evicted = self.ticks.queue.is_evicted();
                        return Err(self.end_of_queue("ticks", is_evicted).await);
                    };
                    self.deliver(events).await?;
                }
                events = self.trades.queue.next(), if polls_trades => {
                    let Some(events) = events else {
                        let is_evicted = self.trades.queue.is_evicted();
                        return Err(self.end_of_queue("trades", is_evicted).await);
                    };
                    self.deliver_trades(events).await?;
                }
                symbols = self.books.changed(), if self.books.len() > 0 => self.deliver_books(symbols).await?,
                news = self.orders.arrived(), if self.orders.len() > 0 => self.deliver_orders(news).await?,
                announced = self.corrections.recv() => self.take_correction(announced).await?,
                Some(read) = self.snapshots.join_next() => {
                    // a read that panicked has logged it
                    if let Ok(read) = read {
                        self.send_read_snapshots(read).await?;
                    }
                }
                Some(found) = self.requests.found() => self.take_found(found).await?,
                Some(read) = self.readings.join_next() => {
                    // a read that panicked has logged it; the others continue
                    if let Ok(read) = read {
                        self.take_reading(read);
                    }
                }
                reason = self.access.ended() => {
                    return Err(End::Closed(code::POLICY, reason.to_owned()));
                }
                () = timer.as_mut() => {}
            }
            if self.series.len() + self.trade_series.len() > 0 {
                self.send_candles().await?;
            }
            if Instant::now() >= self.next_heartbeat() {
                let time = TimeText(self.app.clock.now());
                self.send(&Message::Heartbeat { time }).await?;
                self.ticks.forget_stored(Instant::now());
                self.trades.forget_stored(Instant::now());
            }
            self.flush().await?;
        }
    }

    async fn end_of_queue(&mut self, records: &str, is_evicted: bool) -> End {
        if is_evicted {
            return Self::evicted(records, self.config.queue_total);
        }
        // requests have ended, so no further event is booked
        match self.deliver_waiting_orders().await {
            Ok(()) => End::stopped("the server stops: connect again later"),
            Err(end) => end,
        }
    }

    fn evicted(records: &str, max: usize) -> End {
        let reason = format!(
            "too slow: more than {max} {records} wait for all clients, most of them for this one"
        );
        End::Closed(code::TRY_AGAIN_LATER, reason)
    }

    /// Whether ticks may wait for the client.
    fn has_ticks(&self) -> bool {
        let has_series = self.series.len() > 0 || self.all_candles.are_of(CandleInput::Ticks);
        has_series || self.ticks.len() > 0
    }

    /// Whether trades may wait for the client.
    fn has_trades(&self) -> bool {
        let has_series =
            self.trade_series.len() > 0 || self.all_candles.are_of(CandleInput::Trades);
        has_series || self.trades.len() > 0
    }

    /// When something is due although no event arrives. A client without candle subscriptions only needs its
    /// heartbeat.
    fn wake(&self) -> Instant {
        let heartbeat = self.next_heartbeat();
        if self.series.len() + self.trade_series.len() == 0 {
            heartbeat
        } else {
            heartbeat.min(self.pulse)
        }
    }

    /// Slightly early, so that the client receives the heartbeat in time.
    fn next_heartbeat(&self) -> Instant {
        let early = PULSE.min(self.config.heartbeat / 2);
        self.last_sent + (self.config.heartbeat - early)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of the future of a function in bytes.
    fn size<T, F: Future>(_: impl FnOnce(T) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn client_takes_little_memory() {
        let bytes = size(ClientConnection::run);
        assert!(bytes <= 12 * 1024, "{bytes} bytes");
    }
}
