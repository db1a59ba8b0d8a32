//! Groups fills into round trips.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::round_trip::{Fees, RoundTrip};
use super::trade_fill::TradeFill;
use crate::domain::amount::{Amount, AmountError};
use crate::domain::execution::Contract;
use crate::domain::ids::OrderId;
use crate::domain::names::names;
use crate::domain::order_terms::Side;

/// Which fills make a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RoundTripGrouping {
    /// Each part of an opening fill that a closing fill closes.
    FillToFill,
    /// All fills from a flat position to the next flat position. Of a fill that turns the position only the closing part
    /// counts.
    FlatToFlat,
    /// Each closing fill with all that it closes.
    FlatToReduced,
    /// As `FlatToFlat`, but the average exit price weights a fill that turns the position with its whole quantity, as LEAN
    /// does. The profits do not add up to the realized profit if a position was turned.
    FlatToFlatLean,
}

names!(RoundTripGrouping, "grouping" {
    FillToFill => "fill_to_fill",
    FlatToFlat => "flat_to_flat",
    FlatToReduced => "flat_to_reduced",
    FlatToFlatLean => "flat_to_flat_lean",
});

/// Which open fill a closing fill closes. It makes no difference from flat to flat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RoundTripMatching {
    /// The oldest.
    Fifo,
    /// The newest.
    Lifo,
}

names!(RoundTripMatching, "matching" {
    Fifo => "fifo",
    Lifo => "lifo",
});

/// A part of a fill.
#[derive(Debug, Clone)]
struct Part {
    order_id: OrderId,
    time: DateTime<Utc>,
    price: Decimal,
    contract: Contract,
    /// Negative for a sale.
    quantity: Decimal,
    /// The signed value of the quantity.
    value: Amount,
    fees: Fees,
}

impl Part {
    fn of(fill: &TradeFill, quantity: Decimal) -> Result<Self, AmountError> {
        Ok(Self {
            order_id: fill.order_id.clone(),
            time: fill.time,
            price: fill.price,
            contract: fill.contract,
            quantity,
            value: fill.contract.value(quantity, fill.price)?,
            fees: Fees::default(),
        })
    }

    /// Takes a quantity, which is positive and at most that of the part. The fees leave with the first quantity.
    fn take(&mut self, quantity: Decimal) -> Result<Self, AmountError> {
        let fees = std::mem::take(&mut self.fees);
        let mut taken = Self {
            fees,
            ..self.clone()
        };
        if quantity < self.quantity.abs() {
            taken.quantity = signed(quantity, self.quantity);
            // the residue of an inverse contract's rounding stays in the open part
            taken.value = self.contract.value(taken.quantity, self.price)?;
        }
        self.quantity = sum(self.quantity, -taken.quantity)?;
        self.value = self.value.minus(taken.value)?;
        Ok(taken)
    }
}

/// A magnitude with the sign of another number.
fn signed(magnitude: Decimal, sign: Decimal) -> Decimal {
    match sign.is_sign_negative() {
        true => -magnitude,
        false => magnitude,
    }
}

fn sum(a: Decimal, b: Decimal) -> Result<Decimal, AmountError> {
    let sum = a.checked_add(b).ok_or(AmountError::OutOfRange)?;
    Ok(sum.normalize())
}

fn total(parts: &[Part]) -> Result<Decimal, AmountError> {
    let mut quantities = parts.iter().map(|part| part.quantity);
    quantities.try_fold(Decimal::ZERO, sum)
}

/// Price times quantity of all parts divided by their quantity.
fn average_price(parts: &[Part]) -> Result<Option<Decimal>, AmountError> {
    let mut notional = Amount::ZERO;
    for part in parts {
        notional = notional.plus(Amount::of(part.price, part.quantity)?)?;
    }
    Ok(notional.per_unit(total(parts)?))
}

