//! The planned end of a connection, which another one replaces before.

use std::time::Duration;

use tokio::time::Instant;

use super::driver::Action;
use super::event::{ConnectionEnd, EndReason};

/// The progress of a renewal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Progress {
    /// The connection that replaces this one has to be prepared.
    #[default]
    Due,
    /// It is being prepared until then at the latest.
    Preparing(Instant),
}

/// Whether the end of a connection is planned, and what is done about it.
#[derive(Debug, Default)]
pub(super) struct Renewal {
    planned: Option<ConnectionEnd>,
    progress: Progress,
}

impl Renewal {
    /// Plans the end; the first reason counts.
    pub(super) fn plan(&mut self, detail: &str) {
        let planned = || ConnectionEnd::new(EndReason::Planned, detail);
        self.planned.get_or_insert_with(planned);
    }

    /// The next action of a planned end: to prepare another connection if the venue can have two, otherwise to close
    /// this one. It is also closed if the other one is not ready after `limit`.
    pub(super) fn act(
        &mut self,
        now: Instant,
        limit: Duration,
        can_renew: impl FnOnce() -> bool,
    ) -> Option<Action> {
        let planned = self.planned.as_ref()?;
        match self.progress {
            Progress::Due if can_renew() => {
                self.progress = Progress::Preparing(now + limit);
                Some(Action::Renew)
            }
            Progress::Preparing(until) if now < until => None,
            _ => Some(Action::Close(planned.clone())),
        }
    }

    /// The time of the next action, for a connection that is too old at `old_at`.
    pub(super) fn next(&self, old_at: Option<Instant>) -> Option<Instant> {
        match (&self.planned, self.progress) {
            (None, _) => old_at,
            (Some(_), Progress::Preparing(until)) => Some(until),
            // it is due
            (Some(_), _) => None,
        }
    }
}
