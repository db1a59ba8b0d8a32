//! Limits of the number of actions in a time.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::venue::Rate;

/// Delays actions, so that they keep all of several rates.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    rates: Vec<Rate>,
    /// The times of the last actions, as many as the largest count.
    times: VecDeque<Instant>,
    capacity: usize,
}

impl RateLimiter {
    pub(crate) fn new(rates: &[Rate]) -> Self {
        let capacity = rates.iter().map(|rate| rate.count.max(1)).max();
        Self {
            rates: rates.to_vec(),
            times: VecDeque::new(),
            capacity: capacity.unwrap_or(0),
        }
    }

    /// The time from which the next action is allowed; `None` if it is allowed at any time.
    pub(crate) fn next(&self) -> Option<Instant> {
        let allowed = |rate: &Rate| {
            // the interval of this action and of the `count` before it is longer than `per`
            let first = self.times.len().checked_sub(rate.count.max(1))?;
            self.times.get(first).map(|time| *time + rate.per)
        };
        self.rates.iter().filter_map(allowed).max()
    }

    /// Whether an action is allowed now; counts it if so.
    pub(crate) fn try_act(&mut self, now: Instant) -> bool {
        if self.next().is_some_and(|next| next > now) {
            return false;
        }
        if self.capacity > 0 {
            if self.times.len() == self.capacity {
                self.times.pop_front();
            }
            self.times.push_back(now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The times in seconds of as many actions as are tried every half second.
    fn acted(rates: &[Rate], seconds: u64) -> Vec<f64> {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(rates);
        let mut times = Vec::new();
        for half in 0..2 * seconds {
            let since = Duration::from_millis(500 * half);
            while times.len() < 100 && limiter.try_act(start + since) {
                times.push(since.as_secs_f64());
            }
        }
        times
    }

    #[test]
    fn no_interval_has_more_than_its_count() {
        let second = Duration::from_secs(1);
        assert_eq!(
            acted(&[Rate::new(2, second)], 3),
            [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]
        );
        let slower = Rate::new(3, 10 * second);
        let both = [Rate::new(2, second), slower];
        assert_eq!(acted(&both, 12), [0.0, 0.0, 1.0, 10.0, 10.0, 11.0]);
        assert_eq!(acted(&[Rate::new(0, second)], 2), [0.0, 1.0]);
        assert_eq!(acted(&[], 1).len(), 100);
    }
}
