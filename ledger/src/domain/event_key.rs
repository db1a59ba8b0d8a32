//! The identity and the content of an event.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};
use tickbook::domain::excerpt;

use super::execution::{FillReference, PositionEffect};
use super::ids::{ClientOrderId, ExecId, OrderId, Venue};
use super::order_event::{OrderEvent, OrderEventKind};
use super::order_terms::OrderTerms;
use super::replacement::Replacement;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Computes the digest of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The bytes of the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A digest that was computed before.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// A text is not a SHA-256 digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid SHA-256 digest {0}: expected 64 hexadecimal digits")]
pub struct InvalidHash(pub String);

/// Reads 64 hexadecimal digits.
impl FromStr for ContentHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        let invalid = || InvalidHash(excerpt(text));
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = &text[2 * index..2 * index + 2];
            *byte = u8::from_str_radix(digits, 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}

/// The first 16 bytes of a SHA-256 digest of the identity of an event.
pub(crate) type KeyDigest = [u8; 16];

/// Writes 64 hexadecimal digits.
impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Hashes fields one after the other. Each is written with its length, so that no two lists of fields have the same
/// bytes.
#[derive(Default)]
pub(super) struct Hasher {
    sha: Sha256,
    /// The text of the present field.
    text: String,
}

impl Hasher {
    pub(super) fn field(&mut self, value: impl fmt::Display) -> &mut Self {
        self.text.clear();
        // a String takes any text
        let _ = write!(self.text, "{value}");
        self.sha.update((self.text.len() as u64).to_be_bytes());
        self.sha.update(self.text.as_bytes());
        self
    }

    /// An absent value differs from each text.
    pub(super) fn optional(&mut self, value: Option<impl fmt::Display>) -> &mut Self {
        match value {
            Some(value) => self.field(value),
            None => {
                self.sha.update(u64::MAX.to_be_bytes());
                self
            }
        }
    }

    pub(super) fn finish(self) -> ContentHash {
        ContentHash(self.sha.finalize().into())
    }
}

/// The identity of an event within its account. The ledger books each key once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EventKey {
    /// A report with an id.
    Report {
        /// The venue.
        venue: Venue,
        /// The id of the report.
        exec_id: ExecId,
        /// The kind of event.
        kind: &'static str,
        /// The part of an execution that was reported in two parts.
        effect: Option<PositionEffect>,
    },
    /// A command of the owner, or the answer to a request without an id of its own.
    Request {
        /// The kind of event.
        kind: &'static str,
        /// The order.
        order_id: OrderId,
        /// The request.
        client_order_id: Option<ClientOrderId>,
        /// The time at the venue.
        venue_time: Option<DateTime<Utc>>,
    },
    /// A report without an id: its content.
    Content(ContentHash),
}

impl EventKey {
    /// A digest of the key, under which the ledger remembers the event.
    pub(crate) fn digest(&self) -> KeyDigest {
        let mut hasher = Hasher::default();
        match self {
            Self::Report {
                venue,
                exec_id,
                kind,
                effect,
            } => {
                hasher.field("report").field(venue).field(exec_id);
                hasher.field(kind).optional(*effect);
            }
            Self::Request {
                kind,
                order_id,
                client_order_id,
                venue_time,
            } => {
                hasher.field("request").field(kind).field(order_id);
                hasher.optional(client_order_id.as_ref());
                hasher.optional(venue_time.map(|time| time.timestamp_micros()));
            }
            Self::Content(content) => {
                hasher.field("content").field(content);
            }
        }
        let ContentHash([digest @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _]) =
            hasher.finish();
        digest
    }

    /// The key of an event of this order in its stored form. `venue` is that of the account.
    pub(crate) fn of(event: &OrderEvent, order_id: &OrderId, venue: &Venue) -> Self {
        let kind = event.kind.as_str();
        if let Some(exec_id) = &event.exec_id {
            return Self::Report {
                venue: event.venue.as_ref().unwrap_or(venue).clone(),
                exec_id: exec_id.clone(),
                kind,
                effect: effect(&event.kind),
            };
        }
        let client_order_id = match event.kind {
            // an order is created once
            OrderEventKind::Created(_) => None,
            _ => event.client_order_id.clone(),
        };
        let answers_request = matches!(event.kind, OrderEventKind::RequestRejected);
        if event.kind.is_command() || (answers_request && client_order_id.is_some()) {
            return Self::Request {
                kind,
                order_id: order_id.clone(),
                client_order_id,
                venue_time: event.venue_time,
            };
        }
        let mut hasher = Hasher::default();
        hasher.field(content(event, Some(order_id)));
        if !matches!(event.kind, OrderEventKind::Filled(_)) {
            hasher.optional(event.client_order_id.as_ref());
            hasher.optional(event.trading_day);
        }
        Self::Content(hasher.finish())
    }
}

