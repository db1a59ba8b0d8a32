//! The status of an order.

use super::execution::Closing;
use super::names::names;

/// The status of an order, after FIX `OrdStatus`. It follows from the facts of the order and is never an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OrderStatus {
    /// The venue has not answered yet.
    PendingNew,
    /// The venue accepted the order.
    New,
    /// The venue refused the order.
    Rejected,
    /// A risk check of the owner refused the order.
    Denied,
    /// A part of the order was executed.
    PartiallyFilled,
    /// The order was canceled.
    Canceled,
    /// The time in force has ended.
    Expired,
    /// The venue suspended the order.
    Suspended,
    /// The venue guarantees an execution.
    Stopped,
    /// All of the order was executed.
    Filled,
    /// No further executions on this trading day.
    DoneForDay,
    /// The venue considers a request to replace values.
    PendingReplace,
    /// The venue considers a request to cancel.
    PendingCancel,
}

names!(OrderStatus, "order status" {
    PendingNew => "pending_new",
    New => "new",
    Rejected => "rejected",
    Denied => "denied",
    PartiallyFilled => "partially_filled",
    Canceled => "canceled",
    Expired => "expired",
    Suspended => "suspended",
    Stopped => "stopped",
    Filled => "filled",
    DoneForDay => "done_for_day",
    PendingReplace => "pending_replace",
    PendingCancel => "pending_cancel",
});

impl OrderStatus {
    /// The precedence: of several statuses that apply to an order, the one with the highest precedence is its status.
    ///
    /// FIX gives `New`, `Rejected` and `PendingNew` one precedence. Here a refused order is refused even if it was
    /// accepted before, and an accepted one is no longer pending.
    #[must_use]
    pub fn precedence(self) -> u8 {
        match self {
            Self::PendingCancel => 12,
            Self::PendingReplace => 11,
            Self::DoneForDay => 10,
            Self::Filled => 8,
            Self::Stopped => 7,
            Self::Suspended => 6,
            Self::Canceled | Self::Expired => 5,
            Self::PartiallyFilled => 4,
            Self::Rejected | Self::Denied => 3,
            Self::New => 2,
            Self::PendingNew => 1,
        }
    }
}

impl From<Closing> for OrderStatus {
    fn from(closing: Closing) -> Self {
        match closing {
            Closing::Rejected => Self::Rejected,
            Closing::Denied => Self::Denied,
            Closing::Canceled => Self::Canceled,
            Closing::Expired => Self::Expired,
            Closing::DoneForDay => Self::DoneForDay,
        }
    }
}
