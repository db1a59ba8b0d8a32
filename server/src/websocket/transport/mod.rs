//! The WebSocket protocol (RFC 6455) on the server's side, with the extension permessage-deflate (RFC 7692).
//!
//! A connection without unread or unsent bytes holds no buffer.

mod deflate;
mod frames;
mod socket;
mod upgrade;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

pub(super) use frames::{Incoming, InvalidFrame};
pub(super) use socket::ClientSocket;
pub(super) use upgrade::Upgrade;
