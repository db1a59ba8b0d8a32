//! Formats symbols and their changes.

use serde::Serialize;
use tickbook::domain::{FieldChange, MergedSymbol, Symbol, printable};

use crate::opening::full_name;

/// A field of a symbol with its old and its new value.
#[derive(Debug, Serialize)]
pub(crate) struct ChangeOutput {
    pub(crate) field: &'static str,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

impl From<FieldChange> for ChangeOutput {
    fn from(change: FieldChange) -> Self {
        Self {
            field: change.field,
            old: change.old,
            new: change.new,
        }
    }
}

impl ChangeOutput {
    /// A line such as `digits 5 -> 3`.
    pub(crate) fn line(&self) -> String {
        let (old, new) = (value(self.old.as_deref()), value(self.new.as_deref()));
        format!("{} {old} -> {new}", self.field)
    }
}

/// A value of a symbol within a line.
pub(crate) fn value(value: Option<&str>) -> String {
    match value {
        None => "none".to_owned(),
        Some(text) if is_plain(text) => text.to_owned(),
        Some(text) => format!("\"{}\"", printable(text)),
    }
}

fn is_plain(text: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || "-+._/".contains(c);
    !text.is_empty() && text.chars().all(allowed)
}

/// Full name and id, such as `oanda:EURUSD (1)`.
pub(crate) fn name_and_id(symbol: &Symbol) -> String {
    format!("{} ({})", full_name(symbol), symbol.symbol_id)
}

/// The result of a command that changes a symbol.
#[derive(Debug, Serialize)]
pub(crate) struct ChangedOutput {
    symbol: Symbol,
    changes: Vec<ChangeOutput>,
    /// The symbol from which an alias was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_from: Option<Symbol>,
}

impl ChangedOutput {
    pub(crate) fn new(symbol: &Symbol, changes: Vec<ChangeOutput>) -> Self {
        Self {
            symbol: symbol.clone(),
            changes,
            taken_from: None,
        }
    }

    pub(crate) fn taken_from(mut self, symbol: &Symbol) -> Self {
        self.taken_from = Some(symbol.clone());
        self
    }

    pub(crate) fn of(merged: MergedSymbol) -> Self {
        let changes = merged.changed.into_iter().map(Into::into).collect();
        Self::new(&merged.symbol, changes)
    }

    /// Lines of text, each preceded by the name of the symbol.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        change_lines(name, &self.changes)
    }
}

/// Lines of text for changes, each preceded by `name`.
pub(crate) fn change_lines(name: &str, changes: &[ChangeOutput]) -> Vec<String> {
    if changes.is_empty() {
        return vec![format!("{name}: nothing to change")];
    }
    let lines = changes.iter();
    lines.map(|it| format!("{name}: {}", it.line())).collect()
}
