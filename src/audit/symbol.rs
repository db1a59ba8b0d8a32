//! The audit of one symbol, day by day.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::candles::{Comparison, DayCandles, compare, read_day, refresh_windows};
use super::finding::{Finding, Mending, Problem};
use super::fold::{AllFolds, CandleKey};
use super::kind::FindingKind;
use super::repair::{Repair, SEALED};
use super::settings::AuditSettings;
use super::ticks::TickChecks;
use crate::domain::{Candle, CandleSource, PageLimit, PriceBasis, SymbolId, TimeRange, Timeframe};
use crate::error::RepositoryError;
use crate::repository::{CandleQuery, OhlcRepository, TickQuery, TickRepository};

/// How often a day is compared while its ticks keep changing.
const ATTEMPTS: usize = 10;

/// Hears what an audit finds, while it runs.
pub trait AuditObserver: Send {
    /// Something is not as it should be.
    fn finding(&mut self, finding: &Finding);

    /// So many ticks of the symbol have been looked at; all before `reached` is done.
    fn progress(&mut self, ticks: u64, reached: DateTime<Utc>);
}

/// What an audit has looked at and found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditSummary {
    /// Ticks that were looked at.
    pub ticks: u64,
    /// Candles that were compared with their ticks, or found to have none.
    pub candles: u64,
    /// Candles among them that cannot be checked, since ticks of their time may have been dropped.
    pub beyond_ticks: u64,
    /// Candles whose ticks changed at each attempt to compare them.
    pub unsettled: u64,
    /// Findings by kind, those that were mended among them.
    pub findings: BTreeMap<FindingKind, u64>,
    /// Findings that were mended.
    pub mended: u64,
}

impl AuditSummary {
    /// Findings that are still true.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.findings.values().sum::<u64>() - self.mended
    }

    /// Counts a finding.
    pub fn count(&mut self, finding: &Finding) {
        *self.findings.entry(finding.problem.kind()).or_default() += 1;
        if finding.mending == Mending::Mended {
            self.mended += 1;
        }
    }

    /// Adds what another audit led to.
    pub fn merge(&mut self, other: Self) {
        self.ticks += other.ticks;
        self.candles += other.candles;
        self.beyond_ticks += other.beyond_ticks;
        self.unsettled += other.unsettled;
        self.mended += other.mended;
        for (kind, count) in other.findings {
            *self.findings.entry(kind).or_default() += count;
        }
    }
}

/// Looks at all ticks of a symbol and compares its candles with them.
///
/// Buckets that the range cuts, and those that are not over at `settings.now`, are left out. Ticks
/// may arrive meanwhile: a difference is told only if the candle reads the same before and after its
/// ticks were read. With `repair`, candles that differ are made anew day by day: those of a backend
/// that keeps made candles, and stored ones of the source [`SEALED`]; other stored candles stay.
///
/// *Ordering*: findings of a day come after those of the days before. *Memory*: 10,000 ticks and
/// the candles of one day, some 6,000, a few times over.
///
/// # Errors
/// Those of the repositories. A repair that fails is told with its finding.
pub async fn audit_symbol(
    ticks: &dyn TickRepository,
    ohlc: &dyn OhlcRepository,
    symbol_id: SymbolId,
    settings: &AuditSettings,
    repair: Option<Repair<'_>>,
    observer: &mut dyn AuditObserver,
) -> Result<AuditSummary, RepositoryError> {
    let mut audit = Audit {
        ticks,
        ohlc,
        symbol_id,
        settings,
        repair,
        observer,
        checks: TickChecks::new(settings.limits),
        summary: AuditSummary::default(),
    };
    audit.run().await?;
    Ok(audit.summary)
}

struct Audit<'a> {
    ticks: &'a dyn TickRepository,
    ohlc: &'a dyn OhlcRepository,
    symbol_id: SymbolId,
    settings: &'a AuditSettings,
    repair: Option<Repair<'a>>,
    observer: &'a mut dyn AuditObserver,
    checks: TickChecks,
    summary: AuditSummary,
}

