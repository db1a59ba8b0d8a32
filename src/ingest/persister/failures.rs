//! Failures of the persister that last.

use chrono::{DateTime, Utc};

/// What went wrong and still does.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) since: DateTime<Utc>,
    pub(super) reason: String,
    pub(super) needs_repair: bool,
}

/// What works with the spool, each of which may fail alone.
#[derive(Debug, Clone, Copy)]
pub(super) enum SpoolPart {
    /// Bringing records to the disk.
    Append,
    /// Reading what only the disk has.
    Read,
    /// Bringing dead letters to the disk.
    DeadLetters,
}

/// What of the spool goes wrong.
#[derive(Debug, Default)]
pub(super) struct SpoolFailures([Option<Failure>; 3]);

impl SpoolFailures {
    /// Whether this is the first one of the part since it worked.
    pub(super) fn note(&mut self, part: SpoolPart, reason: String, now: DateTime<Utc>) -> bool {
        let noted = &mut self.0[part as usize];
        let is_first = noted.is_none();
        let since = noted.as_ref().map_or(now, |failure| failure.since);
        *noted = Some(Failure {
            since,
            reason,
            needs_repair: false,
        });
        is_first
    }

    /// The part works.
    pub(super) fn end(&mut self, part: SpoolPart) {
        self.0[part as usize] = None;
    }

    pub(super) fn first(&self) -> Option<&Failure> {
        self.0.iter().flatten().next()
    }
}
