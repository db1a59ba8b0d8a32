//! The clock: the system's time, or a time that a test chooses.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

/// A source of the current time: the system clock or a clock of a test. Clones share it.
///
/// # Examples
///
/// ```
/// use tickbook::Clock;
///
/// let time = "2024-05-01T12:00:00Z".parse()?;
/// assert_eq!(Clock::standing_at(time).now(), time);
/// assert!(Clock::system().now() > time);
/// # Ok::<_, chrono::ParseError>(())
/// ```
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The system clock.
    #[must_use]
    pub fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "all other code gets the time from a clock"
        )]
        Self::new(Utc::now)
    }

    /// A clock that returns the time of `now`.
    #[must_use]
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// A clock that always returns `time`.
    #[must_use]
    pub fn standing_at(time: DateTime<Utc>) -> Self {
        Self::new(move || time)
    }

    /// Returns the current time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}
