//! `tickbook aggregates apply`.

use serde::Serialize;
use tickbook::Database;
use tickbook::db::DatabasePools;
use tickbook::postgres::apply_aggregates;

use crate::Outcome;
use crate::args::AggregatesArguments;
use crate::opening::{patiently, settings};
use crate::report::{print, print_json};

/// The output of `--json`.
#[derive(Debug, Serialize)]
struct Applied {
    edition: &'static str,
    relations: Vec<Relation>,
}

#[derive(Debug, Serialize)]
struct Relation {
    name: String,
    kind: String,
    made_now: bool,
}

pub(crate) async fn apply(arguments: &AggregatesArguments) -> anyhow::Result<Outcome> {
    let config = settings()?;
    let db = DatabasePools::new(&config.database).timeseries();
    let report = patiently(&config, &[Database::Timeseries], apply_aggregates(&db)).await?;
    let relations = report.relations.iter().map(|relation| Relation {
        name: relation.name.clone(),
        kind: relation.kind.to_string(),
        made_now: report.changed.contains(&relation.name),
    });
    let applied = Applied {
        edition: report.edition.as_str(),
        relations: relations.collect(),
    };
    if arguments.json {
        print_json(&applied)?;
        return Ok(Outcome::Complete);
    }
    print(&format!("edition: {}", report.edition))?;
    for Relation {
        name,
        kind,
        made_now,
    } in &applied.relations
    {
        let made = if *made_now { ", created now" } else { "" };
        print(&format!("{name}: {kind}{made}"))?;
    }
    Ok(Outcome::Complete)
}
