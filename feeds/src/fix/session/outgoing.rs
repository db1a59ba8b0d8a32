//! The messages of this side.

use std::time::Instant;

use secrecy::ExposeSecret as _;

use super::core::Core;
use super::event::Moment;
use super::settings::SessionSettings;
use crate::fix::builder::MessageBuilder;
use crate::fix::error::FieldError;
use crate::fix::tag::{self, Tag};
use crate::fix::{FieldFault, SEPARATOR, value};

/// Why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The venue has not accepted the logon yet, or the session ended.
    #[error("the session is not logged on")]
    NotLoggedOn,
    /// The message does not begin with its type, or does not end with a separator.
    #[error("the message does not begin with field 35 and end with a separator")]
    Malformed,
}

impl SendError {
    /// The type of a body, and its other fields.
    pub(super) fn split(body: &[u8]) -> Result<(&str, &[u8]), Self> {
        let rest = body.strip_prefix(b"35=").ok_or(Self::Malformed)?;
        let end = rest.iter().position(|byte| *byte == SEPARATOR);
        let (msg_type, fields) = rest.split_at(end.ok_or(Self::Malformed)?);
        let msg_type = std::str::from_utf8(msg_type).map_err(|_| Self::Malformed)?;
        match msg_type.is_empty() || !fields.ends_with(&[SEPARATOR]) {
            true => Err(Self::Malformed),
            false => Ok((msg_type, &fields[1..])),
        }
    }
}

/// Numbers and writes messages.
#[derive(Debug)]
pub(super) struct Outgoing {
    sender_comp_id: String,
    target_comp_id: String,
    sender_sub_id: Option<String>,
    target_sub_id: Option<String>,
    /// The number of the next message.
    next: u64,
    sent_at: Instant,
    bytes: Vec<u8>,
}

impl Outgoing {
    pub(super) fn new(settings: &SessionSettings, now: Instant) -> Self {
        Self {
            sender_comp_id: settings.sender_comp_id.clone(),
            target_comp_id: settings.target_comp_id.clone(),
            sender_sub_id: settings.sender_sub_id.clone(),
            target_sub_id: settings.target_sub_id.clone(),
            next: 1,
            sent_at: now,
            bytes: Vec::new(),
        }
    }

    /// Counts from 1 again.
    pub(super) fn restart(&mut self, now: Moment) {
        self.next = 1;
        self.sent_at = now.instant;
        self.bytes.clear();
    }

    /// Counts from 1 again, and keeps what was not written yet.
    pub(super) fn renumber(&mut self) {
        self.next = 1;
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn sent_at(&self) -> Instant {
        self.sent_at
    }

    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        (!self.bytes.is_empty()).then(|| std::mem::take(&mut self.bytes))
    }

    /// Writes the next message.
    pub(super) fn message(
        &mut self,
        msg_type: &str,
        now: Moment,
        fields: impl FnOnce(MessageBuilder) -> MessageBuilder,
    ) {
        let number = self.next;
        self.next += 1;
        self.numbered(msg_type, number, now, fields);
    }

    /// Writes a message with a number that was used before.
    fn numbered(
        &mut self,
        msg_type: &str,
        number: u64,
        now: Moment,
        fields: impl FnOnce(MessageBuilder) -> MessageBuilder,
    ) {
        let mut message = MessageBuilder::new(msg_type)
            .field(tag::SENDER_COMP_ID, &self.sender_comp_id)
            .field(tag::TARGET_COMP_ID, &self.target_comp_id);
        if let Some(part) = &self.target_sub_id {
            message = message.field(tag::TARGET_SUB_ID, part);
        }
        if let Some(part) = &self.sender_sub_id {
            message = message.field(tag::SENDER_SUB_ID, part);
        }
        message = message
            .field(tag::MSG_SEQ_NUM, number)
            .field(tag::SENDING_TIME, value::time_text(now.utc));
        // the settings were checked, and every other value comes from a field that was not empty
        if let Ok(bytes) = fields(message).finish() {
            self.bytes.extend_from_slice(&bytes);
            self.sent_at = now.instant;
        }
    }
}

/// Why a message is rejected, by the numbers of FIX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RejectReason {
    Missing = 1,
    WithoutValue = 4,
    Value = 5,
    Format = 6,
    CompId = 9,
    SendingTime = 10,
    MsgType = 11,
    Repeated = 13,
    Order = 14,
    Count = 16,
}

