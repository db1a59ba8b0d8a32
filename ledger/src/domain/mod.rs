//! Accounts, order events, and the orders, fills and positions that follow from them.
//!
//! This module depends on no database, clock or runtime.

mod account;
mod account_ledger;
mod amount;
mod audit_change;
mod audit_entry;
mod audit_verification;
mod credential;
mod details;
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
mod position;
mod position_book;
mod position_key;
mod position_report;
mod refusal;
mod replacement;
mod risk_event;
mod secret_key;
#[cfg(feature = "serde")]
mod text;
mod user;

pub use account::{
    Account, AccountScope, CostMethod, Environment, InvalidAccount, MAX_ACCOUNT_NAME_CHARS,
    NewAccount, PositionMode,
};
pub use account_ledger::AccountLedger;
#[cfg(feature = "postgres")]
pub(crate) use account_ledger::{BookedPosition, Booking, positions_of};
pub use amount::{AMOUNT_INTEGER_DIGITS, Amount, AmountError, InvalidAmount};
pub use audit_change::{AuditChange, InvalidAuditChange};
pub use audit_entry::{AuditChain, AuditEntry, AuditHead, AuditMac, InvalidAuditHead};
pub use audit_verification::{ChainFault, ChainVerification, ChainVerifier};
pub use credential::{
    Credential, CredentialName, CredentialVersion, MAX_SECRET_BYTES, SEALED_BYTES, SealedSecret,
    WRAPPED_KEY_BYTES, WrappedKey,
};
pub use details::{Details, InvalidDetails, MAX_DETAIL_CHARS, MAX_DETAILS};
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
    AccountId, ClientOrderId, CredentialId, Currency, ExecId, InvalidId, KeyId, MAX_ID_CHARS,
    OrderId, PositionId, RiskEventId, StrategyId, TenantId, UserId, Venue, VenueOrderId,
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
pub use risk_event::{
    Acknowledgement, InvalidRiskEvent, NewRiskEvent, RiskEvent, RiskKind, Severity,
};
pub use secret_key::{InvalidKeyRing, KeyRing, SECRET_KEY_BYTES, SecretKey};
pub use user::{Grant, InvalidUser, MAX_USERNAME_CHARS, Role, User, UserProfile};
