//! Handles the requests of a client.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use axum::extract::ws::Message as Frame;
use tickbook::RepositoryError;
use tickbook::domain::{CandleInput, PriceBasis, SymbolId};
use tickbook_ledger::domain::AccountId;
use tokio::task::{JoinError, JoinSet, coop};
use tokio::time::Instant;

use super::super::messages::{AuthenticatedBody, Message, SubscriptionBody};
use super::super::protocol::{Ask, Channel, RefusedRequest, Request, RequestId, Subscription};
use super::super::reading::SeriesKey;
use super::{ClientConnection, End, code};
use crate::http::Held;
use crate::ledger::{AccountState, read_state};
use crate::problem::Problem;

/// Maximum size of a client message in bytes.
const MESSAGE_LIMIT: usize = 64 * 1024;

/// Maximum number of subscriptions of a client; each channel of each symbol counts.
const SUBSCRIPTIONS: usize = 1_000;

/// Maximum number of requests that wait for a look-up of symbols; further messages are not read until it
/// ends.
const WAITING: usize = 16;

/// Size of an order or a position in bytes, both as held and as sent, somewhat above the usual size.
const ROW_BYTES: usize = 2_000;

/// What a subscription needs; an error if a symbol or the account does not exist.
type Lookup = Result<LookedUp, Problem>;

/// What a subscription needs from the store.
#[derive(Debug)]
pub(super) enum LookedUp {
    /// The default basis of each symbol, if it is needed.
    Bases(Bases),
    /// The state of an account, and its share of the memory.
    Account(Box<AccountState>, Held),
}

