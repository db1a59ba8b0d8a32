//! The JSON that clients send and get, and how it becomes what the library knows.

mod candle;
mod decimal;
mod symbol;
mod tick;
mod time;

pub use candle::{CandleBody, CandleList};
pub use decimal::DecimalText;
pub use symbol::{InstrumentBody, SymbolBody, SymbolList};
pub(crate) use tick::TickObject;
pub use tick::{ConflictBody, NewTick, ReceiptBody, RejectedBody, TickBody, TickList};
pub use time::TimeText;
