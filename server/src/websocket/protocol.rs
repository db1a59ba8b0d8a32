//! Messages of WebSocket clients.

mod symbols;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tickbook::domain::book::MAX_STORED_LEVELS;
use tickbook::domain::{PriceBasis, SymbolId, SymbolReference, Timeframe, excerpt};
use tickbook_ledger::domain::AccountId;

use crate::params::parse_time;
use crate::problem::shortened;
use symbols::RawSymbols;

/// Maximum number of symbols in a message, equal to the maximum of subscriptions of a connection.
pub(super) const SYMBOLS: usize = 1_000;

/// Maximum number of characters of an id.
const ID: usize = 64;

/// The number of levels of each side of a book for which a request names none.
const DEPTH: usize = 20;

/// A message of a client.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: Option<RequestId>,
    pub(super) ask: Ask,
}

/// A message that cannot be accepted.
#[derive(Debug)]
pub(super) struct RefusedRequest {
    pub(super) id: Option<RequestId>,
    pub(super) reason: String,
}

/// The id of a request: a string or a number, returned unchanged.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(super) struct RequestId(Box<RawValue>);

/// The request of a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Subscribe(Subscription),
    Unsubscribe(Subscription),
    Authenticate(PresentedToken),
    Ping,
}

/// The token of a message. `Debug` does not show it.
#[derive(PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct PresentedToken(String);

impl PresentedToken {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PresentedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedToken(…)")
    }
}

/// A channel, and its symbols; none for orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) channel: Channel,
    pub(super) symbols: Symbols,
    /// Whether the newest tick or trade of each symbol is sent first.
    pub(super) has_snapshot: bool,
    pub(super) resume: Option<Position>,
    /// The time of the first candle that is sent.
    pub(super) from: Option<DateTime<Utc>>,
    /// The number of the last event of the account that the client has.
    pub(super) after_event: Option<i64>,
}

/// The symbols of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Symbols {
    Ids(Vec<SymbolId>),
    /// Some of them have names, which are looked up.
    Named(Vec<SymbolReference>),
    /// All symbols, also those that are created later.
    All,
}

impl Symbols {
    /// The number of subscriptions.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Ids(ids) => ids.len(),
            Self::Named(names) => names.len(),
            Self::All => 1,
        }
    }

    /// The ids, as far as they are known.
    pub(super) fn ids(&self) -> &[SymbolId] {
        match self {
            Self::Ids(ids) => ids,
            Self::Named(_) | Self::All => &[],
        }
    }
}

/// The last record of a channel that a client received from a run of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) epoch: String,
    pub(super) after: u64,
}

/// The kind of data of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Ticks,
    Trades,
    /// Without a basis, each symbol has its default basis.
    Candles(Timeframe, Option<PriceBasis>),
    /// Order books with this number of levels of each side.
    Book(usize),
    /// The events of the orders of an account.
    Orders(AccountId),
}

/// A message as received; unknown fields are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRequest {
    id: Option<Box<RawValue>>,
    op: String,
    channel: Option<String>,
    symbols: Option<RawSymbols>,
    timeframe: Option<String>,
    basis: Option<String>,
    depth: Option<Box<RawValue>>,
    account: Option<Box<RawValue>>,
    token: Option<PresentedToken>,
    snapshot: Option<bool>,
    resume: Option<RawPosition>,
    from: Option<String>,
}

/// A position as received. The numbers of events of an account are those of its journal, so that they need no run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPosition {
    epoch: Option<String>,
    after: u64,
}

/// The only field that is needed to answer an invalid message.
#[derive(Deserialize)]
struct OnlyId {
    id: Option<Box<RawValue>>,
}

impl Request {
    /// Parses a message.
    ///
    /// # Errors
    /// The message is invalid; the error names the problem and the remedy.
    pub(super) fn parse(text: &str) -> Result<Self, RefusedRequest> {
        if !text.trim_start().starts_with('{') {
            let reason = "invalid message (not a JSON object): expected {\"op\": \"subscribe\", …}";
            return Err(RefusedRequest {
                id: None,
                reason: reason.to_owned(),
            });
        }
        let raw: RawRequest = serde_json::from_str(text).map_err(|error| {
            let found = serde_json::from_str::<OnlyId>(text).ok();
            let error = shortened(&error.to_string());
            RefusedRequest {
                id: found.and_then(|found| RequestId::new(found.id?).ok()),
                reason: format!("invalid message ({error}): expected {{\"op\": \"subscribe\", …}}"),
            }
        })?;
        let id = raw.id.clone().map(RequestId::new).transpose();
        let id = id.map_err(|reason| RefusedRequest { id: None, reason })?;
        match raw.ask() {
            Ok(ask) => Ok(Self { id, ask }),
            Err(reason) => Err(RefusedRequest { id, reason }),
        }
    }
}

impl RequestId {
    fn new(raw: Box<RawValue>) -> Result<Self, String> {
        let text = raw.get();
        let length = match text.as_bytes() {
            [b'"', ..] => {
                let text = serde_json::from_str::<String>(text).unwrap_or_default();
                text.chars().count()
            }
            [b'-' | b'0'..=b'9', ..] => text.len(),
            _ => return Err("id has the wrong type: expected a string or a number".to_owned()),
        };
        if length > ID {
            return Err(format!("id has {length} characters: use at most {ID}"));
        }
        Ok(Self(raw))
    }
}

