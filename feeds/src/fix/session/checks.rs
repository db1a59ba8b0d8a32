//! What every message has to have.

use chrono::{DateTime, TimeDelta, Utc};

use super::settings::SessionSettings;
use crate::fix::error::{FieldError, FieldFault};
use crate::fix::message::Message;
use crate::fix::tag::{self, Tag};

/// The types of the session's own messages.
const ADMIN: [&[u8]; 7] = [b"0", b"1", b"2", b"3", b"4", b"5", b"A"];

/// Whether a message is one of the session's own.
pub(super) fn is_admin(msg_type: &[u8]) -> bool {
    ADMIN.contains(&msg_type)
}

/// Whether both names are those of the session.
pub(super) fn has_names(message: &Message<'_>, settings: &SessionSettings) -> bool {
    let equals = |tag: Tag, name: &str| {
        let value = message.get(tag);
        value.is_some_and(|value| value.eq_ignore_ascii_case(name.as_bytes()))
    };
    equals(tag::SENDER_COMP_ID, &settings.target_comp_id)
        && equals(tag::TARGET_COMP_ID, &settings.sender_comp_id)
}

/// Whether the time of a message is near the time of this machine.
pub(super) fn is_near(time: DateTime<Utc>, now: DateTime<Utc>, settings: &SessionSettings) -> bool {
    let largest = settings.max_clock_skew;
    let largest = largest.and_then(|skew| TimeDelta::from_std(skew).ok());
    largest.is_none_or(|largest| (now - time).abs() <= largest)
}

/// Checks the form of the header, and that fields of the session's own messages have values. The fields of other
/// messages are those of the application.
pub(super) fn check_form(message: &Message<'_>) -> Result<(), FieldError> {
    let is_admin = is_admin(message.msg_type());
    let mut seen: u64 = 0;
    let mut in_header = true;
    for (tag, value) in message.iter() {
        let place = tag::HEADER.iter().position(|header| *header == tag);
        // hops are a repeating group of the header
        in_header &= place.is_some() || matches!(tag, 628..=630);
        if let Some(place) = place {
            if seen & (1_u64 << place) != 0 {
                return Err(FieldError::new(tag, FieldFault::Repeated));
            }
            seen |= 1_u64 << place;
            if !in_header {
                return Err(FieldError::new(tag, FieldFault::Order));
            }
        }
        if value.is_empty() && (is_admin || place.is_some()) {
            return Err(FieldError::new(tag, FieldFault::Empty));
        }
    }
    Ok(())
}

/// Whether a type has only letters and digits.
pub(super) fn is_type(msg_type: &[u8]) -> bool {
    !msg_type.is_empty() && msg_type.iter().all(u8::is_ascii_alphanumeric)
}
