//! What the fills and orders of an account earned and cost.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use tickbook::domain::TimeRange;

use super::attribution::{Attribution, attribute};
use super::latency::{OrderLatencies, OrderLatency};
use super::round_trip::RoundTrip;
use super::round_trips::{RoundTripBook, RoundTripGrouping, RoundTripMatching};
use super::slippage::SlippageSummary;
use super::statistics::TradeStatistics;
use super::trade_fill::TradeFill;
use crate::domain::account::CostMethod;
use crate::domain::amount::AmountError;
use crate::domain::fill::Fill;
use crate::domain::ids::Currency;
use crate::domain::order::Order;
use crate::domain::position_key::PositionKey;

/// How a [`TradeReport`] is computed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TradeReportTerms {
    /// Which fills make a round trip.
    pub grouping: RoundTripGrouping,
    /// Which open fill a closing fill closes.
    pub matching: RoundTripMatching,
    /// The cost method of the account.
    pub cost_method: CostMethod,
    /// The currency whose fees are taken off the profits.
    pub currency: Currency,
    /// The time zone of days.
    pub zone: Tz,
    /// Only round trips that were closed, and fills, within this range.
    pub range: TimeRange,
}

impl TradeReportTerms {
    /// Round trips from fill to fill of all time, average cost, days in UTC.
    #[must_use]
    pub fn new(currency: Currency) -> Self {
        Self {
            grouping: RoundTripGrouping::FillToFill,
            matching: RoundTripMatching::Fifo,
            cost_method: CostMethod::Average,
            currency,
            zone: Tz::UTC,
            range: TimeRange::all(),
        }
    }

    /// Sets how fills make round trips.
    #[must_use]
    pub fn round_trips(mut self, grouping: RoundTripGrouping, matching: RoundTripMatching) -> Self {
        (self.grouping, self.matching) = (grouping, matching);
        self
    }

    /// Sets the cost method.
    #[must_use]
    pub fn cost_method(mut self, cost_method: CostMethod) -> Self {
        self.cost_method = cost_method;
        self
    }

    /// Sets the time zone of days.
    #[must_use]
    pub fn zone(mut self, zone: Tz) -> Self {
        self.zone = zone;
        self
    }

    /// Sets the range.
    #[must_use]
    pub fn range(mut self, range: TimeRange) -> Self {
        self.range = range;
        self
    }
}

/// Round trips, their statistics, slippage, latencies and attribution of an account.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TradeReport {
    /// The round trips that were closed within the range, in the order in which they were closed.
    pub round_trips: Vec<RoundTrip>,
    /// Their statistics, with fees in the currency of the terms taken off.
    pub statistics: TradeStatistics,
    /// The slippage of the orders.
    pub slippage: SlippageSummary,
    /// The latencies of the orders.
    pub latencies: OrderLatencies,
    /// The realized profits of the cost method, by strategy and symbol, order, and day.
    pub attribution: Attribution,
}

impl TradeReport {
    /// The report of an account.
    ///
    /// `fills` are all fills of the account up to the end of the range, in the order of [`Fill::order`]. `orders` are the
    /// orders whose slippage counts, and `latencies` are theirs.
    ///
    /// # Errors
    /// A sum is out of range.
    pub fn of(
        terms: &TradeReportTerms,
        fills: &[Fill],
        orders: &[Order],
        latencies: &[OrderLatency],
    ) -> Result<Self, AmountError> {
        let mut books: BTreeMap<&PositionKey, RoundTripBook> = BTreeMap::new();
        let mut round_trips = Vec::new();
        for fill in fills.iter().filter(|fill| !fill.is_busted) {
            let book = books.entry(&fill.position);
            let book = book.or_insert_with(|| RoundTripBook::new(terms.grouping, terms.matching));
            round_trips.extend(book.add(&TradeFill::of(fill))?);
        }
        round_trips.retain(|trip| terms.range.contains(trip.exited_at));
        let mut slippage = SlippageSummary::default();
        for order in orders {
            slippage.add(order)?;
        }
        Ok(Self {
            statistics: TradeStatistics::of(&round_trips, &terms.currency)?,
            round_trips,
            slippage,
            latencies: OrderLatencies::of(latencies),
            attribution: attribute(terms.cost_method, terms.zone, terms.range, fills)?,
        })
    }
}
