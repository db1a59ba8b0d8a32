//! `tickbook exchanges`.

use anyhow::bail;
use serde::Serialize;
use tickbook::domain::{Exchange, ExchangeFacts, PageLimit, printable, session_texts};
use tickbook::repository::{ExchangeQuery, SymbolRepository};

use crate::Outcome;
use crate::args::{
    CreateExchangeArguments, DescribeExchangeArguments, ExchangeFactArguments, ExchangesCommand,
    GivenSessions, ListExchangesArguments, ShowExchangeArguments,
};
use crate::opening::{connect_symbols, settings};
use crate::report::{print, print_json};
use crate::symbol_output::{ChangeOutput, change_lines};
use crate::table::table;

const HEADER: [&str; 4] = ["NAME", "CODE", "TIME ZONE", "DESCRIPTION"];

/// The result of a command that changes an exchange.
#[derive(Debug, Serialize)]
struct ChangedExchange {
    exchange: Exchange,
    changes: Vec<ChangeOutput>,
}

pub(crate) async fn run(command: &ExchangesCommand) -> anyhow::Result<Outcome> {
    let symbols = connect_symbols(&settings()?).await?;
    match command {
        ExchangesCommand::List(arguments) => list(&*symbols, arguments).await?,
        ExchangesCommand::Show(arguments) => show(&*symbols, arguments).await?,
        ExchangesCommand::Create(arguments) => create(&*symbols, arguments).await?,
        ExchangesCommand::Describe(arguments) => describe(&*symbols, arguments).await?,
    }
    Ok(Outcome::Complete)
}

async fn list(
    symbols: &dyn SymbolRepository,
    arguments: &ListExchangesArguments,
) -> anyhow::Result<()> {
    let mut query = ExchangeQuery::default();
    query.limit = PageLimit::MAX;
    let mut rows = Vec::new();
    loop {
        let page = symbols.list_exchanges(&query).await?;
        for exchange in page.items {
            match arguments.json {
                true => print_json(&exchange)?,
                false => rows.push(row(exchange)),
            }
        }
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    match (arguments.json, rows.is_empty()) {
        (true, _) => Ok(()),
        (false, true) => {
            eprintln!("there is no exchange yet");
            Ok(())
        }
        (false, false) => print(&table(HEADER, &rows)),
    }
}

fn row(exchange: Exchange) -> [String; HEADER.len()] {
    [
        exchange.name,
        exchange.code.unwrap_or_default(),
        exchange.time_zone.unwrap_or_default(),
        exchange.description,
    ]
}

async fn show(
    symbols: &dyn SymbolRepository,
    arguments: &ShowExchangeArguments,
) -> anyhow::Result<()> {
    let exchange = existing(symbols, &arguments.exchange).await?;
    if arguments.json {
        return print_json(&exchange);
    }
    let mut rows = vec![
        ["name".to_owned(), exchange.name],
        ["description".to_owned(), exchange.description],
        ["code".to_owned(), exchange.code.unwrap_or_default()],
        [
            "time zone".to_owned(),
            exchange.time_zone.unwrap_or_default(),
        ],
    ];
    let sessions = session_texts(&exchange.sessions);
    rows.extend(
        sessions
            .into_iter()
            .map(|text| ["session".to_owned(), text]),
    );
    rows.retain(|[_, value]| !value.is_empty());
    let lines = rows
        .iter()
        .map(|[field, value]| format!("{field:<11}  {}", printable(value)));
    print(&lines.collect::<Vec<_>>().join("\n"))
}

async fn existing(symbols: &dyn SymbolRepository, name: &str) -> anyhow::Result<Exchange> {
    match symbols.get_exchange(name).await? {
        Some(exchange) => Ok(exchange),
        None => bail!(
            "there is no exchange {}: `tickbook exchanges list` shows all, `create` creates one",
            printable(name)
        ),
    }
}

async fn create(
    symbols: &dyn SymbolRepository,
    arguments: &CreateExchangeArguments,
) -> anyhow::Result<()> {
    let named = Exchange::named(&arguments.exchange);
    let exchange = named.described(&facts(&arguments.facts))?;
    symbols.create_exchange(&exchange).await?;
    match arguments.json {
        true => print_json(&exchange),
        false => print(&format!("created {}", printable(&exchange.name))),
    }
}

async fn describe(
    symbols: &dyn SymbolRepository,
    arguments: &DescribeExchangeArguments,
) -> anyhow::Result<()> {
    let name = &arguments.exchange;
    let before = existing(symbols, name).await?;
    let facts = facts(&arguments.facts);
    let exchange = symbols.describe_exchange(name, &facts).await?;
    let changes = before.changes(&exchange).into_iter();
    let changes: Vec<_> = changes.map(ChangeOutput::from).collect();
    if arguments.json {
        return print_json(&ChangedExchange { exchange, changes });
    }
    let lines = change_lines(&exchange.name, &changes);
    lines.iter().try_for_each(|line| print(line))
}

fn facts(given: &ExchangeFactArguments) -> ExchangeFacts {
    let mut facts = ExchangeFacts::default();
    facts.description.clone_from(&given.description);
    facts.code.clone_from(&given.code);
    facts.time_zone.clone_from(&given.time_zone);
    let sessions = |given: &Vec<GivenSessions>| given.iter().flat_map(|it| it.0.clone()).collect();
    facts.sessions = given.sessions.as_ref().map(sessions);
    facts
}
