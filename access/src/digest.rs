//! Digests of tokens: what is stored of them.

use std::fmt;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::token::{BYTES, PREFIX};

/// The SHA-256 of the text of a token.
///
/// A token has 256 random bits, so nobody can find it by trying, and a slow hash for passwords adds nothing. Equality
/// takes the same time for all digests.
#[derive(Clone, Copy)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of a text.
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// The digest of a text that a client presents; `None` if it does not have the form of a token.
    #[must_use]
    pub fn of_presented(text: &str) -> Option<Self> {
        let random = text.strip_prefix(PREFIX)?;
        let bytes = URL_SAFE_NO_PAD.decode(random).ok()?;
        (bytes.len() == BYTES).then(|| Self::of(text))
    }

    /// The digest of 64 hexadecimal digits in lower case, as the file has it.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let is_plain = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if text.len() != 64 || !text.bytes().all(is_plain) {
            return None;
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// 64 hexadecimal digits.
    pub(crate) fn to_hex(self) -> String {
        self.0.iter().fold(String::new(), |mut text, byte| {
            // writing to a String cannot fail
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The bytes, as a key of maps.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenDigest {}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Token;

    #[test]
    fn digest_is_sha_256_of_the_whole_text() {
        let digest = TokenDigest::of("abc").to_hex();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest, expected);
        assert_eq!(TokenDigest::from_hex(&digest), Some(TokenDigest::of("abc")));
        assert!(!format!("{:?}", TokenDigest::of("abc")).contains("7816"));
    }

    #[test]
    fn text_without_the_form_of_a_token_has_no_digest() {
        let token = Token::generate().expect("random");
        let text = token.expose();
        assert_eq!(TokenDigest::of_presented(text), Some(token.digest()));
        for other in [
            "",
            "tb_",
            &text[1..],
            &text[..45],
            &format!("{text}A"),
            &format!(" {text}"),
            &text.replace("tb_", "TB_"),
            &format!("tb_{}", "=".repeat(43)),
            &"x".repeat(100_000),
        ] {
            assert_eq!(TokenDigest::of_presented(other), None, "{other:.60}");
        }
    }

    #[test]
    fn hash_with_other_digits_is_refused() {
        for text in [
            "",
            &"0".repeat(63),
            &"g".repeat(64),
            &"A".repeat(64),
            &"é".repeat(32),
        ] {
            assert_eq!(TokenDigest::from_hex(text), None, "{text}");
        }
    }
}
