//! `tickbook strategies`.

mod output;

use anyhow::bail;
use tickbook::domain::{PageLimit, printable};
use tickbook::repository::SymbolRepository;
use tickbook_ledger::StrategyRepositories;
use tickbook_ledger::domain::{
    AccountScope, DeploymentId, NewDeployment, NewStrategy, NewStrategyVersion, Strategy,
    StrategyId, TenantId,
};
use tickbook_ledger::repository::{
    AccountRepository, DeploymentQuery, StrategyQuery, StrategyRepository, StrategyVersionQuery,
};

use super::ledger::find_account;
use crate::Outcome;
use crate::args::{
    AddVersionArguments, CreateStrategyArguments, DeployArguments, ListStrategiesArguments,
    ShowStrategyArguments, StopArguments, StrategiesCommand,
};
use crate::opening::{connect_strategies, settings, symbol};
use crate::report::{print, print_json};
use output::{DeploymentOutput, StrategyOutput, VersionOutput, WholeStrategy};

pub(crate) async fn run(command: &StrategiesCommand) -> anyhow::Result<Outcome> {
    let (ledger, repositories, symbols) = connect_strategies(&settings()?).await?;
    let StrategyRepositories { strategies, .. } = &repositories;
    match command {
        StrategiesCommand::List(arguments) => list(&**strategies, arguments).await?,
        StrategiesCommand::Show(arguments) => show(&**strategies, arguments).await?,
        StrategiesCommand::Create(arguments) => create(&**strategies, arguments).await?,
        StrategiesCommand::AddVersion(arguments) => {
            add_version(&**strategies, &*symbols, arguments).await?;
        }
        StrategiesCommand::Deploy(arguments) => {
            deploy(&**strategies, &*ledger.accounts, arguments).await?;
        }
        StrategiesCommand::Stop(arguments) => stop(&**strategies, arguments).await?,
    }
    Ok(Outcome::Complete)
}

/// The operator sees all strategies.
fn scope() -> AccountScope {
    AccountScope::all()
}

/// Looks up the strategy with this id or name.
pub(super) async fn find_strategy(
    strategies: &dyn StrategyRepository,
    text: &str,
) -> anyhow::Result<Strategy> {
    if let Ok(id) = text.parse::<i64>()
        && let Some(strategy) = strategies.get(&scope(), StrategyId::new(id)).await?
    {
        return Ok(strategy);
    }
    let query = StrategyQuery::default().name(text);
    let mut found = strategies.list(&scope(), &query).await?.items;
    match (found.pop(), found.is_empty()) {
        (Some(strategy), true) => Ok(strategy),
        (Some(_), false) => bail!(
            "several tenants have a strategy {}: give its id",
            printable(text)
        ),
        (None, _) => bail!(
            "there is no strategy {}: `tickbook strategies list` shows all, `create` creates one",
            printable(text)
        ),
    }
}

async fn list(
    strategies: &dyn StrategyRepository,
    arguments: &ListStrategiesArguments,
) -> anyhow::Result<()> {
    let mut query = StrategyQuery::default().limit(PageLimit::MAX);
    let mut found = Vec::new();
    loop {
        let page = strategies.list(&scope(), &query).await?;
        found.extend(page.items);
        match page.next {
            Some(next) => query = query.after(next),
            None => break,
        }
    }
    if arguments.json {
        return found
            .iter()
            .try_for_each(|strategy| print_json(&StrategyOutput::from(strategy)));
    }
    match found.is_empty() {
        true => {
            eprintln!("there is no strategy");
            Ok(())
        }
        false => print(&output::strategies(&found)),
    }
}

