//! Settings of stored order books.

use std::time::Duration;

use chrono::TimeDelta;

use super::Sections;
use crate::ingest::book::RecorderConfig;

/// Settings of the stored order books of feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BooksConfig {
    /// Whether books are stored.
    pub record: bool,
    /// The number of levels of each side that are stored, 1 to 1,000.
    pub depth: usize,
    /// The shortest time between two snapshots of a book that changes.
    pub snapshot_every: Duration,
    /// Whether each change of these levels is stored too.
    pub updates: bool,
}

impl BooksConfig {
    /// The settings of the recorders.
    #[must_use]
    pub fn recorder(&self) -> RecorderConfig {
        let every = TimeDelta::from_std(self.snapshot_every);
        let defaults = RecorderConfig::default();
        RecorderConfig::default()
            .depth(self.depth)
            .every(every.unwrap_or(defaults.every))
            .updates(self.updates)
    }
}

impl Sections<'_> {
    pub(super) fn books(&mut self) -> BooksConfig {
        BooksConfig {
            record: self.flag("books.record"),
            depth: self.number("books.depth", 1, 1_000),
            snapshot_every: self.millis("books.snapshot_every_ms", 3_600_000),
            updates: self.flag("books.updates"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorders_get_the_settings_of_books() {
        let config = BooksConfig {
            record: true,
            depth: 7,
            snapshot_every: Duration::from_millis(250),
            updates: true,
        };
        let expected = RecorderConfig::default()
            .depth(7)
            .every(TimeDelta::milliseconds(250))
            .updates(true);
        assert_eq!(config.recorder(), expected);
    }
}
