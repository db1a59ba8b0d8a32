//! The messages of the venue.

use std::cmp::Ordering;

use super::checks;
use super::core::{Core, Sink, State};
use super::event::{Counter, EndCause, LossCause, Moment, SessionEvent};
use super::gap::Waiting;
use super::outgoing::{Refusal, RejectReason};
use crate::fix::error::{FieldError, FieldFault};
use crate::fix::message::Message;
use crate::fix::{BEGIN_STRING, tag};

impl Core {
    /// Takes a message that arrived.
    pub(super) fn incoming(&mut self, message: Message<'_>, now: Moment, sink: &mut Sink<'_>) {
        self.received_at = now.instant;
        self.tested_at = None;
        let begin = message.get(tag::BEGIN_STRING).unwrap_or_default();
        if begin != BEGIN_STRING.as_bytes() {
            let begin = begin.escape_ascii();
            self.violation(format!("Incorrect BeginString ({begin})"), now);
            return;
        }
        let number = match message.required_integer(tag::MSG_SEQ_NUM) {
            Ok(number) => number,
            Err(error) => {
                self.violation(
                    format!("Received message with invalid MsgSeqNum: {error}"),
                    now,
                );
                return;
            }
        };
        if !checks::has_names(&message, &self.settings) {
            self.refuse(&message, number, RejectReason::CompId, now, sink);
            self.violation("CompID problem", now);
            return;
        }
        match (self.state, message.msg_type()) {
            (State::LoggingOn { .. }, b"A") => self.logged_on(number, &message, now, sink),
            (_, b"5") => {
                sink(SessionEvent::Used(message));
                self.logged_out(&message, now);
            }
            (State::LoggingOn { .. }, b"3") => {
                sink(SessionEvent::Used(message));
                self.finish(EndCause::Refused, rejection(&message));
            }
            (State::LoggingOn { .. }, _) => {
                self.violation("First message is not a logon", now);
            }
            (_, b"A") if message.get(tag::RESET_SEQ_NUM_FLAG) == Some(b"Y") => {
                sink(SessionEvent::Used(message));
                self.restarted(number, now, sink);
            }
            (_, b"4") if message.get(tag::GAP_FILL_FLAG) != Some(b"Y") => {
                sink(SessionEvent::Used(message));
                self.reset(number, &message, now, sink);
            }
            _ => self.ordered(number, &message, now, sink),
        }
    }

    /// Compares the number with the expected one.
    pub(super) fn ordered(
        &mut self,
        number: u64,
        message: &Message<'_>,
        now: Moment,
        sink: &mut Sink<'_>,
    ) {
        match number.cmp(&self.expected) {
            Ordering::Less => self.too_low(number, message, now, sink),
            Ordering::Equal => {
                self.expected += 1;
                self.apply(number, message, now, sink);
                self.settle(now, sink);
            }
            // both sides may wait for each other: a request is answered at once
            Ordering::Greater if message.msg_type() == b"2" => {
                self.answer_resend(number, message, now, sink);
                self.keep(number, Waiting::answered(message), now, sink);
            }
            Ordering::Greater => self.keep(number, Waiting::message(message), now, sink),
        }
    }

    fn too_low(&mut self, number: u64, message: &Message<'_>, now: Moment, sink: &mut Sink<'_>) {
        if message.get(tag::POSS_DUP_FLAG) != Some(b"Y") {
            sink(SessionEvent::Counted(Counter::NumberTooLow));
            let expected = self.expected;
            let detail = format!("MsgSeqNum too low, expecting {expected} but received {number}");
            self.violation(detail, now);
            return;
        }
        if message.get(tag::ORIG_SENDING_TIME).is_none() {
            let error = FieldError::new(tag::ORIG_SENDING_TIME, FieldFault::Missing);
            self.refuse_field(message, number, error, now, sink);
            return;
        }
        if self.check_times(number, message, now, sink) {
            sink(SessionEvent::Counted(Counter::DuplicateDropped));
        }
    }

    /// Checks the times of a message. Otherwise rejects it, and ends the session if a time cannot be right.
    pub(super) fn check_times(
        &mut self,
        number: u64,
        message: &Message<'_>,
        now: Moment,
        sink: &mut Sink<'_>,
    ) -> bool {
        let missing = FieldError::new(tag::SENDING_TIME, FieldFault::Missing);
        let times = message
            .time(tag::SENDING_TIME)
            .and_then(|time| time.ok_or(missing))
            .and_then(|sent| Ok((sent, message.time(tag::ORIG_SENDING_TIME)?)));
        let (sent, first_sent) = match times {
            Ok(times) => times,
            Err(error) => {
                self.refuse_field(message, number, error, now, sink);
                return false;
            }
        };
        let is_repeated = message.get(tag::POSS_DUP_FLAG) == Some(b"Y");
        let is_early = is_repeated && first_sent.is_some_and(|first| first > sent);
        if is_early || !checks::is_near(sent, now.utc, &self.settings) {
            self.refuse(message, number, RejectReason::SendingTime, now, sink);
            self.violation("SendingTime accuracy problem", now);
            return false;
        }
        true
    }

