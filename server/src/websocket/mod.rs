//! `/ws`: ticks and candles as they come. `docs/websocket.md` is for those who write clients.

mod buffer;
mod candles;
mod clients;
mod connection;
pub(crate) mod handshake;
mod places;
mod protocol;
mod reading;
mod series_set;

pub use buffer::WaitingTicks;
pub(crate) use clients::QUEUES;
pub use clients::WebSockets;
pub use places::Places;
