//! Files of tokens, and a clock that a test sets.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use tickbook::Clock;
use tickbook_access::{Scope, Token, TokenFile, TokenRecord};

use crate::whole_server::Server;

pub(crate) const TOKENS_FILE: &str = "TICKBOOK__ACCESS__TOKENS_FILE";

/// A file of tokens in a folder of its own.
pub(crate) struct Tokens {
    folder: tempfile::TempDir,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let tokens = Self { folder };
        tokens.add("first", Scope::Read);
        tokens
    }

    pub(crate) fn path(&self) -> String {
        let path = self.folder.path().join("tokens");
        path.to_str().expect("UTF-8").to_owned()
    }

    pub(crate) fn file(&self) -> TokenFile {
        TokenFile::new(self.path())
    }

    /// Adds a token without an end.
    pub(crate) fn add(&self, name: &str, scope: Scope) -> String {
        self.add_with(name, scope, Ok::<_, ()>)
    }

    /// Adds a token with other properties.
    pub(crate) fn add_with<E: std::fmt::Debug>(
        &self,
        name: &str,
        scope: Scope,
        change: impl FnOnce(TokenRecord) -> Result<TokenRecord, E>,
    ) -> String {
        let token = Token::generate().expect("random");
        let record = TokenRecord::new(name, token.digest(), [scope], noon()).expect("valid");
        let record = change(record).expect("valid");
        self.file().add(record).expect("added");
        token.expose().to_owned()
    }

    /// A server in memory with these tokens and the symbol 1.
    pub(crate) async fn server(&self, settings: &[(&str, &str)]) -> Server {
        let path = self.path();
        let settings = [&[(TOKENS_FILE, path.as_str())], settings].concat();
        Server::with_symbols(&settings, 1).await
    }
}

pub(crate) fn noon() -> DateTime<Utc> {
    "2026-11-30T12:00:00Z".parse().expect("a time")
}

/// A clock that a test sets, which begins at noon.
#[derive(Clone)]
pub(crate) struct SetClock(Arc<Mutex<DateTime<Utc>>>);

impl SetClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(noon())))
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        *self.0.lock().expect("no panic") += by;
    }

    pub(crate) fn clock(&self) -> Clock {
        let shared = Arc::clone(&self.0);
        Clock::new(move || *shared.lock().expect("no panic"))
    }
}
