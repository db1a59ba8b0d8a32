//! LEAN files, looked at before anything of them is stored.

use std::path::PathBuf;

use anyhow::bail;
use tickbook::domain::SymbolReference;
use tickbook::files::{LeanRows, LeanSurvey, PriceScale};
use tickbook::repository::{SymbolRepository, find_symbol};

use crate::args::LeanArguments;

/// What finds out whether files are those of one symbol, in UTC and with prices as they are.
pub(crate) fn survey(
    rows: LeanRows,
    arguments: &LeanArguments,
    reference: &SymbolReference,
) -> LeanSurvey {
    LeanSurvey::new(rows)
        .with_price_scale(arguments.price_scale)
        .with_utc(arguments.time_zone.is_some())
        .with_market(reference.exchange.as_deref())
}

/// Refuses the files where the symbol is of a type whose files are not as they are read.
pub(crate) async fn look_at_symbol(
    survey: &LeanSurvey,
    symbols: &dyn SymbolRepository,
    reference: &SymbolReference,
    files: &[PathBuf],
) -> anyhow::Result<()> {
    if let (Some(symbol), Some(file)) = (find_symbol(symbols, reference).await?, files.first()) {
        survey.look_at_symbol(&symbol, file)?;
    }
    Ok(())
}

impl LeanArguments {
    /// Refuses them where the files are of another format.
    pub(crate) fn refuse(&self) -> anyhow::Result<()> {
        if self.price_scale.is_some() || self.time_zone.is_some() {
            bail!("--price-scale and --time-zone say how lean is read: leave them out");
        }
        Ok(())
    }
}

/// By how much the prices are to be divided.
pub(crate) fn scale(arguments: &LeanArguments) -> PriceScale {
    arguments.price_scale.unwrap_or_default()
}
