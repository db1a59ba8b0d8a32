//! The quarantine repository.

use std::fmt::{self, Debug};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::{
    MarketEvent, Page, PageLimit, Rule, SymbolId, Tick, TimeRange, Trade, Verdict, excerpt,
    setters, truncate_to_micros,
};
use crate::error::RepositoryError;

/// A quarantined tick or trade.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quarantined<E: MarketEvent = Tick> {
    /// The tick or trade, in its stored form.
    pub event: E,
    /// Why it is quarantined.
    pub verdict: Verdict,
    /// The time of the verdict, in whole microseconds.
    pub quarantined_at: DateTime<Utc>,
}

/// A quarantined tick.
pub type QuarantinedTick = Quarantined<Tick>;

/// A quarantined trade.
pub type QuarantinedTrade = Quarantined<Trade>;

impl<E: MarketEvent> Quarantined<E> {
    /// A tick or trade that `verdict` quarantined at `quarantined_at`.
    #[must_use]
    pub fn new(event: E, verdict: Verdict, quarantined_at: DateTime<Utc>) -> Self {
        Self {
            event,
            verdict,
            quarantined_at,
        }
    }
}

/// The id of a quarantined tick or trade. The store assigns ids in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuarantineId(i64);

impl QuarantineId {
    /// Creates an id.
    #[must_use]
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The id as a number.
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

/// The state of a quarantined tick or trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum QuarantineState {
    /// No decision yet.
    #[default]
    Pending,
    /// It was stored.
    Released,
    /// It is not to be stored.
    Discarded,
}

impl QuarantineState {
    /// All states.
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

/// The decision about a quarantined tick or trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resolution {
    /// It was stored.
    Released,
    /// It is not to be stored.
    Discarded,
}

impl Resolution {
    /// The state after this decision.
    #[must_use]
    pub const fn state(self) -> QuarantineState {
        match self {
            Self::Released => QuarantineState::Released,
            Self::Discarded => QuarantineState::Discarded,
        }
    }
}

/// The text is not a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid state {shown}: expected pending, released or discarded", shown = excerpt(.0))]
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

/// A quarantined tick or trade as read from the store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuarantineEntry<E: MarketEvent = Tick> {
    /// The id.
    pub id: QuarantineId,
    /// The tick or trade, and the reason.
    pub item: Quarantined<E>,
    /// Whether it was decided about, and how.
    pub state: QuarantineState,
}

impl<E: MarketEvent> QuarantineEntry<E> {
    /// An entry with this id.
    #[must_use]
    pub fn new(id: QuarantineId, item: Quarantined<E>, state: QuarantineState) -> Self {
        Self { id, item, state }
    }
}

/// A query for quarantined ticks or trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuarantineQuery {
    /// Only records of this symbol.
    pub symbol_id: Option<SymbolId>,
    /// Only records that this rule quarantined.
    pub rule: Option<Rule>,
    /// Only records in this state.
    pub state: Option<QuarantineState>,
    /// The range of times at the venue; includes `from`, excludes `to`.
    pub range: TimeRange,
    /// Only those after this id.
    pub after: Option<QuarantineId>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl Default for QuarantineQuery {
    /// A query for the first 500 that are pending.
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
        /// Sets the range of times at the venue.
        range: TimeRange,
        /// Sets the largest number of a page.
        limit: PageLimit,
    }
    into {
        /// Returns only records of this symbol.
        symbol_id: Option<SymbolId>,
        /// Returns only records that this rule quarantined.
        rule: Option<Rule>,
        /// Returns only records in this state, or in any state if `None`.
        state: Option<QuarantineState>,
        /// Continues after the page that had this `next`.
        after: Option<QuarantineId>,
    }
});

/// Stores quarantined ticks, or quarantined trades, until an operator decides about them.
///
/// Two quarantined events are the same if key and content are equal. Nothing is ever removed, so past
/// decisions remain visible.
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
/// assert_eq!(pending.items[0].item.verdict.rule, Rule::Crossed);
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait QuarantineRepository<E: MarketEvent>: Debug + Send + Sync + 'static {
    /// Stores quarantined events, all or none. An event that is stored already does not change, even if it
    /// was released or discarded. Returns the number of new events.
    ///
    /// # Errors
    /// `InvalidInput` for an invalid event, and failures of the store, after which the call may be repeated.
    async fn put(&self, events: &[Quarantined<E>]) -> Result<u64, RepositoryError>;

    /// Returns a page of quarantined events, by ascending id.
    ///
    /// # Errors
    /// Failures of the store.
    async fn list(
        &self,
        query: &QuarantineQuery,
    ) -> Result<Page<QuarantineEntry<E>, QuarantineId>, RepositoryError>;

    /// Returns the quarantined events with these ids, each once, by ascending id. Unknown ids are omitted.
    ///
    /// # Errors
    /// `InvalidInput` for more than 10,000 ids, and failures of the store.
    async fn get(&self, ids: &[QuarantineId]) -> Result<Vec<QuarantineEntry<E>>, RepositoryError>;

    /// Sets the state of pending events to that of `resolution`. Other events and unknown ids are ignored.
    /// Returns the number of changed events.
    ///
    /// # Errors
    /// `InvalidInput` for more than 10,000 ids, and failures of the store, after which the call may be
    /// repeated.
    async fn resolve(
        &self,
        ids: &[QuarantineId],
        resolution: Resolution,
    ) -> Result<u64, RepositoryError>;
}

/// The largest number of ids in one call.
const MAX_IDS: usize = 10_000;

/// Returns the ids, sorted and without duplicates.
pub(crate) fn dedup_sorted(ids: &[QuarantineId]) -> Result<Vec<i64>, RepositoryError> {
    let mut ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > MAX_IDS {
        return Err(RepositoryError::invalid(format!(
            "too many ids ({}): send at most {MAX_IDS} per call",
            ids.len()
        )));
    }
    Ok(ids)
}

/// Returns the quarantined events in their stored form.
pub(crate) fn normalized<E: MarketEvent>(
    events: &[Quarantined<E>],
) -> Result<Vec<Quarantined<E>>, RepositoryError> {
    events
        .iter()
        .map(|item| {
            Ok(Quarantined {
                event: item.event.normalized().map_err(RepositoryError::invalid)?,
                verdict: Verdict {
                    observed: item.verdict.observed.normalize(),
                    limit: item.verdict.limit.normalize(),
                    ..item.verdict
                },
                quarantined_at: truncate_to_micros(item.quarantined_at),
            })
        })
        .collect()
}
