//! Secret keys, and rings of keys that replace each other.

use std::fmt;

use zeroize::Zeroizing;

use super::ids::KeyId;

/// The number of bytes of a key.
pub const SECRET_KEY_BYTES: usize = 32;

/// A key of 32 bytes. Its bytes are not printed, and are erased from memory when it is dropped.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; SECRET_KEY_BYTES]>);

impl SecretKey {
    /// Creates a key.
    #[must_use]
    pub fn new(bytes: [u8; SECRET_KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8; SECRET_KEY_BYTES] {
        &self.0
    }

    fn from_hex(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != 2 * SECRET_KEY_BYTES {
            return None;
        }
        let mut bytes = Zeroizing::new([0; SECRET_KEY_BYTES]);
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            // two digits are below 256
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Some(Self(bytes))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(***)")
    }
}

/// Keys by their names. New data is protected by the current key; the others read older data.
///
/// # Examples
/// ```
/// use tickbook_ledger::domain::KeyRing;
///
/// let text = format!("# since January\n2026-01:{}\n2026-07:{}\n", "0a".repeat(32), "0b".repeat(32));
/// let keys = KeyRing::parse(&text)?;
/// assert_eq!(keys.current_id().as_str(), "2026-07");
/// assert!(!format!("{keys:?}").contains("0a0a"));
/// # Ok::<(), tickbook_ledger::domain::InvalidKeyRing>(())
/// ```
#[derive(Debug, Clone)]
pub struct KeyRing {
    /// At least one; the last is current.
    keys: Vec<(KeyId, SecretKey)>,
    current: (KeyId, SecretKey),
}

/// A text is not a list of keys. The message contains no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKeyRing {
    /// There is no key.
    #[error("there is no key: expected lines of an id, a colon and 64 hexadecimal digits")]
    Empty,
    /// A line is not a key.
    #[error("invalid key in line {0}: expected an id, a colon and 64 hexadecimal digits")]
    Line(usize),
    /// Two lines have the same id.
    #[error("line {0} repeats the id of another key: choose another id")]
    Repeated(usize),
}

impl KeyRing {
    /// A ring with one key.
    #[must_use]
    pub fn new(id: KeyId, key: SecretKey) -> Self {
        let current = (id, key);
        Self {
            keys: vec![current.clone()],
            current,
        }
    }

    /// Returns the ring with another key, which becomes the current one. A key with the same id is replaced.
    #[must_use]
    pub fn with_current(mut self, id: KeyId, key: SecretKey) -> Self {
        self.keys.retain(|(other, _)| *other != id);
        self.current = (id, key);
        self.keys.push(self.current.clone());
        self
    }

    /// Reads lines of an id, `:` and 64 hexadecimal digits. The key of the last line is the current one. Empty lines and
    /// lines that begin with `#` are skipped.
    ///
    /// # Errors
    /// There is no key, a line is not a key, or two keys have the same id.
    pub fn parse(text: &str) -> Result<Self, InvalidKeyRing> {
        let mut ring: Option<Self> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let invalid = InvalidKeyRing::Line(number);
            let Some((id, key)) = line.rsplit_once(':') else {
                return Err(invalid);
            };
            let (Ok(id), Some(key)) = (KeyId::new(id), SecretKey::from_hex(key)) else {
                return Err(invalid);
            };
            ring = Some(match ring {
                Some(ring) if ring.get(&id).is_some() => {
                    return Err(InvalidKeyRing::Repeated(number));
                }
                Some(ring) => ring.with_current(id, key),
                None => Self::new(id, key),
            });
        }
        ring.ok_or(InvalidKeyRing::Empty)
    }

    /// The id of the current key.
    #[must_use]
    pub fn current_id(&self) -> &KeyId {
        &self.current.0
    }

    /// The current key.
    #[must_use]
    pub fn current(&self) -> &SecretKey {
        &self.current.1
    }

    /// The key with this id.
    #[must_use]
    pub fn get(&self, id: &KeyId) -> Option<&SecretKey> {
        let found = self.keys.iter().find(|(known, _)| known == id);
        found.map(|(_, key)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_the_last_is_current() {
        let (old, new) = ("01".repeat(32), "ff".repeat(32));
        let ring = KeyRing::parse(&format!("\n# keys\na:b:{old}\n c:{new} \n")).expect("keys");
        assert_eq!(ring.current_id().as_str(), "c");
        assert_eq!(ring.current().expose(), &[0xff; 32]);
        let old = ring.get(&KeyId::new("a:b").expect("an id"));
        assert_eq!(old.expect("known").expose(), &[1; 32]);
    }

    #[test]
    fn invalid_keys_are_refused_without_the_key() {
        let key = "0a".repeat(32);
        for (text, expected) in [
            (String::new(), InvalidKeyRing::Empty),
            ("# none\n".to_owned(), InvalidKeyRing::Empty),
            (key.clone(), InvalidKeyRing::Line(1)),
            (format!(":{key}"), InvalidKeyRing::Line(1)),
            (format!("a:{key}0"), InvalidKeyRing::Line(1)),
            (format!("a:{}zz", &key[2..]), InvalidKeyRing::Line(1)),
            (format!("a:{key}\na:{key}"), InvalidKeyRing::Repeated(2)),
        ] {
            let error = KeyRing::parse(&text).expect_err("invalid");
            assert_eq!(error, expected);
            assert!(!error.to_string().contains("0a0a"), "{error}");
        }
    }
}