pub(super) type Bases = HashMap<SymbolId, PriceBasis>;

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
                Ok(Request { id, ask: Ask::Ping }) if !self.access.is_waiting() => {
                    Message::Pong { id }
                }
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
                Ok(LookedUp::Bases(bases)) => self.subscribe(id, &subscription, &bases),
                Ok(LookedUp::Account(state, _held)) => {
                    self.send_subscribed_account(id, &subscription, *state)
                        .await?;
                    return self.work_off().await;
                }
                Err(problem) => {
                    if let Channel::Orders(account_id) = subscription.channel {
                        self.orders.abandon(account_id);
                    }
                    Message::Error {
                        id,
                        reason: problem.to_string(),
                    }
                }
            };
            self.send(&answer).await?;
        }
        self.work_off().await
    }

    async fn send_subscribed_account(
        &mut self,
        id: Option<RequestId>,
        subscription: &Subscription,
        state: AccountState,
    ) -> Result<(), End> {
        let answer = Message::Subscribed(SubscriptionBody::new(id, subscription));
        self.send(&answer).await?;
        match subscription.channel {
            Channel::Orders(account_id) => self.send_state(account_id, state).await,
            _ => Ok(()),
        }
    }

    /// Reads the state of an account concurrently with everything else.
    fn look_up_account(&mut self, account_id: AccountId) {
        // events that are booked from now on wait until the state was sent
        self.orders.prepare(account_id);
        let (ledger, scope) = (Arc::clone(&self.app.ledger.orders), self.scope.clone());
        let (turns, http) = (Arc::clone(&self.turns), self.app.http.clone());
        self.requests.lookups.spawn(async move {
            // the semaphore is never closed
            let _turn = turns.acquire().await;
            let state = read_state(&*ledger, &scope, account_id).await;
            let state = state.map_err(|error| match error {
                RepositoryError::NotFound { .. } => Problem::unknown_account(account_id),
                error => error.into(),
            })?;
            let rows = state.orders.len() + state.positions.len();
            let held = http.memory().for_made_answer(None, rows * ROW_BYTES)?;
            Ok(LookedUp::Account(Box::new(state), held))
        });
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
                Ask::Authenticate(token) => match self.access.authenticate(token.expose()) {
                    Ok(granted) => Message::Authenticated(AuthenticatedBody::new(id, granted)),
                    Err(reason) => return Err(End::Closed(code::POLICY, reason.to_owned())),
                },
                _ if self.access.is_waiting() => Message::Error {
                    id,
                    reason: "authenticate first: send {\"op\": \"authenticate\", \"token\": …}"
                        .to_owned(),
                },
                Ask::Ping => Message::Pong { id },
                Ask::Unsubscribe(subscription) => {
                    self.unsubscribe(&subscription);
                    Message::Unsubscribed(SubscriptionBody::new(id, &subscription))
                }
                Ask::Subscribe(subscription) => {
                    if let Channel::Orders(account_id) = subscription.channel
                        && self.has_place_for(&subscription)
                    {
                        let ask = Ask::Subscribe(subscription);
                        self.requests.waiting.push_front(Request { id, ask });
                        self.look_up_account(account_id);
                        return Ok(());
                    }
                    let known = Arc::clone(&self.app.known_symbols);
                    let unseen = known.unseen(&subscription.symbols);
                    let needs_bases = matches!(subscription.channel, Channel::Candles(_, None));
                    if (needs_bases || !unseen.is_empty()) && self.has_place_for(&subscription) {
                        let symbols = subscription.symbols.clone();
                        let ask = Ask::Subscribe(subscription);
                        self.requests.waiting.push_front(Request { id, ask });
                        let default_basis = Arc::clone(&self.app.default_basis);
                        self.requests.lookups.spawn(async move {
                            known.require_all(&unseen).await?;
                            if !needs_bases {
                                return Ok(LookedUp::Bases(Bases::new()));
                            }
                            Ok(LookedUp::Bases(default_basis.of_all(&symbols).await?))
                        });
                        return Ok(());
                    }
                    self.subscribe(id, &subscription, &Bases::new())
                }
            };
            self.send(&answer).await?;
        }
        Ok(())
    }

    fn has_place_for(&self, subscription: &Subscription) -> bool {
        let series = self.series.len() + self.trade_series.len();
        let records = self.ticks.len() + self.trades.len() + series;
        let taken = records + self.books.len() + self.orders.len();
        // an account has no symbols
        taken + subscription.symbols.len().max(1) <= SUBSCRIPTIONS
    }

    /// Subscribes to all series or to none. The symbols exist. `bases` has the basis of each symbol, unless the
    /// subscription names one.
    fn subscribe(
        &mut self,
        id: Option<RequestId>,
        subscription: &Subscription,
        bases: &Bases,
    ) -> Message {
        if !self.has_place_for(subscription) {
            let most = "a connection has at most 1000 subscriptions: open another one";
            return Message::Error {
                id,
                reason: most.to_owned(),
            };
        }
        let mut channel = subscription.channel;
        match subscription.channel {
            Channel::Ticks => {
                self.queue.follow_all(&subscription.symbols);
                self.ticks.extend(&subscription.symbols);
            }
            Channel::Trades => {
                self.trade_queue.follow_all(&subscription.symbols);
                self.trades.extend(&subscription.symbols);
            }
            Channel::Candles(timeframe, given) => {
                let of_symbol = |id: &SymbolId| {
                    let default = || bases.get(id).copied().unwrap_or_default();
                    given.unwrap_or_else(default)
                };
                let is_of_ticks = |id: &SymbolId| of_symbol(id).input() == CandleInput::Ticks;
                let symbols = subscription.symbols.iter().copied();
                let (of_ticks, of_trades): (Vec<_>, Vec<_>) = symbols.partition(is_of_ticks);
                self.queue.follow_all(&of_ticks);
                self.trade_queue.follow_all(&of_trades);
                let key = |symbol_id| SeriesKey {
                    symbol_id,
                    timeframe,
                    basis: of_symbol(&symbol_id),
                };
                let now = Instant::now();
                for symbol_id in of_ticks {
                    self.series.insert(key(symbol_id), now);
                }
                for symbol_id in of_trades {
                    self.trade_series.insert(key(symbol_id), now);
                }
                let first = subscription.symbols.first().map(of_symbol);
                let is_common = |id: &SymbolId| Some(of_symbol(id)) == first;
                let common = first.filter(|_| subscription.symbols.iter().all(is_common));
                channel = Channel::Candles(timeframe, common);
            }
            Channel::Book(depth) => {
                if let Err(reason) = self.books.follow(&subscription.symbols, depth) {
                    return Message::Error { id, reason };
                }
            }
            // it is answered when the state of the account was read
            Channel::Orders(_) => {}
        }
        Message::Subscribed(SubscriptionBody::of_channel(id, subscription, channel))
    }

    fn unsubscribe(&mut self, subscription: &Subscription) {
        for symbol_id in subscription.symbols.iter().copied() {
            match subscription.channel {
                Channel::Ticks => {
                    self.ticks.remove(&symbol_id);
                }
                Channel::Trades => {
                    self.trades.remove(&symbol_id);
                }
                Channel::Candles(timeframe, given) => {
                    let is_meant = |basis: &PriceBasis| given.is_none_or(|given| given == *basis);
                    for basis in PriceBasis::ALL.iter().copied().filter(is_meant) {
                        let key = SeriesKey {
                            symbol_id,
                            timeframe,
                            basis,
                        };
                        self.series.remove(key);
                        self.trade_series.remove(key);
                    }
                }
                Channel::Book(_) | Channel::Orders(_) => {}
            }
        }
        match subscription.channel {
            Channel::Book(_) => return self.books.unfollow(&subscription.symbols),
            Channel::Orders(account_id) => return self.orders.unfollow(account_id),
            _ => {}
        }
        let symbols = || subscription.symbols.iter().copied();
        let unused = symbols().filter(|id| !self.series.has(*id) && !self.ticks.contains(id));
        self.queue.unfollow_all(&unused.collect::<Vec<_>>());
        let unused =
            symbols().filter(|id| !self.trade_series.has(*id) && !self.trades.contains(id));
        self.trade_queue.unfollow_all(&unused.collect::<Vec<_>>());
    }
}
