//! Events of orders: what the owner of an order did and what a venue reported.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{SymbolId, earliest_time, latest_time, truncate_to_micros};

use super::execution::{Correction, Execution, FillReference};
use super::ids::{AccountId, ClientOrderId, ExecId, OrderId, Venue, VenueOrderId};
use super::invalid_event::InvalidEvent;
use super::order_terms::{OrderTerms, Side, positive};
use super::replacement::{Replacement, Restatement};

/// The largest number of characters of the reason of an event.
pub const MAX_REASON_CHARS: usize = 500;

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum OrderEventKind {
    /// The owner decided to send the order. Recorded before it is sent.
    Created(Box<OrderTerms>),
    /// The owner sent the order.
    Submitted,
    /// A risk check of the owner refused the order. It was never sent.
    Denied,
    /// The venue accepted the order, or resumed a suspended one. Holds the quantity, if the venue states it.
    Acknowledged(
        #[cfg_attr(
            feature = "serde",
            serde(with = "tickbook::domain::text::optional_decimal")
        )]
        Option<Decimal>,
    ),
    /// The venue refused the order.
    Rejected,
    /// The stop price was reached.
    Triggered,
    /// The owner sent a request to cancel the order. The order is not yet pending.
    CancelRequested,
    /// The venue received the request to cancel.
    CancelPending,
    /// The owner sent a request to replace values. The order is not yet pending.
    ReplaceRequested(Replacement),
    /// The venue received the request to replace.
    ReplacePending,
    /// The venue refused the request to cancel or replace that has the client order id of the event.
    RequestRejected,
    /// The venue replaced values of the order.
    Replaced(Replacement),
    /// The order was canceled.
    Canceled,
    /// The time in force has ended.
    Expired,
    /// No further executions on this trading day.
    DoneForDay,
    /// The venue restated the order.
    Restated(Restatement),
    /// The venue suspended the order.
    Suspended,
    /// The venue guarantees an execution.
    Stopped,
    /// A part or all of the order was executed.
    Filled(Box<Execution>),
    /// An execution was withdrawn.
    FillBusted(FillReference),
    /// An execution was corrected.
    FillCorrected(Correction),
}

impl OrderEventKind {
    /// The name of the kind, such as `cancel_requested`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::Submitted => "submitted",
            Self::Denied => "denied",
            Self::Acknowledged(_) => "acknowledged",
            Self::Rejected => "rejected",
            Self::Triggered => "triggered",
            Self::CancelRequested => "cancel_requested",
            Self::CancelPending => "cancel_pending",
            Self::ReplaceRequested(_) => "replace_requested",
            Self::ReplacePending => "replace_pending",
            Self::RequestRejected => "request_rejected",
            Self::Replaced(_) => "replaced",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
            Self::DoneForDay => "done_for_day",
            Self::Restated(_) => "restated",
            Self::Suspended => "suspended",
            Self::Stopped => "stopped",
            Self::Filled(_) => "filled",
            Self::FillBusted(_) => "fill_busted",
            Self::FillCorrected(_) => "fill_corrected",
        }
    }

    /// Whether the owner of the order did this, not the venue.
    #[must_use]
    pub fn is_command(&self) -> bool {
        matches!(
            self,
            Self::Created(_)
                | Self::Submitted
                | Self::Denied
                | Self::CancelRequested
                | Self::ReplaceRequested(_)
        )
    }

    fn normalized(&self) -> Result<Self, InvalidEvent> {
        Ok(match self {
            Self::Created(terms) => Self::Created(Box::new(terms.normalized()?)),
            Self::Acknowledged(quantity) => Self::Acknowledged(positive("quantity", *quantity)?),
            Self::ReplaceRequested(values) => Self::ReplaceRequested(values.normalized()?),
            Self::Replaced(values) => Self::Replaced(values.normalized()?),
            Self::Restated(values) => Self::Restated(values.normalized()?),
            Self::Filled(execution) => Self::Filled(Box::new(execution.normalized()?)),
            Self::FillCorrected(correction) => Self::FillCorrected(correction.normalized()?),
            other => other.clone(),
        })
    }
}

