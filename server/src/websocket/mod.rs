//! `/ws`: ticks and candles as they come. `docs/websocket.md` is for those who write clients.

mod candles;
mod clients;
mod connection;
pub(crate) mod handshake;
mod protocol;
mod reading;

pub use clients::WebSockets;
