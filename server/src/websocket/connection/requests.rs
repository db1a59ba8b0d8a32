//! Handles the requests of a client.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::ws::Message as Frame;
use tickbook::RepositoryError;
use tokio::task::{JoinError, JoinSet, coop};
use tokio::time::Instant;

use super::super::protocol::{
    Ask, Channel, Message, RefusedRequest, Request, RequestId, Subscription, SubscriptionBody,
};
use super::super::reading::SeriesKey;
use super::{ClientConnection, End, code};
use crate::problem::Problem;

/// Maximum size of a client message in bytes.
const MESSAGE_LIMIT: usize = 64 * 1024;

/// Maximum number of subscriptions of a client; each channel of each symbol counts.
const SUBSCRIPTIONS: usize = 1_000;

/// Maximum number of requests that wait for a look-up of symbols; further messages are not read until it
/// ends.
const WAITING: usize = 16;

/// Whether all symbols of a subscription exist.
type Lookup = Result<(), Problem>;

/// Pending requests in order of arrival. The symbols of the first one are looked up concurrently with
/// everything else, because the database may be slow.
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: VecDeque<Request>,
    lookups: JoinSet<Lookup>,
}

impl Requests {
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < WAITING
    }

    /// The result of the look-up; `None` if none is running.
    pub(super) async fn found(&mut self) -> Option<Result<Lookup, JoinError>> {
        self.lookups.join_next().await
    }
}

impl ClientConnection {
    pub(super) async fn take(&mut self, frame: Frame) -> Result<(), End> {
        let answer = match frame {
            Frame::Text(text) if text.len() > MESSAGE_LIMIT => {
                let reason = format!("the message has more than {MESSAGE_LIMIT} bytes: send less");
                return Err(End::Closed(code::POLICY, reason));
            }
            Frame::Text(text) => match Request::parse(&text) {
                Ok(Request { id, ask: Ask::Ping }) => Message::Pong { id },
                Ok(request) => {
                    self.requests.waiting.push_back(request);
                    return self.work_off().await;
                }
                Err(RefusedRequest { id, reason }) => Message::Error { id, reason },
            },
            Frame::Binary(_) => Message::Error {
                id: None,
                reason: "the message is binary: send JSON text".to_owned(),
            },
            Frame::Close(_) => return Err(End::Disconnected),
            // the WebSocket library answers pings of the protocol
            Frame::Ping(_) | Frame::Pong(_) => return Ok(()),
        };
        self.send(&answer).await
    }

    /// Takes the result of the look-up of the first request, and continues with the next ones.
    pub(super) async fn take_found(&mut self, found: Result<Lookup, JoinError>) -> Result<(), End> {
        let found = found.unwrap_or_else(|error| {
            tracing::error!(%error, "a look-up of symbols failed unexpectedly");
            Err(Problem::from(RepositoryError::Internal {
                operation: "get_many",
                reason: "the look-up ended".to_owned(),
            }))
        });
        if let Some(Request {
            id,
            ask: Ask::Subscribe(subscription),
        }) = self.requests.waiting.pop_front()
        {
            let answer = match found {
                Ok(()) => self.subscribe(id, &subscription),
                Err(problem) => Message::Error {
                    id,
                    reason: problem.to_string(),
                },
            };
            self.send(&answer).await?;
        }
        self.work_off().await
    }

    /// Answers requests up to the first whose symbols have to be looked up.
    async fn work_off(&mut self) -> Result<(), End> {
        while self.requests.lookups.is_empty() {
            let Some(Request { id, ask }) = self.requests.waiting.pop_front() else {
                return Ok(());
            };
            // a client that sends without end yields to others
            coop::consume_budget().await;
            let answer = match ask {
                Ask::Ping => Message::Pong { id },
                Ask::Unsubscribe(subscription) => {
                    self.unsubscribe(&subscription);
                    Message::Unsubscribed(SubscriptionBody::new(id, &subscription))
                }
                Ask::Subscribe(subscription) => {
                    let known = Arc::clone(&self.app.known_symbols);
                    let unseen = known.unseen(&subscription.symbols);
                    if !unseen.is_empty() && self.has_place_for(&subscription) {
                        let ask = Ask::Subscribe(subscription);
                        self.requests.waiting.push_front(Request { id, ask });
                        let lookup = async move { known.require_all(&unseen).await };
                        self.requests.lookups.spawn(lookup);
                        return Ok(());
                    }
                    self.subscribe(id, &subscription)
                }
            };
            self.send(&answer).await?;
        }
        Ok(())
    }

    fn has_place_for(&self, subscription: &Subscription) -> bool {
        self.ticks.len() + self.series.len() + subscription.symbols.len() <= SUBSCRIPTIONS
    }

    /// Subscribes to all series or to none. The symbols exist.
    fn subscribe(&mut self, id: Option<RequestId>, subscription: &Subscription) -> Message {
        if !self.has_place_for(subscription) {
            let most = "a connection has at most 1000 subscriptions: open another one";
            return Message::Error {
                id,
                reason: most.to_owned(),
            };
        }
        self.queue.follow_all(&subscription.symbols);
        for symbol_id in subscription.symbols.iter().copied() {
            match subscription.channel {
                Channel::Ticks => {
                    self.ticks.insert(symbol_id);
                }
                Channel::Candles(timeframe, basis) => {
                    let key = SeriesKey {
                        symbol_id,
                        timeframe,
                        basis,
                    };
                    self.series.insert(key, Instant::now());
                }
            }
        }
        Message::Subscribed(SubscriptionBody::new(id, subscription))
    }

    fn unsubscribe(&mut self, subscription: &Subscription) {
        for symbol_id in subscription.symbols.iter().copied() {
            match subscription.channel {
                Channel::Ticks => {
                    self.ticks.remove(&symbol_id);
                }
                Channel::Candles(timeframe, basis) => {
                    self.series.remove(SeriesKey {
                        symbol_id,
                        timeframe,
                        basis,
                    });
                }
            }
        }
        let symbols = subscription.symbols.iter().copied();
        let unused = symbols.filter(|id| !self.series.has(*id) && !self.ticks.contains(id));
        self.queue.unfollow_all(&unused.collect::<Vec<_>>());
    }
}
