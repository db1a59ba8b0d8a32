//! Accounts, order events, and the orders, fills and positions that follow from them.
//!
//! This module depends on no database, clock or runtime.

mod account;
mod account_ledger;
mod amount;
mod digest;
mod event_key;
mod execution;
mod fill;
mod history;
mod ids;
mod invalid_event;
mod lots;
mod names;
mod order;
mod order_event;
mod order_status;
mod order_terms;
mod outcome;
pub mod performance;
mod position;
mod position_book;
mod position_key;
mod position_report;
mod refusal;
mod replacement;
#[cfg(feature = "serde")]
mod text;

pub use account::{
    Account, AccountScope, CostMethod, Environment, InvalidAccount, MAX_ACCOUNT_NAME_CHARS,
    NewAccount, PositionMode,
};
pub use account_ledger::AccountLedger;
#[cfg(feature = "postgres")]
pub(crate) use account_ledger::{BookedPosition, Booking, positions_of};
pub use amount::{AMOUNT_INTEGER_DIGITS, Amount, AmountError, InvalidAmount};
pub use digest::digest;
#[cfg(feature = "postgres")]
pub(crate) use event_key::KeyDigest;
pub use event_key::{ContentHash, EventKey};
pub use execution::{
    Closing, Contract, Correction, Execution, Fee, FillReference, Liquidity, PositionEffect,
};
pub use fill::{Fill, FillId, FillOrder};
pub use history::{FillReport, FillReportKind, HistoryEvent, PositionAfter, PositionState};
pub use ids::{
    AccountId, ClientOrderId, Currency, ExecId, InvalidId, MAX_ID_CHARS, OrderId, PositionId,
    StrategyId, TenantId, Venue, VenueOrderId,
};
pub use invalid_event::InvalidEvent;
pub use lots::Lot;
pub use names::UnknownName;
pub use order::{Order, PendingRequest, RequestKind};
pub use order_event::{MAX_REASON_CHARS, OrderEvent, OrderEventKind};
pub use order_status::OrderStatus;
pub use order_terms::{OrderTerms, OrderType, Side, TimeInForce};
pub use outcome::{
    ChangedPosition, EventEffect, Outcome, Overfill, PositionAdjustment, RecordedEvent,
};
pub use position::{FillLeg, Mark, Position};
pub use position_key::PositionKey;
pub use position_report::PositionReport;
pub use refusal::Refusal;
pub use replacement::{Replacement, Restatement};
