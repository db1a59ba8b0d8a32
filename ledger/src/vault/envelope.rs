//! Encryption of a secret with a data key, and of the data key with a key of a ring.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::SecretString;
use tickbook::RepositoryError;
use zeroize::Zeroizing;

use crate::domain::{
    CredentialId, CredentialVersion, KeyId, KeyRing, MAX_SECRET_BYTES, SECRET_KEY_BYTES,
    SealedSecret, SecretKey, WrappedKey,
};

/// Bytes of a nonce, in front of each ciphertext.
const NONCE_BYTES: usize = 24;

/// The purposes of the ciphertexts, which keep one from being used as the other.
const OF_SECRET: &str = "tickbook credential secret 1";
const OF_KEY: &str = "tickbook credential key 1";

/// A secret cannot be stored or read. The message contains no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The encrypted bytes were changed, or belong to another row.
    #[error(
        "credential {0} cannot be decrypted: it was changed, copied from another row, or encrypted with other keys"
    )]
    Changed(CredentialId),
    /// The key of a credential is not in the ring.
    #[error("credential {id} needs the key {key_id}: give the ring that has it")]
    UnknownKey {
        /// The credential.
        id: CredentialId,
        /// The key.
        key_id: KeyId,
    },
    /// The secret has no bytes or too many.
    #[error("invalid secret: expected 1 to {MAX_SECRET_BYTES} bytes")]
    Length,
    /// The operating system gives no random numbers.
    #[error("the operating system has no random numbers: {0}")]
    Random(String),
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// The data that a ciphertext is bound to: each text with its length in front.
fn bound_to(purpose: &str, version: &CredentialVersion, key_id: Option<&KeyId>) -> Vec<u8> {
    let name = &version.name;
    let mut bytes = Vec::new();
    let mut text = |text: &str| {
        bytes.extend((text.len() as u64).to_be_bytes());
        bytes.extend(text.as_bytes());
    };
    text(purpose);
    text(&version.credential_id.to_string());
    text(&name.account_id.to_string());
    text(name.broker.as_str());
    text(&name.label);
    text(&version.version.to_string());
    text(key_id.map_or("", KeyId::as_str));
    bytes
}

fn random<const BYTES: usize>() -> Result<Zeroizing<[u8; BYTES]>, VaultError> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    getrandom::fill(&mut *bytes).map_err(|error| VaultError::Random(error.to_string()))?;
    Ok(bytes)
}

/// Returns nonce, ciphertext and tag.
fn encrypt(key: &SecretKey, plain: &[u8], aad: &[u8]) -> Result<Vec<u8>, VaultError> {
    let nonce = random::<NONCE_BYTES>()?;
    let cipher = XChaCha20Poly1305::new(key.expose().into());
    let payload = Payload { msg: plain, aad };
    // it fails for 256 GiB only
    let sealed = cipher.encrypt(&XNonce::from(*nonce), payload);
    let sealed = sealed.map_err(|_| VaultError::Length)?;
    Ok([&nonce[..], &sealed].concat())
}

/// Decrypts nonce, ciphertext and tag; `None` if they were changed.
fn decrypt(key: &SecretKey, sealed: &[u8], aad: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let cipher = XChaCha20Poly1305::new(key.expose().into());
    let payload = Payload { msg: sealed, aad };
    let plain = cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
    Some(Zeroizing::new(plain))
}

fn wrap(
    keys: &KeyRing,
    version: &CredentialVersion,
    data_key: &SecretKey,
) -> Result<WrappedKey, VaultError> {
    let key_id = keys.current_id();
    let aad = bound_to(OF_KEY, version, Some(key_id));
    let bytes = encrypt(keys.current(), data_key.expose(), &aad)?;
    // 24 + 32 + 16 bytes
    let bytes = bytes.try_into().map_err(|_| VaultError::Length)?;
    Ok(WrappedKey::new(key_id.clone(), bytes))
}

fn unwrap(
    keys: &KeyRing,
    version: &CredentialVersion,
    wrapped: &WrappedKey,
) -> Result<SecretKey, VaultError> {
    let id = version.credential_id;
    let key_id = wrapped.key_id.clone();
    let Some(key) = keys.get(&key_id) else {
        return Err(VaultError::UnknownKey { id, key_id });
    };
    let aad = bound_to(OF_KEY, version, Some(&key_id));
    let plain = decrypt(key, &wrapped.bytes, &aad).ok_or(VaultError::Changed(id))?;
    let bytes: Zeroizing<[u8; SECRET_KEY_BYTES]> = Zeroizing::new(
        plain
            .as_slice()
            .try_into()
            .map_err(|_| VaultError::Changed(id))?,
    );
    Ok(SecretKey::new(*bytes))
}

/// Encrypts a secret for a version, with a new data key and the current key of the ring.
///
/// # Errors
/// The secret is empty or longer than 65,536 bytes, or the system has no random numbers.
pub fn seal(
    keys: &KeyRing,
    version: &CredentialVersion,
    secret: &str,
) -> Result<SealedSecret, VaultError> {
    if secret.is_empty() || secret.len() > MAX_SECRET_BYTES {
        return Err(VaultError::Length);
    }
    let data_key = SecretKey::new(*random::<SECRET_KEY_BYTES>()?);
    let aad = bound_to(OF_SECRET, version, None);
    let payload = encrypt(&data_key, secret.as_bytes(), &aad)?;
    Ok(SealedSecret::new(wrap(keys, version, &data_key)?, payload))
}

/// Decrypts the secret of a version.
///
/// # Errors
/// The bytes were changed or belong to another version, or their key is not in the ring.
pub fn open(
    keys: &KeyRing,
    version: &CredentialVersion,
    sealed: &SealedSecret,
) -> Result<SecretString, VaultError> {
    let changed = || VaultError::Changed(version.credential_id);
    let data_key = unwrap(keys, version, &sealed.key)?;
    let aad = bound_to(OF_SECRET, version, None);
    let plain = decrypt(&data_key, &sealed.payload, &aad).ok_or_else(changed)?;
    let text = std::str::from_utf8(&plain).map_err(|_| changed())?;
    Ok(SecretString::from(text))
}

/// Encrypts the data key of a version with the current key of the ring.
///
/// # Errors
/// The bytes were changed or belong to another version, their key is not in the ring, or the system has no random
/// numbers.
pub fn rewrap(
    keys: &KeyRing,
    version: &CredentialVersion,
    wrapped: &WrappedKey,
) -> Result<WrappedKey, VaultError> {
    let data_key = unwrap(keys, version, wrapped)?;
    wrap(keys, version, &data_key)
}

#[cfg(test)]
mod tests;
