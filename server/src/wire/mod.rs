//! The JSON types of requests and responses, and their conversion to the types of the library.

mod alias;
mod book;
mod candle;
mod decimal;
mod element;
mod exchange;
mod feed;
mod feed_gap;
mod ledger;
mod new_tick;
mod new_trade;
mod object;
mod oversight;
mod receipt;
mod rejection;
mod symbol;
mod symbol_change;
mod tick;
mod time;
mod trade;
mod trade_correction;
mod trade_receipt;
mod venue;

pub use alias::{AliasBody, AliasList, NewAlias};
pub(crate) use book::levels;
pub use book::{
    BookBody, BookIntervalBody, BookIntervalList, BookSnapshotBody, BookSnapshotList,
    BookStateText, LevelBody,
};
pub use candle::{CandleBody, CandleList};
pub use decimal::{DecimalInput, DecimalText};
pub use exchange::{ExchangeBody, ExchangeChangesBody, ExchangeList, NewExchangeBody, SessionBody};
pub use feed::{BooksOfFeedsBody, FeedBody, PipelineBody, TradesOfFeedsBody};
pub use feed_gap::{FeedGapBody, FeedGapList, GapEdgeBody};
pub use ledger::{
    AccountBody, AccountChangesBody, AccountList, AdjustedPositionBody, AppendReceiptBody,
    AppendedEventBody, ConflictingEventBody, ContractBody, DuplicateEventBody, ExecutionBody,
    FeeBody, FeeSumBody, FillBody, FillCorrectionBody, FillList, FillReferenceBody, MarkSource,
    NewAccountBody, OrderBody, OrderEventBody, OrderEventKindBody, OrderList, OrderStateBody,
    OrderTermsBody, OverfillBody, PendingRequestBody, PositionBody, PositionList,
    PositionStateBody, QuarantinedEventBody, QuarantinedEventList, RecordedEventBody,
    RecordedEventList, RefusedEventBody, RejectedEventBody, ReplacementBody, RestatementBody,
};
pub(crate) use ledger::{Valuation, read_event};
pub use new_tick::NewTick;
pub use new_trade::NewTrade;
pub use oversight::{
    AcknowledgementBody, AuditEntryBody, AuditEntryList, NewAcknowledgementBody, RiskEventBody,
    RiskEventList,
};
pub use receipt::{ConflictBody, ReceiptBody, RejectedBody};
pub use rejection::{Rejection, RejectionReason};
pub use symbol::{InstrumentBody, SymbolBody, SymbolList};
pub use symbol_change::{InstrumentChangeBody, SymbolChangeBody};
pub use tick::{TickBody, TickList};
pub use time::TimeText;
pub use trade::{AggressorSideText, DeletedTradesBody, TradeBody, TradeList};
pub use trade_correction::{
    CorrectionList, CorrectionReceiptBody, RecordedCorrectionBody, RejectedCorrectionBody,
    TradeCorrectionBody,
};
pub use trade_receipt::{RejectedTradeBody, TradeConflictBody, TradeReceiptBody};
pub use venue::{FeedList, FeedStateBody, VenueBody, VenueBookBody};
