//! Fills the gaps of a running feed.

use std::collections::BTreeSet;
use std::time::Duration;

use tickbook::Backoff;
use tickbook::domain::FeedGapKey;
use tokio::time::timeout;

use super::fill_error::FillError;
use super::gap_filler::{FilledGap, GapFiller};

/// The delays between attempts that failed.
const RETRIES: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(600));

impl GapFiller {
    /// Fills the gaps of the feed, also those of earlier runs, for as long as the future is polled. Attempts that may
    /// succeed later are repeated.
    pub async fn run(mut self) {
        let mut delays = RETRIES.delays();
        let mut given_up = BTreeSet::new();
        loop {
            let signal = self.signal.clone();
            match self.fill_all(&mut given_up).await {
                true => {
                    // a gap that has ended just now is not delayed by the failures of others
                    let _ = timeout(delays.next_delay(), signal.ended()).await;
                }
                false => {
                    delays.reset();
                    signal.ended().await;
                }
            }
        }
    }

    /// Fills all gaps that are not in `given_up`. Returns whether some of them may be filled later.
    async fn fill_all(&mut self, given_up: &mut BTreeSet<FeedGapKey>) -> bool {
        let feed = self.feed().to_owned();
        let gaps = match self.unfilled().await {
            Ok(gaps) => gaps,
            Err(error) => {
                tracing::warn!(feed, %error, "the gaps of the feed cannot be read yet");
                return true;
            }
        };
        let mut again = false;
        for gap in gaps {
            if given_up.contains(&gap.key()) {
                continue;
            }
            let (symbol_id, from) = (gap.symbol_id, gap.from);
            match self.fill(&gap).await {
                Ok(FilledGap { stored, .. }) => {
                    tracing::info!(feed, %symbol_id, %from, stored, "a gap of trades is filled");
                }
                // the next trade ends it
                Err(FillError::Lasts) => {}
                Err(error) if error.is_final() => {
                    tracing::warn!(feed, %symbol_id, %from, %error, "a gap of trades stays open");
                    given_up.insert(gap.key());
                }
                Err(error) => {
                    tracing::warn!(feed, %symbol_id, %from, %error, "a gap of trades is not filled yet");
                    again = true;
                }
            }
        }
        again
    }
}
