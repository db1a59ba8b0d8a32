//! Why an event is not booked.

use tickbook::domain::SymbolId;

use super::amount::AmountError;
use super::execution::Closing;
use super::ids::{AccountId, ClientOrderId, ExecId, OrderId};
use super::invalid_event::InvalidEvent;
use super::order_terms::Side;

/// Why an event is quarantined: kept with this reason, but not booked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The event is invalid by itself.
    #[error(transparent)]
    Invalid(#[from] InvalidEvent),
    /// The report names another account.
    #[error("the report is of account {0}")]
    ForeignAccount(AccountId),
    /// No order has the ids of the event.
    #[error("unknown order: create it first, or send its terms with the event")]
    UnknownOrder,
    /// The ids of the event belong to several orders.
    #[error("client_order_id {client_order_id} belongs to order {order_id}")]
    OtherOrder {
        /// The id.
        client_order_id: ClientOrderId,
        /// The order that has it.
        order_id: OrderId,
    },
    /// The event names another instrument than the order.
    #[error("the order is of symbol {of_order}, not of {stated}")]
    OtherSymbol {
        /// The instrument of the order.
        of_order: SymbolId,
        /// The instrument that the event names.
        stated: SymbolId,
    },
    /// The event names another side than the order.
    #[error("the order is a {of_order} order, not a {stated} order")]
    OtherSide {
        /// The side of the order.
        of_order: Side,
        /// The side that the event names.
        stated: Side,
    },
    /// The order is closed and cannot be replaced.
    #[error("the order cannot be replaced: it is closed ({closing})")]
    OrderClosed {
        /// Why it is closed.
        closing: Closing,
    },
    /// The account is closed and takes no further orders.
    #[error("the account is closed")]
    AccountClosed,
    /// No fill has the referenced id, or it is a fill of another order.
    #[error("unknown fill {0}")]
    UnknownFill(ExecId),
    /// The referenced report is not the latest one of the fill.
    #[error("report {named} of the fill was corrected by {latest}: name that one")]
    Superseded {
        /// The id that the event names.
        named: ExecId,
        /// The id of the latest report of the fill.
        latest: ExecId,
    },
    /// The fill was busted. An execution that takes place nevertheless comes as a new fill.
    #[error("fill {0} was busted")]
    Busted(ExecId),
    /// The id of the correction is that of an earlier report of the same fill, so that the references form a cycle.
    #[error("report {0} refers to itself")]
    ReferenceCycle(ExecId),
    /// An amount, the executed quantity of the order or the quantity of the position would be out of range.
    #[error(transparent)]
    Amount(#[from] AmountError),
}

impl Refusal {
    /// The name of the reason: a label of metrics and a code in the database.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::ForeignAccount(_) => "foreign_account",
            Self::UnknownOrder => "unknown_order",
            Self::OtherOrder { .. } => "other_order",
            Self::OtherSymbol { .. } => "other_symbol",
            Self::OtherSide { .. } => "other_side",
            Self::OrderClosed { .. } => "order_closed",
            Self::AccountClosed => "account_closed",
            Self::UnknownFill(_) => "unknown_fill",
            Self::Superseded { .. } => "superseded",
            Self::Busted(_) => "busted",
            Self::ReferenceCycle(_) => "reference_cycle",
            Self::Amount(_) => "amount_out_of_range",
        }
    }
}
