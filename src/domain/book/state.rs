//! The state of a book: whether its levels equal the venue's.

use std::fmt;

/// Why the levels of a book may differ from the venue's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StaleReason {
    /// A message was lost: the numbers of two messages do not follow each other. `gap`
    Gap,
    /// The checksum of the message differs from that of the book. `checksum`
    Checksum,
    /// The best bid was not below the best ask after a whole message. `crossed`
    Crossed,
    /// The venue sent nothing for too long. `silence`
    Silence,
    /// A number does not fit the integers of the book. `overflow`
    Overflow,
    /// A message could not be read, or states an impossible book. `malformed`
    Malformed,
    /// The connection ended. `disconnected`
    Disconnected,
}

impl StaleReason {
    /// All reasons.
    pub const ALL: &'static [Self] = &[
        Self::Gap,
        Self::Checksum,
        Self::Crossed,
        Self::Silence,
        Self::Overflow,
        Self::Malformed,
        Self::Disconnected,
    ];

    /// The name, as in metrics and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Checksum => "checksum",
            Self::Crossed => "crossed",
            Self::Silence => "silence",
            Self::Overflow => "overflow",
            Self::Malformed => "malformed",
            Self::Disconnected => "disconnected",
        }
    }
}

impl fmt::Display for StaleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The state of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum BookState {
    /// There is no snapshot yet.
    #[default]
    Syncing,
    /// Every message since the snapshot was applied.
    Valid,
    /// The levels are not to be used until the next snapshot.
    Stale(StaleReason),
}

impl BookState {
    /// Whether the levels may be used.
    #[must_use]
    #[inline]
    pub fn is_valid(self) -> bool {
        self == Self::Valid
    }
}

/// `syncing`, `valid` or `stale: <reason>`.
impl fmt::Display for BookState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syncing => f.write_str("syncing"),
            Self::Valid => f.write_str("valid"),
            Self::Stale(reason) => write!(f, "stale: {reason}"),
        }
    }
}