/// The open fills of one position, which closing fills turn into round trips.
///
/// Fills are added in ascending order. With each grouping except [`RoundTripGrouping::FlatToFlatLean`] the profits of all
/// round trips of a flat position add up to its cash, exactly. A fee counts with the first round trip that its fill opens
/// or closes. A fee that the venue took from the quantity also counts as a sale at the price 0, as in
/// [`Position`](crate::domain::Position).
///
/// # Examples
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use rust_decimal::Decimal;
/// use tickbook_ledger::domain::OrderId;
/// use tickbook_ledger::domain::performance::{RoundTripBook, RoundTripGrouping, RoundTripMatching, TradeFill};
///
/// let mut book = RoundTripBook::new(RoundTripGrouping::FlatToFlat, RoundTripMatching::Fifo);
/// let mut trips = Vec::new();
/// for (hour, quantity, price) in [(0, 100, 10), (1, -50, 11), (2, -100, 12)] {
///     let time = DateTime::UNIX_EPOCH + TimeDelta::hours(hour);
///     let fill = TradeFill::new(OrderId::new("a")?, time, Decimal::from(quantity), Decimal::from(price));
///     trips.extend(book.add(&fill)?);
/// }
/// assert_eq!(trips.len(), 1);
/// assert_eq!(trips[0].profit.to_string(), "150");
/// assert_eq!(book.open_quantity(), Decimal::from(-50));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RoundTripBook {
    grouping: RoundTripGrouping,
    matching: RoundTripMatching,
    /// Open fills, oldest first.
    open: Vec<Part>,
    /// Closing fills since the position was flat, only from flat to flat.
    closing: Vec<Part>,
    /// The quantity of the position.
    quantity: Decimal,
    /// Fees that belong to the next round trip, except from fill to fill.
    fees: Fees,
}

impl RoundTripBook {
    /// A flat position.
    #[must_use]
    pub fn new(grouping: RoundTripGrouping, matching: RoundTripMatching) -> Self {
        Self {
            grouping,
            matching,
            open: Vec::new(),
            closing: Vec::new(),
            quantity: Decimal::ZERO,
            fees: Fees::default(),
        }
    }

    /// The quantity that no round trip closes yet; negative for a short position.
    #[must_use]
    pub fn open_quantity(&self) -> Decimal {
        self.quantity
    }

    /// Adds a fill. Returns the round trips that it closes.
    ///
    /// # Errors
    /// An amount is out of range. The book is then unspecified.
    pub fn add(&mut self, fill: &TradeFill) -> Result<Vec<RoundTrip>, AmountError> {
        let mut trips = self.trade(fill)?;
        if let Some(sale) = fill.fee_sale() {
            trips.extend(self.trade(&sale)?);
        }
        Ok(trips)
    }

    fn trade(&mut self, fill: &TradeFill) -> Result<Vec<RoundTrip>, AmountError> {
        if fill.quantity.is_zero() {
            return Ok(Vec::new());
        }
        let mut fees = Fees::default();
        if let Some(fee) = &fill.fee {
            fees.add(fee)?;
        }
        let opens = self.quantity.is_zero()
            || self.quantity.is_sign_negative() == fill.quantity.is_sign_negative();
        if opens {
            self.quantity = sum(self.quantity, fill.quantity)?;
            let mut part = Part::of(fill, fill.quantity)?;
            match self.grouping {
                RoundTripGrouping::FillToFill => part.fees = fees,
                _ => self.fees.add_all(&fees)?,
            }
            self.open.push(part);
            return Ok(Vec::new());
        }
        let closed = fill.quantity.abs().min(self.quantity.abs());
        let mut closing = Part::of(fill, signed(closed, fill.quantity))?;
        closing.fees = fees;
        let rest = sum(fill.quantity, -closing.quantity)?;
        self.quantity = sum(self.quantity, closing.quantity)?;
        let trips = match self.grouping {
            RoundTripGrouping::FillToFill => self.close_fills(closing)?,
            RoundTripGrouping::FlatToReduced => vec![self.reduce(closing)?],
            RoundTripGrouping::FlatToFlat | RoundTripGrouping::FlatToFlatLean => {
                self.flatten(fill, closing)?.into_iter().collect()
            }
        };
        if !rest.is_zero() {
            self.open.push(Part::of(fill, rest)?);
            self.quantity = rest;
        }
        Ok(trips)
    }

    /// Takes up to `quantity` from the next open fill.
    fn take_open(&mut self, quantity: Decimal) -> Result<Part, AmountError> {
        let at = match self.matching {
            RoundTripMatching::Fifo => 0,
            RoundTripMatching::Lifo => self.open.len().saturating_sub(1),
        };
        let part = self.open.get_mut(at).ok_or(AmountError::OutOfRange)?;
        let taken = part.take(quantity.min(part.quantity.abs()))?;
        if part.quantity.is_zero() {
            self.open.remove(at);
        }
        Ok(taken)
    }

