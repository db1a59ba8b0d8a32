//! Accounts, orders, fills and positions as JSON.

mod account;
mod equity;
mod fill;
mod order;
mod order_event;
mod performance;
mod position;
mod quarantined_event;
mod receipt;
mod terms;
mod trades;

pub use account::{AccountBody, AccountChangesBody, AccountList, NewAccountBody};
pub use equity::{EquityMarkBody, EquityPointBody, EquityPointList};
pub use fill::{ContractBody, FeeBody, FillBody, FillList};
pub use order::{OrderBody, OrderList, OrderStateBody, PendingRequestBody};
pub(crate) use order_event::read_event;
pub use order_event::{
    ExecutionBody, FillCorrectionBody, FillReferenceBody, OrderEventBody, OrderEventKindBody,
    RecordedEventBody, RecordedEventList, ReplacementBody, RestatementBody,
};
pub(crate) use performance::ReportedDays;
pub use performance::{ActivityBody, DayBody, DrawdownBody, MetricBody, PerformanceBody};
pub(crate) use position::Valuation;
pub use position::{FeeSumBody, MarkSource, PositionBody, PositionList, PositionStateBody};
pub use quarantined_event::{QuarantinedEventBody, QuarantinedEventList};
pub use receipt::{
    AdjustedPositionBody, AppendReceiptBody, AppendedEventBody, ConflictingEventBody,
    DuplicateEventBody, OverfillBody, RefusedEventBody, RejectedEventBody,
};
pub use terms::OrderTermsBody;
pub use trades::{
    ContributionBody, DayContributionBody, LatenciesBody, LatencyBody, OrderContributionBody,
    SlippageBody, StrategyContributionBody, TradesBody,
};
