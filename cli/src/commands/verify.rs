//! `tickbook verify`.

mod arguments;
mod output;

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use indicatif::HumanCount;
use tickbook::audit::{
    AuditObserver, AuditSettings, AuditSummary, CandleRefresh, Finding, MaterializedCandles,
    Problem, Repair, TickLimits, audit_symbol, audit_trades,
};
use tickbook::domain::{
    PageLimit, Symbol, SymbolReference, TimeRange, Timeframe, TradingHours, earliest_time,
    latest_time, printable,
};
use tickbook::postgres::{Edition, TimeseriesState, missing_symbol_days, timeseries_state};
use tickbook::postgres::{PgCandleRefresh, PgMaterializedCandles};
use tickbook::repository::{SymbolQuery, SymbolRepository};
use tickbook::{Clock, RepositoryError};

use crate::Outcome;
use crate::interruption;
use crate::opening::{connect, full_name, settings as read_settings, symbol};
use crate::progress::TimeBar;
use crate::times::time_text;

pub(crate) use arguments::VerifyArguments;
use output::{Audited, Output};

pub(crate) async fn run(arguments: &VerifyArguments, clock: &Clock) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let config = read_settings()?;
    let opening = async {
        let (repositories, pools) = connect(&config).await?;
        let symbols = symbols(&*repositories.symbols, &arguments.symbols).await?;
        let hours = trading_hours(&*repositories.symbols, &symbols).await?;
        let mut state = timeseries_state(&pools.timeseries(), &config.policies).await?;
        let ids: Vec<_> = symbols.iter().map(|symbol| symbol.symbol_id).collect();
        let range = range(arguments)?;
        let missing = missing_symbol_days(&pools.timeseries(), &ids, range).await?;
        state.problems.extend(missing);
        Ok((repositories, pools, symbols, hours, state))
    };
    let opened = interruption::unless_interrupted(opening).await?;
    let (repositories, pools, symbols, hours, state) = opened;
    let mut settings = settings(arguments, &state, clock.now())?;
    let refresher = PgCandleRefresh::new(pools.timeseries());
    let rows = PgMaterializedCandles::new(pools.timeseries());
    let materialized = state
        .has_aggregates
        .then_some(&rows as &dyn MaterializedCandles);
    let repair = arguments.repair.then_some(Repair::new(
        state
            .has_aggregates
            .then_some(&refresher as &dyn CandleRefresh),
    ));

    let mut teller = Teller {
        output: Output::new(arguments.json, &symbols),
        progress: TimeBar::hidden(),
        failed: None,
        current: AuditSummary::default(),
        reached: None,
    };
    let mut interrupted = None;
    let mut total = state_findings(&state, &settings, &mut teller);
    for symbol in &symbols {
        tracing::info!(symbol = full_name(symbol), "verifying a symbol");
        settings.trading_hours = hours.get(&symbol.exchange).cloned();
        let (id, name) = (symbol.symbol_id, full_name(symbol));
        teller.begin(TimeBar::of_ticks(&repositories, id, settings.range, name).await);
        let (ohlc, of_trades) = (&*repositories.ohlc, settings_of_trades(&settings, &state));
        let auditing = async {
            let ticks = &*repositories.ticks;
            let of_ticks = audit_symbol(
                ticks,
                ohlc,
                materialized,
                id,
                &settings,
                repair,
                &mut teller,
            );
            let mut summary = of_ticks.await?;
            let trades = &*repositories.trades;
            let of_trades = audit_trades(
                trades,
                ohlc,
                materialized,
                id,
                &of_trades,
                repair,
                &mut teller,
            );
            summary.merge(of_trades.await?);
            Ok(summary)
        };
        let summary = tokio::select! {
            biased;
            summary = auditing => Ok(summary),
            signal = interruption::interrupted() => Err(signal),
        };
        teller.progress.finish();
        let summary = match summary {
            Ok(summary) => summary,
            Err(signal) => {
                total.merge(std::mem::take(&mut teller.current));
                interrupted = Some((signal, teller.place(symbol)));
                break;
            }
        };
        total.merge(match summary {
            Err(error @ RepositoryError::Data { .. }) => {
                unreadable(symbol, &error, &settings, &mut teller)
            }
            summary => summary?,
        });
        if let Some(error) = teller.failed.take() {
            return Err(error);
        }
    }
    let edition = match state.edition {
        Edition::Apache => "apache",
        Edition::Community => "community",
    };
    let place = interrupted.as_ref().map(|(_, place)| place.as_str());
    let audited = Audited {
        summary: &total,
        symbols: symbols.len(),
        edition,
        interrupted_at: place,
        elapsed: begun.elapsed(),
    };
    teller.output.summary(&audited, &settings)?;
    if let Some((signal, place)) = interrupted {
        return Err(anyhow::Error::new(signal).context(format!(
            "verification ended early, at {place}: the data counted above was verified, without the candles of \
             that symbol"
        )));
    }
    Ok(if total.left() == 0 {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    })
}