/// An event of an order of one account.
///
/// The order is found by `order_id`, otherwise by `client_order_id`, `orig_client_order_id` or `venue_order_id`.
///
/// # Examples
/// ```
/// use rust_decimal::Decimal;
/// use tickbook_ledger::domain::{ExecId, Execution, OrderEvent, OrderEventKind, OrderId};
///
/// let fill = Execution::new(Decimal::new(15, 1), Decimal::new(45_213, 2));
/// let event = OrderEvent::new(OrderId::new("a-1")?, OrderEventKind::Filled(Box::new(fill)))
///     .with_exec_id(ExecId::new("8812345")?)
///     .at("2024-05-01T12:00:00Z".parse()?);
/// assert!(event.normalized().is_ok());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct OrderEvent {
    /// The account that the report names, if it names one.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub account_id: Option<AccountId>,
    /// The order.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub order_id: Option<OrderId>,
    /// The id of the request that the event is about; the id of the order itself for events that are about no later
    /// request. FIX `ClOrdID`.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub client_order_id: Option<ClientOrderId>,
    /// The id of the request that this request follows; FIX `OrigClOrdID`.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub orig_client_order_id: Option<ClientOrderId>,
    /// The id of the order at the venue.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub venue_order_id: Option<VenueOrderId>,
    /// The instrument, if the report names it. It has to be that of the order.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub symbol_id: Option<SymbolId>,
    /// The side, if the report names it. It has to be that of the order.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub side: Option<Side>,
    /// The venue; `None` for that of the account.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub venue: Option<Venue>,
    /// The id of the report.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub exec_id: Option<ExecId>,
    /// The time of the event at the venue, UTC; stored in whole microseconds. Fills require it.
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "super::text::optional_time"
        )
    )]
    pub venue_time: Option<DateTime<Utc>>,
    /// The order among the fills of one instant, as the venue numbers them.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "super::text::is_default")
    )]
    pub venue_sequence: i64,
    /// The trading day of the event at the venue.
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "super::text::optional_day"
        )
    )]
    pub trading_day: Option<NaiveDate>,
    /// The time at which this system received the report. Not part of its content.
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "super::text::optional_time"
        )
    )]
    pub received_at: Option<DateTime<Utc>>,
    /// The reason that the venue or the owner gave, up to 500 characters. Not part of its content.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub reason: Option<String>,
    /// The terms of an order that was placed elsewhere. If the order is unknown, an acknowledgement or a fill with
    /// them and an `order_id` creates it.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub external: Option<Box<OrderTerms>>,
    /// What happened.
    pub kind: OrderEventKind,
}

impl OrderEvent {
    /// An event of the order with this id.
    #[must_use]
    pub fn new(order_id: OrderId, kind: OrderEventKind) -> Self {
        Self {
            order_id: Some(order_id),
            ..Self::unassigned(kind)
        }
    }

    /// An event of the order that has a request with this id.
    #[must_use]
    pub fn of_request(client_order_id: ClientOrderId, kind: OrderEventKind) -> Self {
        Self::unassigned(kind).with_client_order_id(client_order_id)
    }

    /// An event that names no order yet.
    #[must_use]
    pub fn unassigned(kind: OrderEventKind) -> Self {
        Self {
            account_id: None,
            order_id: None,
            client_order_id: None,
            orig_client_order_id: None,
            venue_order_id: None,
            symbol_id: None,
            side: None,
            venue: None,
            exec_id: None,
            venue_time: None,
            venue_sequence: 0,
            trading_day: None,
            received_at: None,
            reason: None,
            external: None,
            kind,
        }
    }

    /// Returns this event with the id of a request.
    #[must_use]
    pub fn with_client_order_id(mut self, id: impl Into<Option<ClientOrderId>>) -> Self {
        self.client_order_id = id.into();
        self
    }

    /// Returns this event with the id of the request before.
    #[must_use]
    pub fn with_orig_client_order_id(mut self, id: impl Into<Option<ClientOrderId>>) -> Self {
        self.orig_client_order_id = id.into();
        self
    }

    /// Returns this event with the id of the report.
    #[must_use]
    pub fn with_exec_id(mut self, id: impl Into<Option<ExecId>>) -> Self {
        self.exec_id = id.into();
        self
    }

    /// Returns this event with the time at the venue.
    #[must_use]
    pub fn at(mut self, venue_time: DateTime<Utc>) -> Self {
        self.venue_time = Some(venue_time);
        self
    }

    /// Returns this event with the trading day.
    #[must_use]
    pub fn on(mut self, trading_day: NaiveDate) -> Self {
        self.trading_day = Some(trading_day);
        self
    }

    /// Returns this event with the terms of an order that was placed elsewhere.
    #[must_use]
    pub fn of_external(mut self, terms: OrderTerms) -> Self {
        self.external = Some(Box::new(terms));
        self
    }

    /// Returns the event in the form in which it is stored: times truncated to microseconds, numbers without trailing
    /// zeros.
    ///
    /// # Errors
    /// An invalid event: a quantity of zero or less, a number that does not fit `NUMERIC(27,12)`, a fill without a
    /// time, a time before 1970 or from 2100 on, a reason of more than 500 characters.
    pub fn normalized(&self) -> Result<Self, InvalidEvent> {
        let kind = self.kind.normalized()?;
        if matches!(kind, OrderEventKind::Filled(_)) && self.venue_time.is_none() {
            return Err(InvalidEvent::Missing {
                field: "venue_time",
                kind: kind.as_str(),
            });
        }
        let is_text =
            |text: &String| !text.contains('\0') && text.chars().nth(MAX_REASON_CHARS).is_none();
        if !self.reason.as_ref().is_none_or(is_text) {
            return Err(InvalidEvent::Text("reason"));
        }
        let external = self.external.as_ref().map(|terms| terms.normalized());
        Ok(Self {
            venue_time: time("venue_time", self.venue_time)?,
            received_at: time("received_at", self.received_at)?,
            external: external.transpose()?.map(Box::new),
            kind,
            ..self.clone()
        })
    }
}

fn time(
    field: &'static str,
    time: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, InvalidEvent> {
    let Some(time) = time else {
        return Ok(None);
    };
    let is_leap_second = time.timestamp_subsec_nanos() >= 1_000_000_000;
    if time < earliest_time() || time >= latest_time() || is_leap_second {
        return Err(InvalidEvent::Time { field, time });
    }
    Ok(Some(truncate_to_micros(time)))
}
