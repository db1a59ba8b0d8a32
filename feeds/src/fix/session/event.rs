//! The reports of a session.

use std::fmt;
use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::fix::message::Message;

/// The time: that of the wall clock for messages, and that of a monotonic clock for delays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moment {
    /// For delays.
    pub instant: Instant,
    /// For the times in messages.
    pub utc: DateTime<Utc>,
}

impl Moment {
    /// Both times of one moment.
    #[must_use]
    pub fn new(instant: Instant, utc: DateTime<Utc>) -> Self {
        Self { instant, utc }
    }
}

/// An event of a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionEvent<'a> {
    /// The venue accepted the logon.
    LoggedOn,
    /// A message of the venue, of the session or of the application, in the order in which the session uses them. What
    /// it causes follows. Repeated messages that are dropped are left out.
    Used(Message<'a>),
    /// A message of the application, in the order of the sequence numbers.
    Message(Message<'a>),
    /// Messages were lost: what they would have changed is unknown.
    Lost {
        /// The number of the first of them.
        first: u64,
        /// Their number.
        count: u64,
        /// Why nothing brings them back.
        cause: LossCause,
    },
    /// The venue rejected a message of this side. Holds its description.
    Rejected(String),
    /// Something to count.
    Counted(Counter),
}

/// Why lost messages do not come any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LossCause {
    /// They did not come in time.
    Expired,
    /// Too many messages waited for them.
    Overflow,
    /// The venue sent a gap fill instead.
    GapFill,
    /// The venue set its sequence number forward, or began to count again.
    Reset,
}

impl LossCause {
    /// A description.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "they did not come in time",
            Self::Overflow => "too many messages wait for them",
            Self::GapFill => "the venue filled the gap without them",
            Self::Reset => "the venue reset its sequence number",
        }
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// An event that is counted. Metrics have its name as a label.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Counter {
            $(
                $(#[$doc])*
                #[doc = concat!("`", $name, "`")]
                $variant,
            )*
        }

        impl Counter {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name, as in metrics.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }
        }
    };
}

counters! {
    /// The venue accepted a logon.
    LoggedOn = "logged_on",
    /// Bytes that are not a message were skipped.
    Garbled = "garbled",
    /// A message arrived ahead of a missing one, which was requested.
    GapOpened = "gap_opened",
    /// A message waits until a gap is filled.
    Queued = "queued",
    /// All messages of a gap arrived, or were replaced by a gap fill.
    GapFilled = "gap_filled",
    /// A gap was not filled in time.
    GapExpired = "gap_expired",
    /// Too many messages waited for a gap.
    GapOverflow = "gap_overflow",
    /// A gap fill of the venue replaced messages.
    GapFillReceived = "gap_fill_received",
    /// The venue set its sequence number forward.
    ResetReceived = "reset_received",
    /// The venue wanted to set its sequence number back, which was rejected.
    ResetRefused = "reset_refused",
    /// The venue began to count from 1 within a connection.
    Restarted = "restarted",
    /// A repeated message was dropped, since it was received before.
    DuplicateDropped = "duplicate_dropped",
    /// A repeated message was new, and was used.
    DuplicateUsed = "duplicate_used",
    /// A number was too low, and the connection ended.
    NumberTooLow = "number_too_low",
    /// The venue asked for messages again.
    ResendAnswered = "resend_answered",
    /// The venue was silent, and was asked for a sign of life.
    TestRequestSent = "test_request_sent",
    /// The venue asked for a sign of life.
    TestRequestAnswered = "test_request_answered",
    /// A message of the venue was rejected.
    RejectSent = "reject_sent",
    /// The venue rejected a message.
    RejectReceived = "reject_received",
    /// A message came that this state does not expect, such as a second logon.
    Unexpected = "unexpected",
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EndCause {
    /// The venue refused the logon.
    Refused,
    /// The venue did not answer.
    Silence,
    /// The venue logged out.
    LoggedOut,
    /// A message was against the rules of the session.
    Violation,
    /// This side logged out.
    Local,
}

/// The end of a session. The connection is useless afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionEnd {
    /// The cause.
    pub cause: EndCause,
    /// A description, without secrets.
    pub detail: String,
}

impl SessionEnd {
    pub(super) fn new(cause: EndCause, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { cause, detail }
    }
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