fn effect(kind: &OrderEventKind) -> Option<PositionEffect> {
    match kind {
        OrderEventKind::Filled(execution) => execution.effect,
        OrderEventKind::FillBusted(reference) => reference.effect,
        OrderEventKind::FillCorrected(correction) => correction.reference.effect,
        _ => None,
    }
}

/// The content of an event in its stored form: two events with the same key and content are duplicates, and two with
/// the same key and other content conflict.
///
/// It has the order, the numbers, the fee, the referenced fill and the time at the venue. It does not have what a
/// repeated report may add or leave out: times of receipt, reasons, ids of requests, whether the report closes the
/// order.
pub(super) fn content(event: &OrderEvent, order_id: Option<&OrderId>) -> ContentHash {
    let mut hasher = Hasher::default();
    hasher.field(event.kind.as_str()).optional(order_id);
    hasher.optional(event.venue_time.map(|time| time.timestamp_micros()));
    hasher.field(event.venue_sequence);
    match &event.kind {
        OrderEventKind::Created(terms) => {
            hasher.optional(event.client_order_id.as_ref());
            hash_terms(&mut hasher, terms);
        }
        OrderEventKind::Acknowledged(quantity) => {
            hasher.optional(decimal(*quantity));
        }
        OrderEventKind::ReplaceRequested(values) | OrderEventKind::Replaced(values) => {
            hash_replacement(&mut hasher, values);
        }
        OrderEventKind::Restated(values) => {
            hasher.optional(decimal(values.quantity));
            hasher.optional(decimal(values.executed));
            hasher.optional(values.notional);
        }
        OrderEventKind::Filled(execution) => {
            hasher.field(execution.quantity.normalize());
            hasher.field(execution.price.normalize());
            hasher.field(execution.contract.multiplier.normalize());
            hasher.field(execution.contract.is_inverse);
            hasher.optional(execution.effect);
            // a repeated report with an id may leave it out
            let cumulative = decimal(execution.cumulative);
            hasher.optional(cumulative.filter(|_| event.exec_id.is_none()));
            let fee = execution.fee.as_ref();
            hasher.optional(fee.map(|fee| fee.amount.normalize()));
            hasher.optional(fee.map(|fee| &fee.currency));
            hasher.optional(fee.map(|fee| fee.is_taken_from_quantity));
        }
        OrderEventKind::FillBusted(reference) => hash_reference(&mut hasher, reference),
        OrderEventKind::FillCorrected(correction) => {
            hash_reference(&mut hasher, &correction.reference);
            hasher.field(correction.quantity.normalize());
            hasher.field(correction.price.normalize());
        }
        _ => {}
    }
    hasher.finish()
}

impl OrderEvent {
    /// A digest of everything that the event states except the time of receipt.
    #[must_use]
    pub fn digest(&self) -> ContentHash {
        whole(self)
    }
}

fn whole(event: &OrderEvent) -> ContentHash {
    let mut hasher = Hasher::default();
    hasher.field(content(event, event.order_id.as_ref()));
    hasher.optional(event.account_id);
    hasher.optional(event.client_order_id.as_ref());
    hasher.optional(event.orig_client_order_id.as_ref());
    hasher.optional(event.venue_order_id.as_ref());
    hasher.optional(event.symbol_id).optional(event.side);
    hasher.optional(event.venue.as_ref());
    hasher.optional(event.exec_id.as_ref());
    hasher.optional(event.trading_day);
    hasher.optional(event.reason.as_ref());
    match &event.external {
        Some(terms) => hash_terms(&mut hasher, terms),
        None => {
            hasher.field("no terms");
        }
    }
    if let OrderEventKind::Filled(execution) = &event.kind {
        hasher.optional(execution.liquidity);
        hasher.optional(execution.closes);
    }
    hasher.finish()
}

fn decimal(value: Option<Decimal>) -> Option<Decimal> {
    value.map(|value| value.normalize())
}

fn hash_reference(hasher: &mut Hasher, reference: &FillReference) {
    hasher.field(&reference.exec_id).optional(reference.effect);
}

fn hash_replacement(hasher: &mut Hasher, values: &Replacement) {
    hasher.optional(decimal(values.quantity));
    hasher.optional(decimal(values.limit_price));
    hasher.optional(decimal(values.stop_price));
}

/// All terms, for the digest of an order too.
pub(super) fn hash_terms(hasher: &mut Hasher, terms: &OrderTerms) {
    hasher.field(terms.symbol_id).field(terms.side);
    hasher.field(terms.order_type).field(terms.time_in_force);
    for value in [
        terms.quantity,
        terms.limit_price,
        terms.stop_price,
        terms.arrival_price,
    ] {
        hasher.optional(decimal(value));
    }
    hasher.optional(terms.expires_at.map(|time| time.timestamp_micros()));
    hasher.field(terms.is_post_only).field(terms.is_reduce_only);
    hasher.optional(terms.strategy_id);
    hasher.optional(terms.position_id.as_ref());
    hasher.optional(terms.parent_order_id.as_ref());
}
