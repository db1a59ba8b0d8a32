//! Repair of the candles of one day.

use std::collections::BTreeMap;

use super::candles::{day_windows, refresh_windows};
use super::finding::{Finding, Problem, RepairOutcome};
use super::fold::CandleKey;
use super::repair::{CandleRefresh, Repair};
use super::symbol::Audit;
use crate::domain::{Candle, CandleSource, TimeRange};
use crate::error::RepositoryError;
use crate::retention::RefreshWindow;

/// Maximum number of repairs of a day: larger candles depend on repaired ones, and ticks may arrive
/// meanwhile.
const ROUNDS: usize = 5;

type Problems = BTreeMap<CandleKey, Problem>;

/// The reasons why candles cannot be recomputed.
type RefusedRepairs = BTreeMap<CandleKey, String>;

impl Audit<'_> {
    /// Recomputes the differing candles and compares again until no difference is left or a repair changes
    /// nothing. Returns the result for each of `differences`. Recomputes the rows of `waiting` as well.
    pub(super) async fn repair_day(
        &mut self,
        window: TimeRange,
        differences: Problems,
        waiting: Problems,
        repair: Repair<'_>,
    ) -> Result<Vec<Finding>, RepositoryError> {
        let mut left = differences.clone();
        let mut open = waiting;
        open.extend(differences.clone());
        let mut refused = RefusedRepairs::new();
        for _ in 0..ROUNDS {
            refused = self.recompute(window, &open, repair).await?;
            let found = self.read(window).await?;
            let folded = self.fold(window, false).await?;
            let (comparison, _) = self.confirm_differences(window, found, folded).await?;
            left = comparison.differences;
            let mut again = comparison.waiting;
            again.extend(left.clone());
            let is_refused = |key: &CandleKey| refused.contains_key(key);
            if again == open || again.keys().all(is_refused) {
                break;
            }
            open = again;
        }
        Ok(self.findings(differences, left, &refused))
    }

    /// Recomputes `differences` whose ticks are retained, and returns the reasons for all others.
    async fn recompute(
        &self,
        window: TimeRange,
        differences: &Problems,
        repair: Repair<'_>,
    ) -> Result<RefusedRepairs, RepositoryError> {
        let mut refused = RefusedRepairs::new();
        let mut recomputed = Vec::new();
        let mut downsampled = Vec::new();
        for (key, problem) in differences {
            let may_be_dropped = key.2 < self.settings.complete_from;
            match problem {
                Problem::CandleTicksGone { .. } => {
                    refused.insert(*key, ticks_dropped());
                }
                Problem::StoredCandleDiffers { found, ticks } => match &found.source {
                    CandleSource::Stored(by)
                        if by == CandleSource::DOWNSAMPLED
                            && self.may_include_dropped_ticks(key, problem) =>
                    {
                        refused.insert(*key, ticks_dropped());
                    }
                    CandleSource::Stored(by)
                        if by == CandleSource::DOWNSAMPLED && may_be_dropped =>
                    {
                        refused.insert(*key, ticks_dropped());
                    }
                    CandleSource::Stored(by) if by == CandleSource::DOWNSAMPLED => downsampled
                        .push(Candle {
                            source: found.source.clone(),
                            ..ticks.clone()
                        }),
                    CandleSource::Stored(by) => {
                        refused.insert(*key, imported(by));
                    }
                    // computed from stored smaller candles, which may be repaired now
                    _ => {}
                },
                _ if may_be_dropped => {
                    refused.insert(*key, ticks_dropped());
                }
                _ => recomputed.push(*key),
            }
        }
        if !downsampled.is_empty()
            && let Err(error) = self.ohlc.upsert_candles(&downsampled).await
        {
            let keys = downsampled.iter().map(key_of);
            refused.extend(keys.map(|key| (key, failed(&error))));
        }
        if !recomputed.is_empty() {
            let reason = match repair.refresh {
                None => Some(computed()),
                Some(refresh) => match self.refresh(window, &recomputed, refresh).await {
                    Ok(left_out) => {
                        refused.extend(left_out.into_iter().map(|key| (key, ticks_dropped())));
                        None
                    }
                    Err(error) => Some(failed(&error)),
                },
            };
            if let Some(reason) = reason {
                refused.extend(recomputed.iter().map(|key| (*key, reason.clone())));
            }
        }
        Ok(refused)
    }

    /// Recomputes the day of `window`. Retries each of `keys` that lies in a skipped part, since the ticks of
    /// another candle there may be the cause. Returns the keys that were skipped again.
    async fn refresh(
        &self,
        window: TimeRange,
        keys: &[CandleKey],
        refresh: &dyn CandleRefresh,
    ) -> Result<Vec<CandleKey>, RepositoryError> {
        let left_out = refresh
            .refresh(&day_windows(self.rows.input(), window, self.settings))
            .await?;
        let keys = within(keys, &left_out);
        if keys.is_empty() {
            return Ok(keys);
        }
        let windows = refresh_windows(self.rows.input(), &keys, self.settings);
        let left_out = refresh.refresh(&windows).await?;
        Ok(within(&keys, &left_out))
    }

    /// Whether a candle may include ticks that were dropped.
    fn may_include_dropped_ticks(&self, key: &CandleKey, problem: &Problem) -> bool {
        let compared = problem.candles();
        let Some(found) = compared.found else {
            return false;
        };
        let stored = compared.expected.map_or(0, |ticks| ticks.tick_count);
        self.settings.is_incomplete(key.2, found.close_time()) && found.tick_count > stored
    }

    /// The findings of `differences`, of which `left` remain, and of differences that appeared during the
    /// repair.
    fn findings(
        &self,
        differences: Problems,
        mut left: Problems,
        refused: &RefusedRepairs,
    ) -> Vec<Finding> {
        let mut findings: Vec<_> = differences
            .into_iter()
            .map(|(key, problem)| {
                let repair_outcome = match left.remove(&key) {
                    None => RepairOutcome::Repaired,
                    Some(_) => RepairOutcome::NotRepaired {
                        reason: refused.get(&key).cloned().unwrap_or_else(still),
                    },
                };
                Finding {
                    problem,
                    repair_outcome,
                }
            })
            .collect();
        let skip = &self.settings.skip;
        let others = left
            .into_values()
            .filter(|problem| !skip.contains(&problem.kind()));
        findings.extend(others.map(|problem| Finding {
            problem,
            repair_outcome: RepairOutcome::NotRepaired { reason: still() },
        }));
        findings
    }
}

/// The `keys` that begin in one of `windows` of their timeframe.
fn within(keys: &[CandleKey], windows: &[RefreshWindow]) -> Vec<CandleKey> {
    let is_within = |key: &&CandleKey| {
        let has = |it: &RefreshWindow| it.timeframe == key.0 && it.range.contains(key.2);
        windows.iter().any(has)
    };
    keys.iter().filter(is_within).copied().collect()
}

fn key_of(candle: &Candle) -> CandleKey {
    (candle.timeframe, candle.basis, candle.open_time)
}

fn ticks_dropped() -> String {
    "ticks of its time may have been dropped, so it cannot be recomputed".to_owned()
}

fn imported(by: &str) -> String {
    format!(
        "it was stored by {by:?} and takes precedence over ticks: import it again, or delete it"
    )
}

fn computed() -> String {
    "this backend computes candles at every read, so there is nothing to recompute: report this as \
     a defect"
        .to_owned()
}

fn failed(error: &RepositoryError) -> String {
    format!("the repair failed: {error}")
}

fn still() -> String {
    "it still differs after a refresh".to_owned()
}
