//! The WebSocket `/ws`: live ticks and candles. `docs/websocket.md` is for authors of clients.

mod buffer;
mod candles;
mod client_slots;
mod clients;
mod connection;
pub(crate) mod handshake;
mod protocol;
mod reading;
mod series_set;

pub use buffer::WaitingTicks;
pub use client_slots::ClientSlots;
pub(crate) use clients::QUEUES;
pub use clients::WebSockets;
