//! Conflicts between retention policies.

use std::fmt;

/// Two settings that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyConflict {
    /// The setting that must be at least as long.
    pub longer: ConflictingSetting,
    /// The setting that it must cover.
    pub shorter: ConflictingSetting,
    /// The consequence and the remedy.
    pub remedy: String,
}

/// A setting, or another length, that contradicts a second one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConflictingSetting {
    /// The name, such as `policies.lateness`.
    pub name: String,
    /// The value, such as `1d`.
    pub value: String,
}

impl ConflictingSetting {
    pub(super) fn new(name: impl Into<String>, value: impl ToString) -> Self {
        Self {
            name: name.into(),
            value: value.to_string(),
        }
    }
}

impl fmt::Display for PolicyConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (longer, shorter) = (&self.longer, &self.shorter);
        write!(
            f,
            "{} ({}) is less than {} ({}): {}",
            longer.name, longer.value, shorter.name, shorter.value, self.remedy
        )
    }
}
