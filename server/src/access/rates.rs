//! Rates of requests, per token and per address.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

const SECOND: i64 = 1_000_000_000;

/// Number of callers from which on idle ones, which have sent nothing for a second, are removed.
const MANY: usize = 1_024;

/// The callers of one kind, and the instants at which each has its whole second of requests again, in nanoseconds.
/// A caller may send the requests of one second at once, and then one request whenever its share of the second is
/// over (GCRA, the virtual scheduling algorithm of ITU-T I.371).
#[derive(Debug)]
struct Callers<K>(Mutex<(HashMap<K, i64>, usize)>);

impl<K: Eq + Hash> Callers<K> {
    fn new() -> Self {
        Self(Mutex::new((HashMap::new(), MANY)))
    }

    /// Takes a request of `caller`, or returns the time until it may send one.
    fn take(&self, caller: K, per_second: u32, now: DateTime<Utc>) -> Result<(), Duration> {
        if per_second == 0 {
            return Ok(());
        }
        // times until 2262
        let now = now.timestamp_nanos_opt().unwrap_or(i64::MAX - 2 * SECOND);
        let interval = SECOND / i64::from(per_second);
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (full_at, many) = &mut *callers;
        if full_at.len() >= *many {
            full_at.retain(|_, full_at| *full_at > now);
            *many = MANY.max(2 * full_at.len());
        }
        let full_at = full_at.entry(caller).or_insert(now);
        // a clock that was set back does not exclude a caller for longer than a second
        *full_at = (*full_at).clamp(now, now + SECOND);
        let next = *full_at + interval;
        if next > now + SECOND {
            let wait = next - now - SECOND;
            return Err(Duration::from_nanos(wait.unsigned_abs()));
        }
        *full_at = next;
        Ok(())
    }
}

/// The rates of all callers.
#[derive(Debug)]
pub(super) struct Rates {
    tokens: Callers<[u8; 32]>,
    addresses: Callers<IpAddr>,
}

impl Rates {
    pub(super) fn new() -> Self {
        Self {
            tokens: Callers::new(),
            addresses: Callers::new(),
        }
    }

    /// Takes a request of a token, given by its digest. A rate of 0 has no limit.
    ///
    /// # Errors
    /// The token has no request left; the time until it has one.
    pub(super) fn of_token(
        &self,
        digest: &[u8; 32],
        per_second: u32,
        now: DateTime<Utc>,
    ) -> Result<(), Duration> {
        self.tokens.take(*digest, per_second, now)
    }

    /// Takes a request of an address without a valid token. A rate of 0 has no limit.
    ///
    /// # Errors
    /// The address has no request left; the time until it has one.
    pub(super) fn of_address(
        &self,
        address: IpAddr,
        per_second: u32,
        now: DateTime<Utc>,
    ) -> Result<(), Duration> {
        self.addresses.take(address, per_second, now)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn start() -> DateTime<Utc> {
        "2026-11-30T12:00:00Z".parse().expect("a time")
    }

    fn taken(callers: &Callers<u8>, per_second: u32, now: DateTime<Utc>) -> usize {
        let taken = std::iter::repeat_with(|| callers.take(1, per_second, now));
        taken.take(1_000).take_while(Result::is_ok).count()
    }

    #[test]
    fn caller_has_the_requests_of_a_second_at_once() {
        let callers = Callers::new();
        assert_eq!(taken(&callers, 10, start()), 10);
        let wait = callers.take(1, 10, start()).expect_err("none is left");
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(callers.take(2, 10, start()), Ok(()), "of another caller");
        let later = start() + TimeDelta::milliseconds(250);
        assert_eq!(taken(&callers, 10, later), 2);
        assert_eq!(taken(&callers, 10, later + TimeDelta::seconds(60)), 10);
        assert_eq!(taken(&callers, 0, later), 1_000, "no limit");
    }

    #[test]
    fn clock_that_is_set_back_excludes_for_a_second() {
        let callers = Callers::new();
        taken(&callers, 1, start());
        let before = start() - TimeDelta::hours(1);
        assert_eq!(taken(&callers, 1, before), 0);
        let almost = before + TimeDelta::milliseconds(999);
        assert_eq!(taken(&callers, 1, almost), 0);
        assert_eq!(taken(&callers, 1, before + TimeDelta::seconds(1)), 1);
    }

    #[test]
    fn silent_callers_are_removed() {
        let callers = Callers::new();
        for caller in 0..MANY {
            let _ = callers.take(caller, 1, start());
        }
        let later = start() + TimeDelta::seconds(2);
        let _ = callers.take(MANY, 1, later);
        let (full_at, _) = callers.0.into_inner().expect("no panic");
        assert_eq!(full_at.len(), 1);
    }
}