fn range(arguments: &VerifyArguments) -> anyhow::Result<TimeRange> {
    let from = arguments.from.unwrap_or(earliest_time());
    Ok(TimeRange::new(from, arguments.to.unwrap_or(latest_time()))?)
}

fn settings(
    arguments: &VerifyArguments,
    state: &TimeseriesState,
    now: DateTime<Utc>,
) -> anyhow::Result<AuditSettings> {
    let range = range(arguments)?;
    let mut timeframes = arguments.timeframes.clone();
    timeframes.sort_unstable();
    timeframes.dedup();
    if timeframes.is_empty() {
        timeframes = Timeframe::ALL.to_vec();
    }
    let limits = TickLimits::default()
        .gap(arguments.gap)
        .frozen(arguments.frozen)
        .receive_tolerance(arguments.tolerance);
    Ok(AuditSettings::new(range, now)
        .timeframes(timeframes)
        .complete_from(state.complete_from.unwrap_or(earliest_time()))
        .incomplete_ranges(state.incomplete_ranges.clone())
        .limits(limits)
        .skip(BTreeSet::from_iter(arguments.skip.iter().copied())))
}

/// The settings for trades, which are retained apart from ticks.
fn settings_of_trades(settings: &AuditSettings, state: &TimeseriesState) -> AuditSettings {
    let from = state.trades_complete_from.unwrap_or(earliest_time());
    settings
        .clone()
        .complete_from(from)
        .incomplete_ranges(state.trades_incomplete_ranges.clone())
}

async fn symbols(
    repository: &dyn SymbolRepository,
    asked: &[SymbolReference],
) -> anyhow::Result<Vec<Symbol>> {
    let mut symbols = Vec::new();
    for reference in asked {
        symbols.push(symbol(repository, reference).await?);
    }
    if !asked.is_empty() {
        return Ok(symbols);
    }
    let mut query = SymbolQuery::default().limit(PageLimit::MAX);
    loop {
        let page = repository.list(&query).await?;
        symbols.extend(page.items);
        query.after = page.next;
        if query.after.is_none() {
            return Ok(symbols);
        }
    }
}

/// The hours of the exchanges of `symbols` that have sessions, by name.
async fn trading_hours(
    repository: &dyn SymbolRepository,
    symbols: &[Symbol],
) -> anyhow::Result<HashMap<String, TradingHours>> {
    let names: BTreeSet<_> = symbols.iter().map(|symbol| &symbol.exchange).collect();
    let mut hours = HashMap::new();
    for name in names {
        let Some(exchange) = repository.get_exchange(name).await? else {
            continue;
        };
        let context = || format!("the exchange {} has no valid sessions", printable(name));
        if let Some(of_exchange) = exchange.trading_hours().with_context(context)? {
            hours.insert(name.clone(), of_exchange);
        }
    }
    Ok(hours)
}

/// Reports findings about the state of the database itself, once for all symbols.
fn state_findings(
    state: &TimeseriesState,
    settings: &AuditSettings,
    teller: &mut Teller,
) -> AuditSummary {
    let mut summary = AuditSummary::default();
    for problem in &state.problems {
        if settings.skip.contains(&problem.kind) {
            continue;
        }
        let finding = Finding::new(Problem::State(problem.clone()));
        summary.count(&finding);
        teller.finding(&finding);
    }
    summary
}

/// Reports the row that ended the audit of its symbol.
fn unreadable(
    symbol: &Symbol,
    error: &RepositoryError,
    settings: &AuditSettings,
    teller: &mut Teller,
) -> AuditSummary {
    let finding = Finding::new(Problem::Unreadable {
        symbol_id: symbol.symbol_id,
        range: settings.range,
        reason: error.to_string(),
    });
    let mut summary = AuditSummary::default();
    if !settings.skip.contains(&finding.problem.kind()) {
        summary.count(&finding);
        teller.finding(&finding);
    }
    summary
}

struct Teller {
    output: Output,
    progress: TimeBar,
    failed: Option<anyhow::Error>,
    /// Findings and ticks of the current symbol before its audit ends.
    current: AuditSummary,
    reached: Option<DateTime<Utc>>,
}

impl Teller {
    /// Starts the next symbol.
    fn begin(&mut self, progress: TimeBar) {
        self.progress = progress;
        self.current = AuditSummary::default();
        self.reached = None;
    }

    /// `oanda:EURUSD 2014-05-02T00:00:00.000000Z`, or only the symbol before its first day.
    fn place(&self, symbol: &Symbol) -> String {
        let name = full_name(symbol);
        match self.reached {
            Some(time) => format!("{name} {}", time_text(time)),
            None => name,
        }
    }
}

impl AuditObserver for Teller {
    fn finding(&mut self, finding: &Finding) {
        self.current.count(finding);
        let written = self.progress.suspend(|| self.output.finding(finding));
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
    }

    fn progress(&mut self, ticks: u64, reached: DateTime<Utc>) {
        self.current.ticks = ticks;
        self.reached = Some(reached);
        let message = format!(
            "{} ticks, {}",
            HumanCount(ticks),
            reached.format("%Y-%m-%d")
        );
        self.progress.reach(reached, message);
    }
}
