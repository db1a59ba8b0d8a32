//! Tokens: the secrets that clients send.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};

use crate::digest::TokenDigest;

/// The first characters of every token, by which programs that search for secrets recognize it.
pub(crate) const PREFIX: &str = "tb_";

/// Random bytes of a token.
pub(crate) const BYTES: usize = 32;

/// A token: `tb_` and 256 random bits as 43 characters of base64url. `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct Token(SecretString);

/// The operating system has no random numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read random numbers of the operating system: {0}")]
#[non_exhaustive]
pub struct NoRandomness(pub String);

impl Token {
    /// Creates a token from random numbers of the operating system.
    ///
    /// # Errors
    /// The operating system has no random numbers.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|error| NoRandomness(error.to_string()))?;
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        Ok(Self(text.into()))
    }

    /// The text that a client sends. Show it once, to the person who creates the token.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The hash that is stored.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(self.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_tokens_differ_and_are_not_shown() {
        let (one, other) = (Token::generate(), Token::generate());
        let (one, other) = (one.expect("random"), other.expect("random"));
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), 46);
        assert!(one.digest() != other.digest());
        assert!(!format!("{one:?}").contains(&one.expose()[3..]), "{one:?}");
    }
}
