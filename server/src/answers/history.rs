//! Validators of pages (`ETag`), and pages of closed history that are known to be unchanged.
//!
//! A page of closed history depends on the rows of the time-series database alone, and not on the present time. The
//! server remembers the validator of such a page together with the committed state of the database from before the
//! page was read. While the database has that state, no writer, of whatever program, has changed a row, so the page
//! is unchanged and is not read again. Otherwise it is read, and compared by its content.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderValue, header};
use tickbook::db::TimeseriesDb;
use tickbook::postgres::CommittedState;
use twox_hash::XxHash3_128;

/// The largest number of pages that one of the two generations remembers.
const MAX_PAGES: usize = 8_192;

/// The validators of pages of closed history.
#[derive(Debug, Default)]
pub struct HistoryValidators {
    /// The database that the repositories read; `None` if nothing can be known of its state.
    database: Option<TimeseriesDb>,
    /// The number of reads of the state that have begun.
    begun: AtomicU64,
    newest: tokio::sync::Mutex<Newest>,
    pages: Mutex<Pages>,
}

/// The newest state that was read.
#[derive(Debug, Default)]
struct Newest {
    /// The number of its read, from 1.
    number: u64,
    /// `None` if the read failed.
    state: Option<CommittedState>,
}

/// Pages by their keys. When the younger generation is full, the older one is forgotten.
#[derive(Debug, Default)]
struct Pages {
    younger: HashMap<PageKey, KnownPage>,
    older: HashMap<PageKey, KnownPage>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct KnownPage {
    validator: Validator,
    state: CommittedState,
}

/// Identifies a page by a hash of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PageKey(u128);

impl PageKey {
    /// The key of the page with these properties.
    pub(crate) fn of(parts: &[&str]) -> Self {
        let mut hasher = XxHash3_128::new();
        for part in parts {
            hasher.write(&(part.len() as u64).to_be_bytes());
            hasher.write(part.as_bytes());
        }
        Self(hasher.finish_128())
    }
}

/// Identifies the content of a page: a hash of its text and its next cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validator(u128);

impl Validator {
    /// The validator of a page with this text.
    pub(crate) fn of(text: &[u8], next_cursor: Option<&str>) -> Self {
        let mut hasher = XxHash3_128::new();
        hasher.write(text);
        hasher.write(next_cursor.unwrap_or_default().as_bytes());
        Self(hasher.finish_128())
    }

    /// The tag of the page without a content coding.
    pub(crate) fn tag(self) -> String {
        format!("\"{:032x}\"", self.0)
    }

    /// The tag in `If-None-Match` that names this validator, with any coding.
    fn matching(self, given: &HeaderMap) -> Option<&str> {
        let plain = format!("{:032x}", self.0);
        tags(given).find(|tag| {
            let opaque = tag.trim_start_matches("W/").trim_matches('"');
            let is_coding = |suffix: &str| ["", "-gzip", "-zstd"].contains(&suffix);
            opaque.strip_prefix(&*plain).is_some_and(is_coding)
        })
    }
}

/// The tags of `If-None-Match`. Tags of this server contain no comma.
fn tags(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let fields = headers.get_all(header::IF_NONE_MATCH).iter();
    let texts = fields.filter_map(|field| field.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim)
}

/// Adds the name of a coding to a strong tag: an answer with another coding has other bytes.
pub(super) fn mark_coding(headers: &mut HeaderMap, coding: &str) {
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let opaque = tag.and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"'));
    let marked = opaque.map(|opaque| HeaderValue::try_from(format!("\"{opaque}-{coding}\"")));
    if let Some(Ok(marked)) = marked {
        headers.insert(header::ETAG, marked);
    }
}

/// The validation of a page in one request.
#[derive(Debug)]
pub(crate) struct Revalidation {
    key: PageKey,
    /// The state before the page is read.
    state: Option<CommittedState>,
    /// The tag of the client, if the page is known to be unchanged.
    pub(crate) unchanged: Option<String>,
}

impl HistoryValidators {
    /// Validators of pages that are read from `database`.
    #[must_use]
    pub fn new(database: Option<TimeseriesDb>) -> Self {
        Self {
            database,
            ..Self::default()
        }
    }

    /// Compares the tags of a request with the validator of a page, if it is known and the database is unchanged.
    /// `None` if the request has no tags or nothing can be known.
    pub(crate) async fn revalidate(&self, key: PageKey, given: &HeaderMap) -> Option<Revalidation> {
        tags(given).next()?;
        let state = self.state().await?;
        let known = self.lock().get(key);
        let known = known.filter(|known| known.state == state);
        let unchanged = known.and_then(|known| known.validator.matching(given));
        Some(Revalidation {
            key,
            unchanged: unchanged.map(str::to_owned),
            state: Some(state),
        })
    }

    /// Remembers the validator of a page of closed history that was read after `revalidation` began.
    pub(crate) fn remember(&self, revalidation: Revalidation, validator: Validator) {
        if let Some(state) = revalidation.state {
            let known = KnownPage { validator, state };
            self.lock().insert(revalidation.key, known);
        }
    }

    /// The state of the database at an instant between the start and the end of the call. Concurrent calls share a
    /// read that begins after each of them.
    async fn state(&self) -> Option<CommittedState> {
        let database = self.database.as_ref()?;
        let begun_before = self.begun.load(Ordering::SeqCst);
        let mut newest = self.newest.lock().await;
        if newest.number > begun_before {
            return newest.state.clone();
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        // the repository logs a failure, and the read of the page reports it
        let state = CommittedState::read(database).await.ok();
        *newest = Newest { number, state };
        newest.state.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tag of the client that names `validator`.
pub(super) fn matching(given: &HeaderMap, validator: Validator) -> Option<String> {
    validator.matching(given).map(str::to_owned)
}

impl Pages {
    fn get(&self, key: PageKey) -> Option<KnownPage> {
        let known = self.younger.get(&key).or_else(|| self.older.get(&key));
        known.cloned()
    }

    fn insert(&mut self, key: PageKey, page: KnownPage) {
        if self.younger.len() >= MAX_PAGES {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(key, page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(tags: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(tags).expect("a value");
        headers.insert(header::IF_NONE_MATCH, value);
        headers
    }

    #[test]
    fn tags_of_any_coding_match_their_content() {
        let validator = Validator::of(b"page", None);
        let plain = validator.tag();
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, HeaderValue::from_str(&plain).expect("a tag"));
        mark_coding(&mut headers, "gzip");
        let coded = headers[header::ETAG].to_str().expect("ASCII").to_owned();
        assert_ne!(coded, plain);
        for tag in [
            &plain,
            &coded,
            &format!("W/{plain}"),
            &format!("\"x\", {plain}"),
        ] {
            assert!(matching(&given(tag), validator).is_some(), "{tag}");
        }
        let others = [
            Validator::of(b"other", None),
            Validator::of(b"page", Some("next")),
        ];
        for other in others {
            assert_eq!(matching(&given(&plain), other), None);
        }
        assert_eq!(matching(&given("\"x\""), validator), None);
        assert_eq!(matching(&HeaderMap::new(), validator), None);
    }

    #[test]
    fn keys_depend_on_every_part() {
        let key = PageKey::of(&["ticks", "1", "from=2"]);
        assert_eq!(key, PageKey::of(&["ticks", "1", "from=2"]));
        for other in [
            &["ticks", "1", "from=3"][..],
            &["ticks1", "", "from=2"],
            &["ticks", "1"],
        ] {
            assert_ne!(key, PageKey::of(other));
        }
    }
}
