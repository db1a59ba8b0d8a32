//! Accounts, orders, fills and positions as JSON.

mod account;
mod fill;
mod order;
mod order_event;
mod position;
mod quarantined_event;
mod receipt;
mod terms;

pub use account::{AccountBody, AccountChangesBody, AccountList, NewAccountBody};
pub use fill::{ContractBody, FeeBody, FillBody, FillList};
pub use order::{OrderBody, OrderList, OrderStateBody, PendingRequestBody};
pub(crate) use order_event::read_event;
pub use order_event::{
    ExecutionBody, FillCorrectionBody, FillReferenceBody, OrderEventBody, OrderEventKindBody,
    RecordedEventBody, RecordedEventList, ReplacementBody, RestatementBody,
};
pub(crate) use position::Valuation;
pub use position::{FeeSumBody, MarkSource, PositionBody, PositionList, PositionStateBody};
pub use quarantined_event::{QuarantinedEventBody, QuarantinedEventList};
pub use receipt::{
    AdjustedPositionBody, AppendReceiptBody, AppendedEventBody, ConflictingEventBody,
    DuplicateEventBody, OverfillBody, RefusedEventBody, RejectedEventBody,
};
pub use terms::OrderTermsBody;