impl Audit<'_> {
    async fn run(&mut self) -> Result<(), RepositoryError> {
        let range = self.settings.range;
        let mut from = range.from();
        while from < range.to() {
            let next_day = Timeframe::D1.bucket_start(from) + TimeDelta::days(1);
            let to = next_day.min(range.to());
            let window = TimeRange::new(from, to).map_err(RepositoryError::invalid)?;
            let is_empty = self.day(window).await?;
            self.observer.progress(self.summary.ticks, to);
            from = match is_empty {
                true => self.next_data(to).await?.unwrap_or(range.to()),
                false => to,
            };
        }
        let mut problems = Vec::new();
        self.checks.end(&mut problems);
        self.tell_all(problems);
        Ok(())
    }

    /// Audits the part of a day; whether it has neither ticks nor candles.
    async fn day(&mut self, window: TimeRange) -> Result<bool, RepositoryError> {
        let found = self.read(window).await?;
        let ticks_before = self.summary.ticks;
        let folded = self.fold(window, true).await?;
        let is_empty = found.is_empty() && self.summary.ticks == ticks_before;
        let (comparison, unsettled) = self.settle(window, found, folded).await?;
        self.summary.candles += comparison.compared;
        self.summary.beyond_ticks += comparison.beyond_ticks;
        self.summary.unsettled += unsettled;
        let mut differences = comparison.differences;
        let skip = &self.settings.skip;
        differences.retain(|_, problem| !skip.contains(&problem.kind()));
        let findings = match self.repair {
            Some(repair) if !differences.is_empty() => {
                self.mend(window, differences, repair).await?
            }
            _ => differences
                .into_values()
                .map(|problem| Finding {
                    problem,
                    mending: Mending::NotTried,
                })
                .collect(),
        };
        for finding in findings {
            self.tell(&finding);
        }
        Ok(is_empty)
    }

    /// The differences that are none of ticks which arrive meanwhile, and how many candles kept
    /// changing. `found` was read before `folded`.
    async fn settle(
        &mut self,
        window: TimeRange,
        mut found: DayCandles,
        mut folded: DayCandles,
    ) -> Result<(Comparison, u64), RepositoryError> {
        let mut first = compare(&found, &folded, window, self.settings);
        let mut open = std::mem::take(&mut first.differences);
        for _ in 0..ATTEMPTS {
            if open.is_empty() {
                break;
            }
            let again = self.read(window).await?;
            let mut changed = Vec::new();
            for (key, problem) in open {
                // read the same before and after its ticks: no tick came in between
                if same_values(found.get(&key), again.get(&key)) {
                    first.differences.insert(key, problem);
                } else {
                    changed.push(key);
                }
            }
            if changed.is_empty() {
                return Ok((first, 0));
            }
            found = again;
            folded = self.fold(window, false).await?;
            open = compare(&found, &folded, window, self.settings).differences;
            open.retain(|key, _| changed.contains(key));
        }
        let unsettled = open.len() as u64;
        Ok((first, unsettled))
    }

    /// Makes what differs anew, compares again, and says what became of each.
    async fn mend(
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
                Problem::StoredCandleDiffers { found, ticks } => match &found.source {
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
                    let done = refresh.refresh(&windows).await;
                    done.err().map(|error| failed(&error))
                }
            };
            if let Some(reason) = reason {
                refused.extend(made.iter().map(|key| (*key, reason.clone())));
            }
        }
        self.after_repair(window, differences, &refused).await
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

    async fn read(&self, window: TimeRange) -> Result<DayCandles, RepositoryError> {
        read_day(self.ohlc, self.symbol_id, self.settings, window).await
    }

    /// What the ticks of `window` make; `first` where they are looked at for the first time.
    async fn fold(
        &mut self,
        window: TimeRange,
        first: bool,
    ) -> Result<DayCandles, RepositoryError> {
        let mut query = TickQuery {
            limit: PageLimit::MAX,
            ..TickQuery::new(self.symbol_id, window)
        };
        let mut folds = AllFolds::new(self.symbol_id);
        let mut problems = Vec::new();
        loop {
            let page = self.ticks.range(&query).await?;
            for tick in &page.items {
                folds.add(tick)?;
                if first {
                    self.checks.look(tick, &mut problems);
                }
            }
            if first {
                self.summary.ticks += page.items.len() as u64;
                self.tell_all(std::mem::take(&mut problems));
                if let Some(last) = page.items.last() {
                    self.observer.progress(self.summary.ticks, last.tick_time);
                }
            }
            query.after = page.next;
            if query.after.is_none() {
                return Ok(folds.finish(self.settings.now)?);
            }
        }
    }

    /// The start of the next day at or after `from` that has a tick or a candle.
    async fn next_data(
        &self,
        from: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, RepositoryError> {
        let range = TimeRange::new(from, self.settings.range.to());
        let range = range.map_err(RepositoryError::invalid)?;
        let limit = PageLimit::new(1).map_err(RepositoryError::invalid)?;
        let query = TickQuery {
            limit,
            ..TickQuery::new(self.symbol_id, range)
        };
        let tick = self.ticks.range(&query).await?.items.pop();
        let mut next = tick.map(|tick| tick.tick_time);
        for timeframe in &self.settings.timeframes {
            for basis in PriceBasis::ALL {
                let to = next.unwrap_or(range.to());
                let range = TimeRange::new(from, to).map_err(RepositoryError::invalid)?;
                let query = CandleQuery {
                    limit,
                    ..CandleQuery::new(self.symbol_id, *timeframe, basis, range)
                };
                let candle = self.ohlc.candles(&query).await?.items.pop();
                next = candle.map(|candle| candle.open_time).or(next);
            }
        }
        Ok(next.map(|time| Timeframe::D1.bucket_start(time).max(from)))
    }

    fn tell_all(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            if !self.settings.skip.contains(&problem.kind()) {
                self.tell(&Finding {
                    problem,
                    mending: Mending::NotTried,
                });
            }
        }
    }

    fn tell(&mut self, finding: &Finding) {
        self.summary.count(finding);
        self.observer.finding(finding);
    }
}

fn key_of(candle: &Candle) -> CandleKey {
    (candle.timeframe, candle.basis, candle.open_time)
}

/// Whether both are missing, or equal but for the time of the reading.
fn same_values(one: Option<&Candle>, other: Option<&Candle>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            Candle {
                closed: other.closed,
                ..one.clone()
            } == *other
        }
        (one, other) => one.is_none() && other.is_none(),
    }
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
