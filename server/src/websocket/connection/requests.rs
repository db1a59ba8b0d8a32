//! Handles the requests of a client.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use axum::extract::ws::Message as Frame;
use tickbook::RepositoryError;
use tickbook::domain::{PageLimit, PriceBasis, SymbolId};
use tickbook::repository::SymbolQuery;
use tickbook_ledger::domain::AccountId;
use tokio::task::{JoinError, JoinSet, coop};

use super::super::messages::{AuthenticatedBody, Message, SubscriptionBody};
use super::super::protocol::{
    Ask, Channel, RefusedRequest, Request, RequestId, Subscription, Symbols,
};
use super::{ClientConnection, End, code};
use crate::http::Held;
use crate::ledger::{AccountState, CallerUser, read_state};
use crate::problem::Problem;

/// Maximum size of a client message in bytes.
const MESSAGE_LIMIT: usize = 64 * 1024;

/// Maximum number of subscriptions of a client; each channel of each symbol counts.
pub(super) const SUBSCRIPTIONS: usize = 1_000;

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
    /// The ids of the symbols, which the request names.
    Symbols(Vec<SymbolId>),
    /// The default basis of each symbol, if it is needed; for candles of all symbols that of the request.
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
        if let Some(Request { id, ask }) = self.requests.waiting.pop_front() {
            let (is_new, subscription) = match ask {
                Ask::Subscribe(subscription) => (true, subscription),
                Ask::Unsubscribe(subscription) => (false, subscription),
                // these need no look-up
                Ask::Ping | Ask::Authenticate(_) => return self.work_off().await,
            };
            match found {
                Ok(LookedUp::Bases(bases)) => self.subscribe(id, &subscription, &bases).await?,
                Ok(LookedUp::Account(state, _held)) => {
                    self.send_subscribed_account(id, &subscription, *state)
                        .await?;
                }
                Ok(LookedUp::Symbols(ids)) => {
                    let subscription = Subscription {
                        symbols: Symbols::Ids(ids),
                        ..subscription
                    };
                    let ask = if is_new {
                        Ask::Subscribe(subscription)
                    } else {
                        Ask::Unsubscribe(subscription)
                    };
                    self.requests.waiting.push_front(Request { id, ask });
                }
                Err(problem) => {
                    if let Channel::Orders(account_id) = subscription.channel {
                        self.orders.abandon(account_id);
                    }
                    let reason = problem.to_string();
                    self.send(&Message::Error { id, reason }).await?;
                }
            }
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
        let (ledger, user) = (Arc::clone(&self.app.ledger.orders), self.user.clone());
        let users = Arc::clone(&self.app.oversight.users);
        let (turns, http) = (Arc::clone(&self.turns), self.app.http.clone());
        self.requests.lookups.spawn(async move {
            // the semaphore is never closed
            let _turn = turns.acquire().await;
            let scope = user.scope(&*users, false).await?;
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
                    Ok(granted) => {
                        let user = granted.as_ref().and_then(|token| token.user.clone());
                        self.user = CallerUser::named(user);
                        Message::Authenticated(AuthenticatedBody::new(id, granted))
                    }
                    Err(reason) => return Err(End::Closed(code::POLICY, reason.to_owned())),
                },
                _ if self.access.is_waiting() => Message::Error {
                    id,
                    reason: "authenticate first: send {\"op\": \"authenticate\", \"token\": …}"
                        .to_owned(),
                },
                Ask::Ping => Message::Pong { id },
                Ask::Subscribe(Subscription {
                    symbols: Symbols::Named(ref names),
                    ..
                })
                | Ask::Unsubscribe(Subscription {
                    symbols: Symbols::Named(ref names),
                    ..
                }) => {
                    let (known, names) = (Arc::clone(&self.app.known_symbols), names.clone());
                    self.requests
                        .lookups
                        .spawn(async move { Ok(LookedUp::Symbols(known.find_all(&names).await?)) });
                    self.requests.waiting.push_front(Request { id, ask });
                    return Ok(());
                }
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
                    let unseen = known.unseen(subscription.symbols.ids());
                    if let (Symbols::All, Channel::Candles(_, Some(basis))) =
                        (&subscription.symbols, subscription.channel)
                        && self.has_place_for(&subscription)
                    {
                        let ask = Ask::Subscribe(subscription);
                        self.requests.waiting.push_front(Request { id, ask });
                        self.look_up_all(basis);
                        return Ok(());
                    }
                    let needs_bases = matches!(subscription.channel, Channel::Candles(_, None));
                    if (needs_bases || !unseen.is_empty()) && self.has_place_for(&subscription) {
                        let symbols = subscription.symbols.ids().to_vec();
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
                    self.subscribe(id, &subscription, &Bases::new()).await?;
                    continue;
                }
            };
            self.send(&answer).await?;
        }
        Ok(())
    }

    /// Lists all active symbols for series of that basis.
    fn look_up_all(&mut self, basis: PriceBasis) {
        let repositories = self.app.repositories.clone();
        self.requests.lookups.spawn(async move {
            let limit = i64::try_from(SUBSCRIPTIONS).map_err(RepositoryError::invalid)?;
            let limit = PageLimit::try_from(limit).map_err(RepositoryError::invalid)?;
            let query = SymbolQuery::default().active(true).limit(limit);
            let page = repositories.symbols.list(&query).await?;
            if page.next.is_some() {
                let detail = format!(
                    "candles of all symbols are sent for at most {SUBSCRIPTIONS} symbols: name the symbols"
                );
                return Err(Problem::invalid_parameter(detail));
            }
            let symbols = page.items.iter();
            let bases = symbols.map(|symbol| (symbol.symbol_id, basis)).collect();
            Ok(LookedUp::Bases(bases))
        });
    }
}
