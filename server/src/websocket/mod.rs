//! The WebSocket `/ws`: live ticks and candles. `docs/websocket.md` is for authors of clients.

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