impl RawRequest {
    fn ask(self) -> Result<Ask, String> {
        if self.token.is_some() && self.op != "authenticate" {
            return Err("only authenticate has a token: remove this field".to_owned());
        }
        match self.op.as_str() {
            "authenticate" => match self.token {
                Some(token) => Ok(Ask::Authenticate(token)),
                None => Err("token is missing: give the text of a token".to_owned()),
            },
            "subscribe" => Ok(Ask::Subscribe(self.subscription()?)),
            "unsubscribe" => Ok(Ask::Unsubscribe(self.subscription()?)),
            "ping" => Ok(Ask::Ping),
            other => {
                let shown = excerpt(other);
                Err(format!(
                    "invalid op {shown}: expected authenticate, subscribe, unsubscribe or ping"
                ))
            }
        }
    }

    fn subscription(self) -> Result<Subscription, String> {
        match (self.channel.as_deref(), &self.account) {
            (Some("orders"), _) => return self.of_orders(),
            (Some(name @ ("ticks" | "trades" | "candles")), Some(_)) => {
                return Err(format!("{name} have no account: remove this field"));
            }
            (Some("book"), Some(_)) => {
                return Err("book has no account: remove this field".to_owned());
            }
            _ => {}
        }
        let symbols = self.symbols.unwrap_or_default().checked()?;
        match self.channel.as_deref() {
            Some("ticks" | "trades") if self.op == "subscribe" => {}
            _ if self.snapshot.is_some() || self.resume.is_some() => {
                let reason = "only subscriptions to ticks or trades have snapshot or resume: remove these fields";
                return Err(reason.to_owned());
            }
            _ => {}
        }
        let from = match self.from.as_deref() {
            Some(_) if self.channel.as_deref() != Some("candles") || self.op != "subscribe" => {
                return Err("only subscriptions to candles have from: remove this field".to_owned());
            }
            from => from.map(parse_time).transpose(),
        };
        let from = from.map_err(|error| format!("from: {error}"))?;
        let resume = self.resume.map(RawPosition::of_records).transpose()?;
        let channel = match self.channel.as_deref() {
            Some(name @ ("ticks" | "trades" | "book"))
                if self.timeframe.is_some() || self.basis.is_some() =>
            {
                let have = if name == "book" { "has" } else { "have" };
                return Err(format!(
                    "{name} {have} neither timeframe nor basis: remove these fields"
                ));
            }
            Some(name @ ("ticks" | "trades" | "candles")) if self.depth.is_some() => {
                return Err(format!("{name} have no depth: remove this field"));
            }
            Some("book") => Channel::Book(depth(self.depth)?),
            Some("ticks") => Channel::Ticks,
            Some("trades") => Channel::Trades,
            Some("candles") => {
                let timeframe = self
                    .timeframe
                    .as_deref()
                    .map_or(Ok(Timeframe::M1), str::parse);
                let timeframe = timeframe.map_err(|error| format!("timeframe: {error}"))?;
                let basis = self.basis.as_deref().map(str::parse).transpose();
                let basis = basis.map_err(|error| format!("basis: {error}"))?;
                if symbols == Symbols::All && basis.is_none() && self.op == "subscribe" {
                    let reason =
                        "basis is missing: candles of all symbols need bid, ask, mid or trade";
                    return Err(reason.to_owned());
                }
                Channel::Candles(timeframe, basis)
            }
            Some(other) => {
                let shown = excerpt(other);
                return Err(format!(
                    "invalid channel {shown}: expected ticks, trades, candles, book or orders"
                ));
            }
            None => {
                let reason = "channel is missing: use ticks, trades, candles, book or orders";
                return Err(reason.to_owned());
            }
        };
        Ok(Subscription {
            channel,
            symbols,
            has_snapshot: self.snapshot.unwrap_or(true),
            resume,
            from,
            after_event: None,
        })
    }
}

impl RawRequest {
    fn of_orders(self) -> Result<Subscription, String> {
        let others = self.symbols.is_some() || self.depth.is_some();
        let others = others || self.snapshot.is_some() || self.from.is_some();
        if others || self.timeframe.is_some() || self.basis.is_some() {
            let reason = "orders have only an account and resume: remove the other fields";
            return Err(reason.to_owned());
        }
        if self.resume.is_some() && self.op != "subscribe" {
            return Err("only subscriptions have resume: remove this field".to_owned());
        }
        let after_event = self.resume.map(RawPosition::of_orders).transpose()?;
        let Some(given) = self.account else {
            return Err("account is missing: give an id, as in 7".to_owned());
        };
        let id = given.get().parse().ok().filter(|id| *id > 0);
        let id = id.ok_or_else(|| {
            let shown = excerpt(given.get());
            format!("invalid account {shown}: expected a positive integer")
        })?;
        Ok(Subscription {
            channel: Channel::Orders(AccountId::new(id)),
            symbols: Symbols::Ids(Vec::new()),
            has_snapshot: true,
            resume: None,
            from: None,
            after_event,
        })
    }
}

impl RawPosition {
    fn of_records(self) -> Result<Position, String> {
        let epoch = self.epoch.ok_or(
            "epoch is missing in resume: give that of the answer to the last subscription",
        )?;
        Ok(Position {
            epoch,
            after: self.after,
        })
    }

    fn of_orders(self) -> Result<i64, String> {
        if self.epoch.is_some() {
            return Err("resume of orders has no epoch: remove this field".to_owned());
        }
        i64::try_from(self.after)
            .map_err(|_| format!("invalid after {}: it is too large", self.after))
    }
}

fn depth(given: Option<Box<RawValue>>) -> Result<usize, String> {
    let Some(given) = given else {
        return Ok(DEPTH);
    };
    let depth = given.get().parse().ok();
    let depth = depth.filter(|depth| (1..=MAX_STORED_LEVELS).contains(depth));
    depth.ok_or_else(|| {
        let shown = excerpt(given.get());
        format!("invalid depth {shown}: expected an integer from 1 to {MAX_STORED_LEVELS}")
    })
}

#[cfg(test)]
mod tests;
