//! The JSON types of requests and responses, and their conversion to the types of the library.

mod candle;
mod decimal;
mod element;
mod feed;
mod new_tick;
mod new_trade;
mod receipt;
mod rejection;
mod symbol;
mod tick;
mod time;
mod trade;
mod trade_receipt;

pub use candle::{CandleBody, CandleList};
pub use decimal::{DecimalInput, DecimalText};
pub use feed::{FeedBody, PipelineBody};
pub use new_tick::NewTick;
pub use new_trade::NewTrade;
pub use receipt::{ConflictBody, ReceiptBody, RejectedBody};
pub use rejection::{Rejection, RejectionReason};
pub use symbol::{InstrumentBody, SymbolBody, SymbolList};
pub use tick::{TickBody, TickList};
pub use time::TimeText;
pub use trade::{AggressorSideText, TradeBody, TradeList};
pub use trade_receipt::{RejectedTradeBody, TradeConflictBody, TradeReceiptBody};