    fn close_fills(&mut self, mut closing: Part) -> Result<Vec<RoundTrip>, AmountError> {
        let mut trips = Vec::new();
        while !closing.quantity.is_zero() {
            let entry = self.take_open(closing.quantity.abs())?;
            let exit = closing.take(entry.quantity.abs())?;
            let mut fees = entry.fees.clone();
            fees.add_all(&exit.fees)?;
            let profit = -entry.value.plus(exit.value)?;
            trips.push(round_trip(entry.time, &[entry], &[exit], profit, fees)?);
        }
        Ok(trips)
    }

    fn reduce(&mut self, closing: Part) -> Result<RoundTrip, AmountError> {
        self.fees.add_all(&closing.fees)?;
        let mut entries: Vec<Part> = Vec::new();
        let mut entered_at = None;
        let mut missing = closing.quantity.abs();
        while !missing.is_zero() {
            let open = self.open.len();
            let entry = self.take_open(missing)?;
            missing = sum(missing, -entry.quantity.abs())?;
            // of the newest fills, the oldest that is closed completely
            let is_whole = self.open.len() < open;
            if entered_at.is_none() || (self.matching == RoundTripMatching::Lifo && is_whole) {
                entered_at = Some(entry.time);
            }
            entries.push(entry);
        }
        let profit = profit_of(entries.iter().chain([&closing]))?;
        let entered_at = entered_at.unwrap_or(closing.time);
        let fees = std::mem::take(&mut self.fees);
        round_trip(entered_at, &entries, &[closing], profit, fees)
    }

    /// Adds a closing part. Returns the round trip if the position is flat.
    fn flatten(&mut self, fill: &TradeFill, part: Part) -> Result<Option<RoundTrip>, AmountError> {
        self.fees.add_all(&part.fees)?;
        self.closing.push(part);
        if !self.quantity.is_zero() {
            return Ok(None);
        }
        let entries = std::mem::take(&mut self.open);
        let mut exits = std::mem::take(&mut self.closing);
        let mut profit = profit_of(entries.iter().chain(&exits))?;
        if self.grouping == RoundTripGrouping::FlatToFlatLean {
            exits.pop();
            exits.push(Part::of(fill, fill.quantity)?);
            let whole = profit_of(&exits)?;
            let closed = total(&entries)?.abs();
            let share = whole.share(closed, total(&exits)?.abs())?;
            profit = profit_of(&entries)?.plus(share)?;
        }
        let entered_at = entries.first().map_or(fill.time, |part| part.time);
        let fees = std::mem::take(&mut self.fees);
        round_trip(entered_at, &entries, &exits, profit, fees).map(Some)
    }
}

/// What the parts paid and received.
fn profit_of<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Result<Amount, AmountError> {
    let mut values = parts.into_iter().map(|part| part.value);
    values.try_fold(Amount::ZERO, Amount::minus)
}

fn round_trip(
    entered_at: DateTime<Utc>,
    entries: &[Part],
    exits: &[Part],
    profit: Amount,
    fees: Fees,
) -> Result<RoundTrip, AmountError> {
    let quantity = total(entries)?;
    let parts = entries.iter().chain(exits);
    let order_ids: BTreeSet<_> = parts.map(|part| part.order_id.clone()).collect();
    Ok(RoundTrip {
        side: match quantity.is_sign_negative() {
            true => Side::Sell,
            false => Side::Buy,
        },
        quantity: quantity.abs(),
        entered_at,
        exited_at: exits.last().map_or(entered_at, |part| part.time),
        entry_price: average_price(entries)?,
        exit_price: average_price(exits)?,
        profit,
        fees,
        order_ids,
    })
}

/// The round trips of the fills of one position, in the order in which they were closed.
///
/// # Errors
/// An amount is out of range.
pub fn round_trips(
    grouping: RoundTripGrouping,
    matching: RoundTripMatching,
    fills: &[TradeFill],
) -> Result<Vec<RoundTrip>, AmountError> {
    let mut book = RoundTripBook::new(grouping, matching);
    let mut trips = Vec::new();
    for fill in fills {
        trips.extend(book.add(fill)?);
    }
    Ok(trips)
}
