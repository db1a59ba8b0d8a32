//! Artifacts as JSON.

use serde::{Deserialize, Serialize};
use tickbook_ledger::domain::RunArtifact;
use utoipa::ToSchema;

/// A file of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "name": "equity.json", "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "media_type": "application/json", "size": 48211
}))]
pub struct RunArtifactBody {
    /// The name within the run.
    #[schema(example = "equity.json")]
    pub name: String,
    /// The SHA-256 digest of the content: `/api/v1/artifacts/{sha256}` has the content.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub sha256: String,
    /// The media type.
    #[schema(example = "application/json")]
    pub media_type: String,
    /// The number of bytes.
    #[schema(example = 48211, minimum = 0)]
    pub size: u64,
}

impl From<RunArtifact> for RunArtifactBody {
    fn from(artifact: RunArtifact) -> Self {
        Self {
            name: artifact.name,
            sha256: artifact.sha256.to_string(),
            media_type: artifact.media_type,
            size: artifact.size,
        }
    }
}

/// The files of a run, by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunArtifactList {
    /// The files.
    pub data: Vec<RunArtifactBody>,
    /// Always null, since all files are in one page.
    pub next_cursor: Option<String>,
}
