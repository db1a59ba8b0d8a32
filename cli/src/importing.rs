//! What imports share.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use tickbook::domain::{NewSymbol, SymbolId, SymbolReference};
use tickbook::repository::SymbolRepository;

/// The exchange of a symbol that is created without one.
const DEFAULT_EXCHANGE: &str = "default";

/// The symbol that `reference` names, made where there is none and `create` says so.
pub(crate) async fn find_symbol(
    symbols: &dyn SymbolRepository,
    reference: &SymbolReference,
    create: bool,
) -> anyhow::Result<SymbolId> {
    if let Some(symbol) = symbols.get_by_name(reference).await? {
        return Ok(symbol.symbol_id);
    }
    if !create {
        bail!(
            "there is no symbol {reference}: create it with --create-symbol, \
             or import the symbols of its exchange with `tickbook import symbols`"
        );
    }
    let exchange = reference.exchange.as_deref().unwrap_or(DEFAULT_EXCHANGE);
    let symbol = NewSymbol::named(exchange, reference.name.as_str());
    Ok(symbols.create(symbol).await?.symbol_id)
}

/// Refuses a file that is given twice, whichever way it is written.
pub(crate) fn refuse_twice(files: &[PathBuf]) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    for file in files {
        let whole = file.canonicalize().unwrap_or_else(|_| file.clone());
        if !seen.insert(whole) {
            bail!("{}: is given twice: name it once", file.display());
        }
    }
    Ok(())
}

/// A counter of `what`, such as `ticks`, that shows itself on a terminal only.
pub(crate) fn progress(what: &str) -> ProgressBar {
    let progress = ProgressBar::new_spinner();
    let template = format!("{{spinner}} {{human_pos}} {what}, {{per_sec}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        progress.set_style(style);
    }
    progress
}