impl RejectReason {
    pub(super) fn of(fault: FieldFault) -> Self {
        match fault {
            FieldFault::Missing => Self::Missing,
            FieldFault::Empty => Self::WithoutValue,
            FieldFault::Value => Self::Value,
            FieldFault::Format => Self::Format,
            FieldFault::Count { .. } => Self::Count,
            FieldFault::Repeated => Self::Repeated,
            FieldFault::Order => Self::Order,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Missing => "Required tag missing",
            Self::WithoutValue => "Tag specified without a value",
            Self::Value => "Value is incorrect (out of range) for this tag",
            Self::Format => "Incorrect data format for value",
            Self::CompId => "CompID problem",
            Self::SendingTime => "SendingTime accuracy problem",
            Self::MsgType => "Invalid MsgType",
            Self::Repeated => "Tag appears more than once",
            Self::Order => "Tag specified out of required order",
            Self::Count => "Incorrect NumInGroup count for repeating group",
        }
    }
}

/// A message that is rejected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal<'m> {
    pub(super) number: u64,
    pub(super) msg_type: &'m [u8],
    pub(super) reason: RejectReason,
    pub(super) tag: Option<Tag>,
}

impl<'m> Refusal<'m> {
    pub(super) fn of_field(number: u64, msg_type: &'m [u8], error: FieldError) -> Self {
        Self {
            number,
            msg_type,
            reason: RejectReason::of(error.fault),
            tag: Some(error.tag),
        }
    }
}

impl Core {
    pub(super) fn send_logon(&mut self, now: Moment) {
        let settings = &self.settings;
        self.out.message("A", now, |message| {
            let mut message = message
                .field(tag::ENCRYPT_METHOD, 0)
                .field(tag::HEART_BT_INT, settings.heart_beat.as_secs())
                .field(tag::RESET_SEQ_NUM_FLAG, "Y");
            if let Some(username) = &settings.username {
                message = message.field(tag::USERNAME, username);
            }
            if let Some(password) = &settings.password {
                message = message.field(tag::PASSWORD, password.expose_secret());
            }
            message
        });
    }

    pub(super) fn send_logout(&mut self, text: &str, now: Moment) {
        self.out.message("5", now, |message| match text {
            "" => message,
            text => message.field(tag::TEXT, text),
        });
    }

    pub(super) fn send_heart_beat(&mut self, test_id: Option<&[u8]>, now: Moment) {
        self.out.message("0", now, |message| match test_id {
            Some(id) => message.bytes(tag::TEST_REQ_ID, id),
            None => message,
        });
    }

    pub(super) fn send_test_request(&mut self, id: &str, now: Moment) {
        self.out
            .message("1", now, |message| message.field(tag::TEST_REQ_ID, id));
    }

    /// Asks for all messages from `from` on.
    pub(super) fn send_resend_request(&mut self, from: u64, now: Moment) {
        self.out.message("2", now, |message| {
            message
                .field(tag::BEGIN_SEQ_NO, from)
                .field(tag::END_SEQ_NO, 0)
        });
    }

    /// Fills the numbers from `from` up to `to`, which is not included.
    pub(super) fn send_gap_fill(&mut self, from: u64, to: u64, now: Moment) {
        self.out.numbered("4", from, now, |message| {
            message
                .field(tag::POSS_DUP_FLAG, "Y")
                .field(tag::ORIG_SENDING_TIME, value::time_text(now.utc))
                .field(tag::GAP_FILL_FLAG, "Y")
                .field(tag::NEW_SEQ_NO, to)
        });
    }

    pub(super) fn send_reject(&mut self, refusal: Refusal<'_>, now: Moment) {
        self.out.message("3", now, |message| {
            let mut message = message.field(tag::REF_SEQ_NUM, refusal.number);
            if let Some(tag) = refusal.tag {
                message = message.field(tag::REF_TAG_ID, tag);
            }
            if !refusal.msg_type.is_empty() {
                message = message.bytes(tag::REF_MSG_TYPE, refusal.msg_type);
            }
            message
                .field(tag::SESSION_REJECT_REASON, refusal.reason as u8)
                .field(tag::TEXT, refusal.reason.text())
        });
    }

    /// Rejects a message of a type that the application does not read.
    pub(super) fn send_business_reject(&mut self, number: u64, msg_type: &[u8], now: Moment) {
        self.out.message("j", now, |message| {
            message
                .field(tag::REF_SEQ_NUM, number)
                .bytes(tag::REF_MSG_TYPE, msg_type)
                .field(tag::BUSINESS_REJECT_REASON, 3)
                .field(tag::TEXT, "Unsupported Message Type")
        });
    }
}
