//! What says what time it is.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

/// Says what time it is: that of the system, or of a test. Cloning shares it.
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
    /// The clock of the system.
    #[must_use]
    pub fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "everything else takes the time of a clock that it is given"
        )]
        Self::new(Utc::now)
    }

    /// The time that `now` returns.
    #[must_use]
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Stands still at `time`.
    #[must_use]
    pub fn standing_at(time: DateTime<Utc>) -> Self {
        Self::new(move || time)
    }

    /// The present.
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
