//! Serves one WebSocket client.

mod candles;
mod corrections;
mod gaps;
mod orders;
mod requests;
mod snapshots;
mod subscribing;

use std::sync::Arc;
use std::time::Duration;

use crate::settings::WebSocketConfig;
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use metrics::counter;
use tickbook::RepositoryError;
use tickbook::domain::{CandleInput, SymbolId, Tick, Trade};
use tickbook::ingest::fanout::Event;
use tokio::sync::{Semaphore, broadcast};
use tokio::task::{JoinSet, coop};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::books::FollowedBooks;
use super::clients::WebSockets;
use super::messages::{Message, Numbered};
use super::orders::FollowedAccounts;
use super::reading::{Found, SeriesKey, Wanted, place};
use super::record_channel::{RecordChannel, StreamedRecord as _};
use super::series_set::SeriesSet;
use crate::access::ClientAccess;
use crate::app::AppState;
use crate::correction_news::Announced;
use crate::ledger::CallerUser;
use crate::metrics::WEBSOCKET_CLOSED;
use crate::wire::TimeText;
use requests::Requests;
use snapshots::SnapshotRead;
use subscribing::AllCandles;

/// Interval of the checks for closing candles and due reads.
const PULSE: Duration = Duration::from_millis(200);

/// Close codes of RFC 6455 and its registry.
mod code {
    pub(super) const GOING_AWAY: u16 = 1001;
    pub(super) const POLICY: u16 = 1008;
    pub(super) const TRY_AGAIN_LATER: u16 = 1013;
}

/// Why a connection ends.
enum End {
    /// The client disconnected or closed the connection.
    Disconnected,
    /// The server closes the connection, with a reason.
    Closed(u16, String),
}

