//! Where ticks are kept that were held back.

use std::fmt::{self, Debug};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::{
    Page, PageLimit, Rule, SymbolId, Tick, TimeRange, Verdict, excerpt, setters, truncate_to_micros,
};
use crate::error::RepositoryError;

/// A tick that was held back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuarantinedTick {
    /// The tick, in the form in which it would be stored.
    pub tick: Tick,
    /// Why.
    pub verdict: Verdict,
    /// When that was decided, in whole microseconds.
    pub quarantined_at: DateTime<Utc>,
}

impl QuarantinedTick {
    /// A tick that `verdict` holds back since `quarantined_at`.
    #[must_use]
    pub fn new(tick: Tick, verdict: Verdict, quarantined_at: DateTime<Utc>) -> Self {
        Self {
            tick,
            verdict,
            quarantined_at,
        }
    }
}

/// The number of a kept tick: the store counts them in the order they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuarantineId(i64);

impl QuarantineId {
    /// Wraps a number.
    #[must_use]
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for QuarantineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What was decided about a kept tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum QuarantineState {
    /// Nothing yet.
    #[default]
    Pending,
    /// It was stored after all.
    Released,
    /// It is not to be stored.
    Discarded,
}

impl QuarantineState {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Pending, Self::Released, Self::Discarded];

    /// `pending`, `released` or `discarded`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Released => "released",
            Self::Discarded => "discarded",
        }
    }
}

/// A text that names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown} is no state: use pending, released or discarded", shown = excerpt(.0))]
#[non_exhaustive]
pub struct UnknownQuarantineState(pub String);

impl std::str::FromStr for QuarantineState {
    type Err = UnknownQuarantineState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| UnknownQuarantineState(text.to_owned()))
    }
}

/// A kept tick as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuarantineEntry {
    /// Its number.
    pub id: QuarantineId,
    /// The tick and why it was held back.
    pub kept: QuarantinedTick,
    /// What was decided.
    pub state: QuarantineState,
}

impl QuarantineEntry {
    /// A kept tick under its number.
    #[must_use]
    pub fn new(id: QuarantineId, kept: QuarantinedTick, state: QuarantineState) -> Self {
        Self { id, kept, state }
    }
}

/// Which kept ticks to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuarantineQuery {
    /// Only those of this symbol.
    pub symbol_id: Option<SymbolId>,
    /// Only those that this rule held back.
    pub rule: Option<Rule>,
    /// Only those in this state.
    pub state: Option<QuarantineState>,
    /// Only those whose tick time is inside; `from` is inside, `to` is outside.
    pub range: TimeRange,
    /// Only those behind this one.
    pub after: Option<QuarantineId>,
    /// How many at most.
    pub limit: PageLimit,
}

impl Default for QuarantineQuery {
    /// The first 500 that are pending.
    fn default() -> Self {
        Self {
            symbol_id: None,
            rule: None,
            state: Some(QuarantineState::Pending),
            range: TimeRange::all(),
            after: None,
            limit: PageLimit::default(),
        }
    }
}

setters!(QuarantineQuery {
    set {
        /// Only ticks of this range.
        range: TimeRange,
        /// Sets how many ticks a page holds at most.
        limit: PageLimit,
    }
    into {
        /// Only ticks of this symbol.
        symbol_id: Option<SymbolId>,
        /// Only ticks that this rule held back.
        rule: Option<Rule>,
        /// Only ticks in this state, or in any.
        state: Option<QuarantineState>,
        /// Continues after the page whose `next` is given.
        after: Option<QuarantineId>,
    }
});

/// Keeps ticks that were held back, until somebody decides about them.
///
/// A kept tick is the same as another one when key and content are the same. Nothing is ever
/// removed: what was decided stays to be seen.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chrono::Utc;
/// use tickbook::Repositories;
/// use tickbook::domain::{Rule, SymbolId, Tick, Verdict};
/// use tickbook::repository::{QuarantineQuery, QuarantinedTick};
///
/// let quarantine = Repositories::in_memory().quarantine;
/// let now = Utc::now();
/// let tick = Tick::quote(SymbolId::new(7), now, 2.into(), 1.into());
/// let verdict = Verdict::new(Rule::Crossed, 1.into(), 0.into());
/// let crossed = QuarantinedTick::new(tick, verdict, now);
/// assert_eq!(quarantine.put(&[crossed]).await?, 1);
/// let pending = quarantine.list(&QuarantineQuery::default()).await?;
/// assert_eq!(pending.items[0].kept.verdict.rule, Rule::Crossed);
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait QuarantineRepository: Debug + Send + Sync + 'static {
    /// Keeps ticks, all or none. One that is kept already stays as it is, also when it was decided
    /// about. Returns how many are new.
    ///
    /// # Errors
    /// `InvalidInput` for a tick that no store can keep; and failures of the store, after which the
    /// call may be repeated.
    async fn put(&self, ticks: &[QuarantinedTick]) -> Result<u64, RepositoryError>;

    /// A page of kept ticks, by ascending number.
    ///
    /// # Errors
    /// Failures of the store.
    async fn list(
        &self,
        query: &QuarantineQuery,
    ) -> Result<Page<QuarantineEntry, QuarantineId>, RepositoryError>;

    /// Those of the kept ticks with these numbers that exist, each once, by ascending number.
    ///
    /// # Errors
    /// `InvalidInput` for more than 10,000 numbers; and failures of the store.
    async fn get(&self, ids: &[QuarantineId]) -> Result<Vec<QuarantineEntry>, RepositoryError>;

    /// Notes what was decided about pending ticks; others and unknown numbers are left alone.
    /// Returns how many were changed. With [`QuarantineState::Pending`] nothing is.
    ///
    /// # Errors
    /// `InvalidInput` for more than 10,000 numbers; and failures of the store, after which the call
    /// may be repeated.
    async fn decide(
        &self,
        ids: &[QuarantineId],
        state: QuarantineState,
    ) -> Result<u64, RepositoryError>;
}

/// Most numbers of one call.
const MOST_IDS: usize = 10_000;

/// The numbers, sorted and each once.
pub(crate) fn different(ids: &[QuarantineId]) -> Result<Vec<i64>, RepositoryError> {
    let mut ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > MOST_IDS {
        return Err(RepositoryError::invalid(format!(
            "{} numbers are too many: give at most {MOST_IDS} at once",
            ids.len()
        )));
    }
    Ok(ids)
}

/// The form in which kept ticks are stored.
pub(crate) fn normalized(
    ticks: &[QuarantinedTick],
) -> Result<Vec<QuarantinedTick>, RepositoryError> {
    ticks
        .iter()
        .map(|kept| {
            Ok(QuarantinedTick {
                tick: kept.tick.normalized().map_err(RepositoryError::invalid)?,
                verdict: Verdict {
                    observed: kept.verdict.observed.normalize(),
                    limit: kept.verdict.limit.normalize(),
                    ..kept.verdict
                },
                quarantined_at: truncate_to_micros(kept.quarantined_at),
            })
        })
        .collect()
}
