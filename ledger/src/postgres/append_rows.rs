//! The parameters of the statement that writes a batch.

mod positions;

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use tickbook::RepositoryError;
use tickbook::postgres::PgDecimal;

use super::amount::PgAmount;
use super::json::text_of;
use super::rows::{facts_of, pending_of};
use super::statement::{Parameter, PgKey};
use crate::domain::{
    AccountLedger, Amount, BookedPosition, Booking, ClientOrderId, Fill, Order, OrderEventKind,
    OrderId, Position, PositionKey, Venue, VenueOrderId,
};

/// The largest number of rows that a rebuilt ledger writes at a time.
const PART: usize = 10_000;

/// A batch of booked events with the orders, fills and positions that they changed.
#[derive(Debug)]
pub(super) struct Changes<'a> {
    /// The number of the event before the batch.
    pub(super) before: i64,
    pub(super) bookings: &'a [Booking],
    orders: Vec<&'a Order>,
    client_ids: Vec<(&'a ClientOrderId, &'a OrderId)>,
    venue_ids: Vec<(&'a Venue, &'a VenueOrderId, &'a OrderId)>,
    fills: Vec<&'a Fill>,
    positions: Vec<ChangedPosition<'a>>,
}

#[derive(Debug)]
pub(super) struct ChangedPosition<'a> {
    pub(super) key: &'a PositionKey,
    pub(super) position: &'a Position,
    is_new: bool,
    last_sequence: i64,
}

impl<'a> Changes<'a> {
    /// The changes of `bookings`, which are the last ones of `ledger` and at least one.
    pub(super) fn of(ledger: &'a AccountLedger, bookings: &'a [Booking]) -> Self {
        let orders: BTreeSet<_> = bookings.iter().map(|it| &it.recorded.order_id).collect();
        let fills: BTreeMap<_, _> = bookings.iter().filter_map(|it| it.fill.clone()).collect();
        let mut positions: BTreeMap<&PositionKey, (bool, i64)> = BTreeMap::new();
        for booking in bookings {
            if let Some(changed) = &booking.position {
                let entry = positions.entry(&changed.key).or_default();
                *entry = (entry.0 || changed.is_new, booking.recorded.sequence);
            }
        }
        let positions = positions
            .into_iter()
            .filter_map(|(key, (is_new, last_sequence))| {
                Some(ChangedPosition {
                    key,
                    position: ledger.position(key)?,
                    is_new,
                    last_sequence,
                })
            });
        let client_ids = bookings
            .iter()
            .filter_map(|it| Some((it.new_client_order_id.as_ref()?, &it.recorded.order_id)));
        let venue_ids = bookings.iter().filter_map(|it| {
            let (venue, id) = it.new_venue_order_id.as_ref()?;
            Some((venue, id, &it.recorded.order_id))
        });
        let first = bookings.first().map_or(1, |it| it.recorded.sequence);
        Self {
            before: first - 1,
            bookings,
            orders: orders
                .into_iter()
                .filter_map(|id| ledger.order(id))
                .collect(),
            client_ids: client_ids.collect(),
            venue_ids: venue_ids.collect(),
            fills: fills.values().filter_map(|id| ledger.fill(id)).collect(),
            positions: positions.collect(),
        }
    }

    /// All orders, fills and positions of a ledger, as new ones, in parts. The parts are to be written in this order.
    pub(super) fn whole(ledger: &'a AccountLedger) -> Vec<Self> {
        let part = |orders: &[&'a Order]| Self {
            orders: orders.to_vec(),
            ..Self::empty()
        };
        let orders: Vec<_> = ledger.orders().collect();
        let mut parts: Vec<_> = orders.chunks(PART).map(part).collect();
        let fills: Vec<_> = ledger.fills().collect();
        parts.extend(fills.chunks(PART).map(|fills| Self {
            fills: fills.to_vec(),
            ..Self::empty()
        }));
        let client_ids: Vec<_> = ledger.client_order_ids().collect();
        parts.extend(client_ids.chunks(PART).map(|ids| Self {
            client_ids: ids.to_vec(),
            ..Self::empty()
        }));
        let venue_ids: Vec<_> = ledger
            .venue_order_ids()
            .map(|((venue, id), it)| (venue, id, it))
            .collect();
        parts.extend(venue_ids.chunks(PART).map(|ids| Self {
            venue_ids: ids.to_vec(),
            ..Self::empty()
        }));
        let mut last: BTreeMap<&PositionKey, i64> = BTreeMap::new();
        for fill in ledger.fills() {
            let last = last.entry(&fill.position).or_default();
            *last = fill.order.sequence.max(*last);
        }
        let positions = ledger.positions().map(|(key, position)| ChangedPosition {
            key,
            position,
            is_new: true,
            last_sequence: last.get(key).copied().unwrap_or_default(),
        });
        parts.push(Self {
            positions: positions.collect(),
            ..Self::empty()
        });
        parts
    }

