//! Bearer tokens of the order-book server.
//!
//! A [`Token`] is 256 random bits. A [`TokenFile`] stores its [`TokenDigest`] with a name, [scopes](Scope) and an
//! expiry, never the token itself. `tickbook tokens` changes the file, and `orderbook-server` reads it.
//!
//! # Examples
//!
//! ```
//! use tickbook_access::{Scope, Token, TokenDigest, TokenList, TokenRecord};
//!
//! let (token, now) = (Token::generate()?, "2026-11-30T12:00:00Z".parse()?);
//! let mut tokens = TokenList::default();
//! tokens.add(TokenRecord::new("feeder", token.digest(), [Scope::Write], now)?)?;
//!
//! let presented = TokenDigest::of_presented(token.expose()).expect("the form of a token");
//! let record = tokens.find(&presented).expect("stored");
//! assert!(record.is_valid_at(now) && record.allows(Scope::Read));
//! assert!(!record.allows(Scope::Admin));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod digest;
mod file;
mod list;
mod permissions;
mod record;
mod scope;
mod token;

pub use digest::TokenDigest;
pub use file::{FileVersion, MAX_FILE_BYTES, TokenFile, TokenFileError};
pub use list::{InvalidTokenList, MAX_TOKENS, TokenList, TokenListError};
pub use record::{InvalidTokenRecord, MAX_NAME_CHARACTERS, MAX_REQUESTS_PER_SECOND, TokenRecord};
pub use scope::{InvalidScope, Scope};
pub use token::{NoRandomness, Token};