impl End {
    fn stopped(reason: &str) -> Self {
        Self::Closed(code::GOING_AWAY, reason.to_owned())
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
    output: SplitSink<WebSocket, Frame>,
    input: SplitStream<WebSocket>,
    /// Identifies the run of the server.
    epoch: Arc<str>,
    corrections: broadcast::Receiver<Arc<Announced>>,
    ticks: RecordChannel<Tick>,
    trades: RecordChannel<Trade>,
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
        socket: WebSocket,
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
            ..
        } = sockets;
        let (output, input) = socket.split();
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
            output,
            input,
            epoch,
            corrections,
            ticks,
            trades,
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
        if let End::Closed(code, reason) = end {
            tracing::debug!(code, reason, "a WebSocket is closed");
            counter!(WEBSOCKET_CLOSED, "code" => code.to_string()).increment(1);
            let reason = reason.into();
            let close = Frame::Close(Some(CloseFrame { code, reason }));
            let farewell = async {
                self.output.send(close).await?;
                // the close frame of the client ends the connection cleanly
                while let Some(Ok(_)) = self.input.next().await {}
                Ok::<_, axum::Error>(())
            };
            let _ = timeout(self.config.send_timeout, farewell).await;
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, End> {
        loop {
            let wake = self.wake();
            tokio::select! {
                frame = self.input.next(), if self.requests.has_room() => match frame {
                    Some(Ok(frame)) => self.take(frame).await?,
                    Some(Err(_)) | None => return Err(End::Disconnected),
                },
                events = self.ticks.queue.next() => {
                    let Some(events) = events else {
                        let is_evicted = self.ticks.queue.is_evicted();
                        return Err(self.end_of_queue("ticks", is_evicted).await);
                    };
                    self.deliver(events).await?;
                }
                events = self.trades.queue.next() => {
                    let Some(events) = events else {
                        let is_evicted = self.trades.queue.is_evicted();
                        return Err(self.end_of_queue("trades", is_evicted).await);
                    };
                    self.deliver_trades(events).await?;
                }
                symbols = self.books.changed() => self.deliver_books(symbols).await?,
                news = self.orders.arrived() => self.deliver_orders(news).await?,
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
                () = sleep_until(wake) => {}
            }
            self.send_candles().await?;
            if Instant::now() >= self.next_heartbeat() {
                let time = TimeText(self.app.clock.now());
                self.send(&Message::Heartbeat { time }).await?;
                self.ticks.forget_stored(Instant::now());
                self.trades.forget_stored(Instant::now());
            }
            self.within_patience_flush().await?;
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

    async fn deliver(&mut self, events: Vec<Event>) -> Result<(), End> {
        let (now, clock) = (Instant::now(), self.app.clock.now());
        let mut gaps = 0;
        for event in events {
            // yield to other clients
            coop::consume_budget().await;
            let symbol_id = event.symbol_id();
            self.add_series(symbol_id, CandleInput::Ticks).await?;
            let of_symbol = self.series.of(symbol_id).iter_mut();
            match event {
                Event::Record(published) => {
                    of_symbol.for_each(|series| series.take(&published.record, now, clock));
                    if self.ticks.takes(&published) {
                        let number = Some(published.number);
                        self.send(&published.record.message(number, false)).await?;
                    }
                }
                Event::Gap(gap) => {
                    of_symbol.for_each(|series| series.gap(&gap, now));
                    gaps += gap.missed;
                    self.send_gap(&gap, CandleInput::Ticks).await?;
                }
            }
        }
        self.count_gaps([gaps, 0, 0]).await
    }

    async fn deliver_trades(&mut self, events: Vec<Event<Trade>>) -> Result<(), End> {
        let (now, clock) = (Instant::now(), self.app.clock.now());
        let mut gaps = 0;
        for event in events {
            // yield to other clients
            coop::consume_budget().await;
            let symbol_id = event.symbol_id();
            self.add_series(symbol_id, CandleInput::Trades).await?;
            let of_symbol = self.trade_series.of(symbol_id).iter_mut();
            match event {
                Event::Record(published) => {
                    let trade = &published.record;
                    // the store corrects it when it is stored
                    let is_corrected = self.app.correction_news.precedes(trade);
                    of_symbol.for_each(|series| {
                        series.take(trade, now, clock);
                        if is_corrected {
                            series.corrected(place(trade), true, now);
                        }
                    });
                    if self.trades.takes(&published) {
                        let number = Some(published.number);
                        self.send(&published.record.message(number, false)).await?;
                    }
                }
                Event::Gap(gap) => {
                    of_symbol.for_each(|series| series.gap(&gap, now));
                    gaps += gap.missed;
                    self.send_gap(&gap, CandleInput::Trades).await?;
                }
            }
        }
        self.count_gaps([0, gaps, 0]).await
    }

    /// Sends the present state of books that have changed. Further changes meanwhile are merged.
    async fn deliver_books(&mut self, symbols: Vec<SymbolId>) -> Result<(), End> {
        for symbol_id in symbols {
            // yield to other clients
            coop::consume_budget().await;
            if let Err(reason) = self.books.add(symbol_id) {
                self.send(&Message::Error { id: None, reason }).await?;
            }
            if let Some(message) = self.books.message(symbol_id) {
                self.send(&message).await?;
            }
        }
        Ok(())
    }

    async fn send(&mut self, message: &Message) -> Result<(), End> {
        let seq = self.sent + 1;
        let text = serde_json::to_string(&Numbered { seq, message }).map_err(|error| {
            tracing::error!(%error, "cannot write a message as JSON");
            End::Disconnected
        })?;
        self.sent = seq;
        self.last_sent = Instant::now();
        let feeding = self.output.feed(Frame::Text(text.into()));
        let fed = timeout(self.config.send_timeout, feeding).await;
        self.in_time(fed)
    }

    async fn within_patience_flush(&mut self) -> Result<(), End> {
        let flushed = timeout(self.config.send_timeout, self.output.flush()).await;
        self.in_time(flushed)
    }

    fn in_time(
        &self,
        done: Result<Result<(), axum::Error>, tokio::time::error::Elapsed>,
    ) -> Result<(), End> {
        match done {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Disconnected),
            Err(_) => {
                let seconds = self.config.send_timeout.as_secs_f32();
                let reason = format!("too slow: nothing was read for {seconds} seconds");
                Err(End::Closed(code::TRY_AGAIN_LATER, reason))
            }
        }
    }
}
