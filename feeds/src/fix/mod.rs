//! FIX 4.4: messages, and the session of a client.
//!
//! Nothing here has a socket or a clock. [`Framer`] finds the messages in chunks of bytes, [`Decoder`] splits a
//! message into its fields, [`MessageBuilder`] writes one. [`Session`](session::Session) is the session of an initiator:
//! it keeps the sequence numbers and the heartbeats, and gives the messages of the application in their order.
//!
//! A message is read without a data dictionary. A repeating group is read with the tag that begins its entries
//! ([`Fields::group`]), so that a venue may add fields of its own to an entry.
//!
//! # Examples
//! ```
//! use tickbook_feeds::fix::{Decoder, Framed, Framer, tag};
//!
//! let mut framer = Framer::new();
//! let bytes = "8=FIX.4.4|9=63|35=0|49=CSERVER|56=demo.broker.1|34=2|52=20240105-10:00:00.123|10=140|";
//! for chunk in bytes.replace('|', "\u{1}").as_bytes().chunks(7) {
//!     framer.push(chunk);
//! }
//! let mut decoder = Decoder::new();
//! let Some(Framed::Message(bytes)) = framer.next_message() else { panic!("no message") };
//! let message = decoder.decode(bytes)?;
//! assert_eq!(message.msg_type(), b"0");
//! assert_eq!(message.integer(tag::MSG_SEQ_NUM)?, Some(2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod error;
mod fields;
mod framer;
mod message;
mod redacted;
pub mod session;
pub mod tag;
mod value;

pub use builder::MessageBuilder;
pub use error::{DecodeError, EncodeError, FieldError, FieldFault, Garbled};
pub use fields::{Fields, Group};
pub use framer::{Framed, Framer, MAX_MESSAGE_BYTES};
pub use message::{Decoder, MAX_FIELDS, Message};
pub use redacted::{Redacted, recordable};

/// The separator after each field.
pub const SEPARATOR: u8 = 1;

/// The value of the first field.
pub const BEGIN_STRING: &str = "FIX.4.4";

#[cfg(test)]
mod framer_tests;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod message_tests;
#[cfg(test)]
mod redacted_tests;
