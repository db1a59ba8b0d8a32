//! Making the candles of a day right.

use std::collections::BTreeMap;

use super::candles::refresh_windows;
use super::finding::{Finding, Mending, Problem};
use super::fold::CandleKey;
use super::repair::{Repair, SEALED};
use super::symbol::Audit;
use crate::domain::{Candle, CandleSource, TimeRange};
use crate::error::RepositoryError;
use crate::policies::RefreshWindow;

impl Audit<'_> {
    /// Makes what differs anew, compares again, and says what became of each.
    pub(super) async fn mend(
        &mut self,
        window: TimeRange,
        differences: BTreeMap<CandleKey, Problem>,
        repair: Repair<'_>,
    ) -> Result<Vec<Finding>, RepositoryError> {
        let mut refused: BTreeMap<CandleKey, String> = BTreeMap::new();
        let mut made = Vec::new();
        let mut sealed = Vec::new();
        for (key, problem) in &differences {
            let may_be_gone = key.2 < self.settings.complete_from;
            match problem {
                Problem::CandleTicksGone { .. } => {
                    refused.insert(*key, gone());
                }
                Problem::StoredCandleDiffers { found, ticks } => match &found.source {
                    CandleSource::Stored(by) if by == SEALED && self.knows_more(key, problem) => {
                        refused.insert(*key, gone());
                    }
                    CandleSource::Stored(by) if by == SEALED && may_be_gone => {
                        refused.insert(*key, gone());
                    }
                    CandleSource::Stored(by) if by == SEALED => sealed.push(Candle {
                        source: found.source.clone(),
                        ..ticks.clone()
                    }),
                    CandleSource::Stored(by) => {
                        refused.insert(*key, imported(by));
                    }
                    // made of stored smaller ones, which may be mended now
                    _ => {}
                },
                _ if may_be_gone => {
                    refused.insert(*key, gone());
                }
                _ => made.push(*key),
            }
        }
        if !sealed.is_empty()
            && let Err(error) = self.ohlc.upsert_candles(&sealed).await
        {
            let keys = sealed.iter().map(key_of);
            refused.extend(keys.map(|key| (key, failed(&error))));
        }
        if !made.is_empty() {
            let reason = match repair.refresh {
                None => Some(computed()),
                Some(refresh) => {
                    let windows = refresh_windows(&made, self.settings);
                    match refresh.refresh(&windows).await {
                        Ok(left_out) => {
                            let is_left_out = |key: &&CandleKey| {
                                let has = |it: &RefreshWindow| {
                                    it.timeframe == key.0 && it.range.contains(key.2)
                                };
                                left_out.iter().any(has)
                            };
                            let keys = made.iter().filter(is_left_out);
                            refused.extend(keys.map(|key| (*key, gone())));
                            None
                        }
                        Err(error) => Some(failed(&error)),
                    }
                }
            };
            if let Some(reason) = reason {
                refused.extend(made.iter().map(|key| (*key, reason.clone())));
            }
        }
        self.after_repair(window, differences, &refused).await
    }

    /// Whether a candle knows ticks that may have gone.
    fn knows_more(&self, key: &CandleKey, problem: &Problem) -> bool {
        let (Some(found), ticks) = problem.candles() else {
            return false;
        };
        let stored = ticks.map_or(0, |ticks| ticks.tick_count);
        self.settings.is_doubtful(key.2, found.close_time()) && found.tick_count > stored
    }

    async fn after_repair(
        &mut self,
        window: TimeRange,
        differences: BTreeMap<CandleKey, Problem>,
        refused: &BTreeMap<CandleKey, String>,
    ) -> Result<Vec<Finding>, RepositoryError> {
        let found = self.read(window).await?;
        let folded = self.fold(window, false).await?;
        let (comparison, _) = self.settle(window, found, folded).await?;
        let mut left = comparison.differences;
        let mut findings: Vec<_> = differences
            .into_iter()
            .map(|(key, problem)| {
                let mending = match left.remove(&key) {
                    None => Mending::Mended,
                    Some(_) => Mending::NotMended {
                        reason: refused.get(&key).cloned().unwrap_or_else(still),
                    },
                };
                Finding { problem, mending }
            })
            .collect();
        let skip = &self.settings.skip;
        let others = left
            .into_values()
            .filter(|problem| !skip.contains(&problem.kind()));
        findings.extend(others.map(|problem| Finding {
            problem,
            mending: Mending::NotMended { reason: still() },
        }));
        Ok(findings)
    }
}

fn key_of(candle: &Candle) -> CandleKey {
    (candle.timeframe, candle.basis, candle.open_time)
}

fn gone() -> String {
    "ticks of its time may have been dropped, so that it cannot be made anew".to_owned()
}

fn imported(by: &str) -> String {
    format!("it was stored by {by:?} and wins on purpose: import it again, or delete it")
}

fn computed() -> String {
    "candles are computed at every read here, so that there is nothing to make anew: \
     report this as a defect"
        .to_owned()
}

fn failed(error: &RepositoryError) -> String {
    format!("the repair failed: {error}")
}

fn still() -> String {
    "it still differs after it was made anew".to_owned()
}
