//! The JSON types of requests and responses, and their conversion to the types of the library.

mod candle;
mod decimal;
mod feed;
mod new_tick;
mod receipt;
mod rejection;
mod symbol;
mod tick;
mod time;

pub use candle::{CandleBody, CandleList};
pub use decimal::{DecimalInput, DecimalText};
pub use feed::{FeedBody, PipelineBody};
pub use new_tick::NewTick;
pub use receipt::{ConflictBody, ReceiptBody, RejectedBody};
pub use rejection::{Rejection, RejectionReason};
pub use symbol::{InstrumentBody, SymbolBody, SymbolList};
pub use tick::{TickBody, TickList};
pub use time::TimeText;
