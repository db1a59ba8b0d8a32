//! The session of a FIX initiator: logon, heartbeats, sequence numbers, gaps, logout.
//!
//! [`Session`] is a state machine. Its owner passes it the bytes that arrive ([`receive`](Session::receive)) and the
//! time ([`tick`](Session::tick)), writes the bytes of [`take_output`](Session::take_output), and ends the connection
//! when there is an [`end`](Session::end). Every connection begins with a logon that resets the sequence numbers of both
//! sides. So nothing is stored, and nothing is sent again on another connection.
//!
//! # Gaps
//!
//! | event | action |
//! | --- | --- |
//! | a number is too high | the session asks for everything from the missing number on, and keeps the messages behind the gap until it is filled |
//! | the gap is not filled within [`gap_timeout`](SessionSettings::gap_timeout), or too many messages wait | the missing messages are lost ([`SessionEvent::Lost`]), and those that wait follow |
//! | the venue fills the gap with a `SequenceReset` instead of messages | the replaced messages are lost |
//! | `SequenceReset` without gap fill, to a higher number | the skipped messages are lost |
//! | `SequenceReset` to a lower number | it is rejected |
//! | a number is too low, with `PossDupFlag` | the message was received before, and is dropped |
//! | a number is too low, without | logout, and the connection ends |
//! | the venue asks for messages again | they are filled with a `SequenceReset`: requests of an older time are not repeated |
//!
//! Each of these paths has a [`Counter`].

mod checks;
mod core;
mod event;
mod gap;
mod incoming;
mod logon;
mod outgoing;
mod settings;

#[cfg(test)]
mod gap_tests;
#[cfg(test)]
mod logon_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod reject_tests;
#[cfg(test)]
mod resend_tests;
#[cfg(test)]
mod test_peer;
#[cfg(test)]
mod time_tests;

pub use self::core::Session;
pub use event::{Counter, EndCause, LossCause, Moment, SessionEnd, SessionEvent};
pub use outgoing::SendError;
pub use settings::{InvalidSettings, SessionSettings};