async fn show(
    strategies: &dyn StrategyRepository,
    arguments: &ShowStrategyArguments,
) -> anyhow::Result<()> {
    let strategy = find_strategy(strategies, &arguments.strategy).await?;
    let id = strategy.strategy_id;
    let mut query = StrategyVersionQuery::new(id).limit(PageLimit::MAX);
    let mut versions = Vec::new();
    loop {
        let page = strategies.versions(&scope(), &query).await?;
        versions.extend(page.items);
        match page.next {
            Some(next) => query = query.after(next),
            None => break,
        }
    }
    let running = DeploymentQuery::default().strategy_id(id).running(true);
    let running = running.limit(PageLimit::MAX);
    let deployments = strategies.deployments(&scope(), &running).await?.items;
    let whole = WholeStrategy::new(&strategy, &versions, &deployments);
    match arguments.json {
        true => print_json(&whole),
        false => print(&whole.text()),
    }
}

async fn create(
    strategies: &dyn StrategyRepository,
    arguments: &CreateStrategyArguments,
) -> anyhow::Result<()> {
    let strategy = NewStrategy::new(TenantId::new(arguments.tenant), &arguments.name)
        .description(&arguments.description)
        .class_name(arguments.class_name.clone())
        .strategy_type(arguments.strategy_type.clone());
    let strategy = strategies.create(&scope(), strategy).await?;
    match arguments.json {
        true => print_json(&StrategyOutput::from(&strategy)),
        false => print(&format!("created {}", shown(&strategy))),
    }
}

async fn add_version(
    strategies: &dyn StrategyRepository,
    symbols: &dyn SymbolRepository,
    arguments: &AddVersionArguments,
) -> anyhow::Result<()> {
    let strategy = find_strategy(strategies, &arguments.strategy).await?;
    let mut ids = Vec::new();
    for reference in &arguments.symbols {
        ids.push(symbol(symbols, reference).await?.symbol_id);
    }
    let version = NewStrategyVersion::new(&arguments.code)
        .parameters(arguments.parameters.clone())
        .risk_limits(arguments.risk_limits.clone())
        .symbols(ids)
        .created_by(arguments.created_by.clone());
    let id = strategy.strategy_id;
    let added = strategies.add_version(&scope(), id, version).await?;
    if arguments.json {
        return print_json(&VersionOutput::from(&added.version));
    }
    let what = match added.is_new {
        true => "added",
        false => "unchanged:",
    };
    let (number, name) = (added.version.version, shown(&strategy));
    print(&format!("{what} version {number} of {name}"))
}

async fn deploy(
    strategies: &dyn StrategyRepository,
    accounts: &dyn AccountRepository,
    arguments: &DeployArguments,
) -> anyhow::Result<()> {
    let strategy = find_strategy(strategies, &arguments.strategy).await?;
    let account = find_account(accounts, &arguments.account).await?;
    let (account_id, strategy_id) = (account.account_id, strategy.strategy_id);
    let terms = NewDeployment::new(account_id, strategy_id, arguments.version)
        .allocated_capital(arguments.capital)
        .max_position_size(arguments.max_position_size)
        .max_leverage(arguments.max_leverage);
    let deployment = strategies.deploy(&scope(), terms).await?;
    if arguments.json {
        return print_json(&DeploymentOutput::from(&deployment));
    }
    print(&format!(
        "deployment {}: version {} of {} runs in {} ({account_id})",
        deployment.deployment_id,
        arguments.version,
        shown(&strategy),
        printable(&account.terms.name)
    ))
}

async fn stop(
    strategies: &dyn StrategyRepository,
    arguments: &StopArguments,
) -> anyhow::Result<()> {
    let id = DeploymentId::new(arguments.deployment);
    let deployment = strategies.stop(&scope(), id).await?;
    match arguments.json {
        true => print_json(&DeploymentOutput::from(&deployment)),
        false => print(&format!("stopped deployment {id}")),
    }
}

/// A strategy as shown in texts: `ema_crossover (1)`.
fn shown(strategy: &Strategy) -> String {
    let name = printable(&strategy.terms.name);
    format!("{name} ({})", strategy.strategy_id)
}
