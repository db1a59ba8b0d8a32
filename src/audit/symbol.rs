//! The audit of one symbol, day by day.

use chrono::{DateTime, TimeDelta, Utc};

use super::candles::{Comparison, ReadDay, compare_all, read_day};
use super::finding::{Finding, Problem, RepairOutcome};
use super::fold::{AllFolds, DayCandles};
use super::materialized::{MaterializedCandles, MaterializedDay};
use super::repair::Repair;
use super::rows::Rows;
use super::settings::AuditSettings;
use super::summary::AuditSummary;
use super::ticks::TickChecks;
use super::unreadable::{first_candle, is_unreadable};
use crate::domain::{CandleInput, PageLimit, SymbolId, TimeRange, Timeframe};
use crate::error::RepositoryError;
use crate::repository::{
    CandleQuery, OhlcRepository, TickQuery, TickRepository, TradeQuery, TradeRepository,
};

/// Maximum number of comparisons of a day whose ticks keep changing.
const ATTEMPTS: usize = 10;

/// Receives the findings and the progress of an audit while it runs.
///
/// # Examples
///
/// ```
/// use chrono::{DateTime, Utc};
/// use tickbook::audit::{AuditObserver, Finding};
///
/// /// Prints findings and progress.
/// struct Printing;
///
/// impl AuditObserver for Printing {
///     fn finding(&mut self, finding: &Finding) {
///         println!("{}", finding.problem);
///     }
///
///     fn progress(&mut self, ticks: u64, reached: DateTime<Utc>) {
///         eprintln!("{ticks} ticks, up to {reached}");
///     }
/// }
/// ```
pub trait AuditObserver: Send {
    /// Reports a finding.
    fn finding(&mut self, finding: &Finding);

    /// Reports the number of ticks or trades read so far; everything before `reached` is done.
    fn progress(&mut self, ticks: u64, reached: DateTime<Utc>);
}

pub(super) struct Audit<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) ohlc: &'a dyn OhlcRepository,
    materialized: Option<&'a dyn MaterializedCandles>,
    pub(super) symbol_id: SymbolId,
    pub(super) settings: &'a AuditSettings,
    repair: Option<Repair<'a>>,
    observer: &'a mut dyn AuditObserver,
    checks: TickChecks,
    pub(super) summary: AuditSummary,
}

impl<'a> Audit<'a> {
    pub(super) fn new(
        rows: Rows<'a>,
        ohlc: &'a dyn OhlcRepository,
        materialized: Option<&'a dyn MaterializedCandles>,
        symbol_id: SymbolId,
        settings: &'a AuditSettings,
        repair: Option<Repair<'a>>,
        observer: &'a mut dyn AuditObserver,
    ) -> Self {
        Self {
            rows,
            ohlc,
            materialized,
            symbol_id,
            settings,
            repair,
            observer,
            checks: TickChecks::new(settings.limits, settings.trading_hours.clone()),
            summary: AuditSummary::default(),
        }
    }
}

