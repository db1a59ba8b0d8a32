//! Lasting failures of the persister.

use chrono::{DateTime, Utc};

/// A failure that still lasts.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) since: DateTime<Utc>,
    pub(super) reason: String,
    pub(super) needs_repair: bool,
}

/// An operation of the spool, each of which may fail independently.
#[derive(Debug, Clone, Copy)]
pub(super) enum SpoolPart {
    /// Writing records to the disk.
    Append,
    /// Reading records that are only on the disk.
    Read,
    /// Writing dead letters to the disk.
    DeadLetters,
}

/// The lasting failures of the spool.
#[derive(Debug, Default)]
pub(super) struct SpoolFailures([Option<Failure>; 3]);

impl SpoolFailures {
    /// Notes a failure. Returns whether it is the first one of this part since it last worked.
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

    /// Notes that the part works.
    pub(super) fn end(&mut self, part: SpoolPart) {
        self.0[part as usize] = None;
    }

    pub(super) fn first(&self) -> Option<&Failure> {
        self.0.iter().flatten().next()
    }
}
