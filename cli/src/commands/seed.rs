//! `tickbook seed`.

mod strategies;

use serde::Serialize;
use tickbook::domain::{
    FieldChange, MergedExchange, MergedReferenceData, MergedSymbol, ReferenceData, printable,
};

use crate::Outcome;
use crate::args::SeedArguments;
use crate::opening::{connect_strategies, full_name, settings};
use crate::report::{Problems, print, print_json};
use crate::symbol_output::{ChangeOutput, value};
use strategies::StrategyCounts;

/// The numbers of exchanges or symbols.
#[derive(Debug, Default, Serialize)]
struct Counts {
    created: u64,
    changed: u64,
    unchanged: u64,
    /// Those with a stored value that differs and was not changed.
    kept: u64,
    /// Refused symbols; no exchange is refused.
    rejected: u64,
}

/// A field of an exchange, or of a symbol such as `NSE:NIFTY`.
#[derive(Debug, Serialize)]
struct NamedChange {
    name: String,
    #[serde(flatten)]
    values: ChangeOutput,
}

/// The output of `--json`.
#[derive(Debug, Default, Serialize)]
struct Report {
    exchanges: Counts,
    symbols: Counts,
    strategies: StrategyCounts,
    changes: Vec<NamedChange>,
    /// Values that were not stored.
    kept_values: Vec<NamedChange>,
    /// Why symbols were refused.
    rejected: Vec<String>,
}

pub(crate) async fn run(arguments: &SeedArguments) -> anyhow::Result<Outcome> {
    let (_, repositories, symbols) = connect_strategies(&settings()?).await?;
    let merged = symbols
        .merge_reference_data(&ReferenceData::seed()?)
        .await?;
    let mut report = Report::of(merged);
    report.strategies = strategies::store(&*repositories.strategies, &*symbols).await?;
    match arguments.json {
        true => print_json(&report)?,
        false => report.print()?,
    }
    Ok(match report.rejected.is_empty() {
        true => Outcome::Complete,
        false => Outcome::Incomplete,
    })
}

impl Report {
    fn of(merged: MergedReferenceData) -> Self {
        let mut report = Self::default();
        for merged in merged.exchanges {
            let MergedExchange {
                exchange,
                created,
                changed,
                kept,
                ..
            } = merged;
            report.exchanges.add(created, &changed, &kept);
            report.add(&exchange.name, changed, kept);
        }
        for merged in merged.symbols {
            match merged {
                Ok(MergedSymbol {
                    symbol,
                    created,
                    changed,
                    kept,
                    ..
                }) => {
                    report.symbols.add(created, &changed, &kept);
                    report.add(&full_name(&symbol), changed, kept);
                }
                Err(invalid) => {
                    report.symbols.rejected += 1;
                    report.rejected.push(invalid.to_string());
                }
            }
        }
        report
    }

    fn add(&mut self, name: &str, changed: Vec<FieldChange>, kept: Vec<FieldChange>) {
        let named = |change: FieldChange| NamedChange {
            name: name.to_owned(),
            values: change.into(),
        };
        self.changes.extend(changed.into_iter().map(named));
        self.kept_values.extend(kept.into_iter().map(named));
    }

    fn print(&self) -> anyhow::Result<()> {
        for change in &self.changes {
            print(&format!(
                "{}: {}",
                printable(&change.name),
                change.values.line()
            ))?;
        }
        let mut problems = Problems::default();
        for change in &self.kept_values {
            problems.add(|| change.kept_line());
        }
        for reason in &self.rejected {
            problems.add(|| reason.clone());
        }
        problems.print();
        for (names, counts) in [("exchanges", &self.exchanges), ("symbols", &self.symbols)] {
            print(&format!("{names}: {}", counts.line()))?;
        }
        let StrategyCounts { created, unchanged } = self.strategies;
        print(&format!(
            "strategies: created {created}, unchanged {unchanged}"
        ))
    }
}

impl NamedChange {
    fn kept_line(&self) -> String {
        let ChangeOutput { field, old, new } = &self.values;
        let (old, new) = (value(old.as_deref()), value(new.as_deref()));
        format!("{}: {field} {old} is kept, the seed has {new}", self.name)
    }
}

impl Counts {
    fn add(&mut self, created: bool, changed: &[FieldChange], kept: &[FieldChange]) {
        match (created, changed.is_empty()) {
            (true, _) => self.created += 1,
            (_, false) => self.changed += 1,
            (_, true) => self.unchanged += 1,
        }
        self.kept += u64::from(!kept.is_empty());
    }

    fn line(&self) -> String {
        let Self {
            created,
            changed,
            unchanged,
            kept,
            rejected,
        } = self;
        format!(
            "created {created}, changed {changed}, unchanged {unchanged}, kept {kept}, rejected {rejected}"
        )
    }
}
