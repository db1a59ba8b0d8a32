//! The WebSocket `/ws`: live ticks, trades, candles and order books. `docs/websocket.md` is for authors of clients.

mod book_messages;
mod books;
mod buffer;
mod candles;
mod client_slots;
mod clients;
mod connection;
pub(crate) mod handshake;
mod protocol;
mod reading;
mod series_set;

pub use books::BookLevels;
pub use buffer::WaitingTicks;
pub use client_slots::ClientSlots;
pub(crate) use clients::QUEUES;
pub use clients::WebSockets;
