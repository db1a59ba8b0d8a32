//! The current time of the tested store.

use std::future::Future;

use chrono::{DateTime, Utc};

use super::Subject;
use crate::Clock;

tokio::task_local! {
    static STANDS_AT: Option<DateTime<Utc>>;
}

/// The current time of the tested store. Behaviours take the time only from here.
pub(super) fn now() -> DateTime<Utc> {
    let stands_at = STANDS_AT.try_with(|at| *at).ok().flatten();
    stands_at.unwrap_or_else(|| Clock::system().now())
}

/// Runs a behaviour with the clock of `subject`.
pub async fn by_its_clock<T>(subject: &Subject, behaviour: impl Future<Output = T>) -> T {
    STANDS_AT.scope(subject.stands_at, behaviour).await
}