    fn empty() -> Self {
        Self {
            before: 0,
            bookings: &[],
            orders: Vec::new(),
            client_ids: Vec::new(),
            venue_ids: Vec::new(),
            fills: Vec::new(),
            positions: Vec::new(),
        }
    }

    pub(super) fn positions(&self) -> &[ChangedPosition<'a>] {
        &self.positions
    }

    /// The parameters that follow those of the batch itself.
    pub(super) fn parameters(&self) -> Result<Vec<Parameter>, RepositoryError> {
        let mut parameters = Vec::with_capacity(100);
        self.push_events(&mut parameters)?;
        parameters.extend(self.projections());
        Ok(parameters)
    }

    /// The parameters of orders, ids, fills and positions.
    pub(super) fn projections(&self) -> Vec<Parameter> {
        let mut parameters = Vec::with_capacity(80);
        self.push_orders(&mut parameters);
        self.push_ids(&mut parameters);
        self.push_fills(&mut parameters);
        self.push_positions(&mut parameters);
        parameters
    }

    fn push_events(&self, out: &mut Vec<Parameter>) -> Result<(), RepositoryError> {
        let all = self.bookings;
        let texts = |text: &dyn Fn(&Booking) -> Option<String>| {
            Parameter::Texts(all.iter().map(text).collect())
        };
        let position = |amount: &dyn Fn(&BookedPosition) -> Amount| {
            let values = all
                .iter()
                .map(|it| it.position.as_ref().map(amount).map(PgAmount));
            Parameter::Amounts(values.collect())
        };
        let payloads: Result<Vec<_>, _> = all
            .iter()
            .map(|it| text_of(&it.recorded.event).map(Some))
            .collect();
        out.extend([
            Parameter::BigInts(all.iter().map(|it| Some(it.recorded.sequence)).collect()),
            texts(&|it| Some(it.recorded.order_id.as_str().to_owned())),
            texts(&|it| Some(it.recorded.event.kind.as_str().to_owned())),
            Parameter::BigInts(all.iter().map(|it| Some(it.symbol_id.get())).collect()),
            texts(&|it| Some(it.side.as_str().to_owned())),
            Parameter::BigInts(
                all.iter()
                    .map(|it| it.strategy_id.map(|id| id.get()))
                    .collect(),
            ),
            texts(&|it| Some(it.venue.as_str().to_owned())),
            texts(&|it| Some(it.recorded.event.exec_id.as_ref()?.as_str().to_owned())),
            texts(&|it| {
                Some(
                    it.recorded
                        .event
                        .client_order_id
                        .as_ref()?
                        .as_str()
                        .to_owned(),
                )
            }),
            Parameter::Times(all.iter().map(|it| it.recorded.event.venue_time).collect()),
            Parameter::Times(all.iter().map(|it| it.recorded.event.received_at).collect()),
            Parameter::Times(all.iter().map(|it| Some(it.recorded.recorded_at)).collect()),
            Parameter::Decimals(
                all.iter()
                    .map(|it| last(it).map(|(it, _)| PgDecimal(it)))
                    .collect(),
            ),
            Parameter::Decimals(
                all.iter()
                    .map(|it| last(it).map(|(_, it)| PgDecimal(it)))
                    .collect(),
            ),
            Parameter::BigInts(all.iter().map(|it| Some(it.fill.as_ref()?.0)).collect()),
            texts(&|it| Some(it.position.as_ref()?.key.name.clone())),
            Parameter::Decimals(
                all.iter()
                    .map(|it| Some(PgDecimal(it.position.as_ref()?.quantity)))
                    .collect(),
            ),
            position(&|it| it.open_cost),
            position(&|it| it.realized),
            Parameter::Keys(all.iter().map(|it| PgKey(it.key)).collect()),
            Parameter::Hashes(
                all.iter()
                    .map(|it| Some(it.content.as_bytes().to_vec()))
                    .collect(),
            ),
            Parameter::Texts(payloads?),
        ]);
        Ok(())
    }

