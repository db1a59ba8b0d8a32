//! The time from the booking of order events to their copy in the time-series database.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use tickbook::domain::Page;
use tickbook::{Clock, RepositoryError, postgres};
use tickbook_ledger::domain::{AccountId, FillReport, HistoryEvent, PositionState, RecordedEvent};
use tickbook_ledger::relay::Relay;
use tickbook_ledger::repository::{
    AccountSequence, HistoryKey, HistoryQuery, HistoryReceipt, OrderHistoryRepository,
};
use tickbook_ledger::{LedgerRepositories, RelayRepositories};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Bench;
use super::ledger_market::{account, event, scope};
use crate::report::Report;
use crate::report::Target::AtMost;
use crate::server::Place;

const ACCOUNTS: u64 = 16;
/// With one event for each account in a turn, 1,000 events a second.
const TURN: Duration = Duration::from_millis(16);
const TURNS: u64 = 625;

impl Bench {
    /// One event per call, 16 accounts, 1,000 events a second for ten seconds, beside a running relay.
    pub(crate) async fn ledger_relay(&self, report: &mut Report) -> Result<()> {
        let place = Place::of_ledger().await?;
        let pools = place.pools_of(ACCOUNTS as u32 + 2);
        postgres::migrate_timeseries(&pools.timeseries())
            .await
            .context("migrations of the time-series database")?;
        let ledger = LedgerRepositories::postgres(pools.metadata());
        let both = RelayRepositories::postgres(&pools);
        let history = Arc::new(Timed::new(both.history));
        let relay = Relay::new(RelayRepositories::new(both.outbox, history.clone()));
        let wakeup = relay.wakeup();
        let mut accounts = Vec::new();
        for number in 0..ACCOUNTS {
            accounts.push(account(&ledger, &format!("bench {number}")).await?);
        }
        let start = Clock::system().now();
        let (mut delays, mut number) = (Vec::new(), 0);
        for round in 0..=self.rounds {
            let writing = async {
                let mut turns = interval(TURN);
                turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
                for _ in 0..TURNS {
                    turns.tick().await;
                    let calls = accounts.iter().map(async |id| {
                        let event = [event(number, start)?];
                        ledger.ledger.append(&scope(), *id, &event, None).await?;
                        wakeup.wake();
                        anyhow::Ok(())
                    });
                    try_join_all(calls).await?;
                    number += 1;
                }
                // the last events are copied
                while history.count() < ACCOUNTS * TURNS {
                    sleep(TURN).await;
                }
                anyhow::Ok(())
            };
            let mut written = Ok(());
            relay.run(async { written = writing.await }).await;
            written?;
            let mut seen = history.take();
            // a batch whose end was interrupted is copied twice; entries whose removal was interrupted
            relay.drain().await?;
            drop(history.take());
            ensure!(
                seen.len() as u64 >= ACCOUNTS * TURNS,
                "{} events",
                seen.len()
            );
            seen.sort_by(f64::total_cmp);
            // the first round opens the connections
            if round > 0 {
                delays.push(seen[seen.len() * 99 / 100]);
            }
        }
        report.add(
            "seconds from an order event to its copy at 1,000 events/s, 99th percentile",
            AtMost(0.25),
            delays,
        );
        Ok(())
    }
}

/// A history that notes the age of each event when it is written.
#[derive(Debug)]
struct Timed {
    history: Arc<dyn OrderHistoryRepository>,
    ages: Mutex<Vec<f64>>,
    clock: Clock,
}

impl Timed {
    fn new(history: Arc<dyn OrderHistoryRepository>) -> Self {
        Self {
            history,
            ages: Mutex::default(),
            clock: Clock::system(),
        }
    }

    fn count(&self) -> u64 {
        self.ages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len() as u64
    }

    fn take(&self) -> Vec<f64> {
        std::mem::take(&mut self.ages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait::async_trait]
impl OrderHistoryRepository for Timed {
    async fn cursors(
        &self,
        ids: &[AccountId],
    ) -> Result<BTreeMap<AccountId, i64>, RepositoryError> {
        self.history.cursors(ids).await
    }

    async fn write(
        &self,
        events: &[HistoryEvent],
        cursors: &[AccountSequence],
    ) -> Result<HistoryReceipt, RepositoryError> {
        let receipt = self.history.write(events, cursors).await?;
        let now = self.clock.now();
        let ages = events.iter().map(|event| {
            let age = (now - event.recorded.recorded_at).to_std();
            age.unwrap_or_default().as_secs_f64()
        });
        let mut noted = self.ages.lock().unwrap_or_else(PoisonError::into_inner);
        noted.extend(ages);
        Ok(receipt)
    }

    async fn events(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<RecordedEvent, HistoryKey>, RepositoryError> {
        self.history.events(query).await
    }

    async fn fills(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<FillReport, HistoryKey>, RepositoryError> {
        self.history.fills(query).await
    }

    async fn positions(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<PositionState, HistoryKey>, RepositoryError> {
        self.history.positions(query).await
    }
}
