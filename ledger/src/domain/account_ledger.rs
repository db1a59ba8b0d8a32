//! The fold of the events of an account into orders, fills and positions.

mod booking;
mod fills;
#[cfg(feature = "postgres")]
mod loading;
mod making;
mod reading;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use tickbook::domain::truncate_to_micros;

use super::account::{Account, CostMethod};
use super::event_key::{self, ContentHash, EventKey, KeyDigest};
use super::execution::PositionEffect;
use super::fill::{Fill, FillId};
use super::ids::{ClientOrderId, ExecId, OrderId, Venue, VenueOrderId};
use super::order::Order;
use super::order_event::{OrderEvent, OrderEventKind};
use super::order_terms::OrderTerms;
use super::outcome::{Outcome, RecordedEvent};
use super::position_book::{PositionBook, PositionChange};
use super::position_key::PositionKey;
use super::refusal::Refusal;

#[cfg(feature = "postgres")]
pub(crate) use booking::BookedPosition;
pub(crate) use booking::Booking;
#[cfg(feature = "postgres")]
pub(crate) use reading::positions_of;

/// The orders, fills and positions of an account, as its events give them.
///
/// Events may arrive in any order in which each order is created first and each bust or correction comes after the
/// report that it names: facts and sums commute, and costs are computed in the order of the fills at the venue. Events
/// may arrive several times.
///
/// # Examples
/// ```
/// use rust_decimal::Decimal;
/// use tickbook::domain::SymbolId;
/// use tickbook_ledger::domain::{
///     Account, AccountId, AccountLedger, Currency, Environment, ExecId, Execution, NewAccount, OrderEvent,
///     OrderEventKind, OrderId, OrderStatus, OrderTerms, Side, TenantId, Venue,
/// };
///
/// let terms = NewAccount::new(
///     TenantId::new(1), "main", Venue::new("kraken")?, Environment::Live, Currency::new("USD")?,
/// );
/// let account = Account::new(AccountId::new(1), terms, "2024-05-01T00:00:00Z".parse()?);
/// let mut ledger = AccountLedger::new(&account);
///
/// let (order, symbol) = (OrderId::new("a-1")?, SymbolId::new(7));
/// let created = OrderTerms::limit(symbol, Side::Buy, Decimal::from(10), Decimal::from(100));
/// let now = "2024-05-01T12:00:00.1Z".parse()?;
/// ledger.apply(&OrderEvent::new(order.clone(), OrderEventKind::Created(Box::new(created))), now);
/// let fill = Execution::new(Decimal::from(4), Decimal::from(99));
/// let fill = OrderEvent::new(order.clone(), OrderEventKind::Filled(Box::new(fill)))
///     .with_exec_id(ExecId::new("E1")?)
///     .at("2024-05-01T12:00:00Z".parse()?);
/// assert_eq!(ledger.apply(&fill, now).as_str(), "appended");
/// // the venue sends it again
/// assert_eq!(ledger.apply(&fill, now).as_str(), "duplicate");
///
/// let order = ledger.order(&order).expect("created");
/// assert_eq!((order.status(), order.leaves()), (OrderStatus::PartiallyFilled, Decimal::from(6)));
/// let (_, position) = ledger.positions().next().expect("one");
/// assert_eq!((position.quantity, position.open_cost.to_string()), (Decimal::from(4), "396".to_owned()));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AccountLedger {
    account: Account,
    orders: BTreeMap<OrderId, Order>,
    client_order_ids: BTreeMap<ClientOrderId, OrderId>,
    venue_order_ids: BTreeMap<(Venue, VenueOrderId), OrderId>,
    fills: BTreeMap<FillId, Fill>,
    /// The fill of each correction and bust.
    reports: BTreeMap<ReportId, FillId>,
    booked: HashMap<KeyDigest, Booked>,
    positions: BTreeMap<PositionKey, PositionBook>,
    /// Positions of which only the last fill is loaded.
    incomplete: BTreeSet<PositionKey>,
    /// The events that were booked, if they are collected.
    bookings: Option<Vec<Booking>>,
    sequence: i64,
    /// When the last event was booked.
    recorded_at: DateTime<Utc>,
}

/// A report of a venue and the part of the fill that it is about.
pub(crate) type ReportId = (Venue, ExecId, Option<PositionEffect>);

