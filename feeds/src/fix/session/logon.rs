//! The beginning and the end of a session.

use super::core::{Core, Sink, State};
use super::event::{Counter, EndCause, LossCause, Moment, SessionEvent};
use super::gap::Waiting;
use crate::fix::message::Message;
use crate::fix::tag;

impl Core {
    /// The answer to the logon.
    pub(super) fn logged_on(
        &mut self,
        number: u64,
        message: &Message<'_>,
        now: Moment,
        sink: &mut Sink<'_>,
    ) {
        sink(SessionEvent::Used(*message));
        if !self.check_times(number, message, now, sink) {
            self.violation("Logon without a valid SendingTime", now);
            return;
        }
        match message.get(tag::ENCRYPT_METHOD) {
            None | Some(b"0") => {}
            Some(_) => {
                self.violation("Unsupported EncryptMethod", now);
                return;
            }
        }
        let is_reset = message.get(tag::RESET_SEQ_NUM_FLAG) == Some(b"Y");
        if !is_reset && number > 1 {
            // nothing of earlier connections is wanted
            self.expected = number;
        }
        self.state = State::Established;
        sink(SessionEvent::Counted(Counter::LoggedOn));
        sink(SessionEvent::LoggedOn);
        self.take_number(number, message, now, sink);
    }

    /// The number of the logon counts like any other.
    fn take_number(
        &mut self,
        number: u64,
        message: &Message<'_>,
        now: Moment,
        sink: &mut Sink<'_>,
    ) {
        if number > self.expected {
            self.keep(number, Waiting::Logon, now, sink);
            return;
        }
        if number < self.expected {
            self.ordered(number, message, now, sink);
            return;
        }
        self.expected += 1;
    }

    /// The venue begins to count again.
    pub(super) fn restarted(&mut self, number: u64, now: Moment, sink: &mut Sink<'_>) {
        sink(SessionEvent::Counted(Counter::Restarted));
        if self.gaps.deadline().is_some() {
            // what was missing does not come any more
            sink(SessionEvent::Lost {
                first: self.expected,
                count: 1,
                cause: LossCause::Reset,
            });
        }
        self.gaps.clear();
        self.out.renumber();
        self.send_logon(now);
        self.expected = 1;
        if number > 1 {
            self.keep(number, Waiting::Logon, now, sink);
        } else {
            self.expected = 2;
        }
    }

    /// The venue logs out, or refuses the logon.
    pub(super) fn logged_out(&mut self, message: &Message<'_>, now: Moment) {
        let text = message.get(tag::TEXT).unwrap_or(b"without a reason");
        let text = text.escape_ascii();
        match self.state {
            State::LoggingOn { .. } => {
                self.finish(EndCause::Refused, format!("the logon was refused: {text}"));
            }
            _ => {
                self.send_logout("", now);
                self.finish(EndCause::LoggedOut, format!("the venue logged out: {text}"));
            }
        }
    }
}
