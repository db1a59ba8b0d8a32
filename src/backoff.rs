//! Exponential backoff: delays between retries.

use std::time::Duration;

/// The delays between attempts: the first is `initial`, and each further one is twice as long, up to `max`.
///
/// With jitter, the default, each delay is chosen at random between half of its value and all of it, so that
/// the clients of one server do not retry at the same time.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tickbook::Backoff;
///
/// let backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(300));
/// let mut delays = backoff.without_jitter().delays();
/// assert_eq!(delays.next_delay(), Duration::from_millis(100));
/// assert_eq!(delays.next_delay(), Duration::from_millis(200));
/// assert_eq!(delays.next_delay(), Duration::from_millis(300));
/// delays.reset();
/// assert_eq!(delays.next_delay(), Duration::from_millis(100));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// The delay after the first failure.
    pub initial: Duration,
    /// The longest delay. If `initial` is longer, `initial` is used.
    pub max: Duration,
    /// Whether each delay is shortened at random by up to half.
    pub jitter: bool,
}

impl Backoff {
    /// Delays from `initial` to `max`, with jitter.
    #[must_use]
    pub const fn new(initial: Duration, max: Duration) -> Self {
        Self {
            initial,
            max,
            jitter: true,
        }
    }

    /// The same delays without jitter.
    #[must_use]
    pub const fn without_jitter(self) -> Self {
        Self {
            jitter: false,
            ..self
        }
    }

    /// The delays of one series of attempts.
    #[must_use]
    pub const fn delays(self) -> Delays {
        Delays {
            backoff: self,
            next: self.initial,
            has_failed: false,
        }
    }
}

/// The delays of one series of attempts, created by [`Backoff::delays`].
#[derive(Debug, Clone)]
pub struct Delays {
    backoff: Backoff,
    next: Duration,
    has_failed: bool,
}

impl Delays {
    /// Returns the delay before the next attempt. The following one is twice as long, up to the maximum.
    pub fn next_delay(&mut self) -> Duration {
        self.has_failed = true;
        let delay = self.next;
        let max = self.backoff.max.max(self.backoff.initial);
        self.next = delay.saturating_mul(2).min(max);
        if !self.backoff.jitter {
            return delay;
        }
        let half = delay / 2;
        half + half.mul_f64(fastrand::f64())
    }

    /// Starts again with the initial delay. Call it after a success.
    pub fn reset(&mut self) {
        self.next = self.backoff.initial;
        self.has_failed = false;
    }

    /// Whether [`next_delay`](Self::next_delay) was called since the start or the last
    /// [`reset`](Self::reset).
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.has_failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn delays_double_up_to_the_maximum() {
        let mut delays = Backoff::new(SECOND, 5 * SECOND).without_jitter().delays();
        let seen: Vec<_> = (0..5).map(|_| delays.next_delay().as_secs()).collect();
        assert_eq!(seen, [1, 2, 4, 5, 5]);
        delays.reset();
        assert_eq!(delays.next_delay(), SECOND);
    }

    #[test]
    fn initial_delay_above_the_maximum_stays() {
        let mut delays = Backoff::new(SECOND, Duration::ZERO)
            .without_jitter()
            .delays();
        assert_eq!([delays.next_delay(), delays.next_delay()], [SECOND; 2]);
    }

    #[test]
    fn longest_delay_does_not_overflow() {
        let mut delays = Backoff::new(Duration::MAX, Duration::MAX).delays();
        for _ in 0..3 {
            assert!(delays.next_delay() >= Duration::MAX / 2);
        }
    }

    #[test]
    fn jitter_lies_in_the_upper_half() {
        let delays: Vec<_> = (0..200)
            .map(|_| Backoff::new(SECOND, SECOND).delays().next_delay())
            .collect();
        let (least, most) = (delays.iter().min(), delays.iter().max());
        assert!(least.is_some_and(|least| *least >= SECOND / 2), "{least:?}");
        assert!(most.is_some_and(|most| *most <= SECOND), "{most:?}");
        // values on both sides of the middle; one run in 2^199 has all on the same side by chance
        let middle = SECOND * 3 / 4;
        assert!(least.is_some_and(|least| *least < middle), "{least:?}");
        assert!(most.is_some_and(|most| *most > middle), "{most:?}");
    }
}