/// A booked event.
#[derive(Debug, Clone, Copy)]
struct Booked {
    sequence: i64,
    content: ContentHash,
}

/// Why an event is not booked.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It has to be quarantined.
    Refused(Refusal),
    /// The fills of this position have to be loaded first.
    Incomplete(PositionKey),
}

impl<E: Into<Refusal>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

/// The changes of an event, computed before anything is changed.
struct Changes {
    order: Order,
    fill: Option<Fill>,
    report: Option<(ReportId, FillId)>,
    position: Option<(PositionKey, PositionChange)>,
}

impl AccountLedger {
    /// The ledger of an account without events.
    #[must_use]
    pub fn new(account: &Account) -> Self {
        Self {
            account: account.clone(),
            orders: BTreeMap::new(),
            client_order_ids: BTreeMap::new(),
            venue_order_ids: BTreeMap::new(),
            fills: BTreeMap::new(),
            reports: BTreeMap::new(),
            booked: HashMap::new(),
            positions: BTreeMap::new(),
            incomplete: BTreeSet::new(),
            bookings: None,
            sequence: 0,
            recorded_at: DateTime::UNIX_EPOCH,
        }
    }

    /// The ledger of an account that has this journal. Its orders, fills and positions equal those of the ledger that
    /// booked the events.
    #[must_use]
    pub fn rebuilt<'a>(
        account: &Account,
        journal: impl IntoIterator<Item = &'a RecordedEvent>,
    ) -> Self {
        let mut ledger = Self::new(account);
        // the events were booked before the account was closed
        ledger.account.closed_at = None;
        for recorded in journal {
            ledger.apply(&recorded.event, recorded.recorded_at);
        }
        ledger.set_account(account);
        ledger
    }

    /// Applies an event that is recorded at this time, which is truncated to microseconds. It is booked completely or
    /// not at all.
    ///
    /// If the last event was recorded later, since the clock was set back, the event gets the time of that one, so that
    /// the journal is in the order of these times too.
    pub fn apply(&mut self, event: &OrderEvent, recorded_at: DateTime<Utc>) -> Outcome {
        match self.apply_loaded(event, recorded_at) {
            Ok(outcome) => outcome,
            Err(key) => unreachable!("all fills of position {key:?} are known"),
        }
    }

    /// Like [`apply`](Self::apply), for a ledger that was loaded in part. Fails and changes nothing if the fills of a
    /// position have to be loaded first.
    pub(crate) fn apply_loaded(
        &mut self,
        event: &OrderEvent,
        recorded_at: DateTime<Utc>,
    ) -> Result<Outcome, PositionKey> {
        let recorded_at = truncate_to_micros(recorded_at).max(self.recorded_at);
        match self.try_apply(event, recorded_at) {
            Ok(outcome) => Ok(outcome),
            Err(Stop::Refused(refusal)) => Ok(Outcome::Quarantined(refusal)),
            Err(Stop::Incomplete(key)) => Err(key),
        }
    }

    fn try_apply(&mut self, event: &OrderEvent, now: DateTime<Utc>) -> Result<Outcome, Stop> {
        let event = event.normalized()?;
        if let Some(id) = event.account_id
            && id != self.account.account_id
        {
            return Err(Refusal::ForeignAccount(id).into());
        }
        let found = self.find(&event)?.or_else(|| event.order_id.clone());
        let order_id = found.ok_or(Refusal::UnknownOrder)?;
        let venue = &self.account.terms.venue;
        let key = EventKey::of(&event, &order_id, venue).digest();
        let content = event_key::content(&event, Some(&order_id));
        if let Some(booked) = self.booked.get(&key) {
            let first = booked.sequence;
            if booked.content != content {
                return Ok(Outcome::Conflict { first });
            }
            let (closing, effect) = self.close_again(&event, &order_id, now).unzip();
            return Ok(Outcome::Duplicate {
                first,
                closing,
                effect,
            });
        }
        if let Some(first) = self.creation_conflict(&event, &order_id) {
            return Ok(Outcome::Conflict { first });
        }
        let changes = self.changes(&event, &order_id, now)?;
        let recorded = RecordedEvent {
            sequence: self.sequence + 1,
            recorded_at: now,
            order_id,
            event,
        };
        Ok(self.make(recorded, key, content, changes))
    }

    /// The order that the ids of an event name.
    fn find(&self, event: &OrderEvent) -> Result<Option<OrderId>, Refusal> {
        let of_request = event
            .client_order_id
            .as_ref()
            .and_then(|id| Some((id, self.client_order_ids.get(id)?)));
        if let Some(order_id) = &event.order_id {
            let is_creation = matches!(event.kind, OrderEventKind::Created(_));
            return match of_request {
                Some((client_order_id, owner)) if owner != order_id && !is_creation => {
                    Err(Refusal::OtherOrder {
                        client_order_id: client_order_id.clone(),
                        order_id: owner.clone(),
                    })
                }
                _ => Ok(Some(order_id.clone())),
            };
        }
        let of_original = || {
            self.client_order_ids
                .get(event.orig_client_order_id.as_ref()?)
        };
        let of_venue = || {
            let venue = event.venue.as_ref().unwrap_or(&self.account.terms.venue);
            let id = event.venue_order_id.as_ref()?;
            self.venue_order_ids.get(&(venue.clone(), id.clone()))
        };
        let found = of_request.map(|(_, order_id)| order_id);
        Ok(found.or_else(of_original).or_else(of_venue).cloned())
    }

    /// The first event of the order that has the id or the client order id of an order to create.
    fn creation_conflict(&self, event: &OrderEvent, order_id: &OrderId) -> Option<i64> {
        if !matches!(event.kind, OrderEventKind::Created(_)) {
            return None;
        }
        let same_id = self.orders.get(order_id);
        let same_request = || self.order_of_request(event.client_order_id.as_ref()?);
        let order = same_id.or_else(same_request);
        order.map(|order| order.first_sequence)
    }

    /// The order as it is before the event: a stored one, or a new one.
    fn order_before(
        &self,
        event: &OrderEvent,
        order_id: &OrderId,
        now: DateTime<Utc>,
    ) -> Result<Order, Refusal> {
        if let Some(order) = self.orders.get(order_id) {
            return Ok(order.clone());
        }
        let sequence = self.sequence + 1;
        let new = |terms: &OrderTerms| Order::new(order_id.clone(), terms.clone(), sequence, now);
        match (&event.kind, &event.external) {
            (OrderEventKind::Created(terms), _) => {
                if self.account.closed_at.is_some() {
                    return Err(Refusal::AccountClosed);
                }
                let mut order = new(terms);
                order.client_order_id.clone_from(&event.client_order_id);
                Ok(order)
            }
            (OrderEventKind::Acknowledged(_) | OrderEventKind::Filled(_), Some(terms)) => {
                let mut order = new(terms);
                order.is_external = true;
                order.client_order_id.clone_from(&event.client_order_id);
                Ok(order)
            }
            _ => Err(Refusal::UnknownOrder),
        }
    }

    /// The changes of the event. Changes nothing yet.
    fn changes(
        &self,
        event: &OrderEvent,
        order_id: &OrderId,
        now: DateTime<Utc>,
    ) -> Result<Changes, Stop> {
        let mut order = self.order_before(event, order_id, now)?;
        if let Some(stated) = event.symbol_id
            && stated != order.terms.symbol_id
        {
            let of_order = order.terms.symbol_id;
            return Err(Refusal::OtherSymbol { of_order, stated }.into());
        }
        if let Some(stated) = event.side
            && stated != order.terms.side
        {
            let of_order = order.terms.side;
            return Err(Refusal::OtherSide { of_order, stated }.into());
        }
        if order.venue_order_id.is_none() {
            order.venue_order_id.clone_from(&event.venue_order_id);
        }
        order.apply(event)?;
        (order.last_sequence, order.updated_at) = (self.sequence + 1, now);
        match &event.kind {
            OrderEventKind::Filled(execution) => self.fill_changes(event, order, execution),
            OrderEventKind::FillBusted(reference) => self.bust_changes(event, order, reference),
            OrderEventKind::FillCorrected(correction) => {
                self.correction_changes(event, order, correction)
            }
            _ => Ok(Changes {
                order,
                fill: None,
                report: None,
                position: None,
            }),
        }
    }

    fn method(&self) -> CostMethod {
        self.account.terms.cost_method
    }
}
