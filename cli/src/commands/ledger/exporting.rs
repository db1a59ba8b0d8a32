//! `tickbook ledger export`.

use std::time::Instant;

use serde::Serialize;
use tickbook::domain::PageLimit;
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::repository::OrderEventQuery;

use super::{find_account, scope};
use crate::Outcome;
use crate::args::ExportLedgerArguments;
use crate::output_file::Output;
use crate::output_text::OutputText;
use crate::report::{print_json, print_json_to_stderr, seconds};

/// The output of `--json`.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    account_id: i64,
    name: &'a str,
    events: u64,
    output: Option<String>,
    seconds: f64,
}

pub(super) async fn run(
    ledger: &LedgerRepositories,
    arguments: &ExportLedgerArguments,
) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let output = Output::open(arguments.output.as_deref(), arguments.force)?;
    let account = find_account(&*ledger.accounts, &arguments.account).await?;
    let is_stdout = matches!(output, Output::Stdout);
    let path = arguments.output.as_ref().filter(|_| !is_stdout);
    let mut file = OutputText::create(output);
    let mut query = OrderEventQuery::new(account.account_id).limit(PageLimit::MAX);
    let mut events: u64 = 0;
    loop {
        let page = ledger.ledger.events(&scope(), &query).await?;
        let mut text = Vec::new();
        for recorded in &page.items {
            serde_json::to_writer(&mut text, &recorded.event)?;
            text.push(b'\n');
        }
        events += page.items.len() as u64;
        if !file.write(text).await {
            break;
        }
        match page.next {
            Some(next) => query = query.after(next),
            None => break,
        }
    }
    file.finish().await?;
    if arguments.json {
        let summary = Summary {
            account_id: account.account_id.get(),
            name: &account.terms.name,
            events,
            output: path.map(|path| path.display().to_string()),
            seconds: seconds(begun.elapsed()),
        };
        match path {
            Some(_) => print_json(&summary)?,
            None => print_json_to_stderr(&summary)?,
        }
    } else if let Some(path) = path {
        eprintln!("{events} events in {}", path.display());
    }
    Ok(Outcome::Complete)
}
