//! All tokens of a file.

use crate::digest::TokenDigest;
use crate::record::TokenRecord;

/// Maximum number of tokens of a list. Each presented token is compared with all of them.
pub const MAX_TOKENS: usize = 10_000;

/// The tokens of a file, in its order. Names and hashes are unique.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenList {
    records: Vec<TokenRecord>,
}

/// The text is not a list of tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
#[non_exhaustive]
pub struct InvalidTokenList {
    /// The number of the line, from 1.
    pub line: usize,
    /// The problem, without the hash of a token.
    pub reason: String,
}

/// A list cannot be changed as wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenListError {
    /// Another token has the name.
    #[error("there is a token {0} already: choose another name, or revoke it first")]
    NameTaken(String),
    /// Another token has the hash.
    #[error("the token {0} has the same hash: generate another token")]
    DigestTaken(String),
    /// No token has the name.
    #[error("there is no token {0}: `tickbook tokens list` shows all")]
    Unknown(String),
    /// The list is full.
    #[error("there are {MAX_TOKENS} tokens already: revoke some")]
    Full,
}

impl TokenList {
    /// Parses one JSON object a line. Empty lines are skipped.
    ///
    /// # Errors
    /// A line is not a token, repeats a name or a hash, or there are more than 10,000 tokens.
    pub fn parse(text: &str) -> Result<Self, InvalidTokenList> {
        let mut list = Self::default();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let record = TokenRecord::from_line(line);
            let added = record.and_then(|it| list.add(it).map_err(|error| error.to_string()));
            added.map_err(|reason| InvalidTokenList {
                line: index + 1,
                reason,
            })?;
        }
        Ok(list)
    }

    /// The text that [`parse`](Self::parse) reads.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lines = self.records.iter().map(|record| record.to_line() + "\n");
        lines.collect()
    }

    /// The tokens, in the order in which they were added.
    #[must_use]
    pub fn records(&self) -> &[TokenRecord] {
        &self.records
    }

    /// Adds a token.
    ///
    /// # Errors
    /// A token with this name or hash exists, or there are 10,000 tokens.
    pub fn add(&mut self, record: TokenRecord) -> Result<(), TokenListError> {
        if self.records.iter().any(|it| it.name == record.name) {
            return Err(TokenListError::NameTaken(record.name));
        }
        if let Some(other) = self.find(&record.digest) {
            return Err(TokenListError::DigestTaken(other.name.clone()));
        }
        if self.records.len() >= MAX_TOKENS {
            return Err(TokenListError::Full);
        }
        self.records.push(record);
        Ok(())
    }

    /// Removes the token of this name, and returns it.
    ///
    /// # Errors
    /// There is none.
    pub fn revoke(&mut self, name: &str) -> Result<TokenRecord, TokenListError> {
        match self.records.iter().position(|it| it.name == name) {
            Some(index) => Ok(self.records.remove(index)),
            None => Err(TokenListError::Unknown(name.to_owned())),
        }
    }

    /// The token with this hash, also if it has expired.
    ///
    /// The time does not depend on the hashes: each one is compared completely, and the search does not stop at
    /// the found one.
    #[must_use]
    pub fn find(&self, digest: &TokenDigest) -> Option<&TokenRecord> {
        let mut found = None;
        for record in &self.records {
            if record.digest == *digest {
                found = Some(record);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scope, Token};

    fn token(name: &str) -> (Token, TokenRecord) {
        let token = Token::generate().expect("random");
        let created = "2026-11-30T12:00:00Z".parse().expect("a time");
        let record = TokenRecord::new(name, token.digest(), [Scope::Read], created);
        (token, record.expect("valid"))
    }

    #[test]
    fn tokens_are_found_by_their_hashes() {
        let tokens: Vec<_> = ["a", "b", "c"].map(token).into();
        let mut list = TokenList::default();
        for (_, record) in &tokens {
            list.add(record.clone()).expect("added");
        }
        for (token, record) in &tokens {
            assert_eq!(list.find(&token.digest()), Some(record));
        }
        assert_eq!(list.find(&token("d").0.digest()), None);
        assert_eq!(TokenList::parse(&list.to_text()), Ok(list.clone()));
        assert_eq!(list.revoke("b").as_ref(), Ok(&tokens[1].1));
        assert_eq!(list.find(&tokens[1].0.digest()), None);
        let unknown = TokenListError::Unknown("b".to_owned());
        assert_eq!(list.revoke("b"), Err(unknown));
    }

    #[test]
    fn repeated_names_and_hashes_are_refused() {
        let (_, record) = token("a");
        let mut list = TokenList::default();
        list.add(record.clone()).expect("added");
        let taken = TokenListError::NameTaken("a".to_owned());
        assert_eq!(list.add(token("a").1), Err(taken));
        let mut same = token("b").1;
        same.digest = record.digest;
        let taken = TokenListError::DigestTaken("a".to_owned());
        assert_eq!(list.add(same), Err(taken));
        let text = format!("\n{}{}", list.to_text(), list.to_text());
        let error = TokenList::parse(&text).expect_err("twice");
        assert_eq!(error.line, 3);
        assert!(!error.reason.contains(&record.digest.to_hex()), "{error}");
    }
}
