//! The tokens of a running server: they follow their file.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics::{counter, gauge};
use tickbook::Clock;
use tickbook_access::{FileVersion, TokenFile, TokenFileError, TokenList};
use tokio::sync::{oneshot, watch};

use crate::metrics::{ACCESS_RELOAD_FAILURES, ACCESS_TOKENS};

/// Interval of the checks for a changed file and for expired tokens.
const INTERVAL: Duration = Duration::from_secs(1);

/// The tokens of a file. A thread reads the file again within a second after it has changed.
#[derive(Debug)]
pub struct TokenStore {
    file: TokenFile,
    clock: Clock,
    /// The tokens; a value is sent when tokens were added, were revoked or have expired.
    current: watch::Sender<Arc<TokenList>>,
    checked: Mutex<Checked>,
}

/// The last check of the file.
#[derive(Debug)]
struct Checked {
    /// The version of the tokens.
    version: FileVersion,
    /// The problem of the present file, which is logged once.
    problem: Option<String>,
    at: DateTime<Utc>,
}

impl TokenStore {
    /// Reads the file and follows its changes until the store is dropped.
    ///
    /// # Errors
    /// The file is missing, other users may access it, or it is not a list of tokens.
    pub async fn open(file: TokenFile, clock: Clock) -> Result<Arc<Self>, TokenFileError> {
        let (report, opened) = oneshot::channel();
        // reading blocks, so that a thread does it
        std::thread::spawn(move || match Self::read(file, clock) {
            Ok(store) => {
                let store = Arc::new(store);
                let followed = Arc::downgrade(&store);
                if report.send(Ok(store)).is_ok() {
                    follow(&followed);
                }
            }
            Err(error) => {
                // the server has stopped meanwhile
                let _ = report.send(Err(error));
            }
        });
        opened.await.unwrap_or_else(|_| {
            Err(TokenFileError::Io {
                attempt: "read",
                path: Default::default(),
                source: std::io::ErrorKind::Other.into(),
            })
        })
    }

    fn read(file: TokenFile, clock: Clock) -> Result<Self, TokenFileError> {
        let (tokens, version) = file.read()?;
        let store = Self {
            checked: Mutex::new(Checked {
                version,
                problem: None,
                at: clock.now(),
            }),
            file,
            current: watch::Sender::new(Arc::new(tokens)),
            clock,
        };
        store.count();
        Ok(store)
    }

    /// The present tokens.
    pub(super) fn current(&self) -> Arc<TokenList> {
        Arc::clone(&self.current.borrow())
    }

    /// Reports each change of the tokens, and each expiry.
    pub(super) fn changes(&self) -> watch::Receiver<Arc<TokenList>> {
        self.current.subscribe()
    }

    /// Reads the file again if it has changed; reports changes and expired tokens. If the file cannot be read, the
    /// tokens stay as they are. Blocks.
    fn refresh(&self) {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, now) = (checked.at, self.clock.now());
        checked.at = now;
        let is_unchanged = |version: FileVersion| version == checked.version;
        let read = match self.file.version() {
            Ok(version) if is_unchanged(version) => Ok(None),
            _ => self.file.read().map(Some),
        };
        match read {
            Ok(read) => {
                checked.problem = None;
                if let Some((tokens, version)) = read {
                    checked.version = version;
                    tracing::info!(tokens = tokens.records().len(), "read the tokens again");
                    self.current.send_replace(Arc::new(tokens));
                }
            }
            Err(error) => {
                let problem = error.to_string();
                if checked.problem.as_ref() != Some(&problem) {
                    tracing::error!(
                        problem,
                        "cannot read the tokens again: the last ones stay valid"
                    );
                    counter!(ACCESS_RELOAD_FAILURES).increment(1);
                    checked.problem = Some(problem);
                }
            }
        }
        let tokens = self.current();
        let mut ends = tokens.records().iter().filter_map(|it| it.expires_at);
        if ends.any(|end| since < end && end <= now) {
            self.current.send_replace(Arc::clone(&tokens));
        }
        self.count();
    }

    fn count(&self) {
        let (tokens, now) = (self.current(), self.clock.now());
        let valid = tokens.records().iter().filter(|it| it.is_valid_at(now));
        // there are at most 10,000
        gauge!(ACCESS_TOKENS).set(valid.count() as f64);
    }
}

/// Refreshes the tokens until the store is dropped.
fn follow(store: &Weak<TokenStore>) {
    loop {
        std::thread::sleep(INTERVAL);
        let Some(store) = store.upgrade() else {
            return;
        };
        store.refresh();
    }
}
