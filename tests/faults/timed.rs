//! A repository that measures its calls, which must not exceed their deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tickbook::RepositoryError;
use tickbook::domain::Tick;
use tickbook::repository::{InsertReceipt, TickRepository};

use crate::site::OVERRUN;
use crate::support::double::{Double, TickCalls};

pub(crate) type Timed = Double<Timing>;

#[derive(Debug)]
pub(crate) struct Timing {
    repository: Arc<dyn TickRepository>,
    deadline: Duration,
    longest_micros: AtomicU64,
}

impl Timed {
    /// Measures calls of `repository`, which must end within `deadline`.
    pub(crate) fn new(repository: Arc<dyn TickRepository>, deadline: Duration) -> Self {
        Double(Timing {
            repository,
            deadline,
            longest_micros: AtomicU64::new(0),
        })
    }
}

impl Timing {
    /// Asserts, if times are asserted, that no write took longer than its deadline and a tolerance.
    pub(crate) fn assert_in_time(&self) {
        let longest = Duration::from_micros(self.longest_micros.load(Ordering::Relaxed));
        println!("the longest write took {longest:?}");
        suite::assert_in_time(longest, self.deadline + OVERRUN);
    }
}

#[async_trait]
impl TickCalls for Timing {
    fn ticks_behind(&self) -> &dyn TickRepository {
        &*self.repository
    }

    async fn insert_batch(&self, ticks: &[Tick]) -> Result<InsertReceipt, RepositoryError> {
        let begun = suite::Watch::start();
        let result = self.repository.insert_batch(ticks).await;
        let took = u64::try_from(begun.of_ours().as_micros()).unwrap_or(u64::MAX);
        self.longest_micros.fetch_max(took, Ordering::Relaxed);
        result
    }
}
