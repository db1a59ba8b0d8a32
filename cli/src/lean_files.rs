//! Checks LEAN files before anything is stored.

use std::path::PathBuf;

use anyhow::bail;
use tickbook::domain::SymbolReference;
use tickbook::files::{LeanRows, LeanSurvey, PriceScale};
use tickbook::repository::{SymbolRepository, find_symbol};

use crate::args::LeanArguments;

/// Creates the check that files belong to one symbol, in UTC and with unscaled prices.
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

/// Refuses files of a symbol type whose files are usually scaled or in another time zone.
pub(crate) async fn check_symbol(
    survey: &LeanSurvey,
    symbols: &dyn SymbolRepository,
    reference: &SymbolReference,
    files: &[PathBuf],
) -> anyhow::Result<()> {
    if let (Some(symbol), Some(file)) = (find_symbol(symbols, reference).await?, files.first()) {
        survey.check_symbol(&symbol, file)?;
    }
    Ok(())
}

impl LeanArguments {
    /// Refuses the LEAN options for files of another format.
    pub(crate) fn refuse(&self) -> anyhow::Result<()> {
        if self.price_scale.is_some() || self.time_zone.is_some() {
            bail!("--price-scale and --time-zone require --format lean: remove them");
        }
        Ok(())
    }
}

/// The divisor of the prices.
pub(crate) fn scale(arguments: &LeanArguments) -> PriceScale {
    arguments.price_scale.unwrap_or_default()
}
