//! Credentials of accounts at brokers, in encrypted form.

use std::fmt;

use chrono::{DateTime, Utc};

use super::ids::{AccountId, CredentialId, InvalidId, KeyId, Venue};

/// The number of bytes of an encrypted data key: a nonce of 24, the key of 32, and a tag of 16.
pub const WRAPPED_KEY_BYTES: usize = 72;

/// The largest number of bytes of a secret.
pub const MAX_SECRET_BYTES: usize = 65_536;

/// The number of bytes that encryption adds to a secret: a nonce of 24 and a tag of 16.
pub const SEALED_BYTES: usize = 40;

/// A credential of an account at a broker, by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct CredentialName {
    /// The account.
    pub account_id: AccountId,
    /// The broker or venue that accepts the secret.
    pub broker: Venue,
    /// The name among the secrets of the account at the broker; 1 to 100 printable characters.
    pub label: String,
}

impl CredentialName {
    /// The name of a credential.
    ///
    /// # Errors
    /// The label is empty, longer than 100 characters, or not printable.
    pub fn new(
        account_id: AccountId,
        broker: Venue,
        label: impl Into<String>,
    ) -> Result<Self, InvalidId> {
        let label = label.into();
        super::ids::check_id("label", &label)?;
        Ok(Self {
            account_id,
            broker,
            label,
        })
    }
}

/// A version of a credential. Its encrypted secret is bound to all fields: stored in another row, it cannot be
/// decrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialVersion {
    /// The id of the version; positive.
    pub credential_id: CredentialId,
    /// The credential.
    pub name: CredentialName,
    /// The number of the secret under this name: 1, 2, 3 and so on.
    pub version: i32,
}

impl CredentialVersion {
    /// A version of a credential.
    #[must_use]
    pub fn new(credential_id: CredentialId, name: CredentialName, version: i32) -> Self {
        Self {
            credential_id,
            name,
            version,
        }
    }
}

/// A stored credential without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credential {
    /// The version.
    pub version: CredentialVersion,
    /// The key that encrypts its data key.
    pub key_id: KeyId,
    /// When the version was added, in whole microseconds.
    pub created_at: DateTime<Utc>,
    /// When its data key was last encrypted with another key.
    pub rewrapped_at: Option<DateTime<Utc>>,
    /// When it was revoked or replaced; `None`: it is in use.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Credential {
    /// A credential in use.
    #[must_use]
    pub fn new(version: CredentialVersion, key_id: KeyId, created_at: DateTime<Utc>) -> Self {
        Self {
            version,
            key_id,
            created_at,
            rewrapped_at: None,
            revoked_at: None,
        }
    }
}

/// An encrypted data key.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrappedKey {
    /// The key that encrypts it.
    pub key_id: KeyId,
    /// Nonce, encrypted key and tag: 72 bytes.
    pub bytes: [u8; WRAPPED_KEY_BYTES],
}

impl WrappedKey {
    /// An encrypted data key.
    #[must_use]
    pub fn new(key_id: KeyId, bytes: [u8; WRAPPED_KEY_BYTES]) -> Self {
        Self { key_id, bytes }
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappedKey")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// An encrypted secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedSecret {
    /// Its data key.
    pub key: WrappedKey,
    /// Nonce, encrypted secret and tag: 41 to 65,576 bytes.
    pub payload: Vec<u8>,
}

impl SealedSecret {
    /// An encrypted secret.
    #[must_use]
    pub fn new(key: WrappedKey, payload: Vec<u8>) -> Self {
        Self { key, payload }
    }
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSecret")
            .field("key", &self.key)
            .field("bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}