    fn push_orders(&self, out: &mut Vec<Parameter>) {
        let all = &self.orders;
        let texts = |text: &dyn Fn(&Order) -> Option<String>| {
            Parameter::Texts(all.iter().map(|it| text(it)).collect())
        };
        let decimals = |value: &dyn Fn(&Order) -> Option<Decimal>| {
            Parameter::Decimals(all.iter().map(|it| value(it).map(PgDecimal)).collect())
        };
        let amounts = |value: &dyn Fn(&Order) -> Amount| {
            Parameter::Amounts(all.iter().map(|it| Some(PgAmount(value(it)))).collect())
        };
        out.extend([
            Parameter::Bools(
                all.iter()
                    .map(|it| Some(it.first_sequence > self.before))
                    .collect(),
            ),
            texts(&|it| Some(it.order_id.as_str().to_owned())),
            Parameter::BigInts(
                all.iter()
                    .map(|it| Some(it.terms.symbol_id.get()))
                    .collect(),
            ),
            texts(&|it| Some(it.terms.side.as_str().to_owned())),
            texts(&|it| Some(it.terms.order_type.as_str().to_owned())),
            texts(&|it| Some(it.terms.time_in_force.as_str().to_owned())),
            decimals(&|it| it.terms.quantity),
            decimals(&|it| it.terms.limit_price),
            decimals(&|it| it.terms.stop_price),
            decimals(&|it| it.terms.arrival_price),
            Parameter::Times(all.iter().map(|it| it.terms.expires_at).collect()),
            Parameter::BigInts(
                all.iter()
                    .map(|it| Some(it.terms.strategy_id?.get()))
                    .collect(),
            ),
            texts(&|it| Some(it.terms.position_id.as_ref()?.as_str().to_owned())),
            texts(&|it| Some(it.terms.parent_order_id.as_ref()?.as_str().to_owned())),
            texts(&|it| Some(it.client_order_id.as_ref()?.as_str().to_owned())),
            texts(&|it| Some(it.venue_order_id.as_ref()?.as_str().to_owned())),
            decimals(&|it| Some(it.filled)),
            amounts(&|it| it.filled_notional),
            decimals(&|it| Some(it.adjustment)),
            amounts(&|it| it.notional_adjustment),
            texts(&|it| Some(facts_of(it))),
            texts(&|it| Some(it.closed_by?.as_str().to_owned())),
            texts(&|it| Some(pending_of(it))),
            Parameter::Dates(all.iter().map(|it| it.done_for.flatten()).collect()),
            Parameter::Dates(all.iter().map(|it| it.active_on).collect()),
            Parameter::BigInts(all.iter().map(|it| Some(it.first_sequence)).collect()),
            Parameter::BigInts(all.iter().map(|it| Some(it.last_sequence)).collect()),
            Parameter::Times(all.iter().map(|it| Some(it.created_at)).collect()),
            Parameter::Times(all.iter().map(|it| Some(it.updated_at)).collect()),
            texts(&|it| Some(it.status().as_str().to_owned())),
            Parameter::Bools(all.iter().map(|it| Some(it.is_open())).collect()),
        ]);
    }

    fn push_ids(&self, out: &mut Vec<Parameter>) {
        let texts = |texts: Vec<&str>| {
            Parameter::Texts(
                texts
                    .into_iter()
                    .map(|text| Some(text.to_owned()))
                    .collect(),
            )
        };
        out.extend([
            texts(self.client_ids.iter().map(|it| it.0.as_str()).collect()),
            texts(self.client_ids.iter().map(|it| it.1.as_str()).collect()),
            texts(self.venue_ids.iter().map(|it| it.0.as_str()).collect()),
            texts(self.venue_ids.iter().map(|it| it.1.as_str()).collect()),
            texts(self.venue_ids.iter().map(|it| it.2.as_str()).collect()),
        ]);
    }
}

/// The quantity and the price of a fill or of a correction.
fn last(booking: &Booking) -> Option<(Decimal, Decimal)> {
    match &booking.recorded.event.kind {
        OrderEventKind::Filled(execution) => Some((execution.quantity, execution.price)),
        OrderEventKind::FillCorrected(correction) => Some((correction.quantity, correction.price)),
        _ => None,
    }
}
