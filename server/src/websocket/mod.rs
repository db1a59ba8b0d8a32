//! The WebSocket `/ws`: live ticks, trades, candles, order books and events of orders. `docs/websocket.md` is for authors of clients.

mod book_messages;
mod books;
mod buffer;
mod candles;
mod client_slots;
mod clients;
mod connection;
pub(crate) mod handshake;
mod messages;
mod order_messages;
mod orders;
mod protocol;
mod reading;
mod record_channel;
mod series_set;
mod texts;
mod transport;

pub use books::BookLevels;
pub use buffer::WaitingTicks;
pub use client_slots::ClientSlots;
pub(crate) use clients::QUEUES;
pub use clients::WebSockets;
