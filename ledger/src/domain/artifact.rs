//! Files of backtest runs.

use super::checked_text::{InvalidText, check_text};
use super::event_key::ContentHash;
use super::ids::MAX_ID_CHARS;

/// The largest number of bytes of an artifact: 16 MiB.
pub const MAX_ARTIFACT_BYTES: usize = 16 << 20;

/// Why an artifact is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidArtifact {
    /// The name is invalid.
    #[error(transparent)]
    Name(#[from] InvalidText),
    /// The media type is invalid. Holds it, cut to 40 characters.
    #[error("invalid media_type {0}: expected a type such as text/html; charset=utf-8")]
    MediaType(String),
    /// The content is too large. Holds its number of bytes.
    #[error("the artifact has {0} bytes: expected at most {MAX_ARTIFACT_BYTES}")]
    TooLarge(usize),
}

/// A file to attach to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewArtifact {
    /// The name, unique within the run; 1 to 100 printable characters.
    pub name: String,
    /// The media type, such as `text/html; charset=utf-8`.
    pub media_type: String,
    /// The bytes, 16 MiB at most.
    pub content: Vec<u8>,
}

impl NewArtifact {
    /// A file.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        media_type: impl Into<String>,
        content: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            name: name.into(),
            media_type: media_type.into(),
            content: content.into(),
        }
    }

    /// Checks the name, the media type and the size.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn check(&self) -> Result<(), InvalidArtifact> {
        check_text("artifact name", &self.name, 1, MAX_ID_CHARS)?;
        let media_type = &self.media_type;
        let is_plain = media_type.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let has_parts = media_type
            .split_once('/')
            .is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty());
        if !is_plain || !has_parts || media_type.len() > MAX_ID_CHARS {
            let shown = tickbook::domain::excerpt(media_type);
            return Err(InvalidArtifact::MediaType(shown));
        }
        match self.content.len() {
            size if size > MAX_ARTIFACT_BYTES => Err(InvalidArtifact::TooLarge(size)),
            _ => Ok(()),
        }
    }
}

/// A file of a run, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunArtifact {
    /// The name.
    pub name: String,
    /// The digest of the content, by which the content is read.
    pub sha256: ContentHash,
    /// The media type.
    pub media_type: String,
    /// The number of bytes.
    pub size: u64,
}

impl RunArtifact {
    /// Describes a file.
    #[must_use]
    pub fn of(artifact: &NewArtifact) -> Self {
        Self {
            name: artifact.name.clone(),
            sha256: ContentHash::of(&artifact.content),
            media_type: artifact.media_type.clone(),
            size: artifact.content.len() as u64,
        }
    }

    /// A file with the digest of its content.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        sha256: ContentHash,
        media_type: impl Into<String>,
        size: u64,
    ) -> Self {
        Self {
            name: name.into(),
            sha256,
            media_type: media_type.into(),
            size,
        }
    }
}

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Artifact {
    /// The media type of the first run and name that has the content.
    pub media_type: String,
    /// The bytes.
    pub content: Vec<u8>,
}

impl Artifact {
    /// A content.
    #[must_use]
    pub fn new(media_type: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self {
            media_type: media_type.into(),
            content: content.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_artifacts_are_refused() {
        let file = |name: &str, media_type: &str| NewArtifact::new(name, media_type, "x");
        assert_eq!(file("r.html", "text/html; charset=utf-8").check(), Ok(()));
        for (name, media_type) in [
            ("", "text/html"),
            ("a", "html"),
            ("a", "/html"),
            ("a", "text/"),
            ("a", "text/html\r\nX: y"),
        ] {
            assert!(
                file(name, media_type).check().is_err(),
                "{name} {media_type}"
            );
        }
        let large = NewArtifact::new("a", "a/b", vec![0; MAX_ARTIFACT_BYTES + 1]);
        assert_eq!(
            large.check(),
            Err(InvalidArtifact::TooLarge(MAX_ARTIFACT_BYTES + 1))
        );
    }
}
