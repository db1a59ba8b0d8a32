//! `tickbook backtests`.

mod output;

use serde::Serialize;
use tickbook::domain::PageLimit;
use tickbook_ledger::domain::{AccountScope, BacktestRunId};
use tickbook_ledger::repository::{BacktestQuery, BacktestRepository};
use tickbook_ledger::{LedgerRepositories, StrategyRepositories, report};

use super::strategies::find_strategy;
use crate::Outcome;
use crate::args::{
    BacktestsCommand, CompareBacktestsArguments, DeleteBacktestsArguments, ListBacktestsArguments,
    ReportArguments, ReportFormat, ShowBacktestArguments,
};
use crate::opening::{connect_strategies, settings};
use crate::output_file::Output;
use crate::output_text::OutputText;
use crate::report::{print, print_json};
use output::{MetricOutput, RunOutput, WholeRun};

pub(crate) async fn run(command: &BacktestsCommand) -> anyhow::Result<Outcome> {
    let (ledger, repositories, _) = connect_strategies(&settings()?).await?;
    let backtests = &*repositories.backtests;
    match command {
        BacktestsCommand::List(arguments) => list(&repositories, arguments).await?,
        BacktestsCommand::Show(arguments) => show(backtests, arguments).await?,
        BacktestsCommand::Compare(arguments) => compare(backtests, arguments).await?,
        BacktestsCommand::Report(arguments) => {
            write_report(&ledger, &repositories, arguments).await?;
        }
        BacktestsCommand::Delete(arguments) => delete(backtests, arguments).await?,
    }
    Ok(Outcome::Complete)
}

/// The operator sees all runs.
fn scope() -> AccountScope {
    AccountScope::all()
}

async fn list(
    repositories: &StrategyRepositories,
    arguments: &ListBacktestsArguments,
) -> anyhow::Result<()> {
    let mut query = BacktestQuery::default()
        .state(arguments.state)
        .limit(PageLimit::MAX);
    if let Some(text) = &arguments.strategy {
        let strategy = find_strategy(&*repositories.strategies, text).await?;
        query = query.strategy_id(strategy.strategy_id);
    }
    let mut found = Vec::new();
    loop {
        let page = repositories.backtests.runs(&scope(), &query).await?;
        found.extend(page.items);
        match page.next {
            Some(next) => query = query.after(next),
            None => break,
        }
    }
    if arguments.json {
        return found
            .iter()
            .try_for_each(|run| print_json(&RunOutput::from(run)));
    }
    match found.is_empty() {
        true => {
            eprintln!("there is no such run");
            Ok(())
        }
        false => print(&output::runs(&found)),
    }
}

async fn show(
    backtests: &dyn BacktestRepository,
    arguments: &ShowBacktestArguments,
) -> anyhow::Result<()> {
    let id = BacktestRunId::new(arguments.run);
    let metrics = backtests.metrics(&scope(), id).await?;
    let artifacts = backtests.artifacts(&scope(), id).await?;
    let mut compared = backtests.compare(&scope(), &[id]).await?;
    let Some(run) = compared.runs.pop() else {
        return Ok(());
    };
    let whole = WholeRun::new(&run, &metrics, &artifacts);
    match arguments.json {
        true => print_json(&whole),
        false => print(&whole.text()),
    }
}

/// A line of the JSON of a comparison.
#[derive(Debug, Serialize)]
struct ComparedOutput<'a> {
    metric: &'a str,
    definition: &'a str,
    /// By the id of the run; absent if a run has no such metric.
    values: Vec<RunValue<'a>>,
}

#[derive(Debug, Serialize)]
struct RunValue<'a> {
    run_id: i64,
    value: Option<String>,
    reason: Option<&'a str>,
}

async fn compare(
    backtests: &dyn BacktestRepository,
    arguments: &CompareBacktestsArguments,
) -> anyhow::Result<()> {
    let ids: Vec<_> = arguments
        .runs
        .iter()
        .copied()
        .map(BacktestRunId::new)
        .collect();
    let compared = backtests.compare(&scope(), &ids).await?;
    if !arguments.json {
        return print(&output::comparison(&compared));
    }
    for metric in &compared.metrics {
        let values = compared.runs.iter().zip(&metric.values);
        let values = values.filter_map(|(run, value)| {
            let value = value.as_ref()?;
            Some(RunValue {
                run_id: run.run_id.get(),
                value: value.value().map(|it| it.to_string()),
                reason: value.reason(),
            })
        });
        print_json(&ComparedOutput {
            metric: &metric.metric,
            definition: &metric.definition,
            values: values.collect(),
        })?;
    }
    Ok(())
}

async fn write_report(
    ledger: &LedgerRepositories,
    repositories: &StrategyRepositories,
    arguments: &ReportArguments,
) -> anyhow::Result<()> {
    let output = Output::open(arguments.output.as_deref(), arguments.force)?;
    let id = BacktestRunId::new(arguments.run);
    let report = report::load(&scope(), &*ledger.accounts, repositories, id).await?;
    let text = match arguments.format {
        ReportFormat::Html => report.to_html(),
        ReportFormat::Json => format!("{}\n", report.to_json()),
    };
    let mut file = OutputText::create(output);
    file.write(text.into_bytes()).await;
    file.finish().await
}

async fn delete(
    backtests: &dyn BacktestRepository,
    arguments: &DeleteBacktestsArguments,
) -> anyhow::Result<()> {
    for id in &arguments.runs {
        let deleted = backtests.delete(&scope(), BacktestRunId::new(*id)).await?;
        match arguments.json {
            true => print_json(&output::DeletedOutput::from(deleted))?,
            false => print(&format!(
                "deleted run {id} with account {} and {} events",
                deleted.account_id, deleted.events
            ))?,
        }
    }
    Ok(())
}

impl<'a> From<&'a tickbook_ledger::domain::BacktestMetric> for MetricOutput<'a> {
    fn from(metric: &'a tickbook_ledger::domain::BacktestMetric) -> Self {
        Self {
            metric: &metric.metric,
            definition: &metric.definition,
            value: metric.value.value().map(|it| it.to_string()),
            reason: metric.value.reason(),
        }
    }
}
