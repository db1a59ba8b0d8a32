//! Serves one WebSocket client.

mod requests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::settings::WebSocketConfig;
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use metrics::counter;
use tickbook::RepositoryError;
use tickbook::domain::SymbolId;
use tickbook::ingest::fanout::{Event, Gap, QueueOptions, SinkQueue};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, coop};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::clients::{QUEUES, WebSockets};
use super::protocol::{Channel, GapBody, Message, Numbered};
use super::reading::{Found, SeriesKey, Wanted, read};
use super::series_set::SeriesSet;
use crate::app::AppState;
use crate::metrics::WEBSOCKET_CLOSED;
use crate::wire::TimeText;
use requests::Requests;

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
    config: WebSocketConfig,
    /// Cancelled when the server stops waiting for the client to read its queue.
    hurry: CancellationToken,
    output: SplitSink<WebSocket, Frame>,
    input: SplitStream<WebSocket>,
    queue: SinkQueue,
    ticks: HashSet<SymbolId>,
    series: SeriesSet,
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
    missed: u64,
}

impl ClientConnection {
    pub(super) fn new(socket: WebSocket, app: AppState, sockets: WebSockets) -> Self {
        let WebSockets {
            config,
            hurry,
            waiting,
            readings,
            ..
        } = sockets;
        let (output, input) = socket.split();
        let options = QueueOptions::dropping_oldest(QUEUES, config.queue).every_symbol(false);
        let queue = app.fan_out.open(options);
        Self {
            app,
            config,
            hurry,
            output,
            input,
            queue,
            ticks: HashSet::new(),
            series: SeriesSet::new(waiting),
            pulse: Instant::now(),
            readings: JoinSet::new(),
            turns: readings,
            requests: Requests::default(),
            sent: 0,
            last_sent: Instant::now(),
            gaps: 0,
            missed: 0,
        }
    }

    /// Serves the client until either side closes the connection.
    pub(super) async fn run(mut self) {
        let hurry = self.hurry.clone();
        let (evicted, max) = (self.queue.evicted(), self.config.queue_total);
        let serving = async {
            tokio::select! {
                // also takes effect while the client reads nothing
                () = evicted => Err(Self::evicted(max)),
                ended = self.serve() => ended,
            }
        };
        let end = match hurry.run_until_cancelled(serving).await {
            Some(Ok(never)) => match never {},
            Some(Err(end)) => end,
            None => End::stopped("the server stops before all ticks were read: connect again"),
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
                events = self.queue.next() => {
                    let Some(events) = events else {
                        return Err(if self.queue.is_evicted() {
                            Self::evicted(self.config.queue_total)
                        } else {
                            End::stopped("the server stops: connect again later")
                        });
                    };
                    self.deliver(events).await?;
                }
                Some(found) = self.requests.found() => self.take_found(found).await?,
                Some(read) = self.readings.join_next() => {
                    // a read that panicked has logged it; the others continue
                    if let Ok(read) = read {
                        self.take_reading(read);
                    }
                }
                () = sleep_until(wake) => {}
            }
            self.send_candles().await?;
            if Instant::now() >= self.next_heartbeat() {
                let time = TimeText(self.app.clock.now());
                self.send(&Message::Heartbeat { time }).await?;
            }
            self.within_patience_flush().await?;
        }
    }

    fn evicted(max: usize) -> End {
        let reason = format!(
            "too slow: more than {max} ticks wait for all clients, most of them for this one"
        );
        End::Closed(code::TRY_AGAIN_LATER, reason)
    }

    /// When something is due although no event arrives. A client without candle subscriptions only needs its
    /// heartbeat.
    fn wake(&self) -> Instant {
        let heartbeat = self.next_heartbeat();
        if self.series.len() == 0 {
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
            let of_symbol = self.series.of(symbol_id).iter_mut();
            match event {
                Event::Record(published) => {
                    of_symbol.for_each(|series| series.tick(&published.record, now, clock));
                    if self.ticks.contains(&symbol_id) {
                        self.send(&Message::Tick(published.record.into())).await?;
                    }
                }
                Event::Gap(gap) => {
                    of_symbol.for_each(|series| series.gap(&gap, now));
                    gaps += gap.missed;
                    self.send_gap(&gap).await?;
                }
            }
        }
        self.within_patience_flush().await?;
        if gaps > 0 {
            self.gaps += 1;
            self.missed += gaps;
        }
        if self.queue.is_caught_up() {
            self.gaps = 0;
        }
        if self.gaps >= self.config.max_gaps {
            let reason = format!(
                "too slow: {} ticks were missed in {} gaps without catching up",
                self.missed, self.gaps
            );
            return Err(End::Closed(code::TRY_AGAIN_LATER, reason));
        }
        Ok(())
    }

    async fn send_gap(&mut self, gap: &Gap) -> Result<(), End> {
        let of_series = |key: SeriesKey| {
            let last = gap.to - chrono::TimeDelta::microseconds(1);
            let from = key.timeframe.bucket_start(gap.from);
            let to = key.timeframe.bucket_end(key.timeframe.bucket_start(last));
            (Channel::Candles(key.timeframe, key.basis), from, to)
        };
        let keys = self.series.keys_of(gap.symbol_id);
        let mut notices: Vec<_> = keys.map(of_series).collect();
        if self.ticks.contains(&gap.symbol_id) {
            notices.insert(0, (Channel::Ticks, gap.from, gap.to));
        }
        for (channel, from, to) in notices {
            let notice = GapBody {
                channel: channel.into(),
                symbol_id: gap.symbol_id.get(),
                from: TimeText(from),
                to: TimeText(to),
                missed: gap.missed,
            };
            self.send(&Message::Gap(notice)).await?;
        }
        Ok(())
    }

    fn take_reading(&mut self, (key, wanted, found): ReadResult) {
        let (now, clock) = (Instant::now(), self.app.clock.now());
        // the client may have unsubscribed meanwhile
        let Some(series) = self.series.get(key) else {
            return;
        };
        match found {
            Ok(Some(found)) => series.found(found, now, clock),
            Ok(None) => series.not_found(wanted, false, now),
            Err(error) => {
                let (error, symbol_id) = (error.with_causes(), key.symbol_id);
                tracing::debug!(%error, %symbol_id, "cannot read candles for a WebSocket client; retrying");
                series.not_found(wanted, true, now);
            }
        }
    }

    /// Sends changed candles and starts due reads.
    async fn send_candles(&mut self) -> Result<(), End> {
        let (now, clock) = (Instant::now(), self.app.clock.now());
        if now >= self.pulse {
            self.pulse = now + PULSE;
            self.series.touch_all();
        }
        let (due, updates) = self.series.work_off(now, clock);
        for (key, wanted) in due {
            let (turns, repositories) = (self.turns.clone(), self.app.repositories.clone());
            self.readings.spawn(async move {
                // the semaphore is never closed
                let _turn = turns.acquire().await;
                let found = read(&repositories, key, wanted).await;
                (key, wanted, found)
            });
        }
        for candle in updates {
            coop::consume_budget().await;
            self.send(&Message::Candle(candle.into())).await?;
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
