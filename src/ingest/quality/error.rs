//! Why the file of the quarantine cannot be used.

/// Why ticks that are held back cannot be kept on the disk.
#[derive(Debug, thiserror::Error)]
#[error(
    "the quarantine file {path} cannot be used ({reason}): see who has it open, make space and see \
     to its rights, or move it away"
)]
pub struct QuarantineError {
    /// The file.
    pub path: std::path::PathBuf,
    /// What the system says.
    pub reason: String,
}