    /// Uses the next message in order. Its number is not expected any more.
    pub(super) fn apply(
        &mut self,
        number: u64,
        message: &Message<'_>,
        now: Moment,
        sink: &mut Sink<'_>,
    ) {
        sink(SessionEvent::Used(*message));
        if !self.check_times(number, message, now, sink) {
            return;
        }
        let msg_type = message.msg_type();
        if !checks::is_type(msg_type) {
            self.refuse(message, number, RejectReason::MsgType, now, sink);
            return;
        }
        let checked = checks::check_form(message);
        let checked = checked.and_then(|()| message.flag(tag::POSS_DUP_FLAG));
        let is_repeated = match checked {
            Ok(is_repeated) => is_repeated,
            Err(error) => {
                self.refuse_field(message, number, error, now, sink);
                return;
            }
        };
        if is_repeated {
            sink(SessionEvent::Counted(Counter::DuplicateUsed));
        }
        match msg_type {
            b"0" => {}
            b"1" => match message.required(tag::TEST_REQ_ID) {
                Ok(id) => {
                    self.send_heart_beat(Some(id), now);
                    sink(SessionEvent::Counted(Counter::TestRequestAnswered));
                }
                Err(error) => self.refuse_field(message, number, error, now, sink),
            },
            b"2" => self.answer_resend(number, message, now, sink),
            b"3" => {
                sink(SessionEvent::Counted(Counter::RejectReceived));
                let text = self.settings.without_secrets(&rejection(message));
                sink(SessionEvent::Rejected(text));
            }
            b"4" => self.gap_fill(number, message, now, sink),
            b"A" => sink(SessionEvent::Counted(Counter::Unexpected)),
            _ => self.application(number, message, now, sink),
        }
    }

    fn application(
        &mut self,
        number: u64,
        message: &Message<'_>,
        now: Moment,
        sink: &mut Sink<'_>,
    ) {
        let msg_type = message.msg_type();
        let mut types = self.settings.message_types.iter();
        if types.any(|known| known.as_bytes() == msg_type) {
            sink(SessionEvent::Message(*message));
            return;
        }
        self.send_business_reject(number, msg_type, now);
        sink(SessionEvent::Counted(Counter::RejectSent));
    }

    fn answer_resend(
        &mut self,
        number: u64,
        message: &Message<'_>,
        now: Moment,
        sink: &mut Sink<'_>,
    ) {
        let begin = message.required_integer(tag::BEGIN_SEQ_NO);
        let range = begin.and_then(|begin| Ok((begin, message.required_integer(tag::END_SEQ_NO)?)));
        let (begin, end) = match range {
            Ok(range) => range,
            Err(error) => {
                self.refuse_field(message, number, error, now, sink);
                return;
            }
        };
        sink(SessionEvent::Counted(Counter::ResendAnswered));
        let next = self.out.next();
        let to = match end {
            0 => next,
            end => next.min(end.saturating_add(1)),
        };
        if begin > 0 && begin < to {
            self.send_gap_fill(begin, to, now);
        }
    }

    fn gap_fill(&mut self, number: u64, message: &Message<'_>, now: Moment, sink: &mut Sink<'_>) {
        let next = match message.required_integer(tag::NEW_SEQ_NO) {
            Ok(next) => next,
            Err(error) => {
                self.refuse_field(message, number, error, now, sink);
                return;
            }
        };
        if next <= number {
            sink(SessionEvent::Counted(Counter::ResetRefused));
            let error = FieldError::new(tag::NEW_SEQ_NO, FieldFault::Value);
            self.refuse_field(message, number, error, now, sink);
            return;
        }
        sink(SessionEvent::Counted(Counter::GapFillReceived));
        // the number of the fill itself is that of a message that it replaces
        self.expected = number;
        self.skip_to(next, LossCause::GapFill);
    }

    /// Sets the number forward, whatever the number of the message is.
    fn reset(&mut self, number: u64, message: &Message<'_>, now: Moment, sink: &mut Sink<'_>) {
        let next = message.flag(tag::GAP_FILL_FLAG);
        let next = next.and_then(|_| message.required_integer(tag::NEW_SEQ_NO));
        let next = match next {
            Ok(next) => next,
            Err(error) => {
                // a message with a wrong field has its place in the order
                if number == self.expected {
                    self.expected += 1;
                }
                self.refuse_field(message, number, error, now, sink);
                return;
            }
        };
        if next < self.expected {
            sink(SessionEvent::Counted(Counter::ResetRefused));
            let error = FieldError::new(tag::NEW_SEQ_NO, FieldFault::Value);
            self.refuse_field(message, number, error, now, sink);
            return;
        }
        sink(SessionEvent::Counted(Counter::ResetReceived));
        self.skip_to(next, LossCause::Reset);
        self.settle(now, sink);
    }

    fn refuse_field(
        &mut self,
        message: &Message<'_>,
        number: u64,
        error: FieldError,
        now: Moment,
        sink: &mut Sink<'_>,
    ) {
        let refusal = Refusal::of_field(number, message.msg_type(), error);
        self.send_reject(refusal, now);
        sink(SessionEvent::Counted(Counter::RejectSent));
    }

    fn refuse(
        &mut self,
        message: &Message<'_>,
        number: u64,
        reason: RejectReason,
        now: Moment,
        sink: &mut Sink<'_>,
    ) {
        let refusal = Refusal {
            number,
            msg_type: message.msg_type(),
            reason,
            tag: None,
        };
        self.send_reject(refusal, now);
        sink(SessionEvent::Counted(Counter::RejectSent));
    }
}

/// The description of a `Reject`.
pub(super) fn rejection(message: &Message<'_>) -> String {
    let field = |tag| {
        let value = message.get(tag).unwrap_or(b"?");
        value.escape_ascii().to_string()
    };
    format!(
        "message {} (type {}, field {}): {}",
        field(tag::REF_SEQ_NUM),
        field(tag::REF_MSG_TYPE),
        field(tag::REF_TAG_ID),
        field(tag::TEXT)
    )
}