impl Audit<'_> {
    /// Reports an unreadable row in `window`. Returns that the window is not empty.
    pub(super) fn report_unreadable(
        &mut self,
        window: TimeRange,
        error: RepositoryError,
    ) -> Result<bool, RepositoryError> {
        if !is_unreadable(&error) {
            return Err(error);
        }
        let problem = Problem::Unreadable {
            symbol_id: self.symbol_id,
            range: window,
            reason: error.to_string(),
        };
        if !self.settings.skip.contains(&problem.kind()) {
            self.report(&Finding {
                problem,
                repair_outcome: RepairOutcome::NotTried,
            });
        }
        Ok(false)
    }

    pub(super) async fn run(mut self) -> Result<AuditSummary, RepositoryError> {
        let range = self.settings.range;
        let mut from = range.start();
        while from < range.end() {
            let next_day = Timeframe::D1.bucket_start(from) + TimeDelta::days(1);
            let to = next_day.min(range.end());
            let window = TimeRange::new(from, to).map_err(RepositoryError::invalid)?;
            let is_empty = match self.day(window).await {
                Err(error) => self.report_unreadable(window, error)?,
                Ok(is_empty) => is_empty,
            };
            self.observer.progress(self.summary.rows(), to);
            from = match is_empty {
                true => self.next_data(to).await?.unwrap_or(range.end()),
                false => to,
            };
        }
        let mut problems = Vec::new();
        self.checks.end(&mut problems);
        self.report_all(problems);
        Ok(self.summary)
    }

    /// Audits a day or the part of it in `window`. Returns whether it has neither ticks nor candles.
    async fn day(&mut self, window: TimeRange) -> Result<bool, RepositoryError> {
        let found = self.read(window).await;
        let rows_before = self.summary.rows();
        // check the rows even if the candles cannot be read
        let folded = match &found {
            Err(error) if !is_unreadable(error) => DayCandles::new(),
            _ => self.fold(window, true).await?,
        };
        let found = found?;
        let is_empty = found.read.is_empty() && self.summary.rows() == rows_before;
        let (comparison, unstable) = self.confirm_differences(window, found, folded).await?;
        self.summary.candles += comparison.compared;
        self.summary.uncheckable += comparison.uncheckable;
        self.summary.unstable += unstable;
        let mut differences = comparison.differences;
        let skip = &self.settings.skip;
        differences.retain(|_, problem| !skip.contains(&problem.kind()));
        let findings = match self.repair {
            Some(repair) if !(differences.is_empty() && comparison.waiting.is_empty()) => {
                let waiting = comparison.waiting;
                self.repair_day(window, differences, waiting, repair)
                    .await?
            }
            _ => differences
                .into_values()
                .map(|problem| Finding {
                    problem,
                    repair_outcome: RepairOutcome::NotTried,
                })
                .collect(),
        };
        for finding in findings {
            self.report(&finding);
        }
        Ok(is_empty)
    }

    /// Separates real differences from differences due to ticks that arrive during the audit. Returns the
    /// real differences and the number of candles that kept changing. `found` was read before `folded`.
    pub(super) async fn confirm_differences(
        &mut self,
        window: TimeRange,
        mut found: ReadDay,
        mut folded: DayCandles,
    ) -> Result<(Comparison, u64), RepositoryError> {
        let mut first = compare_all(&found, &folded, window, self.settings);
        let mut open = std::mem::take(&mut first.differences);
        for _ in 0..ATTEMPTS {
            if open.is_empty() {
                break;
            }
            let again = self.read(window).await?;
            let mut changed = Vec::new();
            for (key, problem) in open {
                // the candle is the same before and after the ticks were read, so no tick arrived in
                // between
                if found.is_same(&again, &key, &problem) {
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
            open = compare_all(&found, &folded, window, self.settings).differences;
            open.retain(|key, _| changed.contains(key));
        }
        let unstable = open.len() as u64;
        Ok((first, unstable))
    }

    pub(super) async fn read(&self, window: TimeRange) -> Result<ReadDay, RepositoryError> {
        let materialized_day = match self.materialized {
            Some(materialized) => {
                let input = self.rows.input();
                Some(materialized.rows(self.symbol_id, input, window).await?)
            }
            None => None,
        };
        Ok(ReadDay {
            read: read_day(
                self.ohlc,
                self.symbol_id,
                self.settings,
                self.rows.input(),
                window,
            )
            .await?,
            materialized_day: materialized_day.map(MaterializedDay::new),
        })
    }

    /// Folds the rows of `window` into candles; `first` also checks and counts them.
    pub(super) async fn fold(
        &mut self,
        window: TimeRange,
        first: bool,
    ) -> Result<DayCandles, RepositoryError> {
        match self.rows {
            Rows::Ticks(ticks) => self.fold_ticks(ticks, window, first).await,
            Rows::Trades(trades) => self.fold_trades(trades, window, first).await,
        }
    }

    async fn fold_trades(
        &mut self,
        trades: &dyn TradeRepository,
        window: TimeRange,
        first: bool,
    ) -> Result<DayCandles, RepositoryError> {
        let mut query = TradeQuery::new(self.symbol_id, window).limit(PageLimit::MAX);
        let mut folds = AllFolds::new(self.symbol_id, CandleInput::Trades);
        loop {
            let page = trades.range(&query).await?;
            for trade in &page.items {
                folds.add(trade)?;
            }
            if first {
                self.summary.trades += page.items.len() as u64;
                if let Some(last) = page.items.last() {
                    self.observer.progress(self.summary.rows(), last.trade_time);
                }
            }
            query.after = page.next;
            if query.after.is_none() {
                return Ok(folds.finish(self.settings.now)?);
            }
        }
    }

    async fn fold_ticks(
        &mut self,
        ticks: &dyn TickRepository,
        window: TimeRange,
        first: bool,
    ) -> Result<DayCandles, RepositoryError> {
        let mut query = TickQuery {
            limit: PageLimit::MAX,
            ..TickQuery::new(self.symbol_id, window)
        };
        let mut folds = AllFolds::new(self.symbol_id, CandleInput::Ticks);
        let mut problems = Vec::new();
        loop {
            let page = ticks.range(&query).await?;
            for tick in &page.items {
                folds.add(tick)?;
                if first {
                    self.checks.check(tick, &mut problems);
                }
            }
            if first {
                self.summary.ticks += page.items.len() as u64;
                self.report_all(std::mem::take(&mut problems));
                if let Some(last) = page.items.last() {
                    self.observer.progress(self.summary.rows(), last.tick_time);
                }
            }
            query.after = page.next;
            if query.after.is_none() {
                return Ok(folds.finish(self.settings.now)?);
            }
        }
    }

    /// The start of the next day at or after `from` that has a tick or trade, or a candle.
    async fn next_data(
        &self,
        from: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, RepositoryError> {
        let range = TimeRange::new(from, self.settings.range.end());
        let range = range.map_err(RepositoryError::invalid)?;
        let limit = PageLimit::new(1).map_err(RepositoryError::invalid)?;
        let mut next = self.rows.first_time(self.symbol_id, range).await?;
        for timeframe in &self.settings.timeframes {
            for &basis in self.rows.input().bases() {
                let to = next.unwrap_or(range.end());
                let range = TimeRange::new(from, to).map_err(RepositoryError::invalid)?;
                let query = CandleQuery {
                    limit,
                    ..CandleQuery::new(self.symbol_id, *timeframe, basis, range)
                };
                next = first_candle(self.ohlc, query).await?.or(next);
            }
        }
        Ok(next.map(|time| Timeframe::D1.bucket_start(time).max(from)))
    }

    fn report_all(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            if !self.settings.skip.contains(&problem.kind()) {
                self.report(&Finding {
                    problem,
                    repair_outcome: RepairOutcome::NotTried,
                });
            }
        }
    }

    pub(super) fn report(&mut self, finding: &Finding) {
        self.summary.count(finding);
        self.observer.finding(finding);
    }
}
